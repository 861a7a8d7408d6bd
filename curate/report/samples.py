"""Documents to look at, chosen by the hash of their ids, for many reasons in one reading of the ledgers."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from curate.kernels.hashing import hash64
from curate.report.facts import Document, Run

KEPT = ""
"""In place of a reason, for documents that were not dropped."""


@dataclass
class Picks:
    """The `n` documents with the smallest hashes for each reason: those that `curate inspect` shows first."""

    n: int
    of: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    """Reason → (hash, index of the unit, row), ascending."""

    def add(self, units: pa.ChunkedArray, rows: pa.ChunkedArray, ids: pa.ChunkedArray, reasons: pa.Array) -> None:
        """Some documents. reasons: a dictionary array of strings, null where a document was not dropped."""
        hashes = hash64(ids.combine_chunks().fill_null("").cast(pa.large_string()), 0)
        codes = np.asarray(reasons.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
        names = [str(name) for name in reasons.dictionary.to_pylist()]
        unit, row = units.to_numpy(), rows.to_numpy()
        order = np.lexsort((hashes, codes))
        starts = np.flatnonzero(np.diff(codes[order], prepend=-2))
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            nearest = order[start : min(stop, start + self.n)]
            code = int(codes[nearest[0]])
            found = [(int(hashes[i]), int(unit[i]), int(row[i])) for i in nearest]
            name = names[code] if code >= 0 else KEPT
            self.of[name] = heapq.nsmallest(self.n, [*self.of.get(name, []), *found])

    def documents(self, run: Run, wanted: Mapping[str, int]) -> dict[str, list[Document]]:
        """Reason → as many of its documents as are wanted, with texts."""
        places = {name: [(unit, row) for _, unit, row in self.of.get(name, [])[:n]] for name, n in wanted.items()}
        found = documents_at(run, (place for some in places.values() for place in some))
        return {name: [found[place] for place in some] for name, some in places.items()}


def documents_at(run: Run, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Document]:
    """(index of a unit, row) → the document; those of a unit are read together."""
    units = {unit.index: unit for unit in run.inputs.units}
    rows: dict[int, set[int]] = {}
    for unit, row in places:
        rows.setdefault(unit, set()).add(row)
    found = {}
    for unit, some in rows.items():
        for row, document in run.documents(units[unit], sorted(some)).items():
            found[unit, row] = document
    return found


def shares(counts: Mapping[str, int], room: int, least: int = 1) -> dict[str, int]:
    """How many samples of each reason fit into `room`: one of each, then more, the most frequent first."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    given: dict[str, int] = dict.fromkeys(names[:room], least)
    left = room - sum(given.values())
    for name in names:
        more = min(left, counts[name] - given.get(name, 0), 2)
        if more > 0 and name in given:
            given[name] += more
            left -= more
    return {name: min(n, counts[name]) for name, n in given.items()}
