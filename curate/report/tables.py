"""The ledgers of a run as tables: a row for each document, with what all passes and the input say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, DROPPED_BY, ID
from curate.kernels.hashing import hash64_one
from curate.report.facts import INTERNAL, Run
from curate.store import ledger
from curate.store.shards import Chunk, Unit, present_columns, read_unit

TABLE_ROWS = 1 << 17  # rows looked at at a time: some 60 MB with fifty columns


@dataclass(frozen=True)
class Known:
    """The columns that can be asked of a run."""

    ledgers: dict[str, tuple[int, pa.DataType]]
    """Column → (pass that added it, type)."""
    inputs: dict[str, pa.DataType]

    def type_of(self, name: str) -> pa.DataType | None:
        return self.ledgers[name][1] if name in self.ledgers else self.inputs.get(name)

    def is_number(self, name: str) -> bool:
        kind = self.type_of(name)
        return kind is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind))


def known_columns(run: Run) -> Known:
    """What the complete passes added, and what the input has."""
    ledgers: dict[str, tuple[int, pa.DataType]] = {}
    for number in range(1, run.passes + 1) if run.inputs.units else ():
        schema = present_columns(run.ledger(number, run.inputs.units[0]))
        ledgers |= {field.name: (number, field.type) for field in schema if field.name not in INTERNAL}
    own = (run.text_column, run.id_column)
    return Known(ledgers, {field.name: field.type for field in run.inputs.schema if field.name not in own})


def chosen(run: Run, most: int) -> list[Unit]:
    """Units with some `most` documents, chosen by a hash of their numbers; all, if there are no more. In order."""
    units = [unit for unit in run.inputs.units if unit.rows]
    if sum(unit.rows for unit in units) <= most:
        return units
    found, rows = [], 0
    for unit in sorted(units, key=lambda unit: hash64_one(unit.stem)):
        if rows and rows + unit.rows > most:
            break
        found.append(unit)
        rows += unit.rows
    return sorted(found, key=lambda unit: unit.index)


def tables(run: Run, units: Sequence[Unit], known: Known, names: Sequence[str]) -> Iterator[pa.Table]:
    """Columns `names`, with `id`, `dropped_by` (as it is at the end), `CHARS` (at the end), `unit` and `row`.

    Of TABLE_ROWS rows or a little more; a unit is never cut. A column of the input that cannot be read is null.
    """
    held: list[pa.Table] = []
    rows = 0
    for unit in units if run.passes else ():
        held.append(_table(run, unit, known, names))
        rows += unit.rows
        if rows >= TABLE_ROWS:
            yield pa.concat_tables(held).combine_chunks()
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _table(run: Run, unit: Unit, known: Known, names: Sequence[str]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "unit": pa.array(np.full(unit.rows, unit.index)),
        "row": pa.array(np.arange(unit.rows)),
    }
    for number in range(1, run.passes + 1):
        wanted = [name for name in names if name in known.ledgers and known.ledgers[name][0] == number]
        wanted += [ID] if number == 1 else []
        wanted += [DROPPED_BY, CHARS] if number == run.passes else []
        if wanted:
            columns |= ledger.read(run.ledger(number, unit), wanted)
    of_input = [name for name in names if name not in known.ledgers and name in known.inputs]
    return pa.table(columns | _of_input(unit, of_input, known))


def _of_input(unit: Unit, names: list[str], known: Known) -> dict[str, pa.Array]:
    """Columns of a unit's input, null where it cannot be read any more."""
    nulls = {name: pa.nulls(unit.rows, known.inputs[name]) for name in names}
    if not names:
        return nulls
    try:
        there = [name for name in names if name in present_columns(unit.path).names]
        pieces: dict[str, list[pa.Array]] = {name: [] for name in there}
        done = 0
        for chunk in read_unit(unit, there) if there else ():
            if not isinstance(chunk, Chunk):
                return nulls
            for name in there:
                pieces[name].append(chunk.columns[name].cast(known.inputs[name]))
            done = chunk.stop
    except (OSError, pa.ArrowException):
        return nulls
    if done != unit.rows:
        return nulls
    return nulls | {name: pa.concat_arrays(arrays) for name, arrays in pieces.items()}


def strings(values: pa.Array | pa.ChunkedArray, otherwise: str) -> pa.Array:
    """Values as large strings, `otherwise` for null."""
    plain = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(plain, pa.ChunkedArray):
        plain = pa.concat_arrays(plain.chunks)
    if pa.types.is_dictionary(plain.type):
        plain = plain.cast(plain.type.value_type)
    return pc.fill_null(plain.cast(pa.large_string()), otherwise)
