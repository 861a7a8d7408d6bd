"""Facts about groups of repeats: the document that a step kept, and those that it dropped in its favour."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import DROPPED_BY, ID
from curate.errors import CurateError, StoreError
from curate.kernels.hashing import hash64
from curate.report.facts import Document, Run
from curate.store import evidence, ledger
from curate.store.fixed import first_address
from curate.store.index import Record
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
    """The document that was kept; None if an earlier run kept it whose folder is not as it was then."""
    earlier: str | None = None
    """The output folder of the earlier run that kept it; None: this run did."""
    stands_for: int | None = None
    """Documents that the one that was kept stands for by the step's count, which may have counted copies of copies."""
    repeats: tuple[Member, ...] = ()
    """Of the others, those that were asked for."""


Place = tuple[int, int]
"""Index of a unit, and row in it."""


@dataclass(frozen=True)
class _Kept:
    """A document that was kept in place of others. Ids made of file and row are those of many documents, over runs."""

    id: str
    earlier: int = 0
    """The number in the index of the earlier run that kept it; 0: this run did."""


@dataclass(frozen=True)
class _Dropped:
    """The documents of a unit that the step dropped, and for each the one that was kept: see `_Kept`."""

    rows: npt.NDArray[np.int64]
    kept: pa.LargeStringArray
    earlier: npt.NDArray[np.int32]

    def kept_for(self, i: int) -> _Kept:
        """What was kept in place of the i-th of them."""
        return _Kept(self.kept[i].as_py(), int(self.earlier[i]))

    def hashes(self) -> npt.NDArray[np.uint64]:
        """The group of each document, uint64[n]."""
        return hash64(self.kept, 0) ^ self.earlier.astype(np.uint64)


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
    """The groups that one step found in a run. Reads the step's columns, and texts only of what is shown."""

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
        dropped = self._dropped(unit)
        at = np.flatnonzero(dropped.rows == row)
        if not len(at):
            found = self._repeats([_Kept(id)])[0]
            return self._made(_Kept(id), place, found, found.most_alike(n)) if found.count else None
        kept = dropped.kept_for(int(at[0]))
        found = self._repeats([kept])[0]
        shown = sorted(found.most_alike(found.count), key=lambda one: one[0] != (unit.index, row))  # this one first
        return self._made(kept, None if kept.earlier else self.run.place_of(kept.id), found, shown[:n])

    def of_earlier(self, id: str, n: int) -> list[Group]:
        """The groups of documents of earlier runs with this id, `n` repeats of each: the first run's first."""
        if self.step.earlier is None:
            return []
        numbers: set[int] = set()
        for dropped in map(self._dropped, self._units.values()):
            same = pc.equal(dropped.kept, id).to_numpy(zero_copy_only=False).astype(bool)
            numbers |= set(dropped.earlier[same].tolist())
        kept = [_Kept(id, number) for number in sorted(numbers - {0})]
        repeats = self._repeats(kept)
        return [self._made(one, None, found, found.most_alike(n)) for one, found in zip(kept, repeats, strict=True)]

    def largest(self, n: int, repeats: int) -> list[Group]:
        """The `n` groups with the most documents of this run, the largest first, with some repeats of each."""
        hashes, counts = self._sizes()
        return self._described(hashes[np.lexsort((hashes, -counts))[:n]], repeats)

    def some(self, n: int, repeats: int) -> list[Group]:
        """`n` groups, the same ones every time, with some repeats of each."""
        return self._described(self._sizes()[0][:n], repeats)

    def _sizes(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """(hash of each group, ascending; its repeats). Holds 8 bytes for each document that the step dropped."""
        parts = [dropped.hashes() for dropped in map(self._dropped, self._units.values())]
        return np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]), return_counts=True)

    def _described(self, hashes: npt.NDArray[np.uint64], repeats: int) -> list[Group]:
        """The groups with these hashes, in this order."""
        by_hash: dict[int, _Kept] = {}
        for dropped in map(self._dropped, self._units.values()):
            found, first = np.unique(dropped.hashes(), return_index=True)
            for i in np.flatnonzero(np.isin(found, hashes)):
                by_hash[int(found[i])] = dropped.kept_for(int(first[i]))
        kept = [by_hash[int(one)] for one in hashes]
        places = self._places([one.id for one in kept])
        return [
            self._made(one, None if one.earlier else places.get(one.id), found, found.most_alike(repeats))
            for one, found in zip(kept, self._repeats(kept), strict=True)
        ]

    def _dropped(self, unit: Unit) -> _Dropped:
        """The documents of a unit that the step dropped."""
        columns = ledger.read(self._ledger(unit), [self.step.kept, DROPPED_BY])
        rows = np.flatnonzero(columns[self.step.kept].is_valid().to_numpy(zero_copy_only=False))
        kept, dropped_by = (columns[name].take(pa.array(rows)) for name in (self.step.kept, DROPPED_BY))
        earlier = np.zeros(len(rows), np.int32)
        by_index = np.flatnonzero(pc.equal(dropped_by, self._in_index).to_numpy(zero_copy_only=False))
        if len(by_index):
            earlier[by_index] = self._numbers(unit, rows[by_index])
        return _Dropped(rows, kept.cast(pa.large_string()), earlier)

    def _numbers(self, unit: Unit, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Which earlier runs, by their numbers, kept what documents of a unit are like."""
        first = int(first_address(unit))
        part = bisect_left([last for _, last in self.run.inputs.ranges()], first)
        path = self.run.folder.large_artifact(self.step.label, part)
        if not path.exists():
            raise StoreError(f"{path}: it is gone, though the run is past that decision; run the recipe again")
        found = evidence.read_artifact(path, first, first + unit.rows - 1)
        at = np.searchsorted(found[evidence.DOCUMENT].to_numpy(), rows.astype(np.uint64) + np.uint64(first))
        return np.asarray(found["earlier"].take(pa.array(at)).to_numpy())

    def _places(self, wanted_ids: list[str]) -> dict[str, tuple[Unit, int]]:
        """Where the first documents with these ids are."""
        found: dict[str, tuple[Unit, int]] = {}
        wanted = pa.array(wanted_ids, pa.large_string())
        for unit in self._units.values():
            ids = ledger.read(self.run.ledger(1, unit), [ID])[ID]
            for row in np.flatnonzero(pc.is_in(ids, wanted).to_numpy(zero_copy_only=False)):
                found.setdefault(ids[int(row)].as_py(), (unit, int(row)))
        return found

    def _repeats(self, kept: list[_Kept]) -> list[_Repeats]:
        """The repeats of each of these documents."""
        found = [_Repeats() for _ in kept]
        wanted = pa.array([one.id for one in kept], pa.large_string())
        for unit in self._units.values():
            dropped = self._dropped(unit)
            if not pc.any(pc.is_in(dropped.kept, wanted)).as_py():
                continue
            alike = np.full(len(dropped.rows), np.nan)
            if self.step.similarity:
                values = ledger.read(self._ledger(unit), [self.step.similarity])[self.step.similarity]
                alike = values.take(pa.array(dropped.rows)).cast(pa.float64()).to_numpy(zero_copy_only=False)
            for one, repeats in zip(kept, found, strict=True):
                same = pc.equal(dropped.kept, one.id).to_numpy(zero_copy_only=False)
                at = np.flatnonzero(same & (dropped.earlier == one.earlier))
                repeats.units.append(np.full(len(at), unit.index))
                repeats.rows.append(dropped.rows[at])
                repeats.similarity.append(alike[at])
        return found

    def _made(
        self, kept: _Kept, place: tuple[Unit, int] | None, found: _Repeats, shown: list[tuple[Place, float | None]]
    ) -> Group:
        repeats = tuple(self._member(self._units[unit], row, alike) for (unit, row), alike in shown)
        size, label = found.count + 1, self.step.label
        if kept.earlier:
            seen = self.run.inputs.earlier[label]
            record = next(record for record in seen.records if record.number == kept.earlier)
            return Group(label, size, kept.id, _kept_by(record, seen.index, kept.id), record.output, None, repeats)
        original = self._member(*place) if place is not None else None
        stands_for = original.document.columns.get(self.step.size) if original is not None else None
        return Group(label, size, kept.id, original, None, stands_for, repeats)

    @property
    def _in_index(self) -> str:
        """What the ledger says of a document that is like one of an earlier run."""
        return f"{self.step.label}/{self.step.earlier}"

    def _member(self, unit: Unit, row: int, similarity: float | None = None) -> Member:
        document = self.run.document(unit, row)
        return Member(document, self.run.text_before(unit, row, self.step.number), similarity)

    def _ledger(self, unit: Unit) -> Path:
        return self.run.ledger(self.step.number, unit)


def _kept_by(record: Record, index: str, id: str) -> Member | None:
    """The document of an earlier run that its step kept; None if it is seen that the folder is not as it was then."""
    with suppress(CurateError, OSError):
        run = Run(record.output)
        of_index = (
            label for label, one in run.inputs.earlier.items() if (one.index, one.number) == (index, record.number)
        )
        label, place = next(of_index, None), run.place_of(id)
        if not run.done or label is None or place is None:
            return None
        document, steps = run.document(*place), [row["label"] for row in run.manifest["funnel"]]
        by = document.dropped_by.split("/", 1)[0] if document.dropped_by is not None else None
        if by is not None and (by not in steps or steps.index(by) <= steps.index(label)):
            return None
        return Member(document, _text_seen(run, label, *place, document.text))
    return None


def _text_seen(run: Run, label: str, unit: Unit, row: int, otherwise: str | None) -> str | None:
    """The text of a document as a step saw it, if it left the sketch that it made of that."""
    for number in range(1, run.passes + 1):
        if run.folder.sketches(number, unit.stem, label).table.exists():
            return run.text_before(unit, row, number + 1)
    return otherwise
