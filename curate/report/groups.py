"""Facts about groups of repeats: the document that a step kept, and those that it dropped in its favour."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class _Kept:
    """A document that was kept in place of others. Ids that are made of file and row may be those of an earlier run."""

    id: str
    earlier: bool = False
    """Whether an earlier run kept it."""


@dataclass(frozen=True)
class _Dropped:
    """The documents of a unit that the step dropped: row, id of the one that was kept, whether by an earlier run."""

    rows: npt.NDArray[np.int64]
    kept: pa.LargeStringArray
    earlier: npt.NDArray[np.bool_]


def _hashes(dropped: _Dropped) -> npt.NDArray[np.uint64]:
    """The group of each document, uint64[n]."""
    return hash64(dropped.kept, 0) ^ dropped.earlier.astype(np.uint64)


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
        values = ledger.row_of(self._ledger(unit), row)
        if values[self.step.kept] is None:
            found = self._repeats([_Kept(id)])[0]
            return self._made(_Kept(id), place, found, found.most_alike(n)) if found.count else None
        kept = _Kept(values[self.step.kept], values[DROPPED_BY] == self._in_index)
        found = self._repeats([kept])[0]
        shown = sorted(found.most_alike(found.count), key=lambda one: one[0] != (unit.index, row))  # this one first
        return self._made(kept, None if kept.earlier else self.run.place_of(kept.id), found, shown[:n])

    def largest(self, n: int, repeats: int) -> list[Group]:
        """The `n` groups with the most documents of this run, the largest first, with some repeats of each."""
        hashes, counts = self._sizes()
        return self._described(hashes[np.lexsort((hashes, -counts))[:n]], repeats)

    def some(self, n: int, repeats: int) -> list[Group]:
        """`n` groups, the same ones every time, with some repeats of each."""
        return self._described(self._sizes()[0][:n], repeats)

    def _sizes(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        """(hash of each group, ascending; its repeats). Holds 8 bytes for each document that the step dropped."""
        parts = [_hashes(dropped) for dropped in map(self._dropped, self._units.values())]
        return np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]), return_counts=True)

    def _described(self, hashes: npt.NDArray[np.uint64], repeats: int) -> list[Group]:
        """The groups with these hashes, in this order."""
        by_hash: dict[int, _Kept] = {}
        for dropped in map(self._dropped, self._units.values()):
            found, first = np.unique(_hashes(dropped), return_index=True)
            for i in np.flatnonzero(np.isin(found, hashes)):
                one = int(first[i])
                by_hash[int(found[i])] = _Kept(dropped.kept[one].as_py(), bool(dropped.earlier[one]))
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
        earlier = pc.equal(dropped_by, self._in_index).to_numpy(zero_copy_only=False)
        return _Dropped(rows, kept.cast(pa.large_string()), earlier.astype(bool))

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
        earlier = self._output(kept.id) if kept.earlier else None
        original = self._member(*place) if place is not None else self._of_earlier(kept.id, earlier)
        stands_for = original.document.columns.get(self.step.size) if original and not kept.earlier else None
        repeats = tuple(self._member(self._units[unit], row, alike) for (unit, row), alike in shown)
        return Group(self.step.label, found.count + 1, kept.id, original, earlier, stands_for, repeats)

    @property
    def _in_index(self) -> str:
        """What the ledger says of a document that is like one of an earlier run."""
        return f"{self.step.label}/{self.step.earlier}"

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

    def _ledger(self, unit: Unit) -> Path:
        return self.run.ledger(self.step.number, unit)


def _kept_by(output: str, id: str) -> Document | None:
    """The document of an earlier run, if its folder is as it was then."""
    with suppress(CurateError, OSError):
        return Run(output).find(id)
    return None
