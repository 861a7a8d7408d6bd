"""Combine columns into a new one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import polars as pl
import pyarrow as pa
from pydantic import Field, model_validator

from curate.documents import Batch
from curate.formula import Node, parse
from curate.stage import Annotate


class Expression(Annotate):
    """Add a column that is computed of others: weighted sums, limits, conditions.

        - expression: {column: mix, expression: 0.5 * overall + 0.5 * knowledge}
        - expression: {column: worth, expression: "where(domain == 'Law', 0.5, 1) * clip(log(n_words) / 7, 0, 1)"}
        - expression: {column: good, expression: "overall >= 4 and not toxicity > 0.1"}

    It has + - * / **, comparisons (`==` and `in` also for strings), and, or, not, abs(), sqrt(), exp(), log() (the
    natural one), log10(), min(), max(), clip(value, low, high), where(test, if_true, if_false) and
    coalesce(value, if_missing). It is read, and never run, as Python. Numbers are float64; a boolean counts as 0 or 1.
    Where a column is null, NaN or infinite, what is computed of it is null, as is every result that is no finite number
    (1 / 0, log(0)); coalesce() gives another value.
    """

    column: Annotated[str, Field(min_length=1)]
    """Name of the new column: float64, or bool if the expression is a comparison or a condition."""
    expression: Annotated[str, Field(min_length=1)]
    """What it is. Columns are named as they are; one whose name has other characters than letters, digits, `_` and `.`
    as in `col("my column")`."""

    reads: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _is_arithmetic(self) -> Self:
        kinds: dict[str, Node] = {}
        for node in self._formula.columns():
            other = kinds.setdefault(str(node.column), node)
            if other.kind != node.kind:
                what = f"column '{node.column}' is a {other.kind} at character {other.at} and a {node.kind} here"
                raise ValueError(f"at character {node.at}: {what}")
        return self

    @cached_property
    def _formula(self) -> Node:
        return parse(self.expression)

    def columns_read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(node.column) for node in self._formula.columns()))

    def columns_written(self) -> dict[str, pa.DataType]:
        return {self.column: pa.bool_() if self._formula.kind == "truth" else pa.float64()}

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        for node in self._formula.columns():
            kind = types.get(str(node.column))
            if kind is not None and not _fits(kind, node.kind):
                what = f"column '{node.column}' is {kind}, and is used as a {node.kind}"
                raise ValueError(f"expression, at character {node.at}: {what}")

    def annotate_one(self, text: Any) -> dict[str, Any]:
        """The specification, for an expression over a single column: `text` is its value."""
        return {self.column: self._formula.value(dict.fromkeys(self.columns_read(), text))}

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        given = {name: pl.Series(pl.from_arrow(batch[name])) for name in self.columns_read()}
        values = self._formula.over(given, len(batch))
        return {self.column: values.to_arrow().cast(self.columns_written()[self.column])}


def _fits(column: pa.DataType, kind: str) -> bool:
    if pa.types.is_null(column):
        return True
    value = column.value_type if pa.types.is_dictionary(column) else column
    if kind == "text":
        return bool(pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value))
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return value is column and any(test(column) for test in numbers)
