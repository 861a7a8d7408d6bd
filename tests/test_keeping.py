"""The options on what deduplication keeps: the order that they make, and the scope."""

import datetime as dt
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from curate.keeping import Keeping, KeepOne
from curate.kernels.hashing import hash64
from curate.stage import Keys, Match
from tests.stages.harness import batch_of, cut, run


class Shout(Keeping, Match):
    """A stage of two words."""


class SameShout(KeepOne):
    """Documents with the same number in `n`, but for those without one; twice the key, so that it is found twice."""

    reads: ClassVar[tuple[str, ...]] = ("n",)
    writes: ClassVar[dict[str, pa.DataType]] = {"loud": pa.int64(), "louder": pa.large_string()}
    reason: ClassVar[str] = "too_loud"

    def keys(self, batch):
        n = batch["n"].to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(n >= 0)
        return Keys(n[rows].astype(np.uint64) << np.uint64(60), np.zeros(len(rows), np.uint64), rows)


def test_order():
    batch = batch_of(["a", "bb", "é"], source=["web", "book", None], q=[1.5, None, float("nan")])
    plain = Shout().order(batch)
    assert plain.source.tolist() == plain.prefer.tolist() == [0, 0, 0]
    assert len(set(plain.tie.tolist())) == 3
    assert plain.tie.tolist() != hash64(batch["id"]).tolist()  # as a seed of 0 is what `sample` has
    first = Shout(keep="first", source_column="source", source_priority=["book", "web"]).order(batch)
    assert first.source.tolist() == [1, 0, 2]
    assert first.tie.tolist() == [0, 0, 0]
    longest = Shout(keep="longest").order(batch).prefer
    assert longest[1] < longest[0] == longest[2]
    best = Shout(keep="best", column="q").order(batch).prefer
    assert best[0] < best[1] == best[2] == 2**64 - 1
    for order in (plain, first):
        assert [part.dtype for part in (order.source, order.prefer, order.tie)] == [np.uint32, np.uint64, np.uint64]


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["x", "y", None, "x", "", "null"]),
        pa.array(["x", "y", None, "x", "", "null"]).dictionary_encode(),
        pa.array(["x", "y", None, "x", "", "null"], pa.string_view()),
        pa.array([1, -1, None, 1, 0, 2**63 - 1]),
        pa.array([dt.date(1960, 1, 1), dt.date(2020, 1, 1), None, dt.date(1960, 1, 1), *[dt.date(1970, 1, 1)] * 2]),
        pa.array([True, False, None, True, *[False] * 2]),
    ],
    ids=lambda values: str(values.type),
)
def test_scopes(values):
    found = Shout(scope="s").scopes(batch_of(["t"] * 6, s=values))
    assert found.dtype == np.uint64
    names = [str(value) for value in values.to_pylist()]
    assert [found.tolist().index(one) for one in found] == [names.index(one) for one in names]


def test_no_scope_is_one_scope():
    assert Shout().scopes(batch_of(["a", "b"])).tolist() == [0, 0]
    assert len(set(Shout(scope="s").scopes(batch_of(["a", "b"], s=pa.nulls(2))).tolist())) == 1


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_the_newest_does_not_depend_on_the_others_of_a_batch(kind):
    times = [
        "2024-01-31T12:00:00+02:00",
        "",
        "2024",
        "2024-01-31 11:00",
        None,
        "soon",
        "2024-01-31T10:00:00Z",
        "2024-02-30",
    ]
    newest = SameShout(keep="newest", column="at")
    together = newest.order(batch_of(["t"] * len(times), at=pa.array(times, pa.string()).cast(kind))).prefer.tolist()
    apart = [newest.order(batch_of(["t"], at=pa.array([at], pa.string()).cast(kind))).prefer[0] for at in times]
    assert together == apart
    assert together[0] == together[6]
    assert together[3] < together[0] < together[2] < 2**64 - 1
    assert {together[i] for i in (1, 4, 5, 7)} == {2**64 - 1}
    newest.check_columns({"at": kind})


def test_messages_name_what_is_meant():
    with pytest.raises(ValueError, match=r"scope 's' is double; documents are put together by strings, integers, bool"):
        Shout(scope="s").scopes(batch_of(["a"], s=[0.5]))


def test_the_text_is_read_where_lengths_are_compared():
    assert SameShout(scope="s").columns_read() == ("n", "s")
    assert SameShout(keep="longest").columns_read() == ("text", "n")
    assert Shout(keep="longest", source_column="a", source_priority=["x"]).columns_read() == ("text", "a")


@pytest.mark.parametrize("ranges", [1, 3, 7])
def test_one_of_each_key_and_scope_is_kept(ranges):
    numbers = pa.array([3, None, 3, 5, None, 3, 5, 3], pa.float64())
    batch = batch_of(list("aaaaaaaa"), n=numbers, s=["x", "x", "y", "x", "x", "x", None, "x"])
    units = [[piece] for piece in cut(batch, [3, 2])]
    found = run(SameShout(keep="first"), units, ranges)
    assert found.kept == {"d0", "d1", "d3", "d4"}
    assert found.reasons["d6"] == "too_loud"
    assert list(found.columns["loud"].values()) == [4, 1, 4, 2, 1, 4, 2, 4]
    assert list(found.columns["louder"].values()) == [None, None, "d0", None, None, "d0", "d3", "d0"]
    scoped = run(SameShout(keep="first", scope="s"), units, ranges)
    assert scoped.kept == {"d0", "d1", "d2", "d3", "d4", "d6"}
    assert list(scoped.columns["loud"].values()) == [3, 1, 1, 1, 1, 3, 1, 3]
