"""JSON lines into Parquet, once and with bounded memory: values keep their meaning, and no line is lost without a word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curate.store.inputs import InputFile
from curate.store.quarantine import Quarantine

MAX_LINE = (
    256 << 20
)  # bytes: longer lines are no documents but a broken file; one of this size costs about 1 GB to parse


@dataclass(frozen=True)
class Broken:
    """Where and why a compressed stream ended before its end; the lines before were read."""

    reason: str
    """`truncated_stream`, `corrupt_stream` or `read_error`."""
    offset: int
    """Bytes of the decompressed stream that came before the break."""
    error: str


@dataclass(frozen=True)
class Imported:
    """What became of a JSONL file: lines = rows + sum(bad) + blank_lines."""

    rows: int
    lines: int
    blank_lines: int
    bad: dict[str, int]
    """Lines in quarantine, by reason."""
    schema: pa.Schema
    """Of the Parquet file."""
    broken: Broken | None
    """The file's end is missing or damaged: a bad shard."""
    notes: tuple[str, ...]
    """What was done to values or is odd about the file, for a person: `column 'score' holds …`."""


@dataclass(frozen=True)
class Head:
    """The first lines of a JSONL file, to plan by."""

    schema: pa.Schema
    rows: int
    lines: int
    bytes: int
    """Of those lines, decompressed."""
    compressed: int
    """Bytes of the file that were read to get them; equal to `bytes` in a plain file."""
    text_bytes: int
    bad: dict[str, int]
    broken: Broken | None
    whole: bool
    """There were no further lines."""


def import_jsonl(
    file: InputFile,
    target: Path | str,
    quarantine: Quarantine,
    *,
    text: str = "text",
    id: str = "id",
    max_line: int = MAX_LINE,
    limit: int | None = None,
) -> Imported:
    """Write the documents of a JSONL file (plain, gzip or zstd) to `target`, and its bad lines to `quarantine`."""
    raise NotImplementedError


def jsonl_head(file: InputFile, lines: int = 1000, *, text: str = "text", id: str = "id") -> Head:
    """What the first `lines` lines hold."""
    raise NotImplementedError
