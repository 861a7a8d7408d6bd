"""What a run would have kept with other thresholds, from the numbers that its steps left behind. No text is read.

Of a document that a step dropped, later steps know nothing: if it is to stay now, whether they would keep it is not
known, but for those that ask nothing but numbers that are there. So there are two answers, and the truth is between,
if no `keep_best` follows: it finds its threshold among the documents that are there for sure, and more of them would
move it. Holds some 30 bytes for each document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import CHARS, DROPPED_BY
from curate.errors import RecipeError
from curate.report.facts import Run
from curate.report.steps import Best, Limit, StepFacts
from curate.report.tables import Known, known_columns, tables
from curate.store import ledger
from curate.store.shards import Unit

QUANTILES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SURE, PERHAPS, GONE = 0, 1, 2
"""What is known of a document: it is still there; it may be; it is not."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Amount:
    """Documents, and what they weigh."""

    documents: int
    chars: int
    """Characters; of documents that the first pass dropped, the mean of those that were dropped for the same reason."""
    tokens: int | None
    """None: no column has them. What was dropped before it was counted has as many to a character as all else."""


@dataclass(frozen=True)
class TunedStep:
    """What a step would have left."""

    label: str
    limits: tuple[Limit, ...]
    """Those that it would have had."""
    sure: int
    """Documents that would have left it."""
    perhaps: int
    """Documents of which nobody knows."""
    before: int
    """Documents that did leave it."""


@dataclass(frozen=True)
class Tuned:
    """What a run would have kept."""

    steps: tuple[TunedStep, ...]
    before: Amount
    """What it kept."""
    sure: Amount
    """What it would have kept at least."""
    most: Amount
    """What it would have kept at most."""
    unsure_after: tuple[str, ...]
    """Steps that would have to look at documents which they did not see."""
    decides_anew: tuple[str, ...]
    """Steps that look at the corpus, which would be another one: taken to do with each document what they did."""
    lost: tuple[tuple[int, int], ...]
    """(index of the unit, row) of some documents that were kept, and would not be."""
    won: tuple[tuple[int, int], ...]
    """Likewise of documents that were not kept, and would be, or may be."""


@dataclass(frozen=True)
class Level:
    """What would be left of the documents that a run kept if those below a value were dropped."""

    quantile: float
    """Share of the kept documents whose value is smaller, about: the one that was asked for."""
    value: float
    left: Amount


