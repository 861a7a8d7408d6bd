"""The stage contract: a stage returns exactly one value per document, evidence aside; only the engine removes rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from curate.documents import TEXT, Batch

ID_BYTES = 40
"""Of an id with its place in a file: a guess, for estimates."""


class _ColumnMark:
    """Marks a field whose value names a column that the stage reads."""


Column = Annotated[str, _ColumnMark()]


def names_a_column(info: FieldInfo) -> bool:
    """Whether a field is a `Column`, or a `Column | None`."""
    inner = (mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ()))
    return any(isinstance(mark, _ColumnMark) for mark in (*info.metadata, *inner))


@dataclass(frozen=True)
class Outcome:
    """What a stage says of a batch of n documents; what it does not mention stays as it is."""

    text: pa.Array | None = None
    """New texts, large_string[n]; null means that nothing is left, and the document is dropped as `<stage>/empty`."""
    reason: pa.Array | None = None
    """Why a document is dropped, string[n], snake_case; null keeps it."""
    columns: dict[str, pa.Array] = field(default_factory=dict)
    """Columns to add, each of length n and of the type that `columns_written` announces."""


@dataclass(frozen=True)
class Part:
    """A part of the output, with shards of its own."""

    folder: str
    """Where in `data/` its shards lie: a plain name; "": there itself."""
    column: str | None
    """Integer column: how often a document is in this part, 0 or more. None: every survivor is, once."""
    repeats: bool
    """Whether a document is written as often as that; else once if it is in it at all."""


Sign = Literal["<", "<=", ">", ">="]


@dataclass(frozen=True)
class Threshold:
    """A limit that a stage sets to a number which it reads in a column, or leaves behind in one."""

    option: str
    """The option that sets it."""
    column: str
    drops: Sign
    """How the value of a document compares with the limit that is dropped for it."""
    limit: float
    reason: str
    """Why it is dropped then, if no threshold before this one drops it."""


class Stage(BaseModel):
    """A step of a recipe. Its fields are its options; the docstring under a field is the option's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, populate_by_name=True)

    reads: ClassVar[tuple[str, ...]] = (TEXT,)
    """Columns that it reads, beside those named by fields of type `Column`. `id` is always there."""
    writes: ClassVar[dict[str, pa.DataType]] = {}
    """Columns that it adds, when they do not depend on its options."""
    examples: ClassVar[dict[str, Any]] = {}
    """Input → output of the easy form with default options; shown by the help, run by the tests."""
    version: ClassVar[int] = 1
    """Raised whenever the same input and options give another result: results of older versions are then redone."""

    def columns_read(self) -> tuple[str, ...]:
        """Names of the columns that this stage reads."""
        named = [
            getattr(self, name)
            for name, info in type(self).model_fields.items()
            if names_a_column(info) and getattr(self, name) is not None
        ]
        return tuple(dict.fromkeys([*self.reads, *named]))

    def columns_written(self) -> dict[str, pa.DataType]:
        """Names and types of the columns that this stage adds."""
        return dict(self.writes)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        """Raise ValueError if a column that it reads has a type that it cannot use; asked before any work is done.

        `types`: of the columns read, as far as they are known by then. The text is always large_string.
        """

    def notes(self) -> tuple[str, ...]:
        """What a reader of the plan should know of this step beside its options: sentences, without full stops."""
        return ()

    def parts(self) -> tuple[Part, ...]:
        """How the survivors are to be written, if it matters to this stage: one step of a recipe may say so."""
        return ()

    def columns_kept_back(self) -> tuple[str, ...]:
        """Of the columns that it adds, those for later steps alone: they stay in the run folder, not in the output."""
        return ()

    def for_corpus(self, documents: int) -> Self:
        """This stage, with what its options leave open settled for an input of so many documents."""
        return self

    def thresholds(self) -> tuple[Threshold, ...]:
        """Its limits on numbers that are in columns, in the order in which they are asked, for reports."""
        return ()

    def files(self) -> tuple[Path, ...]:
        """Model files that the result depends on; their SHA-256 goes into the manifest."""
        return ()


class PerBatch(Stage):
    """A stage that looks at one document at a time. The four kinds below are it, simplified."""

    def process(self, batch: Batch) -> Outcome:
        """The one form that the engine calls."""
        raise NotImplementedError


class Annotate(PerBatch):
    """Adds columns, drops nothing. Write `annotate_one`; add `annotate` when it must be fast."""

    def annotate_one(self, text: str) -> dict[str, Any]:
        """The specification: the values of the added columns for one text."""
        raise NotImplementedError

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        """The values of the added columns for a batch."""
        rows = [self.annotate_one(text) for text in batch[TEXT].to_pylist()]
        return {name: pa.array([row[name] for row in rows], kind) for name, kind in self.columns_written().items()}

    def process(self, batch: Batch) -> Outcome:
        return Outcome(columns=self.annotate(batch))


class Filter(PerBatch):
    """Says why a document is to be dropped. Write `judge_one`; add `judge` when it must be fast."""

    def judge_one(self, text: str) -> str | None:
        """The specification: the reason to drop this text, None to keep it."""
        raise NotImplementedError

    def judge(self, batch: Batch) -> pa.Array:
        """Reasons to drop, string[n]; null keeps."""
        return pa.array([self.judge_one(text) for text in batch[TEXT].to_pylist()], pa.string())

    def process(self, batch: Batch) -> Outcome:
        return Outcome(reason=self.judge(batch))


