"""Stages that look at one document at a time: the easy form is the specification, the batch form may be faster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from curate.documents import TEXT, Batch
from curate.stage.contract import Outcome, Stage


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
