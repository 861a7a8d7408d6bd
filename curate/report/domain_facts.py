"""Facts about the domains of a run: how large each is, what it is about, how good; and a map of a sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import CHARS, DROPPED_BY
from curate.errors import StoreError
from curate.report.facts import INTERNAL, Run
from curate.store import ledger
from curate.store.files import read_json

ID, NAME = "domain_id", "domain_name"


@dataclass
class DomainFacts:
    """One domain."""

    name: str
    words: list[str]
    """The most telling ones first; none if the run took its centroids from another one."""
    documents: int = 0
    """Of the corpus, when the step had decided."""
    chars: int = 0
    kept: int = 0
    """Documents that all later steps kept, too."""
    means: dict[str, float] = field(default_factory=dict)
    """Column of numbers → mean over the documents that have one."""


@dataclass(frozen=True)
class Place:
    """A document on the map."""

    id: str
    domain: int | None
    """None: its cluster was pruned."""
    x: float
    """From -1 to 1; so is y."""
    y: float
    distance: float
    text: str


@dataclass(frozen=True)
class DomainMap:
    """The domains of a run."""

    step: str
    """Label of the step that found them."""
    domains: list[DomainFacts]
    """By id."""
    places: list[Place]
    without: int
    """Documents without a domain that the step kept."""
    pruned: int
    """Documents that it dropped with their clusters."""
    clusters: int
    sample: int
    """Documents that the clusters were fitted on; 0: unknown, the centroids are of another run."""
    layout: str = "islands"
    """How places were found."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def domain_map(root: str | Path, step: str | None = None) -> DomainMap:
    """The domains of a run, from its ledgers and artifacts; no text is read.

    step: label of a `domain_clusters`; None: the first one. Raises StoreError if the run has none, or is not so far.
    """
    run = Run(root)
    columns = _columns(run)
    steps = [name.removesuffix(ID) for name in columns if name.endswith(ID)]
    wanted = [prefix for prefix in steps if step in (None, prefix.removesuffix("_") or "domain_clusters")]
    if not wanted:
        others = ", ".join(prefix.removesuffix("_") or "domain_clusters" for prefix in steps)
        asked = f" as {step}" if step is not None else ""
        way_out = (
            f"there are those of {others}" if others else "put embed and domain_clusters into the recipe, and run it"
        )
        raise StoreError(f"{root}: no step of this run found domains{asked}; {way_out}")
    prefix = wanted[0]
    label = prefix.removesuffix("_") or "domain_clusters"
    found = _Counting(run, columns, prefix)
    for number in range(len(run.inputs.units)):
        found.add(number)
    stored = _artifact(run, label)
    words = {domain["name"]: domain["words"] for domain in stored.get("domains", [])}
    clusters = [cluster["domain"] for cluster in stored.get("clusters", [])]
    return DomainMap(
        step=label,
        domains=found.domains(words),
        places=[
            Place(e["id"], clusters[e["cluster"]], e["x"], e["y"], e["distance"], e["text"])
            for e in stored.get("examples", [])
        ],
        without=found.without,
        pruned=found.pruned,
        clusters=len(clusters),
        sample=int(stored.get("sample", 0)),
        layout=str(stored.get("layout", "islands")),
    )


def _columns(run: Run) -> dict[str, tuple[int, pa.DataType]]:
    """Column that a stage added → (the pass, its type)."""
    found: dict[str, tuple[int, pa.DataType]] = {}
    for number in range(1, run.passes + 1):
        for unit in run.inputs.units[:1]:
            own = ledger.columns_of(run.ledger(number, unit))
            found |= {name: (number, kind) for name, kind in own.items() if name not in INTERNAL}
    return found


def _artifact(run: Run, label: str) -> dict[str, Any]:
    """What the step learned; empty if it took the centroids of another run."""
    path = run.folder.small_artifact(label)
    return dict(read_json(path).get("artifact", {})) if path.exists() else {}


class _Counting:
    """Sums over documents by domain, a unit at a time."""

    def __init__(self, run: Run, columns: dict[str, tuple[int, pa.DataType]], prefix: str) -> None:
        self.run, self.id, self.name = run, prefix + ID, prefix + NAME
        self.prefix = prefix
        self.number = columns[self.id][0]
        numeric = (pa.types.is_floating, pa.types.is_integer)
        self.numbers = {
            name: number
            for name, (number, kind) in columns.items()
            if any(test(kind) for test in numeric) and not name.startswith(prefix + "domain_")
        }
        self.names: dict[int, str] = {}
        self.sums: dict[str, npt.NDArray[np.float64]] = {}
        self.without = self.pruned = 0

    def add(self, place: int) -> None:
        unit = self.run.inputs.units[place]
        own = ledger.read(self.run.ledger(self.number, unit), [self.id, self.name, CHARS, DROPPED_BY])
        last = ledger.read(self.run.ledger(self.run.passes, unit), [DROPPED_BY])[DROPPED_BY].is_null()
        label = self.prefix.removesuffix("_") or "domain_clusters"
        gone = own[DROPPED_BY].to_numpy(zero_copy_only=False)
        self.pruned += int(np.count_nonzero(gone == f"{label}/pruned_cluster"))
        has = own[self.id].is_valid().to_numpy(zero_copy_only=False)
        self.without += int(np.count_nonzero(~has & own[DROPPED_BY].is_null().to_numpy(zero_copy_only=False)))
        rows = np.flatnonzero(has)
        if not len(rows):
            return
        domain = own[self.id].take(pa.array(rows)).to_numpy()
        values, first = np.unique(domain, return_index=True)
        names = own[self.name].take(pa.array(rows[first])).to_pylist()
        self.names |= {int(value): str(name) for value, name in zip(values, names, strict=True)}
        self._sum("documents", domain, np.ones(len(rows)))
        self._sum("chars", domain, _floats(own[CHARS])[rows])
        self._sum("kept", domain, last.to_numpy(zero_copy_only=False)[rows].astype(np.float64))
        by_pass: dict[int, list[str]] = {}
        for name, number in self.numbers.items():
            by_pass.setdefault(number, []).append(name)
        for number, columns in by_pass.items():
            for name, column in ledger.read(self.run.ledger(number, unit), columns).items():
                values_of = _floats(column)[rows]
                there = np.isfinite(values_of)
                self._sum(f"sum {name}", domain[there], values_of[there])
                self._sum(f"count {name}", domain[there], np.ones(int(there.sum())))

    def _sum(self, what: str, domain: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        size = max(int(domain.max(initial=-1)) + 1, len(self.sums.get(what, [])))
        total = np.zeros(size)
        before = self.sums.get(what, np.zeros(0))
        total[: len(before)] = before
        self.sums[what] = total + np.bincount(domain, weights=values, minlength=size)

    def domains(self, words: dict[str, list[str]]) -> list[DomainFacts]:
        found = []
        for number in range(max(self.names, default=-1) + 1):
            name = self.names.get(number, f"domain-{number}")
            documents, chars, kept = (int(self._of(what, number)) for what in ("documents", "chars", "kept"))
            facts = DomainFacts(name, words.get(name, []), documents, chars, kept)
            for column in self.numbers:
                if count := self._of(f"count {column}", number):
                    facts.means[column] = round(self._of(f"sum {column}", number) / count, 6)
            found.append(facts)
        return found

    def _of(self, what: str, number: int) -> float:
        sums = self.sums.get(what, np.zeros(0))
        return float(sums[number]) if number < len(sums) else 0.0


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
