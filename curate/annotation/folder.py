"""The folder of annotations: what was asked and how, a journal of the outcomes, and their table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.annotation.drawing import Document
from curate.annotation.outcomes import FAILED, Outcome, known, table
from curate.errors import RecipeError
from curate.store import tables
from curate.store.files import read_json, write_json
from curate.store.journal import Journal
from curate.store.lock import alone

TABLE = "annotations.parquet"
_SETTINGS, _JOURNAL, _LOCK = "_settings.json", "_journal.jsonl", "_lock"  # names that inputs pass over


@dataclass
class Annotations:
    """The outcomes of a sample."""

    documents: Sequence[Document]
    outcomes: dict[str, Outcome]
    """By id, those that are known."""
    journal: Journal

    def lacking(self, *, again: bool = False) -> list[Document]:
        """What is still to be asked: of what nothing is known, what failed, and, with `again`, what has no rating."""

        def is_done(outcome: Outcome | None) -> bool:
            return outcome is not None and (outcome.reason is None or (outcome.reason != FAILED and not again))

        return [document for document in self.documents if not is_done(self.outcomes.get(document.id))]

    def note(self, outcome: Outcome) -> None:
        """Write an outcome down, at once."""
        self.journal.append(outcome.entry())
        self.outcomes[outcome.id] = outcome

    def counts(self) -> dict[str, int]:
        """Documents by reason; `rated`: those without; `not_asked`."""
        reasons = Counter(outcome.reason or "rated" for outcome in self.outcomes.values())
        return {"rated": 0, **dict(sorted(reasons.items())), "not_asked": len(self.documents) - len(self.outcomes)}


@contextmanager
def opened(out: Path, documents: Sequence[Document], settings: Mapping[str, Any]) -> Iterator[Annotations]:
    """The annotations of a sample, in the folder `out`. Its table is written when the block ends, even by an error.

    settings: all that answers depend on. Raises RecipeError when those in the folder were got with others, StoreError
    when another process is at work there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with alone(out / _LOCK, f"{out}: another curate annotate is at work here; wait for it, or take another folder"):
        _check(out, settings)
        with Journal(out / _JOURNAL) as journal:
            found = Annotations(documents, known(journal.entries, documents), journal)
            journal.entries.clear()
            try:
                yield found
            finally:
                there = [found.outcomes[one.id] for one in documents if one.id in found.outcomes]
                tables.write(out / TABLE, table(there), {**settings, "counts": found.counts()})


def _check(out: Path, settings: Mapping[str, Any]) -> None:
    """See that the folder is new, or of the same settings."""
    path = out / _SETTINGS
    if not path.exists():
        write_json(path, dict(settings))
        return
    there = read_json(path)
    for name, value in settings.items():
        if there.get(name) != value:
            was, now = (str(one)[:60] for one in (there.get(name), value))
            raise RecipeError(
                f"{out} has annotations with another {name}: {was}; now it is {now}; take another folder for these, "
                "or remove that one"
            )
