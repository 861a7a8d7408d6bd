"""The documents of a unit as a pass sees them: input file, texts and columns of earlier passes, put side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, DROPPED_BY, ID, SIZE, TEXT, Batch
from curate.engine.context import Context
from curate.engine.counts import measure as measure_of
from curate.errors import StoreError
from curate.plan import Pass
from curate.store import ledger
from curate.store.inputs import same_as_now
from curate.store.quarantine import BadRow
from curate.store.shards import CHUNK_BYTES, Chunk, Unit, Unreadable, present_columns, read_column, read_unit

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
    """reason → rows that this pass found unreadable."""
    made_ids: int
    """Rows that had no id of their own."""
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
        self.whole: dict[str, pa.Array] = {}
        """Columns of the input that were asked for of all rows."""
        self.dropped_by = self._dropped_by()

    def check_unchanged(self) -> None:
        """Raise StoreError if the input file is not what it was at the start of the run."""
        for file in self.context.inputs.files_of(self.unit):
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
        # Rows with a repeated id are decoded once more in the first pass, to be put aside with all that they hold.
        wanted = None if self.first else np.asarray(self.dropped_by == None)  # noqa: E711  None means alive
        texts = ledger.Texts(self.text_file) if self.text_file is not None and self.needs_text else None
        measure = self.text_column if self.text_column in self.decode else None if self.first else self._sizes()
        chunks = read_unit(self.unit, self.decode, wanted, chunk_bytes=self.chunk_bytes, measure=measure)
        for chunk in chunks:
            self.start = chunk.start
            yield self._hole(chunk) if isinstance(chunk, Unreadable) else self._piece(chunk, texts)

    def _sizes(self) -> npt.NDArray[np.int64]:
        """Bytes of each row's text after the pass before, where it is not read from the input."""
        sizes = pc.fill_null(self.old[SIZE], 0) if self.needs_text else pa.array(np.zeros(self.unit.rows, np.int64))
        return np.asarray(sizes.to_numpy(zero_copy_only=False), np.int64)

    def _piece(self, chunk: Chunk, texts: ledger.Texts | None) -> Piece:
        dropped_by = self.dropped_by[chunk.start : chunk.stop].copy()
        earlier = 0 if self.first else int(np.count_nonzero(dropped_by != None))  # noqa: E711
        columns = {name: self._user_column(name, chunk) for name in self.users}
        columns |= {name: v.take(pa.array(chunk.rows)) for name, v in self.old.items() if name != DROPPED_BY}
        made = 0
        if self.first:
            columns[ID], made = self._ids(chunk)
        problems: dict[int, tuple[str, str]] = {}
        if texts is not None:
            columns[TEXT] = texts.of(chunk.rows)
        elif self.needs_text and len(chunk.rows):
            raw = chunk.columns[self.text_column]
            raw = raw.cast(raw.type.value_type) if pa.types.is_dictionary(raw.type) else raw
            problems = self._problems(raw, chunk, dropped_by)
            if problems:
                fine = np.delete(np.arange(len(raw)), list(problems))
                columns = {name: values.take(pa.array(fine)) for name, values in columns.items()}
                raw = raw.cast(pa.large_binary()).take(pa.array(fine))
                self._put_aside(chunk, problems, dropped_by)
            columns[TEXT] = raw.cast(pa.large_string())
        elif self.needs_text:
            columns[TEXT] = pa.array([], pa.large_string())
        batch = Batch(columns)
        if self.first:
            batch = batch.with_columns(measure_of(batch))
        ids = self._all_ids(chunk)
        unreadable = Counter(reason for reason, _ in problems.values())
        return Piece(chunk.start, chunk.stop, ids, dropped_by, earlier, dict(unreadable), made, batch)

    def _problems(self, raw: pa.Array, chunk: Chunk, dropped_by: npt.NDArray[np.object_]) -> dict[int, tuple[str, str]]:
        """Place in the chunk's arrays → (reason, error) of the rows that are no documents."""
        found = {
            int(place): ("duplicate_id", "a row before has the same id; only the first row with an id is read")
            for place in np.flatnonzero(dropped_by[chunk.rows - chunk.start] != None)  # noqa: E711
        }
        if raw.null_count or not _is_utf8(raw):
            for place, value in enumerate(raw.cast(pa.large_binary()).to_pylist()):
                problem = _problem(value)
                if problem is not None and place not in found:
                    found[place] = problem
        return dict(sorted(found.items()))

    def _put_aside(
        self, chunk: Chunk, problems: dict[int, tuple[str, str]], dropped_by: npt.NDArray[np.object_]
    ) -> None:
        places = pa.array(list(problems))
        ids = self._ids(chunk)[0].take(places).to_pylist()
        texts = chunk.columns[self.text_column].take(places)
        texts = texts.cast(texts.type.value_type) if pa.types.is_dictionary(texts.type) else texts
        raw = texts.cast(pa.large_binary()).to_pylist()
        for (place, (reason, error)), id, value in zip(problems.items(), ids, raw, strict=True):
            row = int(chunk.rows[place])
            dropped_by[row - chunk.start] = UNREAD + reason
            name, number = self.context.inputs.place(self.unit, row)
            self.bad.append(BadRow(name, number, None, None, reason, error, id, value))

    def of_all(self, name: str, piece: Piece) -> pa.Array:
        """A column for all rows of a piece, of documents dropped by earlier passes too; not in the first pass."""
        if name not in self.old and name not in self.whole:
            self.whole[name] = self._whole(name)
        values = self.old[name] if name in self.old else self.whole[name]
        return values.slice(piece.start, piece.stop - piece.start)

    def _whole(self, name: str) -> pa.Array:
        """A column of the input for all rows of the unit; null where it cannot be read."""
        kind = _takeable(self.schema.field(name).type)
        if name not in self.decode:
            return pa.nulls(self.unit.rows, kind)
        parts = [pa.nulls(0, kind)]
        for chunk in read_unit(self.unit, [name], chunk_bytes=self.chunk_bytes):
            if isinstance(chunk, Unreadable):
                parts.append(pa.nulls(chunk.stop - chunk.start, kind))
            else:
                parts.append(self._user_column(name, chunk))
        return pa.concat_arrays(parts)

    def _user_column(self, name: str, chunk: Chunk) -> pa.Array:
        kind = _takeable(self.schema.field(name).type)
        if name not in chunk.columns:
            return pa.nulls(len(chunk.rows), kind)
        return fitted(chunk.columns[name], pa.field(name, kind), self.unit)

    def _ids(self, chunk: Chunk) -> tuple[pa.Array, int]:
        """(ids as strings, how many of them had to be made): where there is none, `<file>#<row>`."""
        numbers = chunk.rows + self.unit.first_row
        if self.id_column not in chunk.columns:
            return made_ids(self.unit.name, numbers), len(numbers)
        given = chunk.columns[self.id_column].cast(pa.large_string())
        if not given.null_count:
            return given, 0
        return pc.if_else(given.is_null(), made_ids(self.unit.name, numbers), given), given.null_count

    def _all_ids(self, chunk: Chunk) -> pa.Array:
        """Ids of all rows of the chunk, alive or not."""
        if not self.first:
            return self.old[ID].slice(chunk.start, chunk.stop - chunk.start)
        return self._ids(chunk)[0]

    def _hole(self, hole: Unreadable) -> Piece:
        """Rows that cannot be decoded: all that is known of them is where they are, and perhaps their ids."""
        dropped_by = self.dropped_by[hole.start : hole.stop].copy()
        lost = np.asarray(dropped_by == None)  # noqa: E711
        if self.first:
            lost[:] = True
        dropped_by[lost] = UNREAD + "unreadable"
        count, n = int(lost.sum()), hole.stop - hole.start
        first = hole.start + self.unit.first_row
        error = f"rows {first} to {first + n - 1} of row group {hole.group} cannot be decoded: {hole.error}"
        name, number = self.context.inputs.place(self.unit, hole.start)
        self.bad.append(BadRow(name, number, None, hole.offset, "unreadable", error, rows=count))
        ids = self.old[ID].slice(hole.start, n) if not self.first else self._ids_of(hole)
        unreadable = {"unreadable": count} if count else {}
        return Piece(hole.start, hole.stop, ids, dropped_by, n - count, unreadable, 0, Batch(self._empty()))

    def _ids_of(self, hole: Unreadable) -> pa.Array:
        found = read_column(self.unit, hole, self.id_column) if self.id_column in self.decode else None
        numbers = np.arange(hole.start, hole.stop) + self.unit.first_row
        return made_ids(self.unit.name, numbers) if found is None else found.cast(pa.large_string())

    def _empty(self) -> dict[str, pa.Array]:
        columns = {name: pa.nulls(0, _takeable(self.schema.field(name).type)) for name in self.users}
        columns |= {name: values.slice(0, 0) for name, values in self.old.items() if name != DROPPED_BY}
        columns |= {ID: pa.array([], pa.large_string()), TEXT: pa.array([], pa.large_string())}
        return columns | {CHARS: pa.array([], pa.int64()), SIZE: pa.array([], pa.int64())}


def fitted(values: pa.Array, field: pa.Field[Any], unit: Unit) -> pa.Array:
    """Values of a column of one file as the type that the column has in all. Raises StoreError if one is lost by it."""
    if values.type == field.type:
        return values
    try:
        return values.cast(field.type)
    except pa.ArrowInvalid as error:
        raise StoreError(
            f"{unit.name}: column '{field.name}' is {values.type} here and {field.type} in all files together, which"
            f" does not hold all of its values: {error}; make it of one type in all files, or a string"
        ) from error


def made_ids(name: str, rows: npt.NDArray[np.int64]) -> pa.Array:
    """`<name>#<row>` for rows of a file without ids: the same on every run, wherever the run is."""
    kind = pa.large_string()
    return pc.binary_join_element_wise(pa.scalar(name, kind), pa.array(rows).cast(kind), pa.scalar("#", kind))


def _takeable(kind: pa.DataType) -> pa.DataType:
    """The type in which stages are given a column: not as a view, of which Arrow cannot take rows."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    return pa.large_binary() if pa.types.is_binary_view(kind) else kind


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
