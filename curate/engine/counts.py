"""Counting documents through a pass, and the identity that must hold: in = out + dropped + could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, SIZE, TEXT, Batch
from curate.errors import StageError
from curate.kernels.text import buffers, char_counts


def measure(batch: Batch) -> dict[str, pa.Array]:
    """Characters and bytes of each text, as columns that travel with the documents."""
    sizes = np.diff(buffers(batch[TEXT])[1])
    return {CHARS: pa.array(batch.once(char_counts)), SIZE: pa.array(sizes)}


def total(batch: Batch, column: str) -> int:
    """Sum of an integer column; 0 for no documents."""
    return int(pc.sum(batch[column]).as_py() or 0)


@dataclass
class StepCount:
    """What one step did to the documents that reached it. Characters are those of the text at that moment."""

    documents_in: int = 0
    chars_in: int = 0
    documents_out: int = 0
    chars_out: int = 0
    reasons: dict[str, list[int]] = field(default_factory=dict)
    """reason → [documents, characters] dropped for it."""

    def arrive(self, batch: Batch) -> None:
        """Documents reach the step."""
        self.documents_in += len(batch)
        self.chars_in += total(batch, CHARS)

    def leave(self, batch: Batch) -> None:
        """Documents go on to the next step."""
        self.documents_out += len(batch)
        self.chars_out += total(batch, CHARS)

    def drop(self, reasons: npt.NDArray[np.object_], chars: npt.NDArray[np.int64]) -> None:
        """Documents with these reasons and lengths are dropped."""
        for reason, length in zip(reasons, chars, strict=True):
            entry = self.reasons.setdefault(str(reason), [0, 0])
            entry[0] += 1
            entry[1] += int(length)

    @property
    def dropped(self) -> int:
        return sum(documents for documents, _ in self.reasons.values())

    def add(self, other: StepCount) -> None:
        """Another unit's counts of the same step."""
        self.documents_in += other.documents_in
        self.chars_in += other.chars_in
        self.documents_out += other.documents_out
        self.chars_out += other.chars_out
        for reason, (documents, chars) in other.reasons.items():
            entry = self.reasons.setdefault(reason, [0, 0])
            entry[0] += documents
            entry[1] += chars


@dataclass
class UnitCounts:
    """Counts of one pass over one unit, or, summed, over all of them."""

    rows: int = 0
    """Rows that the input holds."""
    earlier: int = 0
    """Rows gone in earlier passes: dropped or unreadable."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """reason → rows that this pass could not read."""
    steps: dict[int, StepCount] = field(default_factory=dict)
    """By the step's number in the recipe, from 0."""
    alive: int = 0
    alive_chars: int = 0
    alive_bytes: int = 0
    arrived: int = 0
    arrived_chars: int = 0
    made_ids: int = 0
    """Rows that had no id of their own."""
    rewritten: bool = False
    """Whether the pass wrote texts of its own."""

    def step(self, index: int) -> StepCount:
        """The count of a step, made when first asked for."""
        return self.steps.setdefault(index, StepCount())

    def arrive(self, earlier: int, unreadable: dict[str, int], batch: Batch) -> None:
        """A piece of the unit: rows gone before, rows found unreadable, and the documents that go into the steps."""
        self.earlier += earlier
        for reason, rows in unreadable.items():
            self.unreadable[reason] = self.unreadable.get(reason, 0) + rows
        self.arrived += len(batch)
        self.arrived_chars += total(batch, CHARS)

    def leave(self, batch: Batch) -> None:
        """Documents that survive the pass."""
        self.alive += len(batch)
        self.alive_chars += total(batch, CHARS)
        self.alive_bytes += total(batch, SIZE)

    def add(self, other: UnitCounts) -> None:
        """Another unit's counts of the same pass."""
        self.rows += other.rows
        self.earlier += other.earlier
        self.alive += other.alive
        self.alive_chars += other.alive_chars
        self.alive_bytes += other.alive_bytes
        self.arrived += other.arrived
        self.arrived_chars += other.arrived_chars
        self.made_ids += other.made_ids
        self.rewritten |= other.rewritten
        for reason, rows in other.unreadable.items():
            self.unreadable[reason] = self.unreadable.get(reason, 0) + rows
        for index, count in other.steps.items():
            self.step(index).add(count)

    def check(self, where: str) -> None:
        """Raise StageError unless every row is accounted for, and what leaves a step is what reaches the next."""
        dropped = sum(count.dropped for count in self.steps.values())
        unreadable = sum(self.unreadable.values())
        if self.rows != self.alive + dropped + unreadable + self.earlier:
            raise StageError(
                f"{where}: the documents do not add up: {self.rows} in, but {self.alive} out + {dropped} dropped"
                f" + {unreadable} unreadable + {self.earlier} gone before; this is a defect of curate, please report it"
            )
        flowing = self.arrived
        for index in sorted(self.steps):
            count = self.steps[index]
            if count.documents_in != flowing or count.documents_in - count.dropped != count.documents_out:
                raise StageError(
                    f"{where}: step {index + 1} was given {count.documents_in} of {flowing} documents, dropped"
                    f" {count.dropped} and passed on {count.documents_out};"
                    " this is a defect of curate, please report it"
                )
            flowing = count.documents_out

    def as_dict(self) -> dict[str, Any]:
        """As plain data for the ledger's facts."""
        steps = {str(index): vars(count) for index, count in sorted(self.steps.items())}
        return {**vars(self), "steps": steps}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> UnitCounts:
        """What `as_dict` gave."""
        steps = {int(index): StepCount(**count) for index, count in data["steps"].items()}
        return cls(**{**data, "steps": steps})
