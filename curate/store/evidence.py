"""Evidence of global stages: one file per unit, sorted by key, so that a range of keys can be taken from all units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.store import ledger

KEY, DOCUMENT = "key", "document"
RANGE_ROWS = 1 << 19  # evidence rows resolved at a time; with ids in them about 90 bytes each, held three times: 150 MB


def stored_schema(evidence: pa.Schema) -> pa.Schema:
    """Of the file: the stage's schema, with `row` turned into `document`, the row's address."""
    others = [field for field in evidence if field.name not in (KEY, "row")]
    return pa.schema([pa.field(KEY, pa.uint64()), pa.field(DOCUMENT, pa.uint64()), *others])


def write(path: Path, schema: pa.Schema, parts: Sequence[pa.Table], facts: dict[str, Any]) -> None:
    """Write a unit's evidence, sorted by (key, document)."""
    table = pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()
    order = np.lexsort((table.column(DOCUMENT).to_numpy(), table.column(KEY).to_numpy()))
    with ledger.Writer(path, schema) as writer:
        _write_in_order(writer, table, order)
        writer.commit({**facts, "rows": len(order)})


class EvidenceFiles:
    """The evidence of one stage over all units. See `curate.stage.Evidence`."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Paths of the units' evidence files, in any order."""
        self.paths = sorted(paths)
        self.rows = sum(pq.read_metadata(path).num_rows for path in self.paths)

    def scan(self, columns: list[str], low: int = 0, high: int = 2**64 - 1) -> Iterator[pa.Table]:
        """Tables of the rows with low <= key <= high: at most one row group each."""
        wanted = list(dict.fromkeys([*columns, KEY]))
        for path in self.paths:
            with pq.ParquetFile(path, pre_buffer=False) as parquet:
                at = parquet.schema_arrow.get_field_index(KEY)
                for group in range(parquet.num_row_groups):
                    bounds = parquet.metadata.row_group(group).column(at).statistics
                    if bounds is not None and bounds.has_min_max and (bounds.max < low or bounds.min > high):
                        continue
                    table = parquet.read_row_group(group, wanted, use_threads=False)
                    keys = table.column(KEY)
                    inside = pc.and_(
                        pc.greater_equal(keys, pa.scalar(low, pa.uint64())),
                        pc.less_equal(keys, pa.scalar(high, pa.uint64())),
                    )
                    table = table.filter(inside)
                    if table.num_rows:
                        yield table.select(columns)

    def sorted_range(self, schema: pa.Schema, low: int, high: int) -> pa.Table:
        """All rows with low <= key <= high, sorted by (key, document)."""
        table = pa.concat_tables([schema.empty_table(), *self.scan(schema.names, low, high)]).combine_chunks()
        order = np.lexsort((table.column(DOCUMENT).to_numpy(), table.column(KEY).to_numpy()))
        return table.take(pa.array(order)).combine_chunks()


def ranges(rows: int, range_rows: int = RANGE_ROWS) -> list[tuple[int, int]]:
    """Inclusive ranges of 64-bit keys, equally wide, about `range_rows` rows each when the keys are hashes."""
    parts = max(1, -(-rows // range_rows))
    cuts = [(2**64 * part) // parts for part in range(parts + 1)]
    return [(low, high - 1) for low, high in pairwise(cuts)]


def write_artifact(path: Path, rows: pa.Table, facts: dict[str, Any]) -> None:
    """Write a part of a large artifact, sorted by document."""
    order = np.argsort(rows.column(DOCUMENT).to_numpy(), kind="stable")
    with ledger.Writer(path, rows.schema) as writer:
        _write_in_order(writer, rows, order)
        writer.commit({**facts, "rows": len(order)})


def read_artifact(paths: Sequence[Path], low: int, high: int) -> pa.Table:
    """Rows of a large artifact with low <= document < high, sorted by document."""
    first, after = pa.scalar(low, pa.uint64()), pa.scalar(high, pa.uint64())
    inside = (pc.field(DOCUMENT) >= first) & (pc.field(DOCUMENT) < after)
    pieces = [pq.read_table(path, filters=inside, use_threads=False) for path in sorted(paths)]
    return pa.concat_tables(pieces).combine_chunks().sort_by(DOCUMENT)


def _write_in_order(writer: ledger.Writer, table: pa.Table, order: npt.NDArray[np.int64]) -> None:
    for at in range(0, len(order), ledger.GROUP_ROWS):
        piece = table.take(pa.array(order[at : at + ledger.GROUP_ROWS])).combine_chunks()
        for batch in piece.to_batches():
            writer.write({name: batch.column(name) for name in table.schema.names})
