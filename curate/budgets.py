"""A budget cut into cells by source and domain: in proportion, to the unit; and what is taken of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fractions import Fraction

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, computed_field

from curate.errors import StageError
from curate.stage import Evidence
from curate.weighing import of

_MOST_CELLS = 100_000  # more is no budget by source and domain, but by something like the host


class Cell(BaseModel):
    """The documents of one source and domain, and how many of them are taken."""

    model_config = ConfigDict(frozen=True)

    key: int
    source: str | None
    domain: str | None
    documents: int
    weight: int
    budget: int = 0
    epochs: int = 0
    """How often every document is taken."""
    cut: int | None = None
    """Documents whose rank is smaller than this are taken once more, those that have it if their hash is at most `tie`;
    None: no more are taken."""
    tie: int = 0
    taken: int = 0
    """Weight of what is taken, with repeats."""

    @property
    def name(self) -> str:
        """For people."""
        named = [f"{what} {value!r}" for what, value in (("source", self.source), ("domain", self.domain)) if value]
        return ", ".join(named) or "documents"


class Selection(BaseModel):
    """What `select` decided for the whole corpus. Documents that are no target are in none of the counts."""

    model_config = ConfigDict(frozen=True)

    metric: str
    by: str
    budget: int
    cells: list[Cell]
    missing: int
    """Documents without a score."""
    mean: float = 0.0
    """Of the metric over the documents to choose from, and their standard deviation: for a temperature."""
    deviation: float = 0.0
    absent: list[str] = []
    """Targets that no document to choose from has."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def warning(self) -> str | None:
        """What a person should look at."""
        taken = sum(cell.taken for cell in self.cells)
        found = [f"no document to choose from has {', '.join(self.absent)}"] if self.absent else []
        found += [f"{self.budget - taken:,} of {self.budget:,} {self.by} short"] if taken < self.budget else []
        return "; ".join(found) or None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """The decision in one line, for people."""
        taken, there = sum(cell.taken for cell in self.cells), sum(cell.weight for cell in self.cells)
        line = f"{of(taken, there)} {self.by} by {self.metric}, from {len(self.cells)} cells"
        line += f"; {self.budget - taken:,} short of the budget" if taken < self.budget else ""
        return line + (f"; {self.missing:,} without a score" if self.missing else "")


def tally(evidence: Evidence) -> tuple[list[Cell], int]:
    """(the cells, ordered by source and domain; how many documents lack a score).

    Columns of the evidence: `key` of the cell, `score`, `weight`, and `source` and `domain` in some rows of each cell.
    """
    tallies: dict[int, list[int]] = {}
    names: dict[int, tuple[str | None, str | None]] = {}
    missing = 0
    for table in evidence.scan(["key", "score", "weight", "source", "domain"]):
        named = table.filter(pc.or_(pc.is_valid(table["source"]), pc.is_valid(table["domain"])))
        for key, *name in zip(*(named[column].to_pylist() for column in ("key", "source", "domain")), strict=True):
            names[key] = (name[0], name[1])
        scored = ~np.isnan(table["score"].to_numpy())
        missing += int((~scored).sum())
        keys, place, documents = np.unique(table["key"].to_numpy()[scored], return_inverse=True, return_counts=True)
        weight = np.zeros(len(keys), np.int64)
        np.add.at(weight, place, table["weight"].to_numpy()[scored])
        for key, more, heavier in zip(keys.tolist(), documents.tolist(), weight.tolist(), strict=True):
            known = tallies.setdefault(key, [0, 0])
            known[0] += more
            known[1] += heavier
        if len(tallies) > _MOST_CELLS:
            raise StageError(
                f"select: more than {_MOST_CELLS:,} sources and domains; take columns with few values, "
                "such as the crawl and the topic"
            )
    cells = [
        Cell(
            key=key,
            source=names.get(key, (None, None))[0],
            domain=names.get(key, (None, None))[1],
            documents=n,
            weight=w,
        )
        for key, (n, w) in tallies.items()
    ]
    return sorted(cells, key=lambda cell: (cell.source or "", cell.domain or "", cell.key)), missing


def by_hand(given: Mapping[str, float], named: Sequence[str | None], weights: Sequence[int]) -> list[Fraction]:
    """The share of each cell when those of names are given: cells of one name divide its share by their weights.

    named, weights: of each cell. A number counts as it is written. Raises StageError if no cell has one of the names.
    """
    whole: dict[str | None, int] = {}
    for name, weight in zip(named, weights, strict=True):
        whole[name] = whole.get(name, 0) + weight
    for name in given:
        if name not in whole:
            known = [repr(one) for one in whole if one is not None]
            near = get_close_matches(name, filter(None, whole), 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)[:12])}"
            raise StageError(f"select: shares names '{name}', which no document has; {hint}")
    return [
        Fraction(repr(given[name])) * weight / max(whole[name], 1)
        if name is not None and name in given
        else Fraction(0)
        for name, weight in zip(named, weights, strict=True)
    ]


def portions(budget: int, shares: Sequence[int | Fraction]) -> list[int]:
    """The budget in proportion to `shares` (0 or more), as integers that sum to it: largest remainders, first first."""
    total = sum(shares)
    if total == 0:
        return [0] * len(shares)
    exact = [Fraction(budget * share, total) for share in shares]
    whole = [int(part) for part in exact]
    by_remainder = sorted(range(len(shares)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_remainder[: budget - sum(whole)]:
        whole[place] += 1
    return whole


def redistributed(budget: int, shares: Sequence[int | Fraction], weights: Sequence[int]) -> list[int]:
    """As `portions`, but no cell gets more than it weighs: the others share what it leaves, by their own shares.

    The sum is the budget, or all that there is.
    """
    found = [0] * len(shares)
    free = list(range(len(shares)))
    while free:
        parts = portions(budget - sum(found), [shares[place] for place in free])
        short = [place for place, part in zip(free, parts, strict=True) if part >= weights[place]]
        if not short:
            for place, part in zip(free, parts, strict=True):
                found[place] = part
            break
        for place in short:
            found[place] = weights[place]
        free = [place for place in free if place not in set(short)]
    return found
