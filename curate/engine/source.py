"""The documents of a unit as a pass sees them: input file, texts and columns of earlier passes, put side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, DROPPED_BY, ID, SIZE, TEXT, Batch
from curate.engine.context import Context
from curate.engine.counts import measure
from curate.errors import StoreError
from curate.plan import Pass
from curate.store import ledger
from curate.store.inputs import same_as_now
from curate.store.quarantine import BadRow
from curate.store.shards import CHUNK_BYTES, Chunk, Unit, Unreadable, present_columns, read_unit

UNREAD = "quarantine/"
"""What `dropped_by` begins with for rows that could not be read."""


@dataclass(frozen=True)
class Piece:
    """Rows `start:stop` of a unit. `ids`, `dropped_by`: one entry for each row; `batch`: the documents still alive."""

    start: int
    stop: int
    ids: pa.Array
    dropped_by: npt.NDArray[np.object_]
    earlier: int
    """Rows that earlier passes dropped or could not read."""
    unreadable: dict[str, int]
    batch: Batch


class Source:
    """Reads one unit for one pass."""

    def __init__(self, context: Context, this_pass: Pass, unit: Unit, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Opens nothing large; loads the unit's rows of earlier ledgers."""
        self.context, self.unit, self.chunk_bytes = context, unit, chunk_bytes
        self.number = this_pass.number
        self.first = this_pass.number == 1
        self.start = 0
        self.bad: list[BadRow] = []
        """Rows that this pass found unreadable."""
        self.id_column, self.text_column = context.recipe.input.id, context.recipe.input.text
        self.check_unchanged()
        present = present_columns(unit.path)
        self.schema = context.inputs.schema
        self.text_file = None if self.first else context.text_file(unit, this_pass.number)
        self.needs_text = self.first or TEXT in this_pass.reads
        self.earlier_columns = context.earlier_columns(this_pass.number)
        self.users = [name for name in this_pass.reads if name not in (ID, TEXT) and name not in self.earlier_columns]
        # The first look decodes every column, so that what cannot be read is found, counted and put aside before any
        # decision is made, rather than when the survivors are written.
        decode = list(present.names) if self.first else [name for name in self.users if name in present.names]
        if self.needs_text and self.text_file is None and not self.first:
            decode.append(self.text_column)
        self.decode = decode
        self.old = self._load_ledgers(this_pass)
        self.dropped_by = self._dropped_by()

    def check_unchanged(self) -> None:
        """Raise StoreError if the input file is not what it was at the start of the run."""
        file = self.context.inputs.files[self.unit.file]
        change = same_as_now(file)
        if change:
            raise StoreError(
                f"{file.path}: {change} since the run began; what was read of it so far cannot be trusted."
                f" Let it come to rest, then run again: only what it touches is done anew"
            )

    def _load_ledgers(self, this_pass: Pass) -> dict[str, pa.Array]:
        if self.first:
            return {}
        folder, stem = self.context.folder, self.unit.stem
        old = ledger.read(folder.ledger(self.number - 1, stem), [DROPPED_BY, CHARS, SIZE])
        old[ID] = ledger.read(folder.ledger(1, stem), [ID])[ID]
        for name in this_pass.reads:
            if name in self.earlier_columns:
                old[name] = ledger.read(folder.ledger(self.earlier_columns[name], stem), [name])[name]
        return old

    def _dropped_by(self) -> npt.NDArray[np.object_]:
        if not self.first:
            return np.asarray(self.old[DROPPED_BY].to_numpy(zero_copy_only=False), dtype=object)
        gone = np.full(self.unit.rows, None, dtype=object)
        gone[self.context.duplicates.get(self.unit.index, [])] = UNREAD + "duplicate_id"
        return gone

    def pieces(self) -> Iterator[Piece]:
        """The unit from its first row to its last, without gaps."""
        wanted = np.asarray(self.dropped_by == None)  # noqa: E711  element by element: None means alive
        self._report_duplicates()
        texts = ledger.Texts(self.text_file) if self.text_file is not None and self.needs_text else None
        measure = self.text_column if self.text_column in self.decode else None if self.first else self._sizes()
        chunks = read_unit(self.unit, self.decode, wanted, chunk_bytes=self.chunk_bytes, measure=measure)
        for chunk in chunks:
            self.start = chunk.start
            yield self._unreadable(chunk) if isinstance(chunk, Unreadable) else self._piece(chunk, texts)

    def _sizes(self) -> npt.NDArray[np.int64]:
        """Bytes of each row's text after the pass before, where it is not read from the input."""
        sizes = pc.fill_null(self.old[SIZE], 0) if self.needs_text else pa.array(np.zeros(self.unit.rows, np.int64))
        return np.asarray(sizes.to_numpy(zero_copy_only=False), np.int64)

    def _piece(self, chunk: Chunk, texts: ledger.Texts | None) -> Piece:
        here = slice(chunk.start, chunk.stop)
        dropped_by = self.dropped_by[here].copy()
        earlier = int(np.count_nonzero(dropped_by != None)) if not self.first else 0  # noqa: E711
        unreadable = {"duplicate_id": int(np.count_nonzero(dropped_by != None))} if self.first else {}  # noqa: E711
        at = chunk.rows - chunk.start
        columns: dict[str, pa.Array] = {}
        for name in self.users:
            columns[name] = self._user_column(name, chunk)
        for name in self.old:
            if name != DROPPED_BY:
                columns[name] = self.old[name].take(pa.array(chunk.rows))
        if self.first:
            columns[ID] = self._ids(chunk)
        if self.needs_text and len(at):
            text = texts.of(chunk.rows) if texts is not None else chunk.columns[self.text_column]
            text, fine = self._text(text, chunk, columns[ID])
        else:
            text, fine = pa.array([], pa.large_string()), np.ones(len(at), bool)
        if self.needs_text or not len(at):
            columns[TEXT] = text
        for row, problem in zip(at[~fine], self._problems, strict=True) if not fine.all() else ():
            dropped_by[row] = UNREAD + problem
            unreadable[problem] = unreadable.get(problem, 0) + 1
        ids = self._all_ids(chunk, columns[ID])
        batch = Batch(columns)
        if not fine.all():
            keep = np.flatnonzero(fine)
            batch = Batch({n: (c if n == TEXT else c.take(pa.array(keep))) for n, c in columns.items()})
        if self.first:
            batch = batch.with_columns(measure(batch))
        return Piece(chunk.start, chunk.stop, ids, dropped_by, earlier, _positive(unreadable), batch)

    def _user_column(self, name: str, chunk: Chunk) -> pa.Array:
        kind = self.schema.field(name).type
        if name not in chunk.columns:
            return pa.nulls(len(chunk.rows), kind)
        values = chunk.columns[name]
        return values if values.type == kind else values.cast(kind)

    def _ids(self, chunk: Chunk) -> pa.Array:
        """Ids as strings; where there is none, `<file>#<row>`."""
        numbers = chunk.rows + self.unit.first_row
        if self.id_column in chunk.columns:
            given = chunk.columns[self.id_column].cast(pa.large_string())
            if not given.null_count:
                return given
            return pc.if_else(given.is_null(), made_ids(self.unit.name, numbers), given)
        return made_ids(self.unit.name, numbers)

    def _all_ids(self, chunk: Chunk, ids: pa.Array) -> pa.Array:
        """Ids of all rows of the chunk, those that were not read included."""
        if not self.first:
            return self.old[ID].slice(chunk.start, chunk.stop - chunk.start)
        n = chunk.stop - chunk.start
        if len(ids) == n:
            return ids
        places = np.full(n, -1, np.int64)
        places[chunk.rows - chunk.start] = np.arange(len(ids))
        return ids.take(pa.array(places, mask=places < 0))

    def _text(self, text: pa.Array, chunk: Chunk, ids: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
        """(texts that are there and valid UTF-8 as large_string, which of the chunk's rows they are)."""
        self._problems: list[str] = []
        if pa.types.is_dictionary(text.type):
            text = text.cast(text.type.value_type)
        if self.text_file is not None or (not text.null_count and _is_utf8(text)):
            return text.cast(pa.large_string()), np.ones(len(text), bool)
        raw = text.cast(pa.large_binary())
        fine = np.ones(len(raw), bool)
        for row, value in enumerate(raw.to_pylist()):
            problem = _problem(value)
            if problem:
                fine[row] = False
                self._problems.append(problem[0])
                number = int(chunk.rows[row]) + self.unit.first_row
                self.bad.append(BadRow(self.unit.name, number, None, None, *problem, ids[row].as_py(), value))
        kept = raw.take(pa.array(np.flatnonzero(fine)))
        return kept.cast(pa.large_string()), fine

    def _unreadable(self, hole: Unreadable) -> Piece:
        dropped_by = self.dropped_by[hole.start : hole.stop].copy()
        alive = np.asarray(dropped_by == None)  # noqa: E711
        dropped_by[alive] = UNREAD + "unreadable"
        lost = int(alive.sum())
        first = hole.start + self.unit.first_row
        rows = f"rows {first} to {first + hole.stop - hole.start - 1} of row group {hole.group}"
        error = f"{rows} cannot be decoded, {lost} documents: {hole.error}"
        self.bad.append(BadRow(self.unit.name, first, None, hole.offset, "unreadable", error, None, None))
        n = hole.stop - hole.start
        ids = pa.nulls(n, pa.large_string()) if self.first else self.old[ID].slice(hole.start, n)
        nothing = {name: column.slice(0, 0) for name, column in self._empty().items()}
        earlier = 0 if self.first else n - lost
        unreadable = {"unreadable": lost, **({"duplicate_id": n - lost} if self.first else {})}
        return Piece(hole.start, hole.stop, ids, dropped_by, earlier, _positive(unreadable), Batch(nothing))

    def _empty(self) -> dict[str, pa.Array]:
        columns = {name: pa.nulls(0, self.schema.field(name).type) for name in self.users}
        columns |= {name: values for name, values in self.old.items() if name != DROPPED_BY}
        columns |= {ID: pa.array([], pa.large_string()), TEXT: pa.array([], pa.large_string())}
        return columns | {CHARS: pa.array([], pa.int64()), SIZE: pa.array([], pa.int64())}

    def _report_duplicates(self) -> None:
        if self.first:
            for row in np.flatnonzero(self.dropped_by == UNREAD + "duplicate_id"):
                number = int(row) + self.unit.first_row
                error = "an earlier row has the same id; the first one is kept"
                self.bad.append(BadRow(self.unit.name, number, None, None, "duplicate_id", error, None, None))


def made_ids(name: str, rows: npt.NDArray[np.int64]) -> pa.Array:
    """`<name>#<row>` for rows of a file without ids: the same on every run, wherever the run is."""
    kind = pa.large_string()
    return pc.binary_join_element_wise(pa.scalar(name, kind), pa.array(rows).cast(kind), pa.scalar("#", kind))


def _is_utf8(text: pa.Array) -> bool:
    try:
        text.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _problem(value: bytes | None) -> tuple[str, str] | None:
    if value is None:
        return "null_text", "the text is null"
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return "invalid_utf8", f"byte {error.start} of the text: {error.reason}"
    return None


def _positive(counts: dict[str, int]) -> dict[str, int]:
    return {reason: rows for reason, rows in counts.items() if rows}
