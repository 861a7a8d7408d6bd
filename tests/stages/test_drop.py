"""drop: each condition on each type of column, against the plain comparison."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import StageError
from curate.stages.drop import Drop
from tests.stages.harness import batch_of


def judge(values, **options):
    values = values if isinstance(values, pa.Array) else pa.array(values)
    return Drop(column="c", **options).judge(batch_of([""] * len(values), c=values)).to_pylist()


SAMPLES = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    pa.uint64(): st.integers(0, 2**64 - 1) | st.integers(0, 3),
    pa.float64(): st.floats() | st.integers(-3, 3).map(float),
    pa.large_string(): st.text(st.characters(codec="utf-8"), max_size=2),
    pa.bool_(): st.booleans(),
}
NUMBERS = st.integers(-5, 5) | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=120)
@given(data=st.data(), kind=st.sampled_from(list(SAMPLES)), missing=st.sampled_from(["keep", "drop"]))
def test_batch_form_is_the_plain_comparison(data, kind, missing):
    member = SAMPLES[kind] if kind in (pa.large_string(), pa.bool_()) else NUMBERS
    options = {
        "in": data.draw(st.none() | st.lists(member, min_size=1)),
        "not_in": data.draw(st.none() | st.lists(member, min_size=1)),
    }
    if kind != pa.bool_():
        options |= {"below": data.draw(st.none() | member), "above": data.draw(st.none() | member)}
    if all(option is None for option in options.values()):
        return
    values = data.draw(st.lists(st.none() | SAMPLES[kind]))
    stage = Drop(column="c", missing=missing, **options)
    batch = batch_of([""] * len(values), c=pa.array(values, kind))
    assert stage.judge(batch).to_pylist() == [stage.judge_one(value) for value in values]


def test_limits_are_strict():
    assert judge([1, 2, 3], below=2) == ["c_below", None, None]
    assert judge([1, 2, 3], above=2) == [None, None, "c_above"]
    assert judge([1, 2, 3], below=1.5, above=2.5) == ["c_below", None, "c_above"]
    assert judge(["a", "b", "ba"], above="b") == [None, None, "c_above"]


def test_limits_are_rounded_to_the_precision_of_the_column():
    third = np.float32(1) / np.float32(3)
    for kind in (pa.float16(), pa.float32(), pa.float64()):
        assert judge(pa.array([0.65, 0.6], kind), below=0.65) == [None, "c_below"]
        assert judge(pa.array([0.65, 0.7], kind), above=0.65) == [None, "c_above"]
        assert judge(pa.array([0.65, 0.7], kind), **{"in": [0.65]}) == ["c_in", None]
    assert judge(pa.array([third], pa.float32()), below=float(third)) == [None]


def test_the_reason_names_the_first_condition_in_a_fixed_order():
    options = {"not_in": [5], "in": [1], "above": 3, "below": 2, "missing": "drop"}
    assert judge([None, 1, 4, 5, 3], **options) == ["c_missing", "c_below", "c_above", "c_above", "c_not_in"]
    assert Drop(column="Score.v2 (new)", below=1).judge_one(0) == "score_v2_new_below"


def test_missing():
    values = [1.0, None, float("nan")]
    with pytest.raises(
        StageError, match=r"2 of 3 documents have no value in column 'c', the first has id 'd1'; say miss"
    ):
        judge(values, below=2)
    assert judge(values, below=2, missing="keep") == ["c_below", None, None]
    assert judge(values, below=2, missing="drop") == ["c_below", "c_missing", "c_missing"]
    assert judge(pa.nulls(2), below=2, missing="drop") == ["c_missing", "c_missing"]
    assert judge(["a", None], not_in=["b"], missing="keep") == ["c_not_in", None]


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.timestamp("s", "Asia/Tokyo"), pa.date32()]
)
@pytest.mark.parametrize("limit", ["2021-01-01", dt.date(2021, 1, 1), dt.datetime(2021, 1, 1), "2021-01-01T00:00:00Z"])
def test_times(kind, limit):
    days = pa.array([dt.datetime(2020, 12, 31, 5), dt.datetime(2021, 1, 1)]).cast(pa.timestamp("us", "UTC")).cast(kind)
    assert judge(days, below=limit) == ["c_below", None]
    assert judge(days, **{"in": [limit]}) == [None, "c_in"]


def test_dates_of_yaml_are_stored_as_strings():
    stage = Drop(column="c", below=dt.date(2021, 1, 31), **{"in": [dt.datetime(2021, 1, 1, 5), 3, True]})
    assert (stage.below, stage.in_) == ("2021-01-31", ["2021-01-01T05:00:00", 3, True])
    assert Drop.model_validate(stage.model_dump(by_alias=True)) == stage


def test_dictionary_columns():
    assert judge(pa.array(["a", "b", "a"]).dictionary_encode(), **{"in": ["a"]}) == ["c_in", None, "c_in"]


@pytest.mark.parametrize(
    "options", [{"below": 1}, {"above": 1}, {"in": [1]}, {"not_in": ["a", 1]}, {"in": ["a"], "above": 1}]
)
def test_conditions_that_do_not_fit_the_column(options):
    with pytest.raises(ValueError, match=r"column 'c' is string; .* compares numbers; did you mean"):
        judge(["a"], **options)


@pytest.mark.parametrize("kind", [pa.string_view(), pa.dictionary(pa.int8(), pa.large_string())])
def test_strings_however_they_are_stored(kind):
    values = pa.array(["a", None, "b"]).cast(kind)
    assert judge(values, below="b", missing="drop") == ["c_below", "c_missing", None]
    assert judge(values, not_in=["a"], missing="keep") == [None, None, "c_not_in"]


@pytest.mark.parametrize("options", [{}, {"below": float("nan")}, {"below": True}, {"in": []}, {"in": [None]}])
def test_refuses(options):
    with pytest.raises(ValidationError):
        Drop(column="c", **options)
