"""A plan, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from curate.stage import Part

Verb = Literal["process", "observe", "apply"]


@dataclass(frozen=True)
class Action:
    """One verb of one step."""

    step: int
    """Index into `recipe.stages`, from 0."""
    verb: Verb


@dataclass(frozen=True)
class Pass:
    """What is done with each document in one reading of the shards."""

    number: int
    """From 1."""
    actions: tuple[Action, ...]
    reads: tuple[str, ...]
    """Columns needed of the input or of earlier passes: always `id`; `text` only if an action reads it."""
    adds: tuple[tuple[str, pa.DataType], ...]
    """Columns for the ledger of this pass, `dropped_by` apart."""
    edits_text: bool


@dataclass(frozen=True)
class Plan:
    """The passes of a recipe; the survivors are written after the last one."""

    passes: tuple[Pass, ...]
    input_schema: pa.Schema | None
    output_columns: tuple[str, ...]
    """Of the documents that are written; of the input's only id and text if its schema is not known."""
    parts: tuple[Part, ...] = (Part("", None, repeats=False),)
    """How the survivors are written."""

    @property
    def counts_copies(self) -> bool:
        """Whether a step says how often each survivor is written."""
        return any(part.column is not None for part in self.parts)


@dataclass(frozen=True)
class Estimate:
    """How much there is to do."""

    files: int
    bytes: int
    """On disk."""
    documents: int
    text_bytes: int
    """UTF-8."""
    exact: bool = True
    """False if documents and text were guessed from the first lines of files."""
