"""domain_clusters: planted domains are found, and nothing but ids, texts and vectors matters."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate.domains import artifact as artifacts
from curate.errors import StageError, StoreError
from curate.stages.domain_clusters import DomainClusters
from tests.stages.harness import batch_of, cut, observe, run

SUBJECTS = {
    "law": "court judge verdict jury appeal lawyer contract statute".split(),
    "food": "bread butter oven soup flour kitchen recipe salt".split(),
    "music": "piano violin melody chord concert rhythm opera song".split(),
}


def planted(n=300, dim=12, spread=0.15, seed=0, **columns):
    """(documents in shuffled order, with vectors around a direction for each subject; their subjects)."""
    rng = np.random.default_rng(seed)
    names = list(SUBJECTS)
    subject = rng.integers(0, len(names), n)
    vectors = np.eye(len(names), dim)[subject] + rng.normal(0, spread, (n, dim))
    texts = [" ".join(rng.choice(SUBJECTS[names[s]], 5)) + " page common" for s in subject]
    made = {name: [value(s) for s in subject.tolist()] for name, value in columns.items()}
    return batch_of(texts, embedding=pa.array(vectors.tolist(), pa.list_(pa.float32())), **made), subject


def test_finds_what_was_planted():
    batch, subject = planted()
    found = run(DomainClusters(clusters=12, domains=3), [[batch]])
    ids = np.array([found.columns["domain_id"][f"d{i}"] for i in range(len(batch))])
    assert len({*zip(ids.tolist(), subject.tolist(), strict=True)}) == 3
    sizes = np.bincount(ids)
    assert sizes.tolist() == sorted(sizes, reverse=True) == [domain.documents for domain in found.artifact.domains]
    for row in range(len(batch)):
        words = found.columns["domain_name"][f"d{row}"].split("-")
        assert set(words) <= set(SUBJECTS[list(SUBJECTS)[subject[row]]])
    assert found.artifact.sample == 300
    assert "3 domains of 12 clusters" in found.artifact.summary


@pytest.mark.parametrize("options", [{}, {"sample": 80, "clusters": 9}, {"distance": "euclidean", "seed": 3}])
def test_how_the_corpus_is_cut_does_not_matter(options):
    stage = DomainClusters(domains=3, **options)
    batch, _ = planted()
    whole = run(stage, [[batch]])
    for units in ([cut(batch, [1, 2, 50, 7])], [[piece] for piece in cut(batch, [33, 100])]):
        again = run(stage, units)
        assert again.artifact.model_dump_json() == whole.artifact.model_dump_json()
        assert again.columns == whole.columns


def test_neither_does_the_order_of_documents():
    batch, _ = planted()
    stage = DomainClusters(domains=3, sample=120)
    one, other = run(stage, [[batch]]), run(stage, [[batch.take(np.arange(300)[::-1].copy())]])
    assert one.artifact.model_dump_json() == other.artifact.model_dump_json()
    assert one.columns == other.columns


def test_the_sample_is_the_smallest_hashes_and_no_more():
    batch, _ = planted()
    stage = DomainClusters(sample=50, clusters=5)
    assert run(stage, [[batch]]).artifact.sample == 50
    few = observe(stage.model_copy(update={"sample_share": 0.25}), [[batch]])
    assert 40 < few.rows < 110
    assert observe(stage, [[batch]]).rows == 300


def test_a_large_corpus_is_noted_in_part():
    stage = DomainClusters(sample=1000)
    assert [stage.for_corpus(n).sample_share for n in (10, 16_000, 16_001, 10**6)] == [1, 1, 0.5, 1 / 64]
    assert DomainClusters(sample_share=0.3).for_corpus(10**9).sample_share == 0.3


def test_what_it_needs_on_disk_grows_no_more_with_a_large_corpus():
    stage, sizes = DomainClusters(sample=1000), []
    for documents in (1000, 10_000, 100_000, 10**8):
        sizes.append(stage.for_corpus(documents).scratch(documents, 3000 * documents))
    batch, _ = planted(n=300)
    evidence = observe(DomainClusters(), [[batch]])
    real = sum(table.nbytes for table in evidence.tables)
    assert real < DomainClusters().scratch(300, 300 * 60) < 10 * real
    assert sizes[1] == 10 * sizes[0]
    assert sizes[3] <= 2 * sizes[2] <= 40 * sizes[0]


def test_clusters_of_low_mean_are_pruned():
    batch, subject = planted(q=lambda s: [0.5, 3.5, 3.6][s])
    found = run(DomainClusters(clusters=9, domains=3, prune={"q": 2.0}), [[batch]])
    reasons = [found.reasons[f"d{i}"] for i in range(len(batch))]
    assert reasons == ["pruned_cluster" if s == 0 else None for s in subject]
    assert len(found.artifact.domains) == 3
    low = [cluster for cluster in found.artifact.clusters if cluster.domain is None]
    assert low
    assert all(abs(cluster.means["q"] - 0.5) < 1e-9 for cluster in low)
    assert sum(domain.documents for domain in found.artifact.domains) == int((subject > 0).sum())


def test_scores_that_are_not_there_do_not_count():
    batch, subject = planted(q=lambda s: None if s == 0 else 1.0)
    found = run(DomainClusters(clusters=6, domains=3, prune={"q": 2.0}), [[batch]])
    assert [found.reasons[f"d{i}"] for i in range(300)] == [None if s == 0 else "pruned_cluster" for s in subject]
    assert {cluster.means["q"] for cluster in found.artifact.clusters} == {None, 1.0}


def test_all_may_be_pruned():
    batch, _ = planted(q=lambda s: 0.0)
    found = run(DomainClusters(prune={"q": 2.0}), [[batch]])
    assert set(found.reasons.values()) == {"pruned_cluster"}
    assert found.artifact.domains == []
    assert (
        found.artifact.warning
        == "all clusters are pruned, and the documents dropped; the highest mean of a cluster: q 0"
    )


def test_what_is_hardly_meant_is_warned_of():
    batch, subject = planted(q=lambda s: None, few=lambda s: float(s == 0))
    ok = run(DomainClusters(clusters=9, domains=3, prune={"few": -1}), [[batch]])
    assert ok.artifact.warning is None
    assert '"warning":null' in ok.artifact.model_dump_json()
    batch = batch.with_columns({"q": pa.nulls(300, pa.float64())})
    none = run(DomainClusters(prune={"q": 1.0, "few": -1}), [[batch]])
    assert none.artifact.warning == "prune: no document of the sample has a value in q; nothing is pruned by it"
    assert none.kept == {f"d{i}" for i in range(300)}
    rare = batch.take(np.flatnonzero((subject != 0) | (np.arange(300) < 40)))
    pruned = run(DomainClusters(clusters=9, domains=3, prune={"few": 0.5}), [[rare]])
    assert pruned.artifact.domains
    assert re.match("9\\d% of the sample is pruned, .*: few 1$", pruned.artifact.warning)
    empty = run(DomainClusters(), [[batch.with_columns({"embedding": pa.nulls(300, pa.list_(pa.float32()))})]])
    assert empty.artifact.warning == "no document has a vector, so there are no domains"


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_scores_that_are_not_finite_do_not_count(value):
    batch, _ = planted(q=lambda s: 1.0)
    scores = batch["q"].to_numpy().copy()
    scores[::7] = value
    stage = DomainClusters(clusters=6, domains=3, prune={"q": 0.5})
    found = run(stage, [[batch.with_columns({"q": pa.array(scores)})]])
    assert {cluster.means["q"] for cluster in found.artifact.clusters} == {1.0}
    assert set(found.reasons.values()) == {None}


def far_apart(n=200):
    """Vectors in one direction, some at 1 and some at 10 from the origin; one is zero."""
    rng = np.random.default_rng(4)
    length = np.where(np.arange(n) % 2, 10.0, 1.0)
    vectors = length[:, None] * np.ones((1, 6)) / 6**0.5 + rng.normal(0, 0.05, (n, 6))
    vectors[0] = 0
    return batch_of(["word"] * n, embedding=pa.array(vectors.tolist(), pa.list_(pa.float64()))), vectors


def test_euclidean_is_of_the_vectors_as_they_are():
    batch, vectors = far_apart()
    found = run(DomainClusters(clusters=2, domains=2, distance="euclidean"), [[batch]])
    ids = np.array([found.columns["domain_id"][f"d{i}"] for i in range(200)])
    assert set(ids[::2]) != set(ids[1::2])
    assert len({*ids[::2]}) == len({*ids[1::2]}) == 1
    for row in (0, 1, 2):
        centre = vectors[row % 2 :: 2].mean(0)
        assert found.columns["domain_distance"][f"d{row}"] == pytest.approx(
            np.linalg.norm(vectors[row] - centre), rel=1e-3
        )
    large = batch.with_columns({"embedding": pa.array((vectors * 1e5).tolist(), pa.list_(pa.float64()))})
    assert (
        run(DomainClusters(clusters=2, domains=2, distance="euclidean"), [[large]]).columns["domain_id"]
        == (found.columns["domain_id"])
    )


def test_how_far_euclidean_clusters_are_merged():
    batch, _ = far_apart()
    for distance, domains in [(5.0, 2), (50.0, 1)]:
        stage = DomainClusters(clusters=2, merge_distance=distance, distance="euclidean")
        assert len(run(stage, [[batch]]).artifact.domains) == domains


@pytest.mark.parametrize(("missing", "reason"), [("keep", None), ("drop", "no_vector")])
def test_documents_without_a_vector(missing, reason):
    batch, _ = planted(n=20)
    vectors = batch["embedding"].to_pylist()
    vectors[3], vectors[5] = None, [0.0] * 12
    batch = batch.with_columns({"embedding": pa.array(vectors, pa.list_(pa.float32()))})
    found = run(DomainClusters(clusters=2, missing=missing), [[batch]])
    for row in range(20):
        assert found.reasons[f"d{row}"] == (reason if row in (3, 5) else None)
        assert (found.columns["domain_id"][f"d{row}"] is None) == (row in (3, 5))
        assert (found.columns["domain_distance"][f"d{row}"] is None) == (row in (3, 5))
    with pytest.raises(
        StageError, match=r"2 of 20 documents have no vector in column 'embedding', the first has id 'd3'"
    ):
        run(DomainClusters(missing="error"), [[batch]])


@pytest.mark.parametrize("rows", [[], [None], [None, [1.0, 0.0]], [[1.0, 0.0]] * 3])
def test_next_to_no_documents(rows):
    batch = batch_of(["some text"] * len(rows), embedding=pa.array(rows, pa.list_(pa.float32())))
    found = run(DomainClusters(), [[batch]])
    assert len(found.artifact.domains) == (1 if any(rows) else 0)
    assert [value for value in found.columns["domain_id"].values()] == [0 if row else None for row in rows]


def test_centroids_of_an_earlier_run_give_the_same_labels(tmp_path):
    batch, _ = planted()
    first = run(
        DomainClusters(clusters=9, domains=3, prune={"n": 0.9}), [[batch.with_columns({"n": pa.array([1.0] * 300)})]]
    )
    path = tmp_path / "domain_clusters.json"
    path.write_text(json.dumps({"fingerprint": "x", "artifact": first.artifact.model_dump(mode="json")}))
    stage = DomainClusters(centroids=str(path))
    assert stage.is_decided()
    assert stage.files() == (path,)
    assert "text" not in stage.columns_read()
    again = run(stage, [[batch]])
    assert again.columns == first.columns
    other, subject = planted(n=40, seed=9)
    names = run(stage, [[other]]).columns["domain_name"]
    known = {
        name: s
        for name, s in zip((first.columns["domain_name"][f"d{i}"] for i in range(300)), planted()[1], strict=True)
    }
    assert [known[names[f"d{i}"]] for i in range(40)] == subject.tolist()


def test_lists_of_another_size_than_the_centroids(tmp_path):
    batch, _ = planted(n=40)
    first = run(DomainClusters(clusters=6, domains=3), [[batch]])
    path = tmp_path / "domain_clusters.json"
    path.write_text(json.dumps({"artifact": first.artifact.model_dump(mode="json")}))
    small, _ = planted(n=40, dim=5)
    with pytest.raises(
        StageError, match=rf"{path}: the vectors have 5 numbers; these centroids 12\. Take the embedding"
    ):
        run(DomainClusters(centroids=str(path)), [[small]])
    with pytest.raises(StageError, match=r"these centroids 12\. Freeze both steps"):
        DomainClusters().apply(small, first.artifact)


def test_files_that_have_no_centroids(tmp_path):
    with pytest.raises(StoreError, match="cannot read it"):
        artifacts.load(tmp_path / "absent.json")
    for number, text in enumerate(["", "[1]", "{}", '{"artifact": {"distance": "cosine"}}']):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        with pytest.raises(StoreError, match="there are no centroids in it"):
            artifacts.load(path)
    batch, _ = planted(dim=12)
    model = run(DomainClusters(), [[batch]]).artifact
    with pytest.raises(ValueError, match="the vectors have 7 numbers; those of the centroids 12"):
        model.place(np.ones((2, 7), np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"domains": 3, "merge_distance": 1.0}, "give one of them"),
        ({"centroids": "x.json", "clusters": 3}, "nothing is fitted, and clusters has no meaning"),
        ({"centroids": "x.json", "prune": {"q": 1}}, "prune has no meaning"),
        ({"prune": {"q": float("nan")}}, "finite"),
    ],
)
def test_options_that_contradict_each_other(options, message):
    with pytest.raises(ValidationError, match=message):
        DomainClusters(**options)


def test_columns_of_the_wrong_kind():
    with pytest.raises(ValueError, match=r"column 'embedding' is string; vectors are lists of floats"):
        DomainClusters().check_columns({"embedding": pa.string()})
    with pytest.raises(ValueError, match="prune: column 'q' is string; a score is a number"):
        DomainClusters(prune={"q": 1}).check_columns({"q": pa.string()})