class Rewrite(PerBatch):
    """Gives a new text. Write `rewrite_one`; add `rewrite` when it must be fast."""

    def rewrite_one(self, text: str) -> str | None:
        """The specification: the new text; None means that nothing is left."""
        raise NotImplementedError

    def rewrite(self, batch: Batch) -> pa.Array:
        """New texts, large_string[n]; null means that nothing is left."""
        return pa.array([self.rewrite_one(text) for text in batch[TEXT].to_pylist()], pa.large_string())

    def process(self, batch: Batch) -> Outcome:
        return Outcome(text=self.rewrite(batch))


@dataclass(frozen=True)
class One:
    """What an `Edit` says of one document."""

    text: str | None = None
    """The text as it is after the edit. None means that nothing is left."""
    reason: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)


class Edit(PerBatch):
    """The general form: filters that also edit lines or leave numbers behind; `edits_text = False` if it never does."""

    edits_text: ClassVar[bool] = True

    def edit_one(self, text: str) -> One:
        """The specification, for one text."""
        raise NotImplementedError

    def edit(self, batch: Batch) -> Outcome:
        """The outcome for a batch."""
        ones = [self.edit_one(text) for text in batch[TEXT].to_pylist()]
        return Outcome(
            text=pa.array([one.text for one in ones], pa.large_string()) if self.edits_text else None,
            reason=pa.array([one.reason for one in ones], pa.string()),
            columns={
                name: pa.array([one.columns[name] for one in ones], kind)
                for name, kind in self.columns_written().items()
            },
        )

    def process(self, batch: Batch) -> Outcome:
        return self.edit(batch)


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


@dataclass(frozen=True)
class Keys:
    """Document `row[j]` of a batch has key `key[j]`, checked by `check[j]`: 128 bits, so chance equality is out."""

    key: npt.NDArray[np.uint64]
    check: npt.NDArray[np.uint64]
    row: npt.NDArray[np.int64]


class Match(Global):
    """Finds documents that share a key and keeps one of each group: write `keys`."""

    has_rows: ClassVar[bool] = True

    def keys(self, batch: Batch) -> Keys:
        """The keys of a batch's documents: none, one or several for each."""
        raise NotImplementedError

    def resolve_range(self, evidence: pa.Table) -> pa.Table:
        """The evidence of a range of keys, sorted by (key, document) → rows for `apply`, with a uint64 `document`.

        Documents from `curate.documents.EARLIER` on are of earlier runs: what is said of them goes nowhere.
        """
        raise NotImplementedError

    def remembered(self, evidence: pa.Table) -> pa.Table:
        """Of the evidence of a range of keys, the rows of this run that later runs are to see."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sketch:
    """What is needed of the n documents of a batch to find those that are alike."""

    keys: pa.RecordBatch
    """Evidence of the schema `Cluster.evidence`."""
    documents: pa.RecordBatch
    """One row for each document, in order, of the schema that `Cluster.documents` gives."""


@dataclass(frozen=True)
class Likeness:
    """When documents are alike, and what follows from it."""

    threshold: float
    """Jaccard similarity of sets of shingles, 0 to 1."""
    verify: bool
    """Whether two documents that share a key are compared, or taken for alike."""
    compares: Literal["shingles", "signatures"]
    """What `values` are: a set, or numbers of which the share of equal ones estimates the similarity."""
    method: Literal["components", "greedy"]
    """Of all that are connected one is kept; or each that is not like one kept before it."""


class Cluster(Global):
    """Finds groups of documents that are alike, and keeps one of each: write `sketch`.

    Documents that share a key are candidates. The engine compares their sets of shingles, finds the groups and chooses
    by (`source`, `prefer`, `tie`, address), the smallest first. Rows for `apply`: `row`; `kept` bool; `size` int64, the
    sum of the group's `copies` (1 for what an earlier run kept); `similarity` float32, `like` large_string (id), both
    of the document kept in place of this one, null if it is kept; `earlier` int32, if that one is of an earlier run the
    number of that run in the index, else null.
    """

    evidence: ClassVar[pa.Schema] = pa.schema({"key": pa.uint64(), "row": pa.int64(), "twin": pa.uint64()})
    """`key`: of a band; its lowest bit is 0. Documents with equal twins have all keys in common, and are compared as
    one. With 1 as its lowest bit, a key with its twin is the hash of the whole document: equal ones are the same."""
    has_rows: ClassVar[bool] = True

    def documents(self) -> pa.Schema:
        """`id` large_string, `source` uint32, `prefer` and `tie` uint64, `copies` int64, the documents that this one
        stands for; and `values`, a large_list of uint32 or uint64: the set of shingles, sorted, or the signature.
        """
        raise NotImplementedError

    def sketch(self, batch: Batch) -> Sketch:
        """Pure: depends on the batch's documents alone."""
        raise NotImplementedError

    def likeness(self) -> Likeness:
        """When documents are alike."""
        raise NotImplementedError

    def observe(self, batch: Batch) -> pa.RecordBatch:
        return self.sketch(batch).keys
