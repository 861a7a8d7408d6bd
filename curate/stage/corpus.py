"""Stages that must see the whole corpus: what they gather, what they decide, and how that is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa
from pydantic import BaseModel

from curate.documents import TEXT, Batch
from curate.stage.contract import Outcome, Stage

ID_BYTES = 40
"""Of an id with its place in a file: a guess, for estimates."""


class Evidence(Protocol):
    """All evidence of one global stage, on disk, sorted by `key` within each unit. Blind to the order of units."""

    @property
    def rows(self) -> int:
        """In all."""
        ...

    def scan(self, columns: list[str], low: int = 0, high: int = 2**64 - 1) -> Iterator[pa.Table]:
        """Tables of the rows with low <= key <= high, in no particular order; memory for one unit at a time."""
        ...


@dataclass(frozen=True)
class Memory:
    """What a stage remembers between runs."""

    index: Path
    """The folder where what earlier runs kept is written down."""
    configuration: Mapping[str, Any]
    """All that keys depend on, plain data: an index made with another configuration cannot be used."""


@dataclass(frozen=True)
class Grouping:
    """The columns in which a stage that keeps one document of each group says which group it is."""

    kept: str
    """Id of the document that was kept in place of this one; null for that one itself."""
    size: str
    """Documents of the group."""
    similarity: str | None = None
    """To the document that was kept, 0 to 1."""
    earlier: str | None = None
    """The reason to drop what is like a document of an earlier run, which then is the one that is kept."""


class Global(Stage):
    """A stage that must see the whole corpus: `observe` ends a pass, `resolve` runs between, `apply` opens the next.

    Unless `is_decided`: then `apply` is all, in the pass of the steps around it.
    """

    evidence: ClassVar[pa.Schema]
    """Columns of `observe`'s answer. `key` (uint64) and `row` (int64, index in the batch) must be among them; the
    engine turns `row` into `document` (uint64, the row's address) and sorts by (`key`, `document`)."""
    has_rows: ClassVar[bool] = False
    """Whether the artifact is a table with rows for documents, of which `apply` sees its own; else it sees it whole."""
    decides_by: ClassVar[tuple[str, ...]] = ()
    """Options that `observe` does not look at: to change one of them needs no new look at the documents."""
    grouping: ClassVar[Grouping | None] = None
    """Where it says which documents belong together, for `curate dups`; None: it says nothing of the kind."""
    sees_dropped: ClassVar[bool] = False
    """Whether `observe` also gets the documents that were dropped when all columns that it reads were there already,
    by steps after those that write them: a bool column, `curate.documents.IS_DROPPED`, tells. It then reads no text."""

    def is_decided(self) -> bool:
        """Whether its options leave nothing to find out: no document is observed then, and `apply` is given None."""
        return False

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """Any number of rows of evidence. Pure: depends on the batch's documents alone."""
        raise NotImplementedError

    def scratch(self, documents: int, text_bytes: int) -> int:
        """Bytes of evidence that so many documents with so many bytes of text leave on disk, about: a row for each."""
        return documents * sum(_width(part.type) for part in self.evidence)

    def memory(self) -> Memory | None:
        """What it remembers between runs; None: each run stands alone."""
        return None

    def columns_applied(self) -> tuple[str, ...]:
        """Names of the columns that `apply` reads: those of `columns_read`, but no text unless a stage says so."""
        return tuple(name for name in self.columns_read() if name != TEXT)

    def resolve(self, evidence: Evidence) -> BaseModel:
        """The decision for the whole corpus, small: stored as JSON and shown in the report."""
        raise NotImplementedError

    def artifact_type(self) -> type[BaseModel]:
        """The model that `resolve` returns, to read it back."""
        raise NotImplementedError

    def apply(self, batch: Batch, artifact: Any) -> Outcome:
        """The decision, carried out on a batch."""
        raise NotImplementedError


def _width(kind: pa.DataType) -> int:
    """Bytes of a value in a file of evidence."""
    try:
        return max(int(kind.bit_width) // 8, 1)
    except ValueError:  # as long as it happens to be
        return ID_BYTES
