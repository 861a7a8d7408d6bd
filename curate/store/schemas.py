"""One schema for many files: types are widened where no value changes its meaning, and clashes are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt


def unify(schemas: Sequence[tuple[str, pa.Schema]]) -> tuple[pa.Schema, list[tuple[str, str]]]:
    """The schema that the files (name, schema) have in common, and those that have no part in it (name, problem).

    The first file to bring a column says what it is; a file whose type for it cannot be widened to that, nor the other
    way round, is a problem and adds nothing. Columns that a file lacks are null there. Column order: that of the first
    file, then what later files add. Schema metadata stay if all files agree on them.
    """
    fields: dict[str, pa.Field[Any]] = {}
    owner: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    metadata = [schema.metadata for _, schema in schemas]
    previous: pa.Schema | None = None
    for name, schema in schemas:
        if previous is not None and schema.equals(previous, check_metadata=True):
            continue  # the usual case: ten thousand files, one schema
        merged, problem = _merge_fields(fields, schema, owner)
        if problem:
            problems.append((name, problem))
            continue
        for column in merged.keys() - owner.keys():
            owner[column] = name
        fields, previous = merged, schema
    agreed = metadata[0] if metadata and all(one == metadata[0] for one in metadata) else None
    return pa.schema(list(fields.values()), metadata=agreed), problems


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with the columns and types of `schema`, which came from `unify`; missing columns are null.

    Casts are safe: a value that the wider type cannot hold exactly (an integer beyond 2^53 as double) raises
    pyarrow.ArrowInvalid.
    """
    return pa.table([_column(table, field) for field in schema], schema=schema)


def _column(table: pa.Table, field: pa.Field[Any]) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    column = table.column(field.name)
    # Lists of nothing but nulls do not survive Arrow's cast to their own type (26.0).
    return column if column.type == field.type else column.cast(field.type)


def _merge_fields(
    fields: dict[str, pa.Field[Any]], schema: pa.Schema, owner: dict[str, str]
) -> tuple[dict[str, pa.Field[Any]], str | None]:
    """`fields` widened by a file's schema, or what stands against it."""
    if len(set(schema.names)) < len(schema.names):
        twice = next(name for name in schema.names if schema.names.count(name) > 1)
        return fields, f"column '{twice}' is there twice"
    merged = {
        name: known if name in schema.names or known.nullable else known.with_nullable(True)
        for name, known in fields.items()
    }
    for found in schema:
        known = merged.get(found.name)
        if known is None:
            merged[found.name] = found if not fields else found.with_nullable(True)
            continue
        kind = widest(known.type, found.type)
        if kind is None:
            return fields, f"column '{found.name}' is {found.type} here, and {known.type} in {owner[found.name]}"
        merged[found.name] = known.with_type(kind).with_nullable(known.nullable or found.nullable)
    return merged, None


def widest(a: pa.DataType, b: pa.DataType, *, exact: bool = False) -> pa.DataType | None:
    """The narrowest type that holds the values of both, or None. Swapping a and b changes struct fields' order only.

    null gives way to anything; integers and floats widen; a 64-bit integer and a float make double, in which integers
    are exact up to 2^53 (None with `exact`); strings and binaries take the larger offsets, dictionaries their values'
    type, times the finer unit, decimals enough digits; lists, maps and structs widen inside.
    """
    if a.equals(b):
        return a
    if pt.is_null(a) or pt.is_null(b):
        return b if pt.is_null(a) else a
    if pt.is_dictionary(a) or pt.is_dictionary(b):
        return widest(_values(a), _values(b), exact=exact)
    if _is_number(a) and _is_number(b):
        return _number(a, b, exact)
    if pt.is_decimal(a) and pt.is_decimal(b):
        return _decimal(a, b)
    if _is_list(a) and _is_list(b):
        return _list(a, b, exact)
    if pt.is_struct(a) and pt.is_struct(b):
        return _struct(a, b, exact)
    if pt.is_map(a) and pt.is_map(b):
        key, item = widest(a.key_type, b.key_type, exact=exact), widest(a.item_type, b.item_type, exact=exact)
        return pa.map_(key, item) if key is not None and item is not None else None
    for is_of_family, wide in ((_is_string, pa.large_string), (_is_binary, pa.large_binary)):
        if is_of_family(a) and is_of_family(b):
            return wide() if wide() in (a, b) else _SMALL[wide()]
    return _time(a, b)


