"""Facts about groups of repeats: the document that a step kept, and those that it dropped in its favour."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import DROPPED_BY, ID
from curate.errors import CurateError
from curate.kernels.hashing import hash64
from curate.report.facts import Document, Run
from curate.store import ledger
from curate.store.shards import Unit


@dataclass(frozen=True)
class Grouped:
    """A step that kept one document of each group, and the ledger columns in which it says so."""

    label: str
    number: int
    """The pass in which it decided."""
    kept: str
    """Column with the id of the document that was kept in place of this one."""
    size: str
    """Column with the documents of the group."""
    similarity: str | None
    """Column with the similarity to the document that was kept."""
    earlier: str | None
    """The reason to drop what is like a document of an earlier run."""


@dataclass(frozen=True)
class Member:
    """A document of a group."""

    document: Document
    text: str | None
    """As the step saw it."""
    similarity: float | None = None
    """To the document that was kept, 0 to 1; None for that one itself, and where the step says nothing of it."""


@dataclass(frozen=True)
class Group:
    """A document that was kept, and its repeats."""

    step: str
    size: int
    """The document that was kept, and those that the step dropped in this run."""
    kept: str
    """Its id."""
    original: Member | None
    """The document that was kept; None if it is of an earlier run, and cannot be read any more."""
    earlier: str | None = None
    """The output folder of the earlier run that kept it; empty if several runs may be meant; None: this run did."""
    stands_for: int | None = None
    """Documents that the one that was kept stands for by the step's count, which may have counted copies of copies."""
    repeats: tuple[Member, ...] = ()
    """Of the others, those that were asked for."""


Place = tuple[int, int]
"""Index of a unit, and row in it."""