class Tuner:
    """A run, to be asked what other thresholds would have kept. Reads its fates once, and columns when asked."""

    def __init__(self, run: Run, steps: Sequence[StepFacts], tokens: str | None) -> None:
        """The run must have complete passes. tokens: the column that has them, if any."""
        self.run, self.steps = run, tuple(steps)
        self.known: Known = known_columns(run)
        self.units: list[Unit] = [unit for unit in run.inputs.units if unit.rows]
        self.ends, self.by_limit, self.chars = self._fates()
        self.tokens = self._column(tokens) if tokens is not None else None

    def tune(self, changed: dict[str, StepFacts], samples: int = 3) -> Tuned:
        """changed: label → the step with other limits, or another share or budget."""
        steps = [changed.get(step.label, step) for step in self.steps]
        first = min((index for index, step in enumerate(self.steps) if step.label in changed), default=len(steps))
        state = np.where(self.ends >= 0, SURE, GONE).astype(np.int8)
        found, unsure = [], []
        for index, step in enumerate(steps):
            reached = self.ends >= index
            dropped = self.ends == index
            again = step.label in changed
            if step.best is not None and index >= first:  # its threshold follows from what is there
                step, again = self._best(step, state), True
            if again:
                held = reached & dropped & ~self.by_limit
                broken, _ = self._broken(step)
                state[reached & (held | broken)] = GONE
            else:
                state[dropped] = GONE
            revived = ~reached & (state != GONE) & (self.ends >= 0)
            if revived.any() and step.drops != "never":
                if step.drops == "by limits":
                    broken, there = self._broken(step)
                    state[revived & broken] = GONE
                    lacking = revived & ~there
                else:
                    lacking = revived
                if lacking.any():
                    unsure.append(step.label)
                    state[lacking & (state == SURE)] = PERHAPS
            found.append(
                TunedStep(
                    step.label,
                    step.limits,
                    int((state == SURE).sum()),
                    int((state == PERHAPS).sum()),
                    int((self.ends > index).sum()),
                )
            )
        kept = self.ends == len(steps)
        anew = [
            step.label for index, step in enumerate(steps) if index > first and step.looks_at_corpus and not step.best
        ]
        return Tuned(
            steps=tuple(found),
            before=self._amount(kept),
            sure=self._amount(state == SURE),
            most=self._amount(state != GONE),
            unsure_after=tuple(unsure),
            decides_anew=tuple(anew),
            lost=self._some(kept & (state == GONE), samples),
            won=self._some(~kept & (state != GONE), samples),
        )

    def levels(self, column: str, quantiles: Sequence[float] = QUANTILES) -> Iterator[Level]:
        """A table of thresholds. Raises RecipeError if the run has no such column of numbers."""
        if not self.known.is_number(column):
            numbers = [name for name in (*self.known.ledgers, *self.known.inputs) if self.known.is_number(name)]
            raise RecipeError(f"there is no column '{column}' of numbers in this run; there are: {', '.join(numbers)}")
        values = self._column(column)
        kept = self.ends == len(self.steps)
        there = np.sort(values[kept & ~np.isnan(values)])
        for quantile in quantiles if len(there) else ():
            value = float(there[min(int(quantile * len(there)), len(there) - 1)])
            with np.errstate(invalid="ignore"):
                yield Level(quantile, value, self._amount(kept & (values >= value)))

    def _fates(self) -> tuple[npt.NDArray[np.int16], Bools, Ints]:
        """Of each document: the step where it ended (their number: kept; -1: unreadable); if by a limit; its length."""
        place = {step.label: index for index, step in enumerate(self.steps)}
        limits = {f"{step.label}/{limit.reason}" for step in self.steps for limit in step.limits}
        limits |= {f"{step.label}/tied_at_threshold" for step in self.steps if step.best is not None}
        rows = sum(unit.rows for unit in self.units)
        ends, by_limit, chars = np.zeros(rows, np.int16), np.zeros(rows, bool), np.zeros(rows, np.int64)
        at = 0
        for unit in self.units:
            here = slice(at, at + unit.rows)
            last = ledger.read(self.run.ledger(self.run.passes, unit), [DROPPED_BY])[DROPPED_BY].dictionary_encode()
            names = [str(name) for name in last.dictionary.to_pylist()]
            codes = last.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
            ends[here] = np.array([*(place.get(n.split("/", 1)[0], -1) for n in names), len(self.steps)])[codes]
            by_limit[here] = np.array([*(name in limits for name in names), False])[codes]
            chars[here] = self._lengths(unit, np.array([*(self._mean(n) for n in names), 0])[codes])
            at += unit.rows
        return ends, by_limit, chars

    def _mean(self, dropped_by: str) -> int:
        """Mean characters of the documents that were dropped for a reason, by the funnel; 0 where nobody counted."""
        label, _, reason = dropped_by.partition("/")
        row = next((row for row in self.run.manifest["funnel"] if row["label"] == label), None)
        documents, chars = row["reasons"].get(reason, (0, 0)) if row is not None else (0, 0)
        return round((chars or 0) / documents) if documents else 0

    def _lengths(self, unit: Unit, otherwise: Ints) -> Ints:
        """Characters of each document when it was last seen alive at the end of a pass."""
        lengths = otherwise
        for number in range(1, self.run.passes + 1):
            found = ledger.read(self.run.ledger(number, unit), [CHARS])[CHARS]
            there = found.is_valid().to_numpy(zero_copy_only=False)
            lengths = np.where(there, found.fill_null(0).to_numpy(zero_copy_only=False), lengths)
        return lengths

    def _column(self, name: str) -> Floats:
        """A column of all documents, NaN where there is no value."""
        parts = [_numbers(table[name].combine_chunks()) for table in tables(self.run, self.units, self.known, [name])]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _broken(self, step: StepFacts) -> tuple[Bools, Bools]:
        """(documents beyond a limit of a step, documents of which all is known that it asks)."""
        names = list(dict.fromkeys(limit.column for limit in step.limits))
        broken, there = np.zeros(len(self.ends), bool), np.ones(len(self.ends), bool)
        at = 0
        for table in tables(self.run, self.units, self.known, names) if names else ():
            here = slice(at, at + table.num_rows)
            for limit in step.limits:
                column = table[limit.column].combine_chunks()
                valid = column.is_valid().to_numpy(zero_copy_only=False)
                values = column.fill_null(0).to_numpy(zero_copy_only=False)
                broken[here] |= valid & limit.breaks(values)
                there[here] &= valid
            at += table.num_rows
        return broken, there

    def _best(self, step: StepFacts, state: npt.NDArray[np.int8]) -> StepFacts:
        """The step with the threshold that it would find among the documents that are there for sure."""
        assert step.best is not None
        scores = self._column(step.best.column)
        weights = {"documents": np.ones(len(scores)), "characters": self.chars, "tokens": self.tokens}[step.best.by]
        if weights is None:
            raise ValueError(f"the tokens of {step.label} are not known")
        there = (state == SURE) & ~np.isnan(scores)
        limit = threshold(scores[there], np.nan_to_num(weights[there]).astype(np.int64), step.best)
        found = () if limit is None else (Limit("", step.best.column, "<", limit, "below_threshold"),)
        return replace(step, limits=found)

    def _amount(self, which: Bools) -> Amount:
        return Amount(int(which.sum()), int(self.chars[which].sum()), self._tokens_of(which))

    def _tokens_of(self, which: Bools) -> int | None:
        if self.tokens is None:
            return None
        counted = ~np.isnan(self.tokens)
        rate = float(self.tokens[counted].sum()) / max(int(self.chars[counted].sum()), 1)
        return round(float(np.where(counted, self.tokens, self.chars * rate)[which].sum()))

    def _some(self, which: Bools, n: int) -> tuple[tuple[int, int], ...]:
        """`n` documents, spread over the corpus, the same ones every time."""
        found = np.flatnonzero(which)
        picked = found[np.linspace(0, len(found) - 1, min(n, len(found))).astype(np.int64)] if len(found) else found
        return tuple(self._places(picked))

    def _places(self, numbers: Ints) -> Iterator[tuple[int, int]]:
        firsts = np.cumsum([0, *(unit.rows for unit in self.units)])
        for number in numbers.tolist():
            unit = int(np.searchsorted(firsts, number, side="right")) - 1
            yield self.units[unit].index, number - int(firsts[unit])


def threshold(scores: Floats, weights: Ints, best: Best) -> float | None:
    """The lowest score that is kept: the rule of `keep_best`, ties at the end of a budget apart. None: all are kept."""
    order = np.argsort(-scores, kind="stable")
    sums = np.cumsum(weights[order])
    if not len(sums):
        return None
    total = int(sums[-1])
    limit = best.budget if best.budget is not None else int(Fraction(repr(best.share)) * total)
    over = int(np.searchsorted(sums, limit, side="right"))
    if over >= len(sums):
        return None
    score = float(scores[order[over]])
    if best.budget is None:
        return score
    higher = scores[scores > score]  # with a budget, the document that goes beyond it is not kept
    return float(higher.min()) if len(higher) else float(np.nextafter(score, np.inf))


def _numbers(values: pa.Array) -> Floats:
    found = values.cast(pa.float64(), safe=False)
    return np.asarray(found.fill_null(float("nan")).to_numpy(zero_copy_only=False))