_SMALL: dict[Any, pa.DataType] = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
_UNITS = ["s", "ms", "us", "ns"]


def _values(kind: Any) -> Any:
    return kind.value_type if pt.is_dictionary(kind) else kind


def _is_number(kind: Any) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind))


def _is_list(kind: Any) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def _is_string(kind: Any) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_binary(kind: Any) -> bool:
    return bool(
        pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind) or pt.is_binary_view(kind)
    )


def _number(a: Any, b: Any, exact: bool) -> pa.DataType | None:
    floats = [kind.bit_width for kind in (a, b) if pt.is_floating(kind)]
    integers = [kind for kind in (a, b) if pt.is_integer(kind)]
    if len(floats) == 2:
        return {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}[max(floats)]
    if floats:
        width = integers[0].bit_width
        if width == 64 and exact:
            return None
        return pa.float32() if max(floats) <= 32 and width <= 16 else pa.float64()
    signed = [pt.is_signed_integer(kind) for kind in integers]
    if all(signed) or not any(signed):
        return max(integers, key=lambda kind: int(kind.bit_width))
    unsigned = integers[signed.index(False)].bit_width
    width = max(integers[signed.index(True)].bit_width, 2 * unsigned)  # one bit more, and widths double
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(width)


def _decimal(a: Any, b: Any) -> pa.DataType | None:
    scale = max(a.scale, b.scale)
    precision = max(a.precision - a.scale, b.precision - b.scale) + scale
    if precision > 76:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _time(a: Any, b: Any) -> pa.DataType | None:
    if pt.is_date(a) and pt.is_date(b):
        return pa.date64()
    families = (pt.is_timestamp, pt.is_time, pt.is_duration)
    if not any(is_of_family(a) and is_of_family(b) for is_of_family in families):
        return None
    unit = max(a.unit, b.unit, key=_UNITS.index)
    if pt.is_timestamp(a):
        return pa.timestamp(unit, a.tz) if a.tz == b.tz else None
    if pt.is_duration(a):
        return pa.duration(unit)
    return pa.time64(unit) if unit in ("us", "ns") else pa.time32(unit)


def _list(a: Any, b: Any, exact: bool) -> pa.DataType | None:
    value = widest(a.value_type, b.value_type, exact=exact)
    if value is None:
        return None
    field = a.value_field.with_type(value).with_nullable(a.value_field.nullable or b.value_field.nullable)
    if pt.is_fixed_size_list(a) and pt.is_fixed_size_list(b) and a.list_size == b.list_size:
        return pa.list_(field, a.list_size)
    is_large = pt.is_large_list(a) or pt.is_large_list(b)
    return pa.large_list(field) if is_large else pa.list_(field)


def _struct(a: Any, b: Any, exact: bool) -> pa.DataType | None:
    """Fields of `a`, then those that `b` adds; a field that one of them lacks is null there."""
    ours, theirs = {field.name: field for field in a}, {field.name: field for field in b}
    if len(ours) < a.num_fields or len(theirs) < b.num_fields:
        return None  # a name that is there twice cannot be told apart
    fields = []
    for name in ours | theirs:
        field = ours.get(name) or theirs[name]
        if name in ours and name in theirs:
            kind = widest(field.type, theirs[name].type, exact=exact)
            if kind is None:
                return None
            field = field.with_type(kind).with_nullable(field.nullable or theirs[name].nullable)
        else:
            field = field.with_nullable(True)
        fields.append(field)
    return pa.struct(fields)