@dataclass
class _Repeats:
    """Where the repeats of a document are."""

    units: list[npt.NDArray[np.int64]] = field(default_factory=list)
    rows: list[npt.NDArray[np.int64]] = field(default_factory=list)
    similarity: list[npt.NDArray[np.float64]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(map(len, self.rows))

    def most_alike(self, n: int) -> list[tuple[Place, float | None]]:
        """The first `n`, by falling similarity, then in the order of the input."""
        if not self.rows:
            return []
        units, rows, alike = np.concatenate(self.units), np.concatenate(self.rows), np.concatenate(self.similarity)
        order = np.lexsort((rows, units, -np.nan_to_num(alike)))[:n]
        return [
            ((int(units[i]), int(rows[i])), None if np.isnan(alike[i]) else float(alike[i])) for i in map(int, order)
        ]


class Groups:
    """The groups that one step found in a run. Reads the step's columns alone: a million documents take about 0.1 s."""

    def __init__(self, run: Run, step: Grouped) -> None:
        """The step's pass must be complete."""
        self.run, self.step = run, step
        self._units = {unit.index: unit for unit in run.inputs.units}

    def of(self, id: str, n: int) -> Group | None:
        """The group of a document, be it the kept one or a repeat, with `n` repeats, itself among them; else None."""
        place = self.run.place_of(id)
        if place is None:
            return None
        unit, row = place
        values = ledger.row_of(self._ledger(unit), row)
        kept = values[self.step.kept]
        if kept is not None:
            earlier = values[DROPPED_BY] == f"{self.step.label}/{self.step.earlier}"
            return self._group(kept, None if earlier else self.run.place_of(kept), earlier, n, (unit.index, row))
        size = values[self.step.size]
        return self._group(id, place, False, n) if size is not None and size > 1 else None

    def largest(self, n: int, repeats: int) -> list[Group]:
        """The `n` largest groups by the step's count, the largest first, with some repeats of each."""
        found: list[tuple[int, int, int]] = []
        for unit, rows, sizes in self._kept():
            order = np.lexsort((rows, -sizes))[:n]
            found = heapq.nsmallest(n, [*found, *((-int(sizes[i]), unit.index, int(rows[i])) for i in order)])
        return self._described([(unit, row) for _, unit, row in found], repeats)

    def some(self, n: int, repeats: int) -> list[Group]:
        """`n` groups, the same ones every time, with some repeats of each."""
        found: list[tuple[int, int, int]] = []
        for unit, rows, _ in self._kept():
            ids = self._ids(unit, rows)
            hashes = hash64(ids, 0)
            nearest = np.argsort(hashes, kind="stable")[:n]
            found = heapq.nsmallest(n, [*found, *((int(hashes[i]), unit.index, int(rows[i])) for i in nearest)])
        return self._described([(unit, row) for _, unit, row in found], repeats)

    def _kept(self) -> Iterator[tuple[Unit, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """The documents of a unit that were kept in place of others, and the sizes of their groups."""
        for unit in self._units.values():
            columns = ledger.read(self._ledger(unit), [self.step.kept, self.step.size])
            many = pc.fill_null(pc.greater(columns[self.step.size], 1), False)
            rows = np.flatnonzero(pc.and_(many, columns[self.step.kept].is_null()).to_numpy(zero_copy_only=False))
            if len(rows):
                yield unit, rows, columns[self.step.size].take(pa.array(rows)).to_numpy()

    def _described(self, places: list[Place], repeats: int) -> list[Group]:
        ids = [self._ids(self._units[unit], np.array([row]))[0].as_py() for unit, row in places]
        found = self._repeats(ids, earlier=False)
        return [
            self._made(id, (self._units[unit], row), one, one.most_alike(repeats), None)
            for id, (unit, row), one in zip(ids, places, found, strict=True)
        ]

    def _group(
        self, kept: str, place: tuple[Unit, int] | None, earlier: bool, n: int, asked: Place | None = None
    ) -> Group:
        found = self._repeats([kept], earlier=earlier)[0]
        shown = found.most_alike(found.count)
        if asked is not None:  # it comes first
            shown = sorted(shown, key=lambda one: one[0] != asked)
        return self._made(kept, place, found, shown[:n], self._output(kept) if earlier else None)

    def _made(
        self,
        kept: str,
        place: tuple[Unit, int] | None,
        found: _Repeats,
        shown: list[tuple[Place, float | None]],
        earlier: str | None,
    ) -> Group:
        original = self._member(*place) if place is not None else self._of_earlier(kept, earlier)
        stands_for = original.document.columns.get(self.step.size) if original and earlier is None else None
        repeats = tuple(self._member(self._units[unit], row, alike) for (unit, row), alike in shown)
        return Group(self.step.label, found.count + 1, kept, original, earlier, stands_for, repeats)

    def _repeats(self, kept: list[str], *, earlier: bool) -> list[_Repeats]:
        """The repeats of each of these documents, which are all of this run, or all of earlier ones."""
        found = [_Repeats() for _ in kept]
        wanted = pa.array(kept, pa.large_string())
        for unit in self._units.values():
            which = pc.index_in(ledger.read(self._ledger(unit), [self.step.kept])[self.step.kept], wanted)
            rows = np.flatnonzero(which.is_valid().to_numpy(zero_copy_only=False))
            if not len(rows):
                continue
            names = [DROPPED_BY, *([self.step.similarity] if self.step.similarity else [])]
            columns = ledger.read(self._ledger(unit), names)
            of_earlier = pc.equal(columns[DROPPED_BY].take(pa.array(rows)), f"{self.step.label}/{self.step.earlier}")
            rows = rows[of_earlier.to_numpy(zero_copy_only=False) == earlier]
            of = which.take(pa.array(rows)).to_numpy()
            alike = np.full(len(rows), np.nan)
            if self.step.similarity:
                alike = columns[self.step.similarity].take(pa.array(rows)).cast(pa.float64()).to_numpy(False)
            order = np.argsort(of, kind="stable")
            cuts = [0, *np.flatnonzero(np.diff(of[order])) + 1, len(order)]
            for low, high in pairwise(cuts):
                if low < high:
                    one, part = found[int(of[order[low]])], order[low:high]
                    one.units.append(np.full(high - low, unit.index))
                    one.rows.append(rows[part])
                    one.similarity.append(alike[part])
        return found

    def _member(self, unit: Unit, row: int, similarity: float | None = None) -> Member:
        document = self.run.document(unit, row)
        return Member(document, self.run.text_before(unit, row, self.step.number), similarity)

    def _output(self, kept: str) -> str:
        """The output folder of the only earlier run, or of the one that has this document; empty if there is none."""
        seen = self.run.inputs.earlier.get(self.step.label)
        outputs = [record.output for record in seen.records] if seen is not None else []
        if len(outputs) == 1:
            return outputs[0]
        return next((output for output in outputs if _kept_by(output, kept) is not None), "")

    def _of_earlier(self, kept: str, output: str | None) -> Member | None:
        document = _kept_by(output, kept) if output else None
        return Member(document, document.text) if document is not None else None

    def _ids(self, unit: Unit, rows: npt.NDArray[np.int64]) -> pa.LargeStringArray:
        ids = ledger.read(self.run.ledger(1, unit), [ID])[ID]
        return ids.take(pa.array(rows)).cast(pa.large_string())

    def _ledger(self, unit: Unit) -> Path:
        return self.run.ledger(self.step.number, unit)


def _kept_by(output: str, id: str) -> Document | None:
    """The document of an earlier run, if its folder is as it was then."""
    with suppress(CurateError, OSError):
        return Run(output).find(id)
    return None
