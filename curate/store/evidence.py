"""Evidence of global stages: one file per unit, sorted by key, so that a range of keys can be taken from all units.

And artifacts: what is decided from it, sorted by document, so that a unit finds its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.store import arrow, ledger
from curate.store.arrow import ArrowFile

KEY, DOCUMENT = "key", "document"
RANGE_BYTES = 48 << 20
"""Evidence resolved at a time. It is held some three times: as it is on disk, in one piece, and in order."""
FILE_BYTES, MOST_BYTES = 64 << 10, 192 << 20
"""Of tens of thousands of units more is resolved at a time, so that opening a file pays; but no more than this."""
RUN_BYTES = 24 << 20  # evidence of a unit that is sorted at a time


def stored_schema(evidence: pa.Schema) -> pa.Schema:
    """Of the file: the stage's schema, with `row` turned into `document`, the row's address."""
    others = [field for field in evidence if field.name not in (KEY, "row")]
    return pa.schema([pa.field(KEY, pa.uint64()), pa.field(DOCUMENT, pa.uint64()), *others])


class EvidenceWriter:
    """The evidence of a unit in the making: runs of rows, each sorted by the first two columns, (key, document).

    Memory is bounded by the size of a run, whatever the unit. Whole when the block ends well, else it never was.
    """

    def __init__(self, path: Path, schema: pa.Schema, facts: dict[str, Any]) -> None:
        """Opens a temporary file beside `path`."""
        self._schema = schema
        self._file = arrow.Writer(path, schema, facts)
        self._parts: list[pa.Table] = []
        self._bytes = 0

    def add(self, rows: pa.Table) -> None:
        """Append rows, in any order."""
        self._parts.append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= RUN_BYTES:
            self._sort()

    def _sort(self) -> None:
        table = pa.concat_tables([self._schema.empty_table(), *self._parts]).combine_chunks()
        self._file.write(table.take(pa.array(_order(table))))
        self._parts, self._bytes = [], 0

    def __enter__(self) -> EvidenceWriter:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._sort()
            self._file.commit()
        self._file.__exit__(kind, error, trace)


class EvidenceFiles:
    """The evidence of one stage over all units. See `curate.stage.Evidence`."""

    def __init__(self, paths: Sequence[Path], by: str = KEY) -> None:
        """Paths of the units' evidence files, in any order. by: the column that each of them is sorted by, uint64."""
        self.paths, self.by = sorted(paths), by

    @property
    def rows(self) -> int:
        return sum(ArrowFile(path).rows for path in self.paths)

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.paths)

    def ranges(self) -> list[tuple[int, int]]:
        """Ranges of keys, inclusive, to be resolved one at a time."""
        at_a_time = max(RANGE_BYTES, min(FILE_BYTES * len(self.paths), MOST_BYTES))
        return ranges(self.bytes, at_a_time)

    def scan(self, columns: list[str], low: int = 0, high: int = 2**64 - 1) -> Iterator[pa.Table]:
        """Tables of the rows with low <= key <= high: at most one batch of a file each.

        They are copied, so that a file is mapped no longer than it is looked at: the system maps what it has at hand
        around each page, which for many files is much more than the rows.
        """
        for path in self.paths:
            for batch in ArrowFile(path):
                key = batch.column(self.by).to_numpy()
                first = int(np.searchsorted(key, np.uint64(low), side="left"))
                after = int(np.searchsorted(key, np.uint64(high), side="right"))
                if after > first:
                    rows = batch.select(columns).take(pa.array(np.arange(first, after)))
                    yield pa.Table.from_batches([rows])

    def range(self, low: int, high: int) -> pa.Table:
        """All columns of the rows with low <= key <= high; there must be a file, of which the schema is taken."""
        schema = ArrowFile(self.paths[0]).schema
        return pa.concat_tables([schema.empty_table(), *self.scan(schema.names, low, high)])

    def matching(self, keys: npt.NDArray[np.uint64], columns: list[str]) -> Iterator[pa.Table]:
        """Tables of the rows whose key is one of `keys`, which ascend: looked up, so that a large file costs little."""
        for path in self.paths:
            for batch in ArrowFile(path):
                key = batch.column(self.by).to_numpy()
                first, after = (np.searchsorted(key, keys, side=side) for side in ("left", "right"))
                counts = after - first
                starts = np.repeat(first - (np.cumsum(counts) - counts), counts)
                rows = starts + np.arange(len(starts))
                if len(rows):
                    yield pa.Table.from_batches([batch.select(columns).take(pa.array(rows))])

    def sorted_range(self, schema: pa.Schema, low: int = 0, high: int = 2**64 - 1) -> pa.Table:
        """All rows with low <= key <= high, sorted by the first two columns of the schema: (key, document)."""
        parts = [part.cast(schema) for part in self.scan(schema.names, low, high)]
        table = pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()
        return table.take(pa.array(_order(table))).combine_chunks()


def ranges(size: int, range_bytes: int) -> list[tuple[int, int]]:
    """Inclusive ranges of 64-bit keys, equally wide: about `range_bytes` of evidence each when the keys are hashes."""
    parts = max(1, -(-size // range_bytes))
    cuts = [(2**64 * part) // parts for part in range(parts + 1)]
    return [(low, high - 1) for low, high in pairwise(cuts)]


def write_artifact(path: Path, rows: pa.Table, facts: dict[str, Any]) -> None:
    """Write a part of a large artifact, sorted by document."""
    order = np.argsort(rows.column(DOCUMENT).to_numpy(), kind="stable")
    with ledger.Writer(path, rows.schema) as writer:
        for at in range(0, len(order), ledger.GROUP_ROWS):
            piece = rows.take(pa.array(order[at : at + ledger.GROUP_ROWS])).combine_chunks()
            for batch in piece.to_batches():
                writer.write({name: batch.column(name) for name in rows.schema.names})
        writer.commit({**facts, "rows": len(order)})


def read_artifact(path: Path, low: int = 0, high: int = 2**64 - 1) -> pa.Table:
    """Rows of a part of a large artifact with low <= document <= high, sorted by document."""
    with pq.ParquetFile(path, pre_buffer=False) as parquet:
        at = parquet.schema.names.index(DOCUMENT)
        about = [parquet.metadata.row_group(group).column(at).statistics for group in range(parquet.num_row_groups)]
        wanted = [group for group, has in enumerate(about) if has is None or (has.min <= high and has.max >= low)]
        table = parquet.read_row_groups(wanted, use_threads=False)
    documents = table.column(DOCUMENT).to_numpy()
    first, after = np.searchsorted(documents, np.uint64(low)), np.searchsorted(documents, np.uint64(high), "right")
    return table.slice(first, after - first).combine_chunks()


def _order(table: pa.Table) -> npt.NDArray[np.int64]:
    """Rows in the order of the first two columns."""
    first, second = table.column(0).to_numpy(), table.column(1).to_numpy()
    return np.lexsort((second, first))
