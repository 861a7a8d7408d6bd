"""Expressions as a stage: columns of all kinds, and what is refused before any work."""

from __future__ import annotations

import json
from decimal import Decimal

import pyarrow as pa
import pytest
from pydantic import ValidationError

from curate import plan, recipe
from curate.errors import RecipeError
from curate.stages.expression import Expression
from tests.stages.harness import batch_of


def values(expression: str, **columns: object) -> list:
    stage = Expression(column="new", expression=expression)
    stage.check_columns({name: pa.array(column).type for name, column in columns.items()})
    given = batch_of(["t"] * len(next(iter(columns.values()))), **columns)
    found = stage.process(given).columns["new"]
    assert {"new": found.type} == stage.columns_written()
    rows = [
        dict(zip(columns, row, strict=True))
        for row in zip(*(pa.array(c).to_pylist() for c in columns.values()), strict=True)
    ]
    assert found.to_pylist() == pytest.approx([stage._formula.value(row) for row in rows])
    return found.to_pylist()


def test_a_weighted_sum():
    assert values("0.5*quality_overall + 0.5*knowledge", quality_overall=[4, 5, None], knowledge=[2.0, 2.5, 1.0]) == [
        3.0,
        3.75,
        None,
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 0, None], pa.int8()),
        pa.array([1, 0, None], pa.uint64()),
        pa.array([1, 0, None], pa.float16()),
        pa.array([1, 0, None], pa.float32()),
        pa.array([True, False, None]),
        pa.array([Decimal("1.00"), Decimal("0.00"), None], pa.decimal128(9, 2)),
    ],
    ids=lambda column: str(column.type),
)
def test_all_kinds_of_numbers(column):
    assert values("q + 1", q=column) == [2.0, 1.0, None]
    assert values("q > 0.5", q=column) == [True, False, None]
    assert values("where(q, 5, 6)", q=column) == [5.0, 6.0, None]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
def test_all_kinds_of_strings(kind):
    column = pa.array(["a", "b", None]).cast(kind)
    assert values("d == 'a'", d=column) == [True, False, None]


def test_a_column_without_values_and_no_documents():
    assert values("coalesce(q, 2) + 0", q=pa.nulls(2)) == [2.0, 2.0]
    assert values("q * 2", q=pa.array([], pa.float32())) == []


def test_names_that_polars_would_take_for_patterns():
    assert values("col('^q.*$') + col('*')", **{"^q.*$": [1.0], "*": [2.0], "q1": [3.0]}) == [3.0]


def test_slices_of_a_batch():
    stage = Expression(column="n", expression="q + 1")
    batch = batch_of(["t"] * 2, q=pa.array([1.0, None, 3.0])[1:])
    assert stage.process(batch).columns["n"].to_pylist() == [None, 4.0]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("open('x')", r"character 1: there is no function open\(\)"),
        ("d == 'a' or d > 1", "character 13: column 'd' is a text at character 1 and a number here"),
    ],
)
def test_what_is_refused(expression, says):
    with pytest.raises(ValidationError, match=says):
        Expression(column="x", expression=expression)


def test_columns_of_other_types():
    stage = Expression(column="x", expression="2 * q + (d == 'a')")
    stage.check_columns({"q": pa.int8(), "d": pa.string()})
    with pytest.raises(ValueError, match="at character 5: column 'q' is string, and is used as a number"):
        stage.check_columns({"q": pa.string()})
    with pytest.raises(ValueError, match="at character 10: column 'd' is int64, and is used as a text"):
        stage.check_columns({"d": pa.int64()})


def test_errors_in_a_recipe_name_the_line():
    text = "input: in\noutput: out\nstages:\n  - expression: {column: n, expression: qualty * 2}\n"
    with pytest.raises(RecipeError, match=r":4: stage 1 'expression' reads column 'qualty'.*did you mean 'quality'"):
        plan.make(recipe.loads(text), pa.schema({"id": pa.string(), "text": pa.string(), "quality": pa.float32()}))
    with pytest.raises(RecipeError, match=r":4: stage 1 'expression': at character 1: `quality@2`"):
        recipe.loads(text.replace("qualty * 2", '"quality@2"'))


def test_options_survive_json():
    stage = Expression(column="n", expression="log(q)")
    assert Expression(**json.loads(stage.model_dump_json())) == stage
