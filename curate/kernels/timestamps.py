"""Times that are written as strings, as numbers that can be compared."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TIME = re.compile(
    r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})"
    r"(?:(?:[Tt ]|(?<=[0-9]{8}))([01][0-9]|2[0-3])(?::?([0-5][0-9])(?::?([0-5][0-9])(?:[.,]([0-9]+))?)?)?"
    r" ?(?:[Zz]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?)?"
)
_YEAR_OR_MONTH = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")
_SECOND = 1_000_000  # in microseconds

_START = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
_SHAPES = {
    pa.timestamp("us", "UTC"): _START + r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)\z",
    pa.timestamp("us"): _START + r"\z",
}
"""With a zone, and without: most of what Arrow reads as such."""


def microseconds_one(value: str) -> int | None:
    """Microseconds from 1970 on, in UTC, of a time in ISO 8601; None if it is no such time.

    With or without `-` and `:`, in the years 0 to 9999; without a zone it is UTC. A year or a month stands for its
    beginning. Instead of the T there may be a space, or nothing, as in the 14 digits of web archives; whitespace at the
    ends is passed over, and so is what is below a microsecond. Weeks, days of the year, 24:00 and leap seconds are not
    known here.
    """
    value = value.strip()
    found = _TIME.fullmatch(value)
    if not found:
        part = _YEAR_OR_MONTH.fullmatch(value)
        return _of_day(part[1], part[2] or "01", "01") if part else None
    year, _, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups("0")
    midnight = _of_day(year, month, day)
    if midnight is None:
        return None
    zone = (int(zone_hours) * 60 + int(zone_minutes)) * (-1 if sign == "-" else 1)
    seconds = (int(hour) * 60 + int(minute) - zone) * 60 + int(second)
    return midnight + seconds * _SECOND + int(fraction[:6].ljust(6, "0"))


def microseconds(values: pa.LargeStringArray) -> pa.Int64Array:
    """`microseconds_one` of each, int64[n], null for null. What a value gives does not depend on the others."""
    for kind in _SHAPES:  # most columns are of one form
        try:
            return values.cast(kind).cast(pa.int64())
        except pa.ArrowInvalid:
            continue
    found, left = np.zeros(len(values), np.int64), values.is_valid().to_numpy(zero_copy_only=False)
    nothing = ~left
    for kind, shape in _SHAPES.items():
        rows = np.flatnonzero(pc.fill_null(pc.match_substring_regex(values, shape), False).to_numpy(False))
        try:
            found[rows] = values.take(pa.array(rows)).cast(kind).cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:  # the 31st of April, say
            continue
        left[rows] = False
    return _others(values, np.flatnonzero(left), found, nothing)


def _others(
    values: pa.LargeStringArray,
    rows: npt.NDArray[np.int64],
    found: npt.NDArray[np.int64],
    nothing: npt.NDArray[np.bool_],
) -> pa.Int64Array:
    """`found`, with what some rows are one by one."""
    for row, value in zip(rows.tolist(), values.take(pa.array(rows)).to_pylist(), strict=True):
        one = microseconds_one(value)
        found[row], nothing[row] = one or 0, one is None
    return pa.array(found, mask=nothing)


def _of_day(year: str, month: str, day: str) -> int | None:
    """When it begins; None if there is no such day."""
    try:
        return int(np.datetime64(f"{year}-{month}-{day}", "D").astype(np.int64)) * 86_400 * _SECOND
    except ValueError:
        return None
