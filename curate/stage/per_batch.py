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
        return {
            name: _array(
                [row[name] for row in rows], kind, f"annotate_one: {name} =", f"of type {kind}, as in `writes`"
            )
            for name, kind in self.columns_written().items()
        }

    def process(self, batch: Batch) -> Outcome:
        return Outcome(columns=self.annotate(batch))


class Filter(PerBatch):
    """Says why a document is to be dropped. Write `judge_one`; add `judge` when it must be fast."""

    def judge_one(self, text: str) -> str | None:
        """The specification: the reason to drop this text, None to keep it."""
        raise NotImplementedError

    def judge(self, batch: Batch) -> pa.Array:
        """Reasons to drop, string[n]; null keeps."""
        reasons = [self.judge_one(text) for text in batch[TEXT].to_pylist()]
        return _array(reasons, pa.string(), "judge_one returned", "a reason to drop it, a string, or None to keep it")

    def process(self, batch: Batch) -> Outcome:
        return Outcome(reason=self.judge(batch))


class Rewrite(PerBatch):
    """Gives a new text. Write `rewrite_one`; add `rewrite` when it must be fast."""

    def rewrite_one(self, text: str) -> str | None:
        """The specification: the new text; None means that nothing is left."""
        raise NotImplementedError

    def rewrite(self, batch: Batch) -> pa.Array:
        """New texts, large_string[n]; null means that nothing is left."""
        texts = [self.rewrite_one(text) for text in batch[TEXT].to_pylist()]
        return _array(texts, pa.large_string(), "rewrite_one returned", "the new text, or None if nothing is left")

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
        text, reason = "the text, or None if nothing is left", "a reason to drop it, a string, or None to keep it"
        return Outcome(
            text=_array([one.text for one in ones], pa.large_string(), "edit_one: text =", text)
            if self.edits_text
            else None,
            reason=_array([one.reason for one in ones], pa.string(), "edit_one: reason =", reason),
            columns={
                name: _array(
                    [one.columns[name] for one in ones], kind, f"edit_one: {name} =", f"of type {kind}, as in `writes`"
                )
                for name, kind in self.columns_written().items()
            },
        )

    def process(self, batch: Batch) -> Outcome:
        return self.edit(batch)


def _array(values: list[Any], kind: pa.DataType, what: str, expected: str) -> pa.Array:
    """Values of an easy form as an array. Raises ValueError with the first that is of another type."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, OverflowError):
        for value in values:
            if not _fits(value, kind):
                raise ValueError(f"{what} {repr(value)[:60]}; it must be {expected}") from None
        raise


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, TypeError, OverflowError):
        return False
    return True
