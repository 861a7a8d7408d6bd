"""Raters from ratings: what is planted is found, whatever the order; what cannot be learned is refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate.annotation.form import SCORES
from curate.cli.app import app
from curate.errors import CurateError, RecipeError
from curate.fit import rater_network
from curate.fit.measures import spearman
from curate.fit.raters import _SPLIT, fit_raters
from curate.kernels.hashing import hash64
from curate.models.raters import CRITERIA, DOMAINS, load, read
from curate.stages.quality import Quality
from curate.store.reading import Reader
from tests.fit.planted import write
from tests.fit.rated import columns, documents
from tests.stages.harness import batch_of


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(rater_network, "EPOCHS", 6)
    monkeypatch.setattr(rater_network, "HIDDEN", 48)


def fit(path, out, *, ratings=None, **options):
    with Reader([path]) as reader:
        if ratings is None:
            return fit_raters(reader, out, **options)
        with Reader([ratings]) as table:
            return fit_raters(reader, out, table=table, **options)


@pytest.fixture(scope="module")
def rated():
    return documents(300, seed=1)


def test_finds_what_is_planted_and_the_stage_uses_it(tmp_path, monkeypatch):
    monkeypatch.setattr(rater_network, "EPOCHS", 20)
    texts, scores, letters = documents(400)
    path = write(tmp_path / "a.parquet", texts, **columns(scores, letters))
    found = fit(path, tmp_path / "r.npz")
    assert found.counts["training"] + found.counts["held out"] == 400
    assert 50 < found.counts["held out"] < 110
    assert min(found.scores.values()) > 0.55
    assert found.scores["overall"] > found.bundled_scores["overall"]
    assert found.domain > 0.85 > found.commonest_domain
    new_texts, new_scores, new_letters = documents(150, seed=2)
    said = Quality(model=str(tmp_path / "r.npz")).annotate(batch_of(new_texts))
    assert spearman(said["quality_coherence"].to_numpy().astype(float), new_scores[:, 1].astype(float)) > 0.6
    names = {"H": "coding", "L": "retail"}
    right = [
        names[letter] == domain for letter, domain in zip(new_letters, said["quality_domain"].to_pylist(), strict=True)
    ]
    assert np.mean(right) > 0.8
    assert Quality(model=str(tmp_path / "r.npz")).files() == (tmp_path / "r.npz",)


def test_the_figures_are_those_of_the_file(tmp_path, rated):
    """From the file alone: the texts held out are found again, and rated with it."""
    texts, scores, letters = rated
    found = fit(write(tmp_path / "a.parquet", texts, **columns(scores, letters)), tmp_path / "r.npz", held_out=0.5)
    strings = pa.array(texts, pa.large_string())
    aside = hash64(strings, _SPLIT) < np.uint64(2**63)
    said = read(tmp_path / "r.npz").rate(strings.filter(pa.array(aside)))
    for place, name in enumerate(CRITERIA):
        expected = spearman(said.scores[:, place].astype(float), scores[aside, place].astype(float))
        assert found.scores[name] == pytest.approx(expected, abs=1e-12)
    given = [DOMAINS[ord(letter) - ord("A")] for letter in np.array(letters)[aside]]
    assert found.domain == pytest.approx(np.mean([DOMAINS[d] for d in said.domain] == np.array(given)))


def test_the_same_from_any_shards_columns_or_table(tmp_path, rated, monkeypatch):
    monkeypatch.setattr(rater_network, "EPOCHS", 2)
    texts, scores, letters = (part[:200] for part in rated)
    others = documents(60, seed=9)[0]
    nothing = {name: pa.nulls(60, pa.int8()) for name in SCORES} | {"application_domain": pa.nulls(60, pa.string())}
    ids = [f"d{i}" for i in range(260)]
    table = pa.concat_tables([
        pa.table({"text": texts, **columns(scores, letters)}), pa.table({"text": others, **nothing})
    ]).append_column("id", pa.array(ids))  # fmt: skip
    (tmp_path / "one").mkdir()
    pq.write_table(table, tmp_path / "one/all.parquet")
    (tmp_path / "many").mkdir()
    shuffled = table.take(np.random.default_rng(1).permutation(260))
    for k in range(3):
        pq.write_table(shuffled.slice(k * 90, 90), tmp_path / f"many/{2 - k}.parquet")
    pq.write_table(shuffled.drop_columns(["text"]), tmp_path / "ratings.parquet")
    pq.write_table(table.select(["id", "text"]), tmp_path / "texts.parquet")
    found = [
        fit(str(tmp_path / "one"), tmp_path / "a.npz"),
        fit(str(tmp_path / "many"), tmp_path / "b.npz"),
        fit(str(tmp_path / "texts.parquet"), tmp_path / "c.npz", ratings=str(tmp_path / "ratings.parquet")),
    ]
    assert found[0].counts["of them learned from"] == found[0].counts["without ratings"] == 60
    assert len({one.sha256 for one in found}) == 1
    assert fit(str(tmp_path / "one"), tmp_path / "d.npz", unrated=10).counts["of them learned from"] == 10
    assert fit(str(tmp_path / "one"), tmp_path / "e.npz", seed=1).sha256 != found[0].sha256


def test_a_long_document_counts_once(tmp_path, rated):
    """Its segments share its rating and its weight, and nothing is held out of a document that is learned from."""
    texts, scores, letters = rated
    long = [text * 60 if k % 5 == 0 else text for k, text in enumerate(texts)]
    found = fit(write(tmp_path / "a.parquet", long, **columns(scores, letters)), tmp_path / "r.npz")
    assert found.counts["training"] + found.counts["held out"] == 300
    assert found.scores["overall"] > 0.5


def test_names_other_than_those_of_annotate(tmp_path, rated):
    texts, scores, letters = rated
    named = dict(zip(CRITERIA, scores.astype(np.float64).T, strict=True))
    domains = [{"H": "coding", "L": "retail"}[letter] for letter in letters]
    first = fit(write(tmp_path / "a.parquet", texts, **columns(scores, letters)), tmp_path / "a.npz")
    second = fit(write(tmp_path / "b.parquet", texts, **named, domain=domains), tmp_path / "b.npz")
    assert first.sha256 == second.sha256


def change(scores, letters, name, row, value):
    found = {key: list(column) for key, column in columns(scores, letters).items()}
    found = {key: [x if isinstance(x, str) else float(x) for x in column] for key, column in found.items()}
    found[name][row] = value
    return found


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("coherence", 6.0, "column 'coherence' of the document 'a-3' is 6.0; a score is from 1 to 5, or null"),
        ("coherence", 0.0, "is 0.0; a score is from 1 to 5"),
        ("overall_score", float("nan"), "column 'overall_score' of the document 'a-3' is nan"),
        ("overall_score", float("inf"), "is inf"),
        ("application_domain", "P", "column 'application_domain' of the document 'a-3' is 'P'; a domain is a letter"),
    ],
)
def test_values_that_are_no_ratings(tmp_path, rated, name, value, told):
    texts, scores, letters = rated
    path = write(tmp_path / "a.parquet", texts, **change(scores, letters, name, 3, value))
    with pytest.raises(RecipeError) as caught:
        fit(path, tmp_path / "r.npz")
    assert told in str(caught.value)
    assert not (tmp_path / "r.npz").exists()


def test_ratings_in_part_are_left_out_and_counted(tmp_path, rated):
    texts, scores, letters = rated
    texts = [*texts[:7], None, "", *texts[9:]]
    path = write(tmp_path / "a.parquet", texts, **change(scores, letters, "sensitivity", 3, None))
    found = fit(path, tmp_path / "r.npz")
    assert found.counts["rated in part, left out"] == 1
    assert found.counts["without text, left out"] == 2
    assert found.counts["training"] + found.counts["held out"] == 297


def test_missing_columns_and_wrong_types(tmp_path, rated):
    texts, scores, letters = rated
    there = columns(scores, letters)
    some = {name: value for name, value in there.items() if name not in ("accuracy", "overall_score")}
    with pytest.raises(RecipeError, match="there is no accuracy, no overall or overall_score; there is id, text, coh"):
        fit(write(tmp_path / "a.parquet", texts, **some), tmp_path / "r.npz")
    with pytest.raises(RecipeError, match="column 'accuracy' is string; scores are numbers"):
        fit(write(tmp_path / "b.parquet", texts, **(there | {"accuracy": ["5"] * 300})), tmp_path / "r.npz")


def test_too_few(tmp_path, rated):
    texts, scores, letters = (part[:90] for part in rated)
    with pytest.raises(CurateError, match=r"too few rated documents \(training \d+, held out \d+\)"):
        fit(write(tmp_path / "a.parquet", texts, **columns(scores, letters)), tmp_path / "r.npz")


def test_a_constant_criterion(tmp_path, rated):
    texts, scores, letters = rated
    scores = scores.copy()
    scores[:, CRITERIA.index("sensitivity")] = 5
    path = write(tmp_path / "a.parquet", texts, **columns(scores, letters))
    with pytest.raises(CurateError, match="have the same score in sensitivity: nothing can be learned"):
        fit(path, tmp_path / "r.npz")
    found = fit(path, tmp_path / "r.npz", constant="keep")
    assert np.isnan(found.scores["sensitivity"])
    assert json.loads((tmp_path / "r.json").read_text())["scores"]["sensitivity"] is None
    assert "| sensitivity | – |" in (tmp_path / "r.md").read_text()
    said = load(tmp_path / "r.npz").rate(pa.array(texts[:50], pa.large_string())).scores
    np.testing.assert_allclose(said[:, CRITERIA.index("sensitivity")], 5, atol=0.01)


def test_ratings_by_id_that_do_not_meet(tmp_path, rated):
    texts, scores, letters = rated
    path = write(tmp_path / "a.parquet", texts)
    table = pa.table({"id": [f"x{i}" for i in range(300)], **columns(scores, letters)})
    pq.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(RecipeError, match="none of the 300 ids with ratings is that of a document"):
        fit(path, tmp_path / "r.npz", ratings=str(tmp_path / "r.parquet"))
    pq.write_table(pa.concat_tables([table, table.slice(5, 1)]), tmp_path / "r.parquet")
    with pytest.raises(RecipeError, match=r"the document 'x5' has ratings twice, in r\.parquet"):
        fit(path, tmp_path / "r.npz", ratings=str(tmp_path / "r.parquet"))
    pq.write_table(table.slice(0, 0), tmp_path / "r.parquet")
    with pytest.raises(RecipeError, match="there are no ratings in it"):
        fit(path, tmp_path / "r.npz", ratings=str(tmp_path / "r.parquet"))


def test_more_documents_than_the_teacher_takes(tmp_path, rated, monkeypatch):
    texts, scores, letters = rated
    path = write(tmp_path / "a.parquet", texts, **columns(scores, letters))
    all_of_them = fit(path, tmp_path / "a.npz")
    monkeypatch.setattr(rater_network, "MOST_TAUGHT", 120)
    fewer = fit(path, tmp_path / "b.npz")
    assert fewer.sha256 != all_of_them.sha256
    assert fewer.scores["overall"] > 0.3


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["-o", "r.bin"], r"the name of raters ends in \.npz"),
        (["-o", "r.npz", "--held-out", "1"], "it is a share, between 0 and 1"),
        (["-o", "r.npz", "--constant", "drop"], "expected one of error, keep"),
    ],
)
def test_the_command_refuses(more, told):
    with pytest.raises(RecipeError, match=told):
        raise CliRunner().invoke(app, ["fit", "raters", "--documents", "x.parquet", *more]).exception
