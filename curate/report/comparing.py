"""Two runs over the same corpus: who keeps what, how far they agree, and documents on which they do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.documents import CHARS, DROPPED_BY, ID
from curate.errors import StoreError
from curate.kernels.hashing import hash64
from curate.report.facts import Document, Run
from curate.report.samples import documents_at
from curate.report.tables import strings
from curate.store import ledger

KEPT = "kept"

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """Documents that share a fate in both runs."""

    documents: int
    chars: int
    """Of those that are kept, in the run that keeps them; the first one if both do."""


@dataclass(frozen=True)
class Pair:
    """What became of some documents in each run: `kept`, or `stage/reason`."""

    first: str
    second: str
    documents: int


@dataclass(frozen=True)
class Difference:
    """A document on which the runs differ, as each of them has it."""

    first: Document
    second: Document


@dataclass(frozen=True)
class Comparison:
    """What two runs make of the documents that both have."""

    documents: int
    """In both."""
    only_in_first: int
    only_in_second: int
    both: Cell
    first: Cell
    """Kept by the first run alone."""
    second: Cell
    neither: Cell
    other_texts: int
    """Documents that both keep with texts of different lengths."""
    pairs: tuple[Pair, ...]
    """All pairs of fates, the most frequent first."""
    kept_by_first: tuple[Difference, ...]
    """Some of the documents that the first run alone keeps, chosen by a hash of their ids."""
    kept_by_second: tuple[Difference, ...]
    edited: tuple[Difference, ...]
    """Some of those that both keep with texts of different lengths."""

    @property
    def agreement(self) -> float:
        """Share of the documents of which both runs say the same, 0 to 1."""
        return (self.both.documents + self.neither.documents) / max(self.documents, 1)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: agreement beyond chance, 1 for full; None if chance alone would agree on all."""
        n = max(self.documents, 1)
        one = (self.both.documents + self.first.documents) / n
        other = (self.both.documents + self.second.documents) / n
        chance = one * other + (1 - one) * (1 - other)
        return None if chance == 1 else (self.agreement - chance) / (1 - chance)

    @property
    def jaccard(self) -> float | None:
        """Of the documents that either run keeps, the share that both keep, 0 to 1; None: neither keeps any."""
        either = self.both.documents + self.first.documents + self.second.documents
        return self.both.documents / either if either else None


def compare(first: Run, second: Run, samples: int = 3) -> Comparison:
    """Compare two runs that are done; documents are the same if their ids are.

    Holds 36 bytes for each document of both runs. Raises StoreError if a run is not done, or they share no document.
    """
    one, other = _Fates(first), _Fates(second)
    at = np.searchsorted(other.hashes, one.hashes)
    at = np.minimum(at, max(len(other.hashes) - 1, 0))
    shared = np.flatnonzero(other.hashes[at] == one.hashes) if len(other.hashes) else np.zeros(0, np.int64)
    if not len(shared):
        raise StoreError(
            f"{first.folder.root} and {second.folder.root} have no document in common: are they of the same corpus?"
            f" Ids look like {', '.join(first.example_ids())} and {', '.join(second.example_ids())}"
        )
    pairs = at[shared]
    a, b = one.taken(shared), other.taken(pairs)
    kept_a, kept_b = a.kept, b.kept
    edited = kept_a & kept_b & (a.chars != b.chars)

    def cell(which: Bools, chars: Ints) -> Cell:
        return Cell(int(which.sum()), int(chars[which].sum()))

    def some(which: Bools) -> tuple[Difference, ...]:
        rows = np.flatnonzero(which)[:samples]
        return tuple(map(Difference, a.documents(rows), b.documents(rows)))

    return Comparison(
        documents=len(shared),
        only_in_first=len(one.hashes) - len(shared),
        only_in_second=len(other.hashes) - len(shared),
        both=cell(kept_a & kept_b, a.chars),
        first=cell(kept_a & ~kept_b, a.chars),
        second=cell(~kept_a & kept_b, b.chars),
        neither=cell(~kept_a & ~kept_b, a.chars),
        other_texts=int(edited.sum()),
        pairs=tuple(_pairs(a, b)),
        kept_by_first=some(kept_a & ~kept_b),
        kept_by_second=some(~kept_a & kept_b),
        edited=some(edited),
    )


class _Fates:
    """What became of the documents of a run, in the order of the hashes of their ids."""

    def __init__(self, run: Run) -> None:
        if not run.done:
            raise StoreError(f"{run.folder.root}: the run is not complete ({run.state}); compare runs that are done")
        self.run = run
        self.names: list[str] = [KEPT]
        numbers: dict[str, int] = {KEPT: 0}
        hashes, fates, chars, units, rows = [], [], [], [], []
        for unit in (unit for unit in run.inputs.units if unit.rows):
            last = ledger.read(run.ledger(run.passes, unit), [DROPPED_BY, CHARS])
            hashes.append(hash64(strings(ledger.read(run.ledger(1, unit), [ID])[ID], ""), 0))
            reasons = strings(last[DROPPED_BY], KEPT).dictionary_encode()
            for name in reasons.dictionary.to_pylist():
                if name not in numbers:
                    numbers[name] = len(self.names)
                    self.names.append(name)
            codes = np.array([numbers[name] for name in reasons.dictionary.to_pylist()], np.int32)
            fates.append(codes[reasons.indices.to_numpy()])
            chars.append(last[CHARS].fill_null(0).to_numpy(zero_copy_only=False))
            units.append(np.full(unit.rows, unit.index, np.int32))
            rows.append(np.arange(unit.rows, dtype=np.int64))
        everything = [
            np.concatenate(one) if one else np.zeros(0, np.int64) for one in (hashes, fates, chars, units, rows)
        ]
        order = np.argsort(everything[0], kind="stable")
        first = np.flatnonzero(np.diff(everything[0][order], prepend=-1) != 0)  # a repeated id is that of one document
        self.hashes, self.fates, self.chars, self.units, self.rows = (one[order][first] for one in everything)

    @property
    def kept(self) -> Bools:
        return np.asarray(self.fates == 0)

    def taken(self, rows: Ints) -> _Fates:
        """Some of the documents."""
        new = object.__new__(_Fates)
        new.run, new.names = self.run, self.names
        new.hashes, new.fates, new.chars = self.hashes[rows], self.fates[rows], self.chars[rows]
        new.units, new.rows = self.units[rows], self.rows[rows]
        return new

    def documents(self, rows: Ints) -> list[Document]:
        places = [(int(self.units[row]), int(self.rows[row])) for row in rows.tolist()]
        found = documents_at(self.run, places)
        return [found[place] for place in places]


def _pairs(a: _Fates, b: _Fates) -> Iterable[Pair]:
    both = a.fates.astype(np.int64) * len(b.names) + b.fates
    codes, counts = np.unique(both, return_counts=True)
    for i in np.argsort(-counts, kind="stable").tolist():
        one, other = divmod(int(codes[i]), len(b.names))
        yield Pair(a.names[one], b.names[other], int(counts[i]))
