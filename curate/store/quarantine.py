"""Rows that could not be read: kept aside with place, reason and bytes, so that nothing is ever lost without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import StoreError
from curate.store.files import whole

FLUSH_BYTES = 8 << 20  # raw bytes held before they go to disk as a row group
FLUSH_ROWS = 10_000  # rows held, however small
EXAMPLES = 5  # rows shown for each reason in a summary

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("line", pa.int64()),
        ("offset", pa.int64()),
        ("reason", pa.string()),
        ("error", pa.string()),
        ("id", pa.string()),
        ("raw", pa.large_binary()),
        ("rows", pa.int64()),
    ]
)


@dataclass(frozen=True)
class BadRow:
    """A row of the input that is no document."""

    file: str
    """Name of the input file, as in the listing."""
    row: int | None
    """Index of the row in a Parquet file, from 0."""
    line: int | None
    """Number of the line in a JSONL file, from 1."""
    offset: int | None
    """Bytes from the start of the file (of the decompressed stream, if it is compressed) to the line or row group."""
    reason: str
    """In snake_case, to be counted: `broken_json`, `null_text`, …"""
    error: str
    """For a person: what was wrong, and where in the row."""
    id: str | None = None
    raw: bytes | None = None
    """The bytes as they were found; None when the reader has none to show."""
    rows: int = 1
    """Documents that this entry stands for: more than one where a stretch of a file cannot be decoded."""


@dataclass(frozen=True)
class Summary:
    """What a quarantine holds, in numbers and a few examples."""

    rows: int
    reasons: dict[str, int]
    """Rows by reason, the most frequent first."""
    files: dict[str, int]
    """Rows by input file, in the order of the names."""
    examples: list[BadRow]
    """The first few of each reason, in the order of the files, without their bytes."""


class Quarantine:
    """Takes bad rows. Memory: `FLUSH_BYTES` of raw bytes, and the largest row. Made by `open_quarantine`."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        """Rows will be kept at `path`, which `files` closes; nothing is opened before there is one."""
        self.path = path
        self.counts: Counter[str] = Counter()
        """Rows by reason."""
        self._files = files
        self._writer: pq.ParquetWriter | None = None
        self._rows: list[BadRow] = []
        self._bytes = 0

    def add(self, row: BadRow) -> None:
        """Keep a row, and count it."""
        self.counts[row.reason] += 1
        self._rows.append(row)
        self._bytes += len(row.raw or b"")
        if self._bytes >= FLUSH_BYTES or len(self._rows) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a row group."""
        if not self._rows:
            return
        if self._writer is None:
            part = self._files.enter_context(whole(self.path))
            self._writer = self._files.enter_context(pq.ParquetWriter(part, SCHEMA, compression="zstd"))
        columns = [
            pa.array([getattr(row, name) for row in self._rows], SCHEMA.field(name).type) for name in SCHEMA.names
        ]
        self._writer.write_table(pa.table(columns, schema=SCHEMA))
        self._rows, self._bytes = [], 0


@dataclass
class Held:
    """Bad rows of which it is not known yet whether they are to be kept."""

    rows: list[BadRow] = field(default_factory=list)

    def add(self, row: BadRow) -> None:
        """Hold a row."""
        self.rows.append(row)


@contextmanager
def open_quarantine(path: Path | str) -> Iterator[Quarantine]:
    """A quarantine whose rows are in a Parquet file at `path` when the block ends well.

    When there was no bad row, no file is there afterwards, not even that of an earlier attempt.
    """
    path = Path(path)
    with ExitStack() as files:
        quarantine = Quarantine(path, files)
        yield quarantine
        quarantine.flush()
    if not quarantine.counts:
        path.unlink(missing_ok=True)


def read_quarantine(place: Path | str, *, raw: bool = True) -> Iterator[BadRow]:
    """The bad rows of one file, or of all files of a folder in the order of their names; none if it is not there.

    raw: read their bytes too. Raises StoreError when a file cannot be read.
    """
    place = Path(place)
    columns = [name for name in SCHEMA.names if raw or name != "raw"]
    for path in sorted(place.glob("*.parquet")) if place.is_dir() else [place] if place.exists() else []:
        try:
            with pq.ParquetFile(path) as parquet:
                for batch in parquet.iter_batches(batch_size=1000, columns=columns):
                    yield from (BadRow(**row) for row in batch.to_pylist())
        except (OSError, pa.ArrowException) as error:
            raise StoreError(f"{path}: cannot read the quarantine: {error}") from error


def summarise(place: Path | str, *, examples: int = EXAMPLES) -> Summary:
    """Counts, and the first few `examples` of each reason, of a file or a folder of them (see `read_quarantine`)."""
    reasons: Counter[str] = Counter()
    files: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    shown: list[BadRow] = []
    for row in read_quarantine(place, raw=False):
        reasons[row.reason] += row.rows
        files[row.file] += row.rows
        seen[row.reason] += 1
        if seen[row.reason] <= examples:
            shown.append(row)
    by_number = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return Summary(reasons.total(), dict(by_number), dict(sorted(files.items())), shown)
