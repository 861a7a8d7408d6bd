"""What Parquet files say of themselves, read from their footers alone."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from curate.store.inputs import BadFile, InputFile, open_input
from curate.store.ranges import parquet_source


@dataclass(frozen=True)
class RowGroup:
    """What a Parquet file says of one of its row groups."""

    rows: int
    text_bytes: int
    """Uncompressed bytes of the text column, as encoded: fewer than its texts have if many of them are equal.
    0 if there is no such column."""
    total_bytes: int
    """Uncompressed bytes of all columns, as encoded."""


@dataclass(frozen=True)
class ParquetFacts:
    """What a Parquet file says of itself, read from its footer alone."""

    schema: pa.Schema
    rows: int
    groups: tuple[RowGroup, ...]


def parquet_facts(file: InputFile, text: str = "text") -> ParquetFacts:
    """What the footer says.

    text: name of the column whose bytes are counted apart.
    Raises BadFile with reason `gone`, `no_permission`, `unreadable`, `empty_file`, `not_parquet`, `truncated`,
    `encrypted` or `corrupt`.
    """
    footer_at = _footer_at(file)
    try:
        with pq.ParquetFile(parquet_source(file.path)) as parquet:
            footer, schema = parquet.metadata, parquet.schema_arrow
            leaf = next((n for n, path in enumerate(_leaves(footer)) if path == text), None)
            groups = tuple(_row_group(footer.row_group(n), leaf) for n in range(footer.num_row_groups))
            end = max((_end(footer.row_group(n)) for n in range(footer.num_row_groups)), default=0)
    except (OSError, pa.ArrowException, ValueError) as error:  # ValueError: names that are not UTF-8
        raise BadFile(file.name, "corrupt", f"its footer cannot be read: {error}") from error
    rows = sum(group.rows for group in groups)
    if rows != footer.num_rows or any(group.rows < 0 for group in groups):
        raise BadFile(file.name, "corrupt", f"its footer says {footer.num_rows} rows, its row groups have {rows}")
    if end > footer_at:
        raise BadFile(
            file.name, "corrupt", f"its footer speaks of data up to byte {end}, but itself begins at {footer_at}"
        )
    return ParquetFacts(schema, rows, groups)


def _footer_at(file: InputFile) -> int:
    """Where the footer begins, in bytes; tells the common accidents apart: Parquet has PAR1 at both ends."""
    try:
        with open_input(file) as data:
            head = data.read(64)
            size = data.seek(0, os.SEEK_END)
            data.seek(max(0, size - 8))
            length, tail = data.read(4), data.read(4)
    except OSError as error:
        raise BadFile(file.name, "unreadable", f"it cannot be read: {error.strerror or error}") from error
    if size == 0:
        raise BadFile(file.name, "empty_file", "it is empty (0 bytes); a Parquet file without rows has some")
    if tail == b"PARE" or head[:4] == b"PARE":
        raise BadFile(file.name, "encrypted", "it is encrypted Parquet, which is not supported")
    if head[:4] != b"PAR1":
        is_pointer = head.startswith(b"version https://git-lfs")
        advice = " (a Git LFS pointer: fetch the file with git lfs pull)" if is_pointer else ""
        raise BadFile(file.name, "not_parquet", f"it is not Parquet: it begins with {head[:8]!r}{advice}")
    if tail != b"PAR1":
        raise BadFile(file.name, "truncated", f"it is cut off after {size} bytes: a Parquet file ends in its footer")
    return size - 8 - int.from_bytes(length, "little")


def _leaves(footer: pq.FileMetaData) -> list[str]:
    return [footer.schema.column(n).path for n in range(footer.num_columns)]


def _row_group(group: pq.RowGroupMetaData, leaf: int | None) -> RowGroup:
    text = group.column(leaf).total_uncompressed_size if leaf is not None else 0
    return RowGroup(group.num_rows, text, group.total_byte_size)


def _end(group: pq.RowGroupMetaData) -> int:
    """The byte after the last data of a row group."""
    ends = []
    for n in range(group.num_columns):
        column = group.column(n)
        start = column.dictionary_page_offset if column.has_dictionary_page else None
        ends.append((start or column.data_page_offset) + column.total_compressed_size)
    return max(ends, default=0)
