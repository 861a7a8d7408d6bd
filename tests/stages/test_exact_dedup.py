"""exact_dedup against a dict of normal forms."""

import datetime as dt
import random
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.kernels.simplify import simplify_one
from curate.stages.exact_dedup import ExactDedup
from tests.stages.harness import batch_of, cut, run

NORMAL = {
    "raw": lambda text: text,
    "whitespace": lambda text: " ".join(unicodedata.normalize("NFC", text).split()),
    "simplified": simplify_one,
}
pieces = st.sampled_from(["a", "A", "é", "e\u0301", " ", "\n", "\u2003", "1", "23", ".", "", "中"])
texts = st.lists(st.lists(pieces, max_size=3).map("".join), min_size=1, max_size=40)


@pytest.mark.parametrize("level", NORMAL)
@settings(deadline=None, max_examples=60)
@given(texts=texts, sizes=st.lists(st.integers(1, 9), max_size=6), ranges=st.integers(1, 5))
def test_keeps_one_of_each_normal_form(level, texts, sizes, ranges):
    batch = batch_of(texts)
    found = run(ExactDedup(level=level), [[unit] for unit in cut(batch, sizes)], ranges)
    groups = {}
    for i, text in enumerate(texts):
        groups.setdefault(NORMAL[level](text), []).append(f"d{i}")
    for members in groups.values():
        (kept,) = set(members) & found.kept
        for name in members:
            assert found.columns["exact_dedup_copies"][name] == len(members)
            assert found.columns["duplicate_of"][name] == (None if name == kept else kept)
            assert found.reasons[name] == (None if name == kept else "duplicate")


@settings(deadline=None, max_examples=40)
@given(texts=texts, sizes=st.lists(st.integers(1, 9), max_size=6), seed=st.integers(0, 99))
def test_survivors_do_not_depend_on_order_or_shards(texts, sizes, seed):
    ids = [f"d{i}" for i in range(len(texts))]
    once = run(ExactDedup(), [[batch_of(texts, ids)]])
    rows = list(range(len(texts)))
    random.Random(seed).shuffle(rows)
    shuffled = batch_of([texts[i] for i in rows], [ids[i] for i in rows])
    again = run(ExactDedup(), [[unit] for unit in cut(shuffled, sizes)], 3)
    assert again.kept == once.kept
    assert again.columns == once.columns


def kept(texts, *, ids=None, columns=None, **options):
    batch = batch_of(texts, ids, **(columns or {}))
    return run(ExactDedup(**options), [cut(batch, [1, 2])]).kept


def test_policies():
    same = ["x y", "x  y", "x \n y", "x y"]
    assert kept(same, keep="first") == {"d0"}
    assert kept(same, keep="longest") == {"d2"}
    score = {"q": [0.5, None, 0.75, float("nan")]}
    assert kept(same, columns=score, keep="best", column="q") == {"d2"}
    days = [dt.date(2020, 1, 1), dt.date(2021, 1, 1), None, dt.date(1960, 1, 1)]
    assert kept(same, columns={"day": days}, keep="newest", column="day") == {"d1"}
    for kind in (pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.date64()):
        assert kept(same, columns={"day": pa.array(days).cast(kind)}, keep="newest", column="day") == {"d1"}
    strings = ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", None, "2021-01-01T00:00:00+01:00"]
    assert kept(same, columns={"at": strings}, keep="newest", column="at") == {"d1"}
    assert kept(same, columns={"at": ["2020-01-01", "2021-01-01", None, None]}, keep="newest", column="at") == {"d1"}
    assert kept(same, columns={"at": [-5, 3, 2, None]}, keep="newest", column="at") == {"d1"}


def test_source_priority_goes_before_the_policy():
    same, sources = ["x y", "x  y", "x \n y", "x y"], {"source": ["web", "wiki", None, "book"]}
    preferred = {"source_column": "source", "source_priority": ["book", "wiki"]}
    assert kept(same, columns=sources, keep="longest", **preferred) == {"d3"}
    assert kept(same[:3], columns={"source": ["web", "wiki", None]}, keep="longest", **preferred) == {"d1"}
    assert kept(same[:3], columns={"source": ["web", None, "web"]}, keep="first", **preferred) == {"d0"}


def test_ties_go_to_the_hash_of_the_id_and_not_always_to_the_first():
    winners = [min(kept(["x"] * 4, ids=[f"{n}-{i}" for i in range(4)]), key=str)[-1] for n in range(64)]
    assert all(winners.count(place) >= 5 for place in "0123")


def test_equal_keys_with_different_checks_are_different_texts():
    stage = ExactDedup()
    rows = {"key": [7, 7, 7, 7], "document": [0, 1, 2, 3], "check": [1, 2, 1, 3]}
    rows |= {name: [0] * 4 for name in ("source", "prefer", "tie")}
    kinds = {
        "key": pa.uint64(),
        "document": pa.uint64(),
        "check": pa.uint64(),
        "source": pa.uint32(),
        "prefer": pa.uint64(),
        "tie": pa.uint64(),
    }
    table = pa.table({name: pa.array(rows[name], kind) for name, kind in kinds.items()})
    decided = stage.resolve_range(table.append_column("id", pa.array(["a", "b", "c", "d"], pa.large_string())))
    assert sorted(decided["document"].to_pylist()) == [0, 2]
    assert decided["copies"].to_pylist() == [2, 2]
    assert sorted(decided["kept"].to_pylist()) == [False, True]


def test_no_evidence():
    empty = run(ExactDedup(), [[batch_of([])]])
    assert empty.artifact.num_rows == 0
    assert empty.artifact.schema.names == ["document", "kept", "copies", "duplicate_of", "earlier"]


@pytest.mark.parametrize(
    "options",
    [{"keep": "best"}, {"keep": "newest"}, {"column": "q"}, {"source_priority": ["a"]}, {"source_column": "s"}],
)
def test_options_that_do_not_go_together(options):
    with pytest.raises(ValidationError, match="go "):
        ExactDedup(**options)


@pytest.mark.parametrize(
    ("column", "keep", "message"),
    [
        ([["a"]], "best", "compares numbers"),
        ([["a"]], "newest", "compares dates"),
        (["1"], "best", "compares numbers"),
    ],
)
def test_columns_that_have_no_order(column, keep, message):
    with pytest.raises(ValueError, match=message):
        kept(["x"], columns={"q": column}, keep=keep, column="q")
