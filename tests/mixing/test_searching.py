"""A whole search on a small corpus: the same answer however it is carried out."""

import csv
import shutil

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from curate.engine import driver
from curate.errors import RecipeError, StoreError
from curate.executors import Inline
from curate.executors.pool import Pool
from curate.mixing.options import SearchOptions
from curate.mixing.searching import search
from curate.mixing.waiting import Awaiting
from curate.recipe import loads
from curate.store import arrow
from curate.store.lock import alone
from tests.mixing.corpora import options, write

SIZES = {"a": 60, "b": 60, "c": 30}


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write(tmp_path_factory.mktemp("corpus") / "d.parquet", SIZES)


@pytest.fixture(scope="module")
def once(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("once")
    return folder, search(options(corpus, folder), Inline(), quiet)


def answers(folder):
    """What was measured, without how long it took."""
    return {path.name: path.read_text().split('"seconds"')[0] for path in (folder / "evaluations").iterdir()}


def test_it_finds_what_the_target_is_of(once):
    _, outcome = once
    assert next(iter(outcome.weights)) == "a"
    assert outcome.weights["a"] > 0.6
    assert sum(outcome.weights.values()) == pytest.approx(1)
    means = {name: one.mean for name, one in outcome.compared.items()}
    assert means["found"] == min(means.values())
    assert set(means) == {"found", "finalist 2", "natural", "uniform", "temperature"} or "finalist 1" in means


def test_workers_do_not_matter_nor_where_it_was_stopped(once, corpus, tmp_path):
    folder, outcome = once
    with Pool(2) as pool:
        assert search(options(corpus, tmp_path / "two"), pool, quiet).compared == outcome.compared
    assert answers(tmp_path / "two") == answers(folder)
    shutil.copytree(folder, tmp_path / "half")
    for number, path in enumerate(sorted((tmp_path / "half/evaluations").iterdir())):
        if number % 2:
            path.unlink()
    told = []
    again = search(options(corpus, tmp_path / "half"), Inline(), lambda trial, measured, known: told.append(known))
    assert again.compared == outcome.compared
    assert answers(tmp_path / "half") == answers(folder)
    assert set(told) == {True, False}


def test_names_of_domains_and_shards_do_not_matter(once, corpus, tmp_path):
    _, outcome = once
    other = {"a": "zebra", "b": "yak", "c": "xerus"}
    renamed = write(tmp_path / "renamed" / "d.parquet", SIZES, rename=other)
    targets = {"a": {"domains": "zebra", "held_out": 0.2}}
    found = search(options(renamed, tmp_path / "out", targets), Inline(), quiet)
    assert found.weights == {other[name]: weight for name, weight in outcome.weights.items()}


def test_refuses(corpus, tmp_path):
    with pytest.raises(RecipeError, match=r"the corpus has no domain 'd'; there are a, b, c"):
        search(options(corpus, tmp_path, {"x": {"domains": "d"}}), Inline(), quiet)
    with pytest.raises(RecipeError, match="more than max_epochs = 1 times"):
        search(options(corpus, tmp_path, budget=10**6, max_epochs=1), Inline(), quiet)


def test_targets_by_another_column_by_files_and_for_each_domain(corpus, tmp_path):
    table = pl.read_parquet(corpus).with_columns(site=pl.col("domain").replace_strict({"a": 1, "b": 2, "c": 1}))
    table.write_parquet(tmp_path / "d.parquet")
    table.filter(pl.col("domain") == "c").sort("id").head(10).write_parquet(tmp_path / "valid.parquet")
    targets = {
        "one": {"where": {"site": "1", "domain": ["a", "b"]}, "held_out": 0.3},
        "file": {"paths": str(tmp_path / "valid.parquet"), "weight": 2},
        "each": {"domains": "*", "held_out": 0.1},
    }
    asked = options(tmp_path / "d.parquet", tmp_path / "out", targets)
    outcome = search(asked, Inline(), quiet)
    assert list(outcome.prepared.targets) == ["one", "file", "a", "b", "c"]
    assert set(outcome.history[0][1].losses) == {"one", "file", "a", "b", "c"}
    assert outcome.prepared.measured["file"]["documents"] == 10
    assert outcome.prepared.left_out["in_targets"] == 10 - held_out_of_file(tmp_path, outcome)
    losses = outcome.history[0][1]
    mean = sum(weight * losses.losses[name] for name, weight in outcome.prepared.targets.items()) / 6
    assert losses.loss == pytest.approx(mean, abs=1e-8)
    held = pa.Table.from_batches(arrow.ArrowFile(tmp_path / "out/corpus/targets.arrow").batches)
    pool = pa.Table.from_batches(arrow.ArrowFile(tmp_path / "out/corpus/pool.arrow").batches)
    assert not set(held["text"].to_pylist()) & set(pool["text"].to_pylist())
    of_one = set(held.filter(pc.equal(held["domain"], 0))["text"].to_pylist())
    assert of_one <= set(table.filter(pl.col("domain") == "a")["text"])
    assert len(of_one) > 5


def held_out_of_file(tmp_path, outcome):
    """Documents of the file that are held out for a target `each` as well, and so were not left out for the file."""
    held = pa.Table.from_batches(arrow.ArrowFile(tmp_path / "out/corpus/targets.arrow").batches)
    number = list(outcome.prepared.targets).index("c")
    texts = set(pl.read_parquet(tmp_path / "valid.parquet")["text"])
    return len(texts & set(held.filter(pc.equal(held["domain"], number))["text"].to_pylist()))


def test_a_target_by_a_column_of_lists_is_refused(corpus, tmp_path):
    table = pl.read_parquet(corpus).with_columns(tags=pl.concat_list("domain"))
    table.write_parquet(tmp_path / "d.parquet")
    asked = options(tmp_path / "d.parquet", tmp_path / "out", {"mine": {"where": {"tags": "a"}}})
    with pytest.raises(RecipeError, match=r"targets\.mine\.where: column 'tags' holds .*list<.*takes texts"):
        search(asked, Inline(), quiet)


def test_planned_text_makes_domains_as_scarce_as_they_will_be(corpus, tmp_path):
    """A run of ten times the budget repeats a domain ten times as often: so does a proxy of it."""
    asked = options(corpus, tmp_path / "out", budget=2000, planned=20_000, max_epochs=2)
    outcome = search(asked, Inline(), quiet)
    assert outcome.prepared.available == pytest.approx(outcome.prepared.sizes / 10, abs=1)
    most = 2 * outcome.prepared.sizes / 20_000
    assert outcome.space.most == pytest.approx(most.clip(max=1), abs=1e-3)
    pool = pa.Table.from_batches(arrow.ArrowFile(tmp_path / "out/corpus/ngram.pool.arrow").batches)
    taken = pool.group_by("domain").aggregate([("size", "sum")]).sort_by("domain")["size_sum"].to_numpy()
    assert (taken < outcome.prepared.available + 400).all()  # a text has fewer characters


def test_tokens_as_the_unit(corpus, tmp_path):
    table = pl.read_parquet(corpus).with_columns(tokens=pl.lit(60))
    table.write_parquet(tmp_path / "d.parquet")
    given = options(tmp_path / "d.parquet", tmp_path / "out", budget=3000).model_dump(exclude_unset=True)
    given["input"]["tokens_column"] = "tokens"
    outcome = search(SearchOptions.model_validate(given), Inline(), quiet)
    assert outcome.provenance["unit"] == "tokens"
    assert (outcome.prepared.sizes == 60 * outcome.prepared.documents).all()


def test_a_run_folder_is_read_where_its_documents_are(corpus, tmp_path):
    recipe = loads(f"input: {corpus}\noutput: {tmp_path / 'run'}\nstages: [normalize]")
    with Inline() as executor:
        driver.run(recipe, executor, lambda event: None)
    outcome = search(options(tmp_path / "run", tmp_path / "out"), Inline(), quiet)
    assert outcome.prepared.documents.sum() > 100


def test_another_corpus_is_measured_anew(corpus, tmp_path):
    told = []
    here = tmp_path / "d.parquet"
    shutil.copy(corpus, here)
    asked = options(here, tmp_path / "out", seeds=1)
    search(asked, Inline(), quiet)
    write(here, SIZES | {"b": 90}, seed=1)
    search(asked, Inline(), lambda trial, measured, known: told.append(known))
    assert not any(told)


def keys(asked):
    """What the first batch is called, by which its scores are known."""
    with pytest.raises(Awaiting):
        search(asked, Inline(), quiet)
    with open(f"{asked.output.path}/asked.csv", encoding="utf-8") as table:
        return {row["key"] for row in csv.DictReader(table)}


def test_scores_on_other_target_texts_are_not_used_again(corpus, tmp_path):
    """All that changes is what is measured on: other texts of the same files, or the same ones of another target."""
    table = pl.read_parquet(corpus).filter(pl.col("domain") != "c")
    for name in "ab":
        table.filter(pl.col("domain") == name).head(20).write_parquet(tmp_path / f"{name}.parquet")
    one, two = ({"paths": str(tmp_path / f"{name}.parquet")} for name in "ab")

    def of(targets):
        return keys(options(corpus, tmp_path / "out", targets, evaluator="file"))

    first = of({"x": one, "y": two})
    assert of({"x": one, "y": two}) == first
    assert of({"x": one | {"most": 400_000}, "y": two}) == first  # it has not so many
    for other in ({"x": two, "y": one}, {"x": one | {"most": 1000}, "y": two}):
        assert not of(other) & first
    held = of({"x": {"domains": "a", "held_out": 0.3}})
    assert not of({"x": {"domains": "a", "held_out": 0.3, "most": 1000}}) & held


def test_two_searches_do_not_share_a_folder(corpus, tmp_path):
    (tmp_path / "out").mkdir()
    with alone(tmp_path / "out/.lock"), pytest.raises(StoreError, match="at work here"):
        search(options(corpus, tmp_path / "out"), Inline(), quiet)
