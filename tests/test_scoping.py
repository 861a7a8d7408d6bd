"""The option `scope`: what it puts together, and which columns it takes."""

import datetime as dt

import pyarrow as pa
import pytest

from curate.scoping import Scoped
from tests.stages.harness import batch_of


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a", "b", None, "a", "", None]),
        pa.array(["a", "b", None, "a", "", None]).dictionary_encode(),
        pa.array(["a", "b", None, "a", "", None], pa.string_view()),
        pa.array([1, 2, None, 1, 0, None]),
        pa.array([dt.date(2024, 1, 1), dt.date(2024, 1, 2), None, dt.date(2024, 1, 1), dt.date(1970, 1, 1), None]),
    ],
    ids=["string", "dictionary", "view", "integer", "date"],
)
def test_equal_values_and_nulls_are_one_scope(values):
    found = Scoped(scope="crawl").scopes(batch_of(["x"] * 6, crawl=values)).tolist()
    assert found[0] == found[3]
    assert found[2] == found[5]
    assert len(set(found)) == 4


def test_booleans_and_nothing():
    batch = batch_of(["x"] * 3, flag=[True, False, True], nothing=pa.nulls(3))
    assert len(set(Scoped(scope="flag").scopes(batch).tolist())) == 2
    assert len(set(Scoped(scope="nothing").scopes(batch).tolist())) == 1
    assert Scoped().scopes(batch).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", [pa.float64(), pa.list_(pa.string()), pa.timestamp("us"), pa.binary()], ids=str)
def test_other_types_are_refused(kind):
    with pytest.raises(
        ValueError, match=r"^scope 'c' is .*; documents are put together by strings, integers, booleans"
    ):
        Scoped(scope="c").check_columns({"c": kind})
