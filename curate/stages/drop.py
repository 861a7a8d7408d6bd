"""Drop documents by the value of a column."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from curate.documents import ID, Batch
from curate.errors import StageError
from curate.stage import Column, Filter, Sign, Threshold

Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
Time = Annotated[StrictStr, BeforeValidator(lambda given: given.isoformat() if isinstance(given, date) else given)]
Limit = Number | Time  # YAML reads 2024-01-31 as a date; kept as a string, a recipe stays the same when stored
Mask = npt.NDArray[np.bool_]


class Drop(Filter):
    """Drop documents by the value of a column: below or above a limit, in or not in a list.

        - drop: {column: language_score, below: 0.65}
        - drop: {column: source, in: [forum, mail], missing: keep}

    For numbers, strings (ordered by code point), dates and times, and booleans (`in` and `not_in` alone). A document
    goes if any condition holds, the first of which gives the reason. What is given here is rounded to the precision of
    the column: a score of 0.65 stored in 32 bits is not below 0.65. Reasons: `<column>_missing`, `<column>_below`,
    `<column>_above`, `<column>_in`, `<column>_not_in`.
    """

    column: Column
    """Column whose value decides."""
    below: Limit | None = None
    """Drop when the value is smaller than this; an equal value stays. Unit: that of the column."""
    above: Limit | None = None
    """Drop when the value is greater than this; an equal value stays. Unit: that of the column."""
    in_: Annotated[list[StrictBool | Limit] | None, Field(alias="in", min_length=1)] = None
    """Drop when the value is one of these, at least one."""
    not_in: Annotated[list[StrictBool | Limit] | None, Field(min_length=1)] = None
    """Drop when the value is none of these, at least one."""
    missing: Literal["keep", "drop", "error"] = "error"
    """What becomes of a document without a value (null or NaN): `keep` it, `drop` it, or stop with an `error`."""

    reads: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if self.below is None and self.above is None and self.in_ is None and self.not_in is None:
            raise ValueError("drop needs a condition: below, above, in or not_in")
        return self

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        column = types.get(self.column)
        if column is None or pa.types.is_null(column):  # without values there is nothing to compare
            return
        limits = [("below", self.below), ("above", self.above)]
        lists = [("in", self.in_ or []), ("not_in", self.not_in or [])]
        for option, given in [*limits, *((name, member) for name, members in lists for member in members)]:
            if given is not None and self._kind(_plain(column), option, given) != "number":
                self._like(_plain(column), option, given)

    def thresholds(self) -> tuple[Threshold, ...]:
        limits: tuple[tuple[str, Sign, Limit | None], ...] = (("below", "<", self.below), ("above", ">", self.above))
        return tuple(
            Threshold(option, self.column, sign, limit, self._reason(option))
            for option, sign, limit in limits
            if isinstance(limit, int | float)
        )

    def judge_one(self, value: Any) -> str | None:
        """The specification: the reason to drop a document whose column has this value; None: it has none.

        The options are taken to be values of the column's type already.
        """
        if value is None or value != value:
            return self._reason("missing") if self.missing == "drop" else None
        if self.below is not None and value < self.below:
            return self._reason("below")
        if self.above is not None and value > self.above:
            return self._reason("above")
        if self.in_ is not None and value in self.in_:
            return self._reason("in")
        if self.not_in is not None and value not in self.not_in:
            return self._reason("not_in")
        return None

    def judge(self, batch: Batch) -> pa.Array:
        values = batch[self.column]
        values = values.cast(_plain(values.type))
        missing = _mask(pc.is_null(values, nan_is_null=True))
        if self.missing == "error" and missing.any():
            raise self._missing_error(batch, missing)
        hits = {"missing": missing & (self.missing == "drop")}
        if not missing.all():
            hits |= {name: hit & ~missing for name, hit in self._conditions(values).items()}
        first = np.full(len(values), -1)
        for place, hit in reversed([*enumerate(hits.values())]):
            first[hit] = place
        return pa.array([self._reason(name) for name in hits], pa.string()).take(pa.array(first, mask=first < 0))

    def _conditions(self, values: pa.Array) -> dict[str, Mask]:
        """Where each condition holds, in the order in which they give the reason; where no value is, anything."""
        hits = {}
        if self.below is not None:
            hits["below"] = self._beyond(values, "below", self.below)
        if self.above is not None:
            hits["above"] = self._beyond(values, "above", self.above)
        if self.in_ is not None:
            hits["in"] = self._is_in(values, "in", self.in_)
        if self.not_in is not None:
            hits["not_in"] = ~self._is_in(values, "not_in", self.not_in)
        return hits

    def _beyond(self, values: pa.Array, option: str, limit: Any) -> Mask:
        if self._kind(values.type, option, limit) != "number":
            like = self._like(values.type, option, limit)
            return _mask(pc.less(values, like) if option == "below" else pc.greater(values, like))
        numbers = _numbers(values)
        if numbers.dtype.kind == "f":
            limit = numbers.dtype.type(limit)
        else:
            limit = math.ceil(limit) if option == "below" else math.floor(limit)
        return np.asarray(numbers < limit if option == "below" else numbers > limit)

    def _is_in(self, values: pa.Array, option: str, members: Sequence[Any]) -> Mask:
        kinds = {self._kind(values.type, option, member) for member in members}
        if kinds == {"number"}:
            numbers = _numbers(values)
            if numbers.dtype.kind in "iu":  # 2.0 is 2, and 2.5 is no integer
                bounds = np.iinfo(numbers.dtype)
                members = [int(m) for m in members if m == int(m) and bounds.min <= m <= bounds.max]
            return np.isin(numbers, np.array(members, numbers.dtype))
        like = [self._like(values.type, option, member).as_py() for member in members]
        return _mask(pc.is_in(values, pa.array(like, values.type)))

    def _kind(self, column: pa.DataType, option: str, given: Any) -> str:
        """What a value of the column is. ValueError if `given` cannot be compared with it."""
        kind, is_limit = _kind_of(column), option in ("below", "above")
        if kind is None:
            raise ValueError(f"column '{self.column}' is {column}; `{option}` compares {_KINDS}")
        if kind == "boolean" and is_limit:
            raise ValueError(f"column '{self.column}' is bool; `{option}` is for what has an order; {_OR_LISTS}")
        fits = {"number": int | float, "string": str, "boolean": bool, "date or time": str}[kind]
        if not isinstance(given, fits) or (isinstance(given, bool) and kind != "boolean"):
            ways_out = {"number": "give a number", "boolean": "give true or false", "date or time": f"give {_TIMES}"}
            ways_out["string"] = _OR_LISTS if is_limit else f'did you mean ["{given}"]?'
            raise self._mismatch(column, option, given, ways_out[kind])
        return kind

    def _mismatch(self, column: pa.DataType, option: str, given: Any, way_out: str) -> ValueError:
        shown = json.dumps(given if option in ("below", "above") else [given], ensure_ascii=False)
        what = {str: "strings", bool: "booleans"}.get(type(given), "numbers")
        return ValueError(f"column '{self.column}' is {column}; `{option}: {shown}` compares {what}; {way_out}")

    def _like(self, column: pa.DataType, option: str, given: Any) -> pa.Scalar:
        """What was given, as a value of the column's type; ValueError if it is no time and ought to be.

        A time without a zone is meant in UTC, if zones matter.
        """
        if isinstance(given, bool) or _is_string(column):
            return pa.scalar(given, column)
        try:
            moment = datetime.fromisoformat(given)
        except ValueError as error:
            raise self._mismatch(column, option, given, f"give {_TIMES}") from error
        if pa.types.is_timestamp(column) and column.tz and moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return pa.scalar(moment).cast(column)

    def _missing_error(self, batch: Batch, missing: Mask) -> StageError:
        return StageError(
            f"drop: {missing.sum()} of {len(batch)} documents have no value in column '{self.column}', "
            f"the first has id {batch[ID][int(missing.argmax())].as_py()!r}; say missing: keep or missing: drop"
        )

    def _reason(self, condition: str) -> str:
        return f"{re.sub('[^0-9a-z]+', '_', self.column.lower()).strip('_')}_{condition}"


_KINDS = "numbers, strings, booleans, dates and times"
_TIMES = "a date or time, as 2024-01-31 or 2024-01-31T12:00:00Z"
_OR_LISTS = "did you mean in / not_in?"


def _plain(column: pa.DataType) -> pa.DataType:
    """The type in which values of a column are compared: of a dictionary, that of its values; no view."""
    if pa.types.is_dictionary(column):
        column = column.value_type
    return pa.large_string() if pa.types.is_string_view(column) else column


def _kind_of(column: pa.DataType) -> str | None:
    if pa.types.is_boolean(column):
        return "boolean"
    if pa.types.is_integer(column) or pa.types.is_floating(column) or pa.types.is_decimal(column):
        return "number"
    if _is_string(column):
        return "string"
    return "date or time" if pa.types.is_date(column) or pa.types.is_timestamp(column) else None


def _is_string(column: pa.DataType) -> bool:
    return bool(pa.types.is_string(column) or pa.types.is_large_string(column))


def _numbers(values: pa.Array) -> npt.NDArray[Any]:
    """Numbers as numpy has them, 0 where there is none: it compares integers exactly with any limit, Arrow does not."""
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    return np.asarray(pc.fill_null(values, 0).to_numpy(zero_copy_only=False))


def _mask(array: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), np.bool_)
