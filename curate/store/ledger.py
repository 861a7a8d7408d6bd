"""The ledger: one row per input document of a unit, with what a pass said of it; and the texts that a pass changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.documents import ROW, TEXT
from curate.errors import StoreError
from curate.store.files import Pending

FACTS = b"curate"  # key of the Parquet metadata that holds a file's facts: fingerprint and counts, as JSON
TEXT_SCHEMA = pa.schema([(ROW, pa.int64()), (TEXT, pa.large_string())])
GROUP_ROWS = 1 << 16  # rows of a row group
GROUP_BYTES = 16 << 20  # text of a row group: what a reader of one must hold


class Writer(Pending):
    """A Parquet file in the making: whole when it is committed, else it never was.

    Row groups are cut by what is in them, not by how it arrived, so that the file's bytes depend on its rows alone.
    """

    def __init__(self, path: Path, schema: pa.Schema, compression: str = "zstd", level: int | None = None) -> None:
        """Opens a temporary file beside `path`."""
        self.schema = schema
        super().__init__(path)
        self._writer = pq.ParquetWriter(self.part, schema, compression=compression, compression_level=level)
        self._files.callback(self._writer.close)
        self._pending: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def write(self, columns: Mapping[str, pa.Array], sizes: npt.NDArray[np.int64] | None = None) -> None:
        """Append rows. sizes: bytes that each row counts towards a row group, int64[n]; None: only rows are counted."""
        batch = pa.record_batch([columns[name] for name in self.schema.names], schema=self.schema)
        ends = np.cumsum(sizes) if sizes is not None else None
        done = 0
        while done < batch.num_rows:
            cut = min(batch.num_rows, done + GROUP_ROWS - self._rows)
            if ends is not None:
                before = int(ends[done - 1]) if done else 0
                full = int(np.searchsorted(ends, before + GROUP_BYTES - self._bytes)) + 1
                cut = min(cut, max(full, done + 1))
                self._bytes += int(ends[cut - 1]) - before
            self._pending.append(batch.slice(done, cut - done))
            self._rows += cut - done
            done = cut
            if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
                self._flush()

    def _flush(self) -> None:
        if self._rows:
            table = pa.Table.from_batches(self._pending, self.schema).combine_chunks()
            self._writer.write_table(table, row_group_size=table.num_rows)
        self._pending, self._rows, self._bytes = [], 0, 0

    def commit(self, facts: Mapping[str, Any] | None = None) -> None:
        """Finish: the file takes its place, with its facts if any."""
        self._flush()
        if facts is not None:
            self._writer.add_key_value_metadata({FACTS.decode(): json.dumps(facts, sort_keys=True)})
        self._take_place()


def facts(path: Path) -> dict[str, Any] | None:
    """The facts of a file that `Writer` committed; None if there is no such file, or it is not one of ours."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return dict(json.loads(metadata[FACTS])) if FACTS in metadata else None


def columns_of(path: Path) -> dict[str, pa.DataType]:
    """Names and types of the columns of a ledger."""
    return {field.name: field.type for field in pq.read_schema(path)}


def read(path: Path, columns: list[str]) -> dict[str, pa.Array]:
    """Columns of a ledger, each in one piece."""
    with pq.ParquetFile(path, pre_buffer=False) as parquet:  # a quarter of what `read_table` takes for a small file
        table = parquet.read(columns=columns, use_threads=False)
    return {name: _one(table.column(name)) for name in columns}


def _one(column: pa.ChunkedArray) -> pa.Array:
    merged = column.combine_chunks()
    return merged if isinstance(merged, pa.Array) else pa.concat_arrays(merged.chunks)


def rows_of(path: Path, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Some rows of a ledger (ascending), as Python values; decodes their row groups alone. StoreError if one is not."""
    found: list[dict[str, Any]] = []
    first = 0
    with pq.ParquetFile(path) as parquet:
        for group in range(parquet.num_row_groups):
            after = first + parquet.metadata.row_group(group).num_rows
            here = [row - first for row in rows if first <= row < after]
            if here:
                found += parquet.read_row_group(group, use_threads=False).take(pa.array(here)).to_pylist()
            first = after
    if len(found) < len(rows):
        raise StoreError(f"{path}: it has fewer rows than its unit")
    return found


def text_of(path: Path, row: int) -> str | None:
    """The text of a row in a text file; None if the row is not in it."""
    found = pq.read_table(path, columns=[TEXT], filters=[(ROW, "==", row)], use_threads=False)
    return str(found.column(TEXT)[0].as_py()) if found.num_rows else None


class Texts:
    """The texts of a text file, asked for in ascending order of rows, streamed."""

    def __init__(self, path: Path) -> None:
        """Opens the file."""
        self._path = path
        self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
        self._batches = self._by_group()
        self._rows = np.zeros(0, np.int64)
        self._texts = pa.array([], pa.large_string())

    def _by_group(self) -> Iterator[pa.RecordBatch]:
        """Batches within row groups: a row group has a bounded number of bytes, some hundred rows have not."""
        for group in range(self._file.num_row_groups):
            yield from self._file.iter_batches(256, row_groups=[group], use_threads=False)

    def of(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Texts of `rows`, large_string. Every row must be in the file, after all rows asked for before."""
        row_parts, text_parts = [self._rows], [self._texts]
        while len(rows) and (not len(row_parts[-1]) or row_parts[-1][-1] < rows[-1]):
            batch = next(self._batches, None)
            if batch is None:
                raise StoreError(f"{self._path}: the text of row {rows[-1]} is not in it; run again with --fresh")
            row_parts.append(batch.column(0).to_numpy())
            text_parts.append(batch.column(1))
        all_rows, all_texts = np.concatenate(row_parts), pa.concat_arrays(text_parts)
        at = np.searchsorted(all_rows, rows)
        after = int(np.searchsorted(all_rows, rows[-1], side="right")) if len(rows) else 0
        self._rows, self._texts = all_rows[after:], all_texts.slice(after)
        return all_texts.take(pa.array(at))

    def close(self) -> None:
        self._file.close()
