"""Single documents looked up in files that have no index: an id in the input, or in the output shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.store.ranges import parquet_options, parquet_source
from curate.store.shards import Unit

WHOLE_GROUP = 64 << 20  # bytes of a row group that is decoded at once to get at a few of its rows


def row_of(unit: Unit, id_column: str, id: str) -> int | None:
    """The first row of a unit, from 0, whose document has this id; None if none has, or the file cannot be read.

    A document without an id has `<file>#<row of the file>`. Reads the id column alone, a row group at a time.
    """
    made = _made_row(unit, id)
    at = 0
    try:
        with pq.ParquetFile(parquet_source(unit.path), **parquet_options(unit.path)) as parquet:
            if id_column not in parquet.schema_arrow.names:
                return made
            for group in range(*unit.groups):
                ids = parquet.read_row_group(group, [id_column], use_threads=False).column(id_column)
                ids = ids.slice(0, unit.rows - at)
                found = _index(ids, id)
                if found >= 0:
                    return at + found
                if made is not None and at <= made < at + len(ids) and not ids[made - at].is_valid:
                    return made
                at += len(ids)
    except (OSError, pa.ArrowException):
        pass
    return None


def rows_of(unit: Unit, rows: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(row, all columns of it) of a unit's rows (ascending), as the input is now; without those that cannot be read.

    Memory: a row group of at most WHOLE_GROUP bytes; larger ones are decoded bit by bit.
    """
    try:
        with pq.ParquetFile(parquet_source(unit.path), **parquet_options(unit.path)) as parquet:
            first = 0
            for group in range(*unit.groups):
                meta = parquet.metadata.row_group(group)
                here = [row - first for row in rows if first <= row < first + meta.num_rows]
                size = WHOLE_GROUP if meta.total_byte_size <= WHOLE_GROUP else 64
                batches = parquet.iter_batches(size, row_groups=[group], use_threads=False) if here else ()
                at = 0
                for batch in batches:
                    for row in here:
                        if at <= row < at + batch.num_rows:
                            yield first + row, batch.slice(row - at, 1)
                    at += batch.num_rows
                    if at > here[-1]:
                        break
                first += meta.num_rows
    except (OSError, pa.ArrowException):
        pass


def _made_row(unit: Unit, id: str) -> int | None:
    """The row of the unit that this id is made of, if it is one of the unit's made ids."""
    name, _, number = id.rpartition("#")
    if name != unit.name or not number.isdecimal():
        return None
    row = int(number) - unit.first_row
    return row if 0 <= row < unit.rows and id == f"{name}#{int(number)}" else None


def first_ids(unit: Unit, id_column: str, n: int) -> list[str]:
    """Ids of the first documents of a unit, `n` at most, as `row_of` finds them; none if the file cannot be read."""
    made = [f"{unit.name}#{unit.first_row + row}" for row in range(min(n, unit.rows))]
    try:
        with pq.ParquetFile(parquet_source(unit.path), **parquet_options(unit.path)) as parquet:
            if id_column not in parquet.schema_arrow.names:
                return made
            ids = parquet.read_row_group(unit.groups[0], [id_column], use_threads=False).column(id_column)
    except (OSError, pa.ArrowException):
        return []
    given = ids.slice(0, len(made)).cast(pa.large_string()).to_pylist()
    return [made[row] if id is None else id for row, id in enumerate(given)]


def shard_of(shards: Iterable[Path], id_column: str, id: str) -> Path | None:
    """The first of these output shards that has a document with this id; those that cannot be read are passed over.

    Reads the id column alone, a row group at a time: about a second for ten million ids.
    """
    for path in shards:
        try:
            with pq.ParquetFile(path) as parquet:
                for group in range(parquet.num_row_groups):
                    ids = parquet.read_row_group(group, [id_column], use_threads=False).column(id_column)
                    if _index(ids, id) >= 0:
                        return path
        except (OSError, pa.ArrowException):
            continue
    return None


def index_of(ids: pa.Array, id: str) -> int:
    """Place of the first of these ids that is `id`; -1 if none is. An id that no file could hold is nowhere."""
    try:
        wanted = pa.scalar(id, pa.large_string())
    except UnicodeEncodeError:  # bytes of the command line that are no UTF-8
        return -1
    return int(pc.index(ids, wanted).as_py())


def _index(ids: pa.ChunkedArray, id: str) -> int:
    return index_of(ids.cast(pa.large_string()), id)
