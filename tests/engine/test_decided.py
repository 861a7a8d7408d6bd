"""Global stages that have nothing to find out, and columns that stay in the run folder."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from curate import plan, recipe
from curate.errors import RecipeError, StageError
from curate.executors.pool import Pool
from curate.report.facts import Run
from curate.store.arrow import ArrowFile
from tests.engine.corpus import data_bytes, documents, output, recipe_text, run, write_shards

STAGES = """
  - normalize
  - embed
  - domain_clusters: {domains: 4, clusters: 10, sample: 150}
  - sample: {share: 0.5}
"""


@pytest.fixture(scope="module")
def rows():
    return documents(200)


def test_a_decided_stage_needs_no_pass_of_its_own(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 2)
    asked = recipe.loads(recipe_text(data, tmp_path / "out", STAGES))
    made = plan.make(asked, None)
    assert [[(a.step, a.verb) for a in p.actions] for p in made.passes] == [
        [(0, "process"), (1, "apply"), (2, "observe")],
        [(2, "apply"), (3, "process")],
    ]
    assert made.passes[1].reads == ("id", "embedding")
    assert "embedding" not in made.output_columns
    assert "keeps embedding out of the output" in plan.describe(made, asked)


@pytest.mark.parametrize("keep", [False, True])
def test_columns_kept_back_are_not_written(tmp_path, rows, keep):
    data = write_shards(tmp_path / "in", rows, 2)
    run(recipe_text(data, tmp_path / "out", STAGES.replace("- embed", f"- embed: {{keep: {str(keep).lower()}}}")))
    table = output(tmp_path / "out")
    assert ("embedding" in table.column_names) == keep
    assert {"domain_id", "domain_name", "domain_distance"} <= set(table.column_names)
    if keep:
        assert table.schema.field("embedding").type == pa.list_(pa.float16(), 128)
    document = Run(tmp_path / "out").find("d00000")
    assert document is not None
    assert len(document.columns["embedding"]) == 128


def test_the_same_bytes_however_it_is_cut(tmp_path, rows):
    """The word vectors come from sums on one thread, in this process and in workers."""
    found = []
    words = "  - embed: {model: lsa, dimensions: 16, as: words}\n"
    words += "  - domain_clusters: {column: words, domains: 3, as: topic}\n"
    for number, (shards, chunk, executor) in enumerate([(1, 1 << 22, None), (7, 900, None), (3, 4000, Pool(2))]):
        data = write_shards(tmp_path / f"in{number}", rows, shards)
        out = tmp_path / f"out{number}"
        run(recipe_text(data, out, STAGES + words), executor, chunk_bytes=chunk)
        names = ("domain_clusters", "words", "topic")
        artifacts = [json.loads((out / f"artifacts/{name}.json").read_text())["artifact"] for name in names]
        found.append((data_bytes(out), artifacts))
    assert found[0] == found[1] == found[2]


def test_of_a_large_input_a_part_is_noted(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 2)
    run(recipe_text(data, tmp_path / "out", "  - embed\n  - domain_clusters: {sample: 10, domains: 2}\n"))
    noted = sum(ArrowFile(path).rows for path in (tmp_path / "out/pass-1").glob("*.domain_clusters.evidence.arrow"))
    assert 60 < noted < 140  # half of 200: eight times the sample and more
    artifact = json.loads((tmp_path / "out/artifacts/domain_clusters.json").read_text())["artifact"]
    assert artifact["sample"] == 10


def test_other_centroids_are_another_run(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 2)
    run(recipe_text(data, tmp_path / "one", STAGES))
    centroids = tmp_path / "one/artifacts/domain_clusters.json"
    stages = f"  - normalize\n  - embed\n  - domain_clusters: {{centroids: {centroids}}}\n  - sample: {{share: 0.5}}\n"
    done = run(recipe_text(data, tmp_path / "two", stages))
    assert [row.label for row in done.funnel] == ["normalize", "embed", "domain_clusters", "sample"]
    assert output(tmp_path / "two").equals(output(tmp_path / "one"))
    assert not (tmp_path / "two/artifacts/domain_clusters.json").exists()
    assert centroids.exists()
    changed = json.loads(centroids.read_text())
    changed["artifact"]["domains"][0]["name"] = "renamed"
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    run(recipe_text(data, tmp_path / "two", stages.replace(str(centroids), str(tmp_path / "changed.json"))))
    assert "renamed" in output(tmp_path / "two")["domain_name"].to_pylist()


def test_centroids_of_other_vectors_are_refused(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 2)
    lsa = "  - embed: {model: lsa, dimensions: 128}\n"
    clusters = "  - domain_clusters: {domains: 3, clusters: 6, sample: 100}\n"
    run(recipe_text(data, tmp_path / "one", lsa + clusters))
    of_lsa = tmp_path / "one/artifacts/domain_clusters.json"
    again = f"  - domain_clusters: {{centroids: {of_lsa}}}\n"
    learned = tmp_path / "one/artifacts/embed.json"
    run(recipe_text(data, tmp_path / "two", f"  - embed: {{model: {learned}}}\n" + again))
    assert output(tmp_path / "two").equals(output(tmp_path / "one"))
    with pytest.raises(
        RecipeError, match=rf"vectors are of the embedding builtin:\w+; these .* lsa:.*model: {learned}"
    ):
        run(recipe_text(data, tmp_path / "three", "  - embed\n" + again))
    refitted = lsa.replace("128", "128, seed: 7")
    with pytest.raises(StageError, match=rf"embedding lsa:\w+; these centroids are of lsa:\w+\. .*model: {learned}"):
        run(recipe_text(data, tmp_path / "four", refitted + again))
    run(recipe_text(data, tmp_path / "five", "  - embed: {keep: true}\n" + clusters))
    own = tmp_path / "five/data"
    with pytest.raises(RecipeError, match=r"embedding builtin:\w+; these centroids are of lsa"):
        run(recipe_text(own, tmp_path / "six", again.replace("{", "{as: d, ")))


def test_centroids_of_another_size_are_refused_before_any_work(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 1)
    run(recipe_text(data, tmp_path / "one", "  - embed: {keep: true}\n  - domain_clusters: {domains: 3}\n"))
    centroids = tmp_path / "one/artifacts/domain_clusters.json"
    found = json.loads(centroids.read_text())
    found["artifact"]["embedding"] = None
    centroids.write_text(json.dumps(found))
    stages = f"  - embed: {{model: lsa, dimensions: 64}}\n  - domain_clusters: {{centroids: {centroids}}}\n"
    with pytest.raises(RecipeError, match=rf"{centroids}: the vectors have 64 numbers; these centroids 128\. Take"):
        run(recipe_text(data, tmp_path / "two", stages))
