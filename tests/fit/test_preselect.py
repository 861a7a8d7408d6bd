"""Predictive strength against its definition and Kendall's tau; PreSelect on a planted corpus, whole."""

import json
from itertools import permutations
from math import comb, factorial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from curate.errors import CurateError, RecipeError
from curate.fit.classifier import score
from curate.fit.preselect import Ladder, by_chance, choose, fit_preselect, read_ladder, strength
from curate.fit.training import Settings
from curate.models.fasttext import Model
from curate.models.fasttext_file import read
from curate.store import tables
from curate.store.reading import Reader
from tests.fit.planted import losses, texts, write

pytest.importorskip("fasttext")  # these train

SMALL = Settings(dim=16, buckets=5000)


def ladder(models=4):
    found = {f"m{i}": {"benchmark": 50 + i, "loss": f"loss{i}"} for i in range(models)}
    return Ladder.model_validate({"benchmark": "mean of 3 toys", "models": found})


def test_strength_of_the_known_answers():
    rows = [[1.0, 0.9, 0.8, 0.7, 0.6, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], [1.0, 0.9, 0.7, 0.8, 0.6, 0.5], [1.0] * 6]
    assert strength(np.array(rows)).tolist() == [15, 0, 14, 0]


@settings(deadline=None)
@given(st.lists(st.floats(0, 9), min_size=2, max_size=8, unique=True))
def test_strength_is_kendalls_tau(row):
    """PS = (1 + tau) / 2 where no values are equal; tau is of benchmarks and losses with the sign changed."""
    tau = kendalltau(np.arange(len(row)), -np.array(row)).statistic
    assert strength(np.array([row]))[0] / comb(len(row), 2) == pytest.approx((1 + tau) / 2)


def test_chance():
    assert by_chance(6) == [1, 5, 14, 29, 49, 71, 90, 101, 101, 90, 71, 49, 29, 14, 5, 1]
    for models in (2, 3, 4, 5):
        counts = strength(np.array(list(permutations(range(models))), float))
        assert np.bincount(counts).tolist() == by_chance(models)
        assert sum(by_chance(models)) == factorial(models)


def test_as_many_negatives_as_positives_from_below():
    counts = np.array([6] * 3 + [0] + [1] * 5 + [4] * 2)
    ids = np.arange(len(counts), dtype=np.uint64)
    chosen = choose(ids, counts, ladder(), 2)
    label = dict(zip(chosen.ids.tolist(), chosen.positive.tolist(), strict=True))
    assert [name for name, positive in label.items() if positive] == [0, 1, 2]
    negatives = [name for name, positive in label.items() if not positive]
    assert 3 in negatives
    assert sorted(counts[negatives].tolist()) == [0, 1, 1]
    assert chosen.facts["negatives_up_to"] == 1


def test_where_most_agree_both_labels_are_as_many():
    counts = np.array([6] * 7 + [5, 2, 2])
    chosen = choose(np.arange(10, dtype=np.uint64), counts, ladder(), 2)
    label = dict(zip(chosen.ids.tolist(), chosen.positive.tolist(), strict=True))
    assert sorted(name for name, positive in label.items() if not positive) == [7, 8, 9]
    assert sum(label.values()) == 3


