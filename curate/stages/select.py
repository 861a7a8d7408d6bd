"""Select documents by their ratings, to a budget that is cut by source and domain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import fsum, inf, isfinite, sqrt
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.budgets import Cell, Selection, by_hand, portions, redistributed, tally
from curate.documents import ID, TEXT, Batch
from curate.errors import StageError
from curate.kernels.crossings import crossings
from curate.kernels.hashing import hash64
from curate.kernels.ordering import falling_floats
from curate.stage import Column, Evidence, Global, Outcome
from curate.targets import COLUMNS, first_of_each, never_met, of_names, of_numbers, sum_with_slack
from curate.weighing import check_tokens, is_number, weights

_SOURCE, _DOMAIN = 0x736F75726365, 0x646F6D61696E  # seeds: "source", "domain"
# Not the hash that `sample` and `mixture` choose by with the same seed: after them, few of its values would be left.
_TIES = 0x73656C656374  # "select"
_NULL = np.uint64(0x6E756C6C)  # in place of the hash of a value that is not there; a value gets it once in 2**64

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int32]


class Select(Global):
    """Select documents by their ratings, to a budget that is cut by source and domain.

        - select: {criteria: [quality_overall], share: 0.1, strategy: org_domain, domain: topic, by: characters}
        - select: {criteria: [coherence, density], budget: 900, strategy: multi_domain, source: site, domain: topic}
        - select: {criteria: [density], share: 0.1, strategy: org_domain, domain: topic, shares: {law: 1, it: 3}}

    The metric of a document is the sum of its `criteria`. In each cell the documents with the highest metric are taken,
    equal ones in the order of XXH64(id, seed ^ "select"), up to the first with which the cell's budget is reached: at
    most one document too much. The strategies are DataMan's (Peng et al. 2025, select_subset.py), which cut the
    budget B: `uniform` does not; `equi_domain` into equal parts for all domains; `org_domain` in proportion to what the
    domains weigh; `multi_domain` in proportion to the sources, and inside of each to its domains.

    Other than there: ties do not follow the order of the corpus, the seed counts, and `shortfall` says what becomes of
    a cell that has less than its part.

    With a `temperature` t, the documents of a cell are drawn without replacement with probability ~ exp(z / t), where
    z is the metric less its mean, over its standard deviation (the method of QuRating, which takes 2.0; that it
    standardises over the corpus is from memory). The draw depends on a document's id and the seed alone: it takes the
    highest z / t + g, where g is a Gumbel variate made of the hash (the Gumbel top-k trick).

    Reasons: `not_selected`; `not_target_domain` and `not_target_score`; `no_score`. With `shortfall: repeat` adds
    `repeat_count`, how often a document is to be repeated, 1 or more (documents without a score: 1).
    """

    criteria: list[str] = Field(min_length=1)
    """Columns with scores, numbers, higher is better; at least one. Their sum is what documents are chosen by."""
    budget: int | None = Field(None, gt=0)
    """What to take: a number of documents, characters or tokens. Give this or `share`."""
    share: float | None = Field(None, gt=0, le=1)
    """Share of all that may be taken, 0 to 1. Give this or `budget`."""
    by: Literal["documents", "characters", "tokens"] = "documents"
    """What a document weighs: 1, its Unicode characters, or its tokens (needs `tokens_column`)."""
    tokens_column: Column | None = None
    """Column with the number of tokens of each document, an integer; for `by: tokens`."""
    strategy: Literal["uniform", "equi_domain", "org_domain", "multi_domain"] = "uniform"
    """How the budget is cut: see above. All but `uniform` need `domain`, and `multi_domain` needs `source`."""
    source: Column | None = None
    """Column that says where a document is from, such as a crawl or a site; null is a source of its own."""
    domain: Column | None = None
    """Column that says what a document is about; null is a domain of its own."""
    shares: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = Field(None, min_length=1)
    """Parts of the budget by hand, in place of what is there: value → number above 0, of which the sum is the whole
    budget. With `multi_domain` they are of sources, inside of which domains get theirs in proportion; with
    `org_domain` of domains. A value that is not named gets nothing; one that no document has is an error."""
    target_scores: list[Annotated[float, Field(allow_inf_nan=False)]] | None = Field(None, min_length=1)
    """Only documents whose metric is one of these may be taken: `[5]` is DataMan's "l = 5". Unit: that of the sum.
    They are compared as exactly as the columns' types allow: the float32 nearest to 4.2 is 4.2."""
    target_domains: list[str] | None = Field(None, min_length=1)
    """Only documents of these domains may be taken."""
    lowest: bool = False
    """Take the documents with the lowest metric instead, to compare."""
    temperature: float | None = Field(None, gt=0, le=1000)
    """Draw in place of taking the highest: 0 to 1000; the higher, the more it is like a random sample."""
    seed: int = Field(0, ge=0, lt=2**64)
    """Another seed orders equal scores, and draws, in another way; an integer from 0 to 2**64 - 1."""
    shortfall: Literal["error", "redistribute", "repeat"] = "error"
    """When a cell has less than its part of the budget, or there is nothing to take: stop with an `error`; take all of
    it and `redistribute` what it lacks to the other cells; or `repeat` its documents, all as often, and the best ones
    once more."""
    max_repeats: int = Field(4, ge=1, le=1000)
    """For `shortfall: repeat`: the most that a document may be taken, 1 to 1000; a cell that needs more is an error.
    4: more epochs than that were worth little in Muennighoff et al. 2023."""
    missing: Literal["keep", "drop", "error"] = "error"
    """What becomes of a document that lacks a score (null or NaN): `keep` it beside the budget, `drop` it, or stop with
    an `error`."""

    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ()
    decides_by: ClassVar[tuple[str, ...]] = (
        "budget",
        "share",
        "shares",
        "lowest",
        "temperature",
        "shortfall",
        "max_repeats",
    )
    evidence: ClassVar[pa.Schema] = pa.schema(
        {
            "key": pa.uint64(),
            "row": pa.int64(),
            "score": pa.float64(),
            "weight": pa.int64(),
            "tie": pa.uint64(),
            "source": pa.large_string(),  # of one document of each cell in a batch
            "domain": pa.large_string(),
            **COLUMNS,
        }
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.share is None) == (self.budget is None):
            raise ValueError("select needs a share or a budget, one of them")
        if (self.by == "tokens") != (self.tokens_column is not None):
            raise ValueError("by: tokens and tokens_column go together")
        if self.strategy != "uniform" and self.domain is None:
            raise ValueError(f"strategy: {self.strategy} cuts the budget by domain: say which column it is in, domain:")
        if (self.strategy == "multi_domain") != (self.source is not None):
            raise ValueError("strategy: multi_domain and source go together")
        if self.shares is not None and self.strategy not in ("org_domain", "multi_domain"):
            raise ValueError("shares are of domains with strategy: org_domain, or of sources with multi_domain")
        if self.target_domains is not None and self.domain is None:
            raise ValueError("target_domains needs the column to look in: domain:")
        if self.shortfall == "repeat" and self.share is not None:
            raise ValueError("with a share there is nothing to repeat; give a budget")
        return self

    def columns_read(self) -> tuple[str, ...]:
        text = (TEXT,) if self.by == "characters" else ()
        return tuple(dict.fromkeys([*text, *self.criteria, *super().columns_read()]))

    def columns_written(self) -> dict[str, pa.DataType]:
        return {"repeat_count": pa.int32()} if self.shortfall == "repeat" else {}

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        for name in self.criteria:
            if name in types and not is_number(types[name]):
                raise ValueError(f"column '{name}' is {types[name]}; a score is a number")
        check_tokens(self.tokens_column, types.get(self.tokens_column or ""))
        for option, column in (("source", self.source), ("domain", self.domain)):
            try:
                pa.nulls(0, types.get(column or "", pa.string())).cast(pa.large_string())
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                kind = types[column or ""]
                raise ValueError(f"{option} '{column}' is {kind}; take a column of strings or numbers") from error

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """A row for each document that may be taken, and for each without a score (NaN). `key` is its cell's."""
        (score, slack), cell = self._scores(batch), self._cells(batch)
        lacking = np.isnan(score)
        if self.missing == "error" and lacking.any():
            raise StageError(
                f"select: {lacking.sum()} of {len(batch)} documents lack a score in {self._metric()}, "
                f"the first has id {batch[ID][int(lacking.argmax())].as_py()!r}; say missing: keep or missing: drop"
            )
        of_score, of_domain = self._targets(batch, score, slack)
        rows = np.flatnonzero((self._unfit(score, of_score, of_domain) == 0) | lacking)
        _, first = np.unique(cell[rows], return_index=True)
        unnamed = np.ones(len(rows), np.bool_)
        unnamed[first] = False
        source, domain = (
            pc.if_else(pa.array(unnamed), None, self._names(batch, name).take(pa.array(rows)))
            for name in (self.source if self.strategy == "multi_domain" else None, self._cutting_domain())
        )
        weight = weights(batch, "select", self.by, self.tokens_column)[rows]
        tie = self._ties(batch)[rows]
        columns = [pa.array(column) for column in (cell[rows], rows, score[rows], weight, tie)]
        columns += [source, domain, first_of_each(of_score, rows), first_of_each(of_domain, rows)]
        return pa.record_batch(columns, schema=self.evidence)

    def resolve(self, evidence: Evidence) -> Selection:
        """What is taken of each cell, exactly. Memory: one unit of evidence at a time, and the cells.

        Raises StageError if there is not enough, unless `shortfall` says what to do about it.
        """
        cells, missing = tally(evidence)
        absent = never_met(evidence, self.target_scores, self.target_domains)
        mean, deviation = self._moments(evidence)
        total = sum(cell.weight for cell in cells)
        budget = self.budget if self.budget is not None else int(Fraction(repr(self.share)) * total)
        found = Selection(
            metric=self._metric(), by=self.by, budget=budget, cells=[], missing=missing, mean=mean, deviation=deviation,
            absent=absent,
        )  # fmt: skip
        self._check_there(total, budget, missing, absent)
        cells = [self._given(cell, part) for cell, part in zip(cells, self._budgets(cells, budget), strict=True)]
        return found.model_copy(update={"cells": self._cut(evidence, cells, found)})

    def artifact_type(self) -> type[Selection]:
        return Selection

    def apply(self, batch: Batch, artifact: Selection) -> Outcome:
        score, slack = self._scores(batch)
        unfit = self._unfit(score, *self._targets(batch, score, slack))
        count = np.zeros(len(batch), np.int64)
        if artifact.cells:
            cells = sorted(artifact.cells, key=lambda cell: cell.key)
            keys = np.array([cell.key for cell in cells], np.uint64)
            here = self._cells(batch)
            place = np.minimum(np.searchsorted(keys, here), len(keys) - 1)
            tie = self._ties(batch)
            rank = self._ranks(score, tie, artifact)
            cut = np.array([0 if cell.cut is None else cell.cut for cell in cells], np.uint64)[place]
            last = np.array([cell.tie for cell in cells], np.uint64)[place]
            more = np.array([cell.cut is not None for cell in cells])[place]
            count = np.array([cell.epochs for cell in cells])[place]
            count += more & ((rank < cut) | ((rank == cut) & (tie <= last)))
            count[keys[place] != here] = 0  # a cell that an earlier run, whose decision this is, did not have
        reason = np.where(unfit > 0, unfit, np.where(count > 0, 0, 1))
        reason[np.isnan(score)] = 4 if self.missing == "drop" else 0
        names = [None, "not_selected", "not_target_domain", "not_target_score", "no_score"]
        reasons = pa.array(names, pa.string()).take(pa.array(reason))
        if self.shortfall != "repeat":
            return Outcome(reason=reasons)
        return Outcome(reason=reasons, columns={"repeat_count": pa.array(np.maximum(count, 1).astype(np.int32))})

    def _ties(self, batch: Batch) -> Hashes:
        """A hash of each document's id, uint64[n]: the order of equal scores, and what a temperature draws by."""
        return hash64(batch[ID], self.seed ^ _TIES)

    def _metric(self) -> str:
        return " + ".join(self.criteria)

    def _cutting_domain(self) -> str | None:
        return None if self.strategy == "uniform" else self.domain

    def _scores(self, batch: Batch) -> tuple[Floats, Floats]:
        """(the sum of the criteria, NaN if one is not there; what its rounding may be), float64[n]."""
        self.check_columns({name: batch[name].type for name in self.criteria})
        return sum_with_slack([batch[name] for name in self.criteria])

    def _names(self, batch: Batch, column: str | None) -> pa.LargeStringArray:
        if column is None:
            return pa.nulls(len(batch), pa.large_string())
        self.check_columns({column: batch[column].type})
        return batch[column].cast(pa.large_string())

    def _cells(self, batch: Batch) -> Hashes:
        """A hash of source and domain as far as the budget is cut by them, uint64[n]."""
        total = np.zeros(len(batch), np.uint64)
        for column, seed in ((self.source, _SOURCE), (self._cutting_domain(), _DOMAIN)):
            if column is not None:
                names = self._names(batch, column)
                hashes = np.where(names.is_null().to_numpy(False), _NULL, hash64(names.fill_null(""), seed))
                total = total * np.uint64(0x9E3779B97F4A7C15) + hashes  # odd: no hash is lost
        return total

    def _targets(self, batch: Batch, score: Floats, slack: Floats) -> tuple[Places | None, Places | None]:
        """(which target score, which target domain each document has; -1: none), None where there are no targets."""
        return (
            None if self.target_scores is None else of_numbers(score, slack, self.target_scores),
            None if self.target_domains is None else of_names(self._names(batch, self.domain), self.target_domains),
        )

    def _unfit(self, score: Floats, of_score: Places | None, of_domain: Places | None) -> npt.NDArray[np.int64]:
        """0 for a document that may be taken; 2: not of a target domain; 3: its metric is no target, or not there."""
        unfit = np.where(np.isnan(score), 3, 0)
        if of_score is not None:
            unfit[of_score < 0] = 3
        if of_domain is not None:
            unfit[of_domain < 0] = 2
        return unfit

    def _ranks(self, score: Floats, tie: Hashes, about: Selection) -> Hashes:
        """uint64[n]: what is rather taken has the smaller one; LAST without a score."""
        score = -score if self.lowest else score
        if self.temperature is None:
            return falling_floats(score)
        centre = -about.mean if self.lowest else about.mean
        z = (score - centre) / about.deviation if about.deviation else np.where(np.isnan(score), np.nan, 0.0)
        uniform = ((tie >> np.uint64(11)) + 0.5) / 2.0**53
        return falling_floats(z / self.temperature - np.log(-np.log(uniform)))

    def _moments(self, evidence: Evidence) -> tuple[float, float]:
        """(mean, standard deviation) of the metric, for a temperature: exactly rounded, so in whatever order."""
        if self.temperature is None:
            return 0.0, 0.0

        def scores() -> Iterator[float]:
            for table in evidence.scan(["score"]):
                values = table["score"].to_numpy()
                yield from values[~np.isnan(values)].tolist()

        documents = max(sum(1 for _ in scores()), 1)
        try:
            mean = fsum(scores()) / documents
            deviation = sqrt(fsum((score - mean) ** 2 for score in scores()) / documents)
        except (OverflowError, ValueError):  # of infinities of both signs
            mean = deviation = inf
        if not isfinite(mean + deviation):
            raise StageError(f"select: some {self._metric()} are infinite; a temperature is for numbers")
        return mean, deviation

    def _check_there(self, there: int, budget: int, missing: int, absent: list[str]) -> None:
        """Raise StageError if there is nothing to take, or less than the budget; a share may be of nothing."""
        enough = budget <= there or (self.shortfall == "repeat" and there)
        of_nothing = self.share is not None and not there and bool(missing or absent)
        if self.shortfall == "redistribute" or (enough and not of_nothing):
            return
        wanted = f"{budget:,} {self.by}" if self.budget is not None else f"a share of {self.share:g}"
        why = [f"{missing:,} documents lack a score in {self._metric()}"] if missing else []
        why += [f"no document to choose from has {', '.join(absent)}"] if absent else []
        raise StageError(
            f"select: {wanted} are to be taken, but there are {there:,} {self.by} to choose from"
            + "".join(f"; {reason}" for reason in why)
            + ("; look for a typing error, or" if absent else ";")
            + " lower the budget, or say shortfall: redistribute to take what there is"
        )

    def _budgets(self, cells: list[Cell], budget: int) -> list[int]:
        there = [cell.weight for cell in cells]
        shares: Sequence[int | Fraction] = there
        if self.strategy == "equi_domain":
            shares = [min(weight, 1) for weight in there]
        elif self.shares is not None and cells:
            named = [cell.source if self.strategy == "multi_domain" else cell.domain for cell in cells]
            shares = by_hand(self.shares, named, there)
        return redistributed(budget, shares, there) if self.shortfall == "redistribute" else portions(budget, shares)

    def _given(self, cell: Cell, budget: int) -> Cell:
        """The cell with its budget, of which whole epochs are taken first. Raises StageError if it falls short."""
        epochs = budget // cell.weight if cell.weight else 0
        given = cell.model_copy(update={"budget": budget, "epochs": epochs, "taken": epochs * cell.weight})
        if budget <= cell.weight:
            return given
        if self.shortfall != "repeat":
            raise StageError(
                f"select: {cell.name} have {cell.weight:,} {self.by}, but {budget:,} are to be taken of them; "
                "lower the budget, or say shortfall: redistribute or shortfall: repeat"
            )
        if budget > cell.weight * self.max_repeats:
            raise StageError(
                f"select: {cell.name} have {cell.weight:,} {self.by}: to take {budget:,} would repeat them "
                f"{budget / max(cell.weight, 1):.1f} times, and max_repeats is {self.max_repeats}; lower the budget"
            )
        return given

    def _cut(self, evidence: Evidence, cells: list[Cell], about: Selection) -> list[Cell]:
        """The cells with the place in their order up to which documents are taken once more."""
        parted = sorted((cell for cell in cells if cell.taken < cell.budget), key=lambda cell: cell.key)
        keys = np.array([cell.key for cell in parted], np.uint64)
        limits = np.array([cell.budget - cell.taken - 1 for cell in parted], np.int64)  # exceeded: budget reached

        def rows() -> Iterator[tuple[npt.NDArray[np.int64], Hashes, Hashes, npt.NDArray[np.int64]]]:
            for table in evidence.scan(["key", "score", "tie", "weight"]):
                key, score, tie, weight = (table[name].to_numpy() for name in ("key", "score", "tie", "weight"))
                place = np.searchsorted(keys, key)
                inside = (place < len(keys)) & ~np.isnan(score)
                inside[inside] = keys[place[inside]] == key[inside]
                yield place[inside], self._ranks(score[inside], tie[inside], about), tie[inside], weight[inside]

        first = crossings(lambda: ((place, rank, weight) for place, rank, _, weight in rows()), limits)

        def tied() -> Iterable[tuple[npt.NDArray[np.int64], Hashes, npt.NDArray[np.int64]]]:
            for place, rank, tie, weight in rows():
                same = rank == first.key[place]
                yield place[same], tie[same], weight[same]

        second = crossings(tied, limits - first.before)
        more = first.before + second.before + second.at
        cuts = {
            cell.key: {"cut": int(first.key[at]), "tie": int(second.key[at]), "taken": cell.taken + int(more[at])}
            for at, cell in enumerate(parted)
        }
        return [cell.model_copy(update=cuts.get(cell.key, {})) for cell in cells]
