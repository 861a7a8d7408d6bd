"""Reading a unit of work: a Parquet shard, or a run of row groups of a big one, as chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.store.ranges import parquet_options, parquet_source

UNIT_BYTES = 128 << 20  # uncompressed bytes at which a shard is cut into units: at most a minute of work, or lost
CHUNK_BYTES = 4 << 20  # text in one batch: with its words, lines and copies a worker holds some twenty times that
CHUNK_ROWS = 1 << 16  # documents in one batch, when they are tiny
DECODE_BYTES = 2 << 20  # decoded at a time, by the row group's average; one long document may be more
BIG_GROUP = 64 << 20  # in row groups above this, 16 rows at a time at most: long documents may lie close together


@dataclass(frozen=True)
class Unit:
    """Rows `first_row:first_row + rows` of file number `file`, which are its row groups `groups[0]:groups[1]`."""

    index: int
    file: int
    name: str
    """Of the file that the user gave; ids are made of it, and messages name it."""
    path: str
    """Of the Parquet file to read: the user's own, or what was imported from it."""
    first_row: int
    rows: int
    groups: tuple[int, int]
    size: int
    """Uncompressed bytes of all columns."""
    members: tuple[tuple[int, int], ...] = ()
    """If its Parquet file was imported from many small files: (number, first row) of each, in order."""

    @property
    def stem(self) -> str:
        """The name of this unit's files in the run folder."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Chunk:
    """Rows `start:stop` of a unit, of which `rows` (int64[n], ascending, unit-relative) are wanted still and read."""

    start: int
    stop: int
    rows: npt.NDArray[np.int64]
    columns: dict[str, pa.Array]


@dataclass(frozen=True)
class Unreadable:
    """Rows `start:stop` of a unit whose bytes cannot be decoded."""

    start: int
    stop: int
    group: int
    offset: int
    """Of the row group, in bytes from the start of the file."""
    error: str


def cut_into_units(
    file: int, name: str, path: str, groups: list[tuple[int, int]], first_index: int, unit_bytes: int = UNIT_BYTES
) -> list[Unit]:
    """Units of a file whose row groups have these (rows, uncompressed bytes); each ends when it has `unit_bytes`."""
    units: list[Unit] = []
    first_group, first_row, rows, size = 0, 0, 0, 0
    for number, (group_rows, group_bytes) in enumerate(groups):
        rows, size = rows + group_rows, size + group_bytes
        if size >= unit_bytes or number == len(groups) - 1:
            index = first_index + len(units)
            units.append(Unit(index, file, name, path, first_row, rows, (first_group, number + 1), size))
            first_group, first_row, rows, size = number + 1, first_row + rows, 0, 0
    return units


def read_unit(
    unit: Unit,
    columns: list[str],
    wanted: npt.NDArray[np.bool_] | None = None,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    measure: str | npt.NDArray[np.int64] | None = None,
) -> Iterator[Chunk | Unreadable]:
    """The unit's rows in order, as chunks that cover it without gaps; rows that are not `wanted` are skipped.

    columns: to decode; none of them may be missing from the file (see `present_columns`).
    wanted: bool[unit.rows], or None for all. Row groups without a wanted row are not read.
    measure: what cuts the chunks: the bytes of a column, or int64[unit.rows] bytes of each row, for texts that are
    not in this file; None: the bytes of all columns.
    A row group that cannot be decoded gives one `Unreadable` for its rest; what came before it was already given.
    """
    wanted = np.ones(unit.rows, bool) if wanted is None else wanted
    collector = _Collector(columns, chunk_bytes, measure)
    with pq.ParquetFile(parquet_source(unit.path), **parquet_options(unit.path)) as parquet:
        at = 0
        for group in range(*unit.groups):
            meta = parquet.metadata.row_group(group)
            end = min(at + meta.num_rows, unit.rows)
            if not wanted[at:end].any():
                yield from collector.skip(end)
                at = end
                continue
            try:
                for batch in _decode(parquet, group, columns, meta):
                    batch = batch.slice(0, end - at)
                    rows = np.flatnonzero(wanted[at : at + batch.num_rows])
                    picked = batch if len(rows) == batch.num_rows else _pick(batch, rows)
                    yield from collector.add(at + batch.num_rows, rows + at, picked)
                    at += batch.num_rows
                    if at == end:
                        break
            except pa.ArrowNotImplementedError:  # a type that this program cannot read is no fault of the input
                raise
            except (OSError, pa.ArrowException) as error:
                yield from collector.flush()
                yield Unreadable(at, end, group, _offset(meta), f"{type(error).__name__}: {error}")
                collector.skip_to(end)
                at = end
        yield from collector.flush()


def _decode(
    parquet: pq.ParquetFile, group: int, columns: list[str], meta: pq.RowGroupMetaData
) -> Iterator[pa.RecordBatch]:
    if not columns:
        yield pa.RecordBatch.from_struct_array(pa.array([{}] * meta.num_rows, pa.struct([])))
        return
    # Parquet does not say how long its longest value is, so that the rows decoded at once must be few enough for any
    # documents under 10 MB.
    average = meta.total_byte_size // max(meta.num_rows, 1) + 1
    rows = max(1, min(16 if meta.total_byte_size > BIG_GROUP else 256, DECODE_BYTES // average))
    yield from parquet.iter_batches(rows, row_groups=[group], columns=columns, use_threads=False)


def _pick(batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """The rows of a batch, ascending. By slices where Arrow cannot take them: it has no kernel for views."""
    try:
        return batch.take(pa.array(rows))
    except pa.ArrowNotImplementedError:
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        return pa.concat_batches([batch.slice(int(run[0]) if len(run) else 0, len(run)) for run in runs])


def _offset(meta: pq.RowGroupMetaData) -> int:
    first = meta.column(0)
    return int(first.dictionary_page_offset or first.data_page_offset) if meta.num_columns else 0


class _Collector:
    """Joins small record batches until they hold enough bytes for one chunk, and cuts those that hold too many."""

    def __init__(self, columns: list[str], chunk_bytes: int, measure: str | npt.NDArray[np.int64] | None) -> None:
        self.columns, self.chunk_bytes, self.measure = columns, chunk_bytes, measure
        self.start = self.stop = 0
        self.size = self.held = 0
        self.rows: list[npt.NDArray[np.int64]] = []
        self.batches: list[pa.RecordBatch] = []

    def add(self, stop: int, rows: npt.NDArray[np.int64], batch: pa.RecordBatch) -> Iterator[Chunk]:
        """The unit's rows up to `stop`, of which the batch holds `rows`."""
        ends = np.cumsum(self._lengths(rows, batch))
        done = 0
        while done < len(rows):
            before = int(ends[done - 1]) if done else 0
            cut = int(np.searchsorted(ends, before + self.chunk_bytes - self.size, side="right"))
            cut = min(cut, done + CHUNK_ROWS - self.held, len(rows))
            if cut <= done and self.held:  # the next document does not fit: it opens a chunk of its own
                self.stop = int(rows[done])
                yield from self.flush()
                continue
            cut = max(cut, done + 1)
            self.rows.append(rows[done:cut])
            self.batches.append(batch.slice(done, cut - done))
            self.size += int(ends[cut - 1]) - before
            self.held += cut - done
            self.stop = int(rows[cut - 1]) + 1
            done = cut
        self.stop = stop
        yield from self.skip(stop)

    def _lengths(self, rows: npt.NDArray[np.int64], batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        if isinstance(self.measure, np.ndarray):
            return self.measure[rows]
        if self.measure is None or self.measure not in batch.schema.names:
            each = batch.nbytes // max(len(rows), 1) if batch.num_columns else 0
            return np.full(len(rows), each, np.int64)
        lengths = pc.fill_null(pc.binary_length(_plain(batch.column(self.measure))), 0)
        return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)

    def skip(self, stop: int) -> Iterator[Chunk]:
        """Nothing wanted up to `stop`."""
        self.stop = stop
        if stop - self.start >= CHUNK_ROWS:
            yield from self.flush()

    def skip_to(self, stop: int) -> None:
        """Go on behind a hole."""
        self.start = self.stop = stop

    def flush(self) -> Iterator[Chunk]:
        """What is held, as a chunk."""
        if self.stop > self.start:
            rows = np.concatenate(self.rows) if self.rows else np.zeros(0, np.int64)
            yield Chunk(self.start, self.stop, rows, self._join())
        self.start, self.size, self.held, self.rows, self.batches = self.stop, 0, 0, [], []

    def _join(self) -> dict[str, pa.Array]:
        if not self.batches:
            return {}
        return {name: pa.concat_arrays([batch.column(name) for batch in self.batches]) for name in self.columns}


def _plain(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values


def read_column(unit: Unit, hole: Unreadable, column: str) -> pa.Array | None:
    """One column of a hole in another, if that column at least can be decoded."""
    try:
        with pq.ParquetFile(parquet_source(unit.path)) as parquet:
            first = sum(parquet.metadata.row_group(group).num_rows for group in range(unit.groups[0], hole.group))
            table = parquet.read_row_group(hole.group, [column], use_threads=False)
    except (OSError, pa.ArrowException, KeyError):
        return None
    return table.column(column).combine_chunks().slice(hole.start - first, hole.stop - hole.start)


def present_columns(path: str | Path) -> pa.Schema:
    """The schema of a Parquet file, as Arrow."""
    return pq.read_schema(parquet_source(str(path)))