def test_losses_without_signal_stop_the_run():
    rng = np.random.default_rng(0)
    counts = strength(rng.random((5000, 4)))
    with pytest.raises(CurateError, match="the losses carry no signal"):
        choose(np.arange(5000, dtype=np.uint64), counts, ladder(), 2)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A seed with losses, and a pool of which a tenth is of the vocabulary that better models find easier."""
    folder = tmp_path_factory.mktemp("corpus")
    kinds = [True] * 300 + [False] * 500
    found = texts(True, 300, 1) + texts(False, 500, 2)
    seed = write(folder / "seed.parquet", found, **losses(kinds, 4, 3))
    bare = write(folder / "bare.parquet", found)
    ids = [f"bare-{i}" for i in range(800)]
    table = folder / "losses.jsonl"
    columns = losses(kinds, 4, 3)
    rows = [
        {"id": name, "text": "", **{key: values[i] for key, values in columns.items()}} for i, name in enumerate(ids)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in reversed(rows)))
    pool = write(folder / "pool.parquet", texts(True, 100, 4) + texts(False, 700, 5))
    return {"folder": folder, "seed": seed, "bare": bare, "table": str(table), "pool": pool}


def test_planted(corpus, tmp_path):
    out = tmp_path / "m.bin"
    with Reader([corpus["seed"]]) as seed, Reader([corpus["pool"]]) as pool:
        found, facts = fit_preselect(seed, ladder(), out, settings=SMALL, share=0.1, pool=pool)
    assert found.roc_auc > 0.99
    assert facts["ratio"] > 5
    kept = score(Model(read(out)), pa.array(texts(True, 200, 6) + texts(False, 200, 7), pa.large_string()))
    assert (kept[:200].min() > kept[200:].max()).all()
    in_pool = score(Model(read(out)), pa.array(texts(True, 100, 4) + texts(False, 700, 5), pa.large_string()))
    cut = np.flatnonzero(in_pool >= found.threshold.value)
    assert len(cut) > 50
    assert cut.max() < 100  # of the first vocabulary alone
    assert 0.1 < found.threshold.weight < 0.12
    assert in_pool[cut].mean() > in_pool.mean(), "what is kept scores higher, not lower"
    others = texts(True, 100, 8) + texts(False, 700, 9)  # of which nothing was seen
    sizes = np.array(list(map(len, others)))
    kept = score(Model(read(out)), pa.array(others, pa.large_string())) >= found.threshold.value
    assert 0.08 < sizes[kept].sum() / sizes.sum() < 0.12
    assert np.flatnonzero(kept).max() < 100
    card = out.with_suffix(".md").read_text()
    assert "Benchmark: mean of 3 toys" in card
    assert "- m3: 53.0" in card
    assert json.loads(out.with_suffix(".json").read_text())["strength"]["pairs"] == 6
    with Reader([corpus["bare"]]) as bare, Reader([corpus["table"]]) as table, Reader([corpus["pool"]]) as pool:
        again, same = fit_preselect(
            bare, ladder(), tmp_path / "t.bin", settings=SMALL, share=0.1, table=table, pool=pool
        )
    assert same["observed"] == facts["observed"]
    assert again.roc_auc > 0.99


def test_a_pool_that_holds_the_seed_is_refused(corpus, tmp_path):
    for pool, what in ((corpus["seed"], "an id"), (corpus["bare"], "the text")):
        with Reader([corpus["seed"]]) as seed, Reader([pool]) as both:
            with pytest.raises(CurateError, match=f"800 documents of the pool have {what} of the seed"):
                fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1, pool=both)


def test_missing_losses(corpus, tmp_path):
    kinds = [True] * 60 + [False] * 60
    columns = losses(kinds, 4, 3)
    columns["loss2"][5] = np.nan
    path = write(tmp_path / "s.parquet", texts(True, 60, 1) + texts(False, 60, 2), **columns)
    with Reader([path]) as seed:
        with pytest.raises(CurateError, match=r"1 of 120 documents lack a loss .* --missing drop"):
            fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1)
        _, facts = fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1, missing="drop")
        assert "No pool was given" in (tmp_path / "m.md").read_text()
    assert facts["documents"] == 119


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"a": {"benchmark": 1, "loss": "x"}, "b": {"benchmark": 1, "loss": "y"}}, "a and b have the same benchmark"),
        ({"a": {"benchmark": 1, "loss": "x"}, "b": {"benchmark": 2, "loss": "x"}}, "in the same column"),
        (
            {n: {"benchmark": i, "loss": n} for i, n in enumerate("abc")},
            "there are 3 models; the method takes 4 or more",
        ),
        ({"a": {"benchmark": 1}, "b": {"benchmark": 2, "loss": "x"}}, r"models\.a\.loss: Field required"),
    ],
)
def test_models_that_are_no_ladder(tmp_path, models, message):
    (tmp_path / "m.json").write_text(json.dumps({"benchmark": "toys", "models": models}))
    with pytest.raises(RecipeError, match=message):
        read_ladder(tmp_path / "m.json")
    (tmp_path / "m.json").write_text(json.dumps({"models": models}))
    with pytest.raises(RecipeError, match="benchmark: Field required"):
        read_ladder(tmp_path / "m.json")


KINDS = [True] * 60 + [False] * 60


def seed_and_tables(folder, **facts):
    """A seed without losses, and a table of `curate score-losses` for each of four models."""
    seed = write(folder / "s.parquet", texts(True, 60, 1) + texts(False, 60, 2))
    (folder / "losses").mkdir(exist_ok=True)
    for name, values in losses(KINDS, 4, 3).items():
        own = {
            "name": name,
            "kind": "column",
            **{key: value.get(name) for key, value in facts.items() if name in value},
        }
        table = pa.table({"id": [f"s-{i}" for i in range(120)], name: values})
        tables.write(folder / "losses" / f"{name}.parquet", table, own)
    return seed, folder / "losses"


def fit_tables(seed, folder, out, **options):
    with Reader([seed]) as documents, Reader([str(folder)]) as table:
        return fit_preselect(documents, ladder(), out, settings=SMALL, share=0.1, table=table, **options)


def test_losses_of_different_settings_are_refused(tmp_path):
    every = [f"loss{i}" for i in range(4)]
    seed, folder = seed_and_tables(tmp_path, max_chars=dict.fromkeys(every, 2000))
    fit_tables(seed, folder, tmp_path / "m.bin")
    more = pa.table({"id": ["t-0"], "loss1": [1.0]})
    tables.write(folder / "more.parquet", more, {"name": "loss1", "kind": "column", "max_chars": 1000})
    with pytest.raises(
        CurateError, match=r"losses of 'loss1' were made with .*: max_chars 1000 in more\.parquet, 2000 in"
    ):
        fit_tables(seed, folder, tmp_path / "m.bin")
    (folder / "more.parquet").unlink()
    seed, folder = seed_and_tables(tmp_path, max_chars={**dict.fromkeys(every, 2000), "loss3": None})
    with pytest.raises(
        CurateError, match=r"to be compared were made .*: max_chars None in loss3\.parquet, 2000 in loss0"
    ):
        fit_tables(seed, folder, tmp_path / "m.bin")
    seed, folder = seed_and_tables(tmp_path, text_column={**dict.fromkeys(every, "text"), "loss2": "summary"})
    with pytest.raises(CurateError, match=r"text_column summary in loss2\.parquet, text in loss0\.parquet"):
        fit_tables(seed, folder, tmp_path / "m.bin")


def test_two_different_losses_of_one_document_are_refused(tmp_path):
    seed, folder = seed_and_tables(tmp_path)
    for value, said in (
        (9.5, "1 documents have different losses .* and 9.5 in column 'loss2' for id 's-7'"),
        (None, None),
    ):
        path = folder / "again.parquet"
        pq.write_table(pa.table({"id": ["s-7"], "loss2": pa.array([value], pa.float64())}), path)
        if said is not None:
            with pytest.raises(CurateError, match=said):
                fit_tables(seed, folder, tmp_path / "m.bin")
        else:  # nothing is no other loss; neither is the same again
            fit_tables(seed, folder, tmp_path / "m.bin")
    pq.write_table(pq.read_table(folder / "loss2.parquet").slice(3, 5), folder / "again.parquet")
    fit_tables(seed, folder, tmp_path / "m.bin")


def test_infinite_losses_are_none(tmp_path):
    columns = losses(KINDS, 4, 3)
    columns["loss0"][5], columns["loss3"][70] = np.inf, -np.inf
    path = write(tmp_path / "s.parquet", texts(True, 60, 1) + texts(False, 60, 2), **columns)
    with Reader([path]) as seed:
        with pytest.raises(
            CurateError, match=r"2 of 120 documents lack a loss of some model \(null, NaN or infinite\)"
        ):
            fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1)
        _, facts = fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1, missing="drop")
    assert facts["documents"] == 118
    assert "- left out, without a loss of some model: 2" in (tmp_path / "m.md").read_text()


def test_losses_without_ids_are_refused(tmp_path):
    seed, folder = seed_and_tables(tmp_path)
    columns = {"id": ["s-3", None], "loss0": [1.0, 1.0]}
    pq.write_table(pa.table(columns), folder / "odd.parquet")
    with pytest.raises(RecipeError, match=r"losses odd\.parquet: row 1 has no id in column 'id'"):
        fit_tables(seed, folder, tmp_path / "m.bin")
    for path in folder.iterdir():
        pq.write_table(pq.read_table(path).rename_columns({"id": "name"}), path)
    with pytest.raises(
        RecipeError, match="the losses have no column 'id' to know documents by; there are: name, loss0"
    ):
        fit_tables(seed, folder, tmp_path / "m.bin")


def test_made_up_ids_and_empty_texts_do_not_tell_seed_from_pool(tmp_path):
    """Both folders have a shard of one name, without ids, and a document that says nothing."""
    columns = losses([*KINDS, True], 4, 3)
    own = {"seed": texts(True, 60, 1) + texts(False, 60, 2), "pool": texts(True, 60, 7) + texts(False, 60, 8)}
    for name, found in own.items():
        (tmp_path / name).mkdir()
        table = pa.table({"text": [*found, "" if name == "seed" else "\n"], **columns})
        pq.write_table(table, tmp_path / name / "0.parquet")
    with Reader([str(tmp_path / "seed")]) as seed, Reader([str(tmp_path / "pool")]) as pool:
        fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1, pool=pool)
    shared = pa.table({"id": ["x"], "text": [own["seed"][3]]})
    pq.write_table(shared, tmp_path / "pool" / "1.parquet")
    with Reader([str(tmp_path / "seed")]) as seed, Reader([str(tmp_path / "pool")]) as pool:
        with pytest.raises(CurateError, match="1 documents of the pool have the text of the seed"):
            fit_preselect(seed, ladder(), tmp_path / "m.bin", settings=SMALL, share=0.1, pool=pool)


@pytest.mark.parametrize(
    ("kind", "parameters", "label", "told"),
    [
        ("transformer", [7e7, 1.6e8, 4.1e8, 1e9], "preselect-small", "smaller than any in the paper"),
        ("transformer", [7e9, 1.3e10, 3e10, 6.5e10], "preselect", None),
        ("ngram", None, "preselect-toy", "n-gram models"),
        ("column", None, "preselect", None),
    ],
)
def test_what_losses_are_of_is_in_the_name(tmp_path, kind, parameters, label, told):
    every = [f"loss{i}" for i in range(4)]
    facts = {"kind": dict.fromkeys(every, kind)}
    facts |= {"parameters": dict(zip(every, parameters, strict=True))} if parameters else {}
    seed, folder = seed_and_tables(tmp_path, **facts)
    _, found = fit_tables(seed, folder, tmp_path / "m.bin")
    assert found["label"] == label
    written, card = json.loads((tmp_path / "m.json").read_text()), (tmp_path / "m.md").read_text()
    assert written["label"] == label
    assert written["losses"]["loss0"]["kind"] == kind
    assert (f"`{label}`" in card) == (told is not None)
    assert told is None or told in card
