"""One look at the ledgers of a run: how scores are distributed, who dropped what of whom, which rules agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, DROPPED_BY, ID
from curate.report.axes import Axis, axis_of
from curate.report.facts import Run
from curate.report.samples import Picks
from curate.report.steps import Limit, StepFacts
from curate.report.tables import Known, chosen, known_columns, strings, tables

SAMPLE = 100_000  # of them, whose values say where axes begin and end, and what the quantiles are
MOST_COLUMNS = 80  # that get a histogram
MOST_VALUES = 5_000  # of a column by which documents are grouped; what comes later is put together
TOXIC = ("toxicity", "toxicity_mean")
"""Endings of the names of columns with scores of toxicity, of which more is said."""
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
RULES = 62  # that are compared with each other: bits of an integer
GROUPED_BY = ("source", "dataset", "subset", "crawl", "language", "lang", "quality_domain", "domain_name", "domain")
"""Columns by which documents are grouped if they are there."""
NONE, OTHERS = "(none)", "(others)"

Ints = npt.NDArray[np.int64]
Quantiles = tuple[float, float, float, float, float]


@dataclass
class Column:
    """The values of a column of numbers."""

    name: str
    step: str
    """Label of the step that adds it; "" if it is of the input."""
    axis: Axis
    limits: tuple[tuple[str, Limit], ...]
    """(label of the step that sets it, limit)."""
    quantiles: Quantiles
    """0, 5, 50, 95 and 100 %, of the sample."""
    counts: Ints
    """int64[3, bins]: kept at the end; dropped by the steps that decide by it; dropped by others."""
    broken: Ints
    """int64[limits]: documents beyond each limit, whatever became of them."""
    above: Ints
    """int64[LEVELS, 2]: documents above each level, and those of them that were kept; for scores of toxicity."""

    @property
    def documents(self) -> int:
        """That have a value."""
        return int(self.counts.sum())


@dataclass
class Group:
    """What became of documents by the value of a column."""

    name: str
    first: int
    """Index of the step from which on the column is there; 0: from the beginning."""
    steps: int
    ends: dict[str, Ints] = field(default_factory=dict)
    """Value → int64[steps + 2]: documents dropped by each step, kept, and characters kept."""

    def arrived(self, value: str, step: int) -> int:
        """Documents with a value that reached a step."""
        return int(self.ends[value][step : self.steps + 1].sum())

    def values(self, most: int) -> list[str]:
        """The most frequent ones; what is put together comes last."""
        counts = {value: int(ends[: self.steps + 1].sum()) for value, ends in self.ends.items()}
        order = sorted(counts, key=lambda value: (value in (NONE, OTHERS), -counts[value], value))
        return order[:most]


@dataclass
class Scan:
    """What one look at the ledgers found."""

    documents: int
    """Looked at."""
    of: int
    """Documents of the run."""
    columns: list[Column]
    groups: list[Group]
    rules: list[tuple[str, Limit]]
    """(label of a step, limit): the rules that are compared."""
    masks: Counter[int]
    """Set of rules that a document breaks, as bits → documents."""
    tokens: Ints | None
    """int64[steps + 1]: tokens of documents dropped by each step, and kept; None: no column has tokens."""
    picks: Picks

    @property
    def sampled(self) -> bool:
        return self.documents < self.of

    def broken(self, rule: int) -> int:
        """Documents that break a rule."""
        return sum(count for mask, count in self.masks.items() if mask >> rule & 1)

    def both(self, one: int, other: int) -> int:
        """Documents that break two rules."""
        wanted = 1 << one | 1 << other
        return sum(count for mask, count in self.masks.items() if mask & wanted == wanted)

    def alone(self, rule: int) -> int:
        """Documents that break no other rule, as far as these are known."""
        return self.masks[1 << rule]


def scan(run: Run, steps: Sequence[StepFacts], tokens: str | None, by: Sequence[str], samples: int, most: int) -> Scan:
    """Look at the ledgers, once; memory: that of a table of some 130,000 documents, and a sample of the columns.

    tokens: the column with the tokens of a document, if any. by: columns to group by beside those known by name.
    samples: documents to pick for each reason. most: documents that are looked at; of more, whole units are chosen by
    a hash: a share of half a million documents is right to 0.1 % or so.
    """
    known = known_columns(run)
    limits = [(step.label, limit) for step in steps for limit in step.limits if known.is_number(limit.column)]
    owners = {column: step.label for step in steps for column in step.columns}
    numbers = [name for name in known.ledgers if known.is_number(name)]
    numbers = [*dict.fromkeys([*(limit.column for _, limit in limits), *numbers])][:MOST_COLUMNS]
    grouped = [name for name in dict.fromkeys([*by, *GROUPED_BY]) if known.type_of(name) is not None]
    wanted = list(dict.fromkeys([*numbers, *grouped, *([tokens] if tokens else [])]))
    units = chosen(run, most)
    columns = list(_columns(_sample(run, known, numbers), numbers, owners, limits)) if numbers else []
    first = {name: _first(name, steps, known) for name in grouped}
    found = Scan(
        documents=0,
        of=sum(unit.rows for unit in run.inputs.units),
        columns=columns,
        groups=[Group(name, first[name], len(steps)) for name in grouped],
        rules=limits[:RULES],
        masks=Counter(),
        tokens=np.zeros(len(steps) + 1, np.int64) if tokens else None,
        picks=Picks(samples),
    )
    look = _Look(found, [step.label for step in steps], tokens)
    for table in tables(run, units, known, wanted):
        look.at(table)
    if found.sampled and tokens is not None:  # which are not of a sample, but a fact
        found.tokens = np.zeros(len(steps) + 1, np.int64)
        for table in tables(run, [unit for unit in run.inputs.units if unit.rows], known, [tokens]):
            look.count_tokens(table, look.ends(table))
    return found


def _first(name: str, steps: Sequence[StepFacts], known: Known) -> int:
    return next((index for index, step in enumerate(steps) if name in step.columns), 0) if name in known.ledgers else 0


def _sample(run: Run, known: Known, names: list[str]) -> pa.Table:
    found = list(tables(run, chosen(run, SAMPLE), known, names))
    return (
        pa.concat_tables(found).slice(0, SAMPLE)
        if found
        else pa.table({name: pa.array([], pa.float32()) for name in names})
    )


def _columns(
    sample: pa.Table, names: list[str], owners: dict[str, str], limits: list[tuple[str, Limit]]
) -> Iterator[Column]:
    for name in names:
        values = _values(sample.column(name).combine_chunks())[1]
        own = tuple((label, limit) for label, limit in limits if limit.column == name)
        axis = axis_of(values, [limit.value for _, limit in own])
        if axis is not None:
            finite = values[np.isfinite(values)]
            quantiles = np.quantile(finite, [0, 0.05, 0.5, 0.95, 1])
            counts, broken = np.zeros((3, axis.bins), np.int64), np.zeros(len(own), np.int64)
            above = np.zeros((len(LEVELS), 2), np.int64)
            spread: Quantiles = tuple(map(float, quantiles))  # type: ignore[assignment]
            yield Column(name, owners.get(name, ""), axis, own, spread, counts, broken, above)


def _values(array: pa.Array) -> tuple[Ints, npt.NDArray[np.generic]]:
    """(rows that have a value, the values, as they are stored)."""
    there = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    return there, array.drop_null().to_numpy(zero_copy_only=False)


class _Look:
    """Adds tables of documents to what was found."""

    def __init__(self, found: Scan, labels: list[str], tokens: str | None) -> None:
        self.found, self.labels, self.tokens = found, labels, tokens

    def at(self, table: pa.Table) -> None:
        reasons = table[DROPPED_BY].combine_chunks().dictionary_encode()
        ends = self.ends(table)
        self.found.documents += table.num_rows
        self.found.picks.add(table["unit"], table["row"], table[ID], reasons)
        for column in self.found.columns:
            self._count(column, table, ends)
        for group in self.found.groups:
            self._group(group, table, ends)
        self._compare(table)
        self.count_tokens(table, ends)

    def count_tokens(self, table: pa.Table, ends: Ints) -> None:
        """Add the tokens of the documents of a table."""
        if self.tokens is None or self.found.tokens is None:
            return
        rows, values = _values(table[self.tokens].combine_chunks())
        inside = ends[rows] >= 0
        weights = values[inside].astype(np.float64)
        self.found.tokens += np.bincount(ends[rows][inside], weights, len(self.labels) + 1).astype(np.int64)

    def ends(self, table: pa.Table) -> Ints:
        """Where each document ended: index of a step; the number of steps: kept; -1: it could not be read."""
        reasons = table[DROPPED_BY].combine_chunks().dictionary_encode()
        place = {label: index for index, label in enumerate(self.labels)}
        of = [place.get(str(name).split("/", 1)[0], -1) for name in reasons.dictionary.to_pylist()]
        codes = reasons.indices.fill_null(len(of)).to_numpy(zero_copy_only=False)
        return np.asarray(np.array([*of, len(self.labels)], np.int64)[codes])

    def _count(self, column: Column, table: pa.Table, ends: Ints) -> None:
        rows, values = _values(table[column.name].combine_chunks())
        deciding = {label for label, _ in column.limits} or {column.step}
        kind = np.full(len(self.labels) + 2, 2)  # the last one is for what could not be read
        kind[[index for index, label in enumerate(self.labels) if label in deciding]] = 1
        kind[len(self.labels)] = 0
        places = kind[ends[rows]] * column.axis.bins + column.axis.bin(values)
        column.counts += np.bincount(places, minlength=3 * column.axis.bins).reshape(3, -1)
        for number, (_, limit) in enumerate(column.limits):
            column.broken[number] += int(limit.breaks(values).sum())
        if column.name.endswith(TOXIC):
            for number, level in enumerate(LEVELS):
                over = Limit("", column.name, ">", level, "").breaks(values)
                column.above[number] += (int(over.sum()), int((over & (ends[rows] == len(self.labels))).sum()))

    def _group(self, group: Group, table: pa.Table, ends: Ints) -> None:
        names = strings(table[group.name], NONE).dictionary_encode()
        codes = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        steps, values = len(self.labels), names.dictionary.to_pylist()
        there = ends >= 0
        counts = np.bincount(codes[there] * (steps + 1) + ends[there], minlength=len(values) * (steps + 1))
        kept = ends == steps
        chars = np.asarray(pc.fill_null(table[CHARS], 0).to_numpy(), np.float64)
        kept_chars = np.bincount(codes[kept], chars[kept], len(values))
        for value, row, sum_of_chars in zip(values, counts.reshape(-1, steps + 1), kept_chars, strict=True):
            known = value in group.ends or len(group.ends) < MOST_VALUES
            added = group.ends.setdefault(value if known else OTHERS, np.zeros(steps + 2, np.int64))
            added[: steps + 1] += row
            added[steps + 1] += int(sum_of_chars)

    def _compare(self, table: pa.Table) -> None:
        masks = np.zeros(table.num_rows, np.uint64)
        for number, (_, limit) in enumerate(self.found.rules):
            rows, values = _values(table[limit.column].combine_chunks())
            masks[rows[limit.breaks(values)]] |= np.uint64(1 << number)
        for mask, count in zip(*np.unique(masks, return_counts=True), strict=True):
            self.found.masks[int(mask)] += int(count)
