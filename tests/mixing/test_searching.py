"""A whole search on a small corpus: the same answer however it is carried out."""

import shutil

import pytest

from curate.errors import RecipeError
from curate.executors import Inline
from curate.executors.pool import Pool
from curate.mixing.searching import search
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
