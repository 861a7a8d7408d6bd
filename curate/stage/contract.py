"""What every stage is: options, columns that it reads and adds, model files, limits; and what it says of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import pyarrow as pa
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from curate.documents import TEXT


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


DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
)
"""Names that Windows takes for devices, in any case and with any ending: no step and no part of the output has one."""


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
