"""Decisions that are made in rounds of tasks, each over a range of keys or of documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from curate.engine.context import Context
from curate.recipe import Step
from curate.store import arrow, ledger
from curate.store.evidence import EvidenceFiles
from curate.store.files import digest
from curate.store.folder import remove_others

VERDICTS = "verdicts"
"""The last round: it makes the artifact, a part for each range of documents."""


@dataclass(frozen=True)
class Range:
    """A part of a round: keys or documents from `low` to `high`, inclusive."""

    round: str
    part: int
    low: int
    high: int


class Rounds:
    """The decision of one global stage of a run."""

    stays: ClassVar[tuple[str, ...]] = (VERDICTS,)
    """Rounds whose files are kept when the decision is made."""

    def __init__(self, context: Context, step: Step, number: int) -> None:
        """number: the pass that gathered the evidence."""
        self.context, self.step, self.number = context, step, number
        self.folder = context.folder

    def cuts(self) -> dict[str, list[tuple[int, int]]]:
        """The ranges of each round, in order."""
        raise NotImplementedError

    def run(self, task: Range) -> None:
        """Do a part of a round; what it makes is whole when this returns."""
        raise NotImplementedError

    @cached_property
    def keys(self) -> EvidenceFiles:
        """The evidence of all units."""
        units = self.context.inputs.units
        return EvidenceFiles([self.folder.evidence(self.number, unit.stem, self.step.label) for unit in units])

    @property
    def fingerprint(self) -> str:
        """Of all that the decision is made from."""
        return self.context.fingerprints.artifact(self.number)

    def todo(self) -> Iterator[list[Range]]:
        """What is still to be done, round by round; a round begins when the one before it is complete."""
        cuts = self.cuts()
        if any(self._todo(name, cuts[name]) for name in self.stays):
            remove_others(self._place, self._names(cuts))  # parts of other cuts
            for name, cut in cuts.items():
                yield self._todo(name, cut)
        remove_others(self._place, self._names({name: cuts[name] for name in self.stays}))

    def stamp(self, task: Range) -> str:
        """The fingerprint of what a task makes."""
        return digest(self.fingerprint, asdict(task))

    def write(self, task: Range, rows: pa.Table, **facts: Any) -> None:
        """Write what a task of a round before the last one found."""
        arrow.write(self._path(task), rows, {"fingerprint": self.stamp(task), **facts})

    def found(self, round: str) -> list[Path]:
        """What the tasks of a round have written."""
        return sorted(self._place.glob(f"{round}-*.arrow"))

    def _todo(self, round: str, cut: list[tuple[int, int]]) -> list[Range]:
        """The parts of a round that are not there."""
        return [task for task in _parts(round, cut) if self._made_from(task) != self.stamp(task)]

    def _made_from(self, task: Range) -> Any:
        path = self._path(task)
        found = ledger.facts(path) if task.round == VERDICTS else arrow.facts(path)
        return (found or {}).get("fingerprint")

    def _path(self, task: Range) -> Path:
        if task.round == VERDICTS:
            return self.folder.large_artifact(self.step.label, task.part)
        return self.folder.between(self.step.label, f"{task.round}-{task.part:03d}")

    def _names(self, cuts: dict[str, list[tuple[int, int]]]) -> set[str]:
        return {self._path(task).name for name, cut in cuts.items() for task in _parts(name, cut)}

    @property
    def _place(self) -> Path:
        return self.folder.large_artifact(self.step.label, 0).parent


def _parts(round: str, cut: list[tuple[int, int]]) -> list[Range]:
    return [Range(round, part, low, high) for part, (low, high) in enumerate(cut)]
