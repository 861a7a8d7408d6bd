"""JSON values into Arrow columns, so that every value keeps its meaning.

A column has a kind: the narrowest Arrow type that holds its values exactly, or MIXED when there is none; it then
holds JSON text. While a file is read, kinds widen; `settle` makes the final one of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from curate.store.schemas import widest

Kind: TypeAlias = pa.DataType | None

MIXED: Kind = None
SMALL = pa.int32()  # stands for integers that a double holds exactly, until the kind is settled
EXACT = 2**53  # largest integer up to which a double holds all of them
HUGE = 2.0**63  # a float of this size may have been written as an integer: orjson makes floats of those beyond 64 bits
MAX_FIELDS = 500  # names in an object, at all depths: with more, it is a map from names to values, and no structure
MAX_DEPTH = 24  # objects and lists within each other, in a column with a type
LEVELS = 1024  # objects and lists within each other, in a line: as many as orjson reads


def look_at(values: list[Any]) -> tuple[pa.Array | None, Kind]:
    """Values of one column → (them as an array of the type that Arrow finds, their kind). MIXED has no array."""
    types = set(map(type, values)) - {type(None)}
    try:
        if types <= {list, dict}:
            return _look_at_nested(values) if types else (pa.nulls(len(values)), pa.null())
        if types == {str}:
            return pa.array(values, pa.string()), pa.string()
        if types in ({bool}, {int}, {float}, {int, float}):
            array = pa.array(values, pa.float64() if float in types else None)
            return array, _narrowed(array)
    except (pa.ArrowException, OverflowError):  # an integer that 64 bits, or the double beside it, cannot hold
        pass
    return None, MIXED


def combined(a: Kind, b: Kind) -> Kind:
    """The kind of a column that has values of both kinds."""
    if a is MIXED or b is MIXED:
        return MIXED
    wider = widest(a, b, exact=True)
    return MIXED if wider is None or _names(wider) > MAX_FIELDS else wider


def settle(kind: Kind) -> Kind:
    """The type that a column of this kind has in the file, or MIXED, which is text there."""
    if kind is MIXED or _has_empty(kind):
        return MIXED
    return _settled(kind)


def column(values: list[Any], settled: Kind, array: pa.Array | None = None) -> pa.Array:
    """Values as a column of a settled kind that is their own or wider; `array` is what `look_at` made of them."""
    if settled is MIXED:
        return pa.array([None if value is None else _json(value) for value in values], pa.string())
    return array if array is not None and array.type.equals(settled) else pa.array(values, settled)


def holds_huge(values: Iterable[Any], array: pa.Array | None) -> bool:
    """Whether there is a float that may have been an integer of more than 64 bits (see HUGE)."""
    if array is not None:
        return any(
            (bounds["max"] or 0) >= HUGE or (bounds["min"] or 0) <= -HUGE
            for bounds in (pc.min_max(floats).as_py() for floats in _floats(array))
        )
    waiting: list[Iterable[Any]] = [values]
    while waiting:
        for value in waiting.pop():
            if type(value) is float and abs(value) >= HUGE:
                return True
            if type(value) is list:
                waiting.append(value)
            elif type(value) is dict:
                waiting.append(value.values())
    return False


def _look_at_nested(values: list[Any]) -> tuple[pa.Array | None, Kind]:
    if _is_wide_or_deep(values):
        return None, MIXED
    array = pa.array(values)
    if not _all_float(values, array.type):
        return None, MIXED
    return array, _narrowed(array)


def _is_wide_or_deep(values: Iterable[Any]) -> bool:
    """Whether there are too many names or levels for Arrow types; asked before Arrow makes a column of each name."""
    names: set[str] = set()
    level: list[Any] = [values]
    for _ in range(MAX_DEPTH + 2):
        below: list[Any] = []
        for value in chain.from_iterable(level):
            if type(value) is dict:
                names.update(value)
                below.append(value.values())
            elif type(value) is list and not _is_flat(value):
                below.append(value)
        if len(names) > MAX_FIELDS:
            return True
        if not below:
            return False
        level = below
    return True


def _is_flat(value: list[Any]) -> bool:
    first = next((one for one in value if one is not None), None)
    return not isinstance(first, list | dict)  # a list of both is MIXED anyway


def _all_float(values: Iterable[Any], kind: Any) -> bool:
    """Whether what became double was a number: Arrow takes `true` for 1.0 if there is a float beside it."""
    if not _has_floats(kind):
        return True
    if pt.is_floating(kind):
        return bool not in set(map(type, values))
    present = [value for value in values if value is not None]
    if pt.is_list(kind):
        return _all_float(chain.from_iterable(present), kind.value_type)
    return all(_all_float([value.get(field.name) for value in present], field.type) for field in kind)


def _has_floats(kind: Any) -> bool:
    return bool(pt.is_floating(kind)) or any(_has_floats(kind.field(n).type) for n in range(kind.num_fields))


def _narrowed(array: Any) -> pa.DataType:
    """The kind of an array: its type, with SMALL for integers that a double holds."""
    kind = array.type
    if pt.is_integer(kind):
        bounds = pc.min_max(array).as_py()
        return SMALL if max(-(bounds["min"] or 0), bounds["max"] or 0) <= EXACT else kind
    if pt.is_list(kind):
        return pa.list_(_narrowed(array.flatten()))
    if pt.is_struct(kind):
        return pa.struct([(field.name, _narrowed(array.field(n))) for n, field in enumerate(kind)])
    return kind


def _floats(array: Any) -> list[Any]:
    """The arrays of doubles within an array."""
    if pt.is_list(array.type):
        return _floats(array.flatten())
    if pt.is_struct(array.type):
        return [leaf for n in range(array.type.num_fields) for leaf in _floats(array.field(n))]
    return [array] if pt.is_floating(array.type) else []


def _names(kind: Any) -> int:
    """How many fields the structs in a type have."""
    inner = sum(_names(kind.field(n).type) for n in range(kind.num_fields))
    return inner + (kind.num_fields if pt.is_struct(kind) else 0)


def _has_empty(kind: Any) -> bool:
    """Whether there is an object without any name, which Parquet cannot hold."""
    if pt.is_struct(kind) and not kind.num_fields:
        return True
    return any(_has_empty(kind.field(n).type) for n in range(kind.num_fields))


def _settled(kind: Any) -> pa.DataType:
    if pt.is_list(kind):
        return pa.list_(_settled(kind.value_type))
    if pt.is_struct(kind):
        return pa.struct([(field.name, _settled(field.type)) for field in kind])
    return pa.int64() if kind == SMALL else kind


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer of more than 64 bits, or more than 254 levels
        with room_to_nest():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def room_to_nest() -> Iterator[None]:
    """Let the json module follow the 1024 levels that orjson reads; by itself it stops at Python's depth of calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + LEVELS)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
