"""Documents, as dicts read from JSON, into Arrow tables: their columns, and what kind these have in the whole file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from curate.store.columns import MIXED, Kind, column, combined, holds_huge, look_at, settle
from curate.store.inputs import BadFile
from curate.store.lines import Rules, parse_exactly

MAX_COLUMNS = 2000  # names at the top of a file's objects: with more, the file is not a table of documents


@dataclass
class Column:
    """One column of some documents."""

    values: list[Any]
    array: pa.Array | None
    """The values, as Arrow takes them; None if it cannot."""
    kind: Kind


def columns_of(records: list[dict[str, Any]], raw: list[bytes], rules: Rules) -> dict[str, Column]:
    """The columns of some documents, as Arrow finds them, with integers of any size exact."""
    columns = _look(records, rules)
    if any(holds_huge(one.values, one.array) for one in columns.values()):
        parse_exactly(records, raw, rules)
        columns = _look(records, rules)
    return columns


def _look(records: list[dict[str, Any]], rules: Rules) -> dict[str, Column]:
    names: dict[str, None] = {}
    for record in records:
        if not names.keys() >= record.keys():
            names |= dict.fromkeys(record)
            _check_width(len(names), rules)
    columns = {}
    for name in names:
        values = [record.get(name) for record in records]
        columns[name] = Column(values, *look_at(values))
    return columns


def widen(kinds: dict[str, Kind], columns: dict[str, Column], rules: Rules) -> dict[str, Kind]:
    """The kinds of what was read so far and these columns. Raises BadFile if there are too many columns."""
    wider = dict(kinds)
    for name, one in columns.items():
        wider[name] = combined(kinds[name], one.kind) if name in kinds else one.kind
    _check_width(len(wider), rules)
    return wider


def _check_width(columns: int, rules: Rules) -> None:
    if columns > MAX_COLUMNS:
        raise BadFile(
            rules.file.name,
            "too_many_columns",
            f"its objects have more than {MAX_COLUMNS} different names at the top; put what varies into one object",
        )


def table_of(columns: dict[str, Column], kinds: dict[str, Kind], rows: int) -> pa.Table:
    """The documents as a table of the schema of `kinds`, which are the columns' own or wider."""
    nothing = Column([None] * rows, None, pa.null())
    found = {name: columns.get(name, nothing) for name in kinds}
    arrays = [column(found[name].values, kind, found[name].array) for name, kind in settled(kinds).items()]
    return pa.table(arrays, schema=schema_of(kinds))


def as_table(records: list[dict[str, Any]], kinds: dict[str, Kind]) -> pa.Table:
    """The documents as a table of the schema of `kinds`, which were found by looking at them all."""
    arrays = [column([record.get(name) for record in records], kind) for name, kind in settled(kinds).items()]
    return pa.table(arrays, schema=schema_of(kinds))


def settled(kinds: dict[str, Kind]) -> dict[str, Kind]:
    """The kinds that the columns have in the file."""
    return {name: settle(kind) for name, kind in kinds.items()}


def schema_of(kinds: dict[str, Kind]) -> pa.Schema:
    """The schema of a file whose columns have these kinds in the end."""
    return pa.schema([(name, pa.string() if kind is MIXED else kind) for name, kind in settled(kinds).items()])
