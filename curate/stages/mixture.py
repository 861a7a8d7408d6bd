"""Sample the corpus to a mixture of domains: down by the hash of the id, up by whole repeats and a rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from curate.documents import ID, TEXT, Batch
from curate.errors import StageError
from curate.kernels.crossings import crossings
from curate.kernels.hashing import hash64
from curate.mixtures import Demand, Domain, Mix, read_weights, scaled, shares
from curate.stage import DEVICES, Column, Evidence, Global, Outcome, Part
from curate.weighing import check_tokens, weights

_SEED = 0x6D69787475726573  # "mixtures", for the hash of a domain's name
# Not the hash that `sample` chooses by with the same seed: it would have left documents with small hashes alone.
_ORDER = 0x6F72646572  # "order"
_MOST_DOMAINS = 100_000

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Weights = (
    Literal["natural", "uniform", "temperature", "unimax"]
    | Path
    | dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
)


class Phase(BaseModel):
    """A part of the training, with a mixture of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Its documents go into `data/<name>/`; its column is `repeat_<name>`."""
    share: float = Field(gt=0, le=1)
    """Share of the budget, 0 to 1. The shares of all phases sum to 1."""
    weights: Weights | None = None
    """The mixture of this phase; as the stage's own `weights`, which holds where this is left out."""


class Mixture(Global):
    """Sample the corpus to a mixture: so much of each domain, to a budget.

        - mixture: {domain: domain_name, weights: weights.yaml, budget: 2_000_000, by: tokens, tokens_column: n_tokens}
        - mixture: {domain: source, weights: {web: 0.7, books: 0.3}}
        - mixture: {domain: language, weights: unimax, budget: 50_000_000, max_epochs: 4, shortfall: accept}

    Each domain's documents are put in the order of XXH64(id, seed ^ "order"), round and round, and the phases take
    their parts one after the other, each going on where the last one stopped. So a document is repeated only when the
    whole domain was taken, all are taken about as often, and neither sharding nor order matters. The last document of a
    part is taken if half of it fits.

    `weights`: a mapping; a file with one (YAML or JSON, under `weights:` or bare), as `curate mixture search` writes
    it; or a rule over the sizes c of the domains: `natural`, c; `uniform`; `temperature`, c^(1/temperature); `unimax`,
    as even as `max_epochs` allows (Chung et al. 2023). Weights are scaled to sum to 1 and are shares of what `by`
    counts: of tokens, not of documents, when tokens are counted.

    With a `schedule`, phases follow each other, such as the domain up-sampling of the last 10 to 20 % of training that
    Blakeney et al. 2024 found best; each has its folder in `data/`.

    Reasons: `no_weight`, the domain's is 0; `not_sampled`; `no_domain`, the column is null. Adds `repeat_count`, how
    often a document is taken, 1 or more; with a `schedule`, `repeat_<phase>` for each phase, 0 or more.
    """

    domain: Column
    """Column with the domain of each document."""
    weights: Weights = "natural"
    """The mixture: a mapping of domain to weight, a file, or a rule; see above."""
    temperature: float = Field(1 / 0.3, ge=1, le=1000)
    """For `weights: temperature`: 1 is natural, 1000 all but uniform. mT5 took 1 / 0.3 (from memory)."""
    budget: int | None = Field(None, gt=0)
    """What to take: a number of documents, characters or tokens. Left out: as much as can be had of this mixture
    without taking any document twice."""
    by: Literal["documents", "characters", "tokens"] = "characters"
    """What a document weighs: 1, its Unicode characters, or its tokens (needs `tokens_column`)."""
    tokens_column: Column | None = None
    """Column with the number of tokens of each document, an integer; for `by: tokens`."""
    max_epochs: int = Field(4, ge=1, le=16)
    """How often a domain may be taken, all phases together, 1 to 16. Up to 4 epochs are worth about as much as new
    text; beyond 16 a repeat is worth next to nothing (Muennighoff et al. 2023)."""
    shortfall: Literal["error", "redistribute", "shrink", "accept"] = "error"
    """When a domain lacks what its part needs, even `max_epochs` times: stop with an `error`; `redistribute` what
    lacks to the others in proportion to their weights; `shrink` the budget until the mixture holds; or `accept` less of
    it. What is short, or off its share by more than 1 %, is a warning of the run."""
    unlisted: Literal["error", "drop"] = "error"
    """What becomes of domains that `weights` does not mention: stop with an `error`, or `drop` them."""
    repeats: Literal["rows", "column"] = "rows"
    """What is repeated is written as so many `rows`, all first copies before all second ones; or once, for a trainer
    that reads how often from the `column`."""
    schedule: tuple[Phase, ...] = ()
    """Phases of the training in their order, each `{name, share, weights}`; none: one phase, without a folder."""
    seed: int = Field(0, ge=0, lt=2**64)
    """Another seed takes other documents; an integer from 0 to 2**64 - 1."""

    version: ClassVar[int] = 2
    reads: ClassVar[tuple[str, ...]] = ()
    decides_by: ClassVar[tuple[str, ...]] = (
        "weights",
        "temperature",
        "budget",
        "max_epochs",
        "shortfall",
        "unlisted",
        "repeats",
        "schedule",
    )
    evidence: ClassVar[pa.Schema] = pa.schema(
        {
            "key": pa.uint64(),
            "row": pa.int64(),
            "weight": pa.int64(),
            "order": pa.uint64(),
            "domain": pa.large_string(),  # of one document of each domain in a batch
        }
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.by == "tokens") != (self.tokens_column is not None):
            raise ValueError("by: tokens and tokens_column go together")
        names = [phase.name for phase in self.schedule]
        if len(set(names)) < len(names):
            raise ValueError(f"two phases have the same name: {', '.join(names)}")
        if DEVICES & set(names):
            raise ValueError("names of phases are names of folders; Windows allows none called con, prn, aux or nul")
        total = sum(phase.share for phase in self.schedule)
        if names and abs(total - 1) > 1e-6:
            raise ValueError(f"the shares of the phases sum to {total:g}; they must sum to 1")
        for phase in self._phases():
            if isinstance(phase.weights, dict) and not any(phase.weights.values()):
                raise ValueError("all weights are 0; at least one domain must have some")
            if phase.weights == "unimax" and self.budget is None:
                raise ValueError("weights: unimax needs a budget, which it shares out")
        return self

    def _phases(self) -> tuple[Phase, ...]:
        """At least one, with its weights."""
        given = self.schedule or (Phase(name="all", share=1.0),)
        return tuple(p if p.weights is not None else p.model_copy(update={"weights": self.weights}) for p in given)

    def columns_read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*((TEXT,) if self.by == "characters" else ()), *super().columns_read()]))

    def columns_applied(self) -> tuple[str, ...]:
        return (self.domain,)

    def columns_written(self) -> dict[str, pa.DataType]:
        return dict.fromkeys(self._columns(), pa.int32())

    def _columns(self) -> list[str]:
        return [f"repeat_{phase.name}" for phase in self.schedule] or ["repeat_count"]

    def parts(self) -> tuple[Part, ...]:
        rows = self.repeats == "rows"
        if not self.schedule:
            return (Part("", "repeat_count", rows),) if rows else ()
        return tuple(Part(phase.name, f"repeat_{phase.name}", rows) for phase in self.schedule)

    def files(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(phase.weights for phase in self._phases() if isinstance(phase.weights, Path)))

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        for path in self.files():
            read_weights(path)
        check_tokens(self.tokens_column, types.get(self.tokens_column or ""))
        kind = types.get(self.domain, pa.string())
        try:
            pa.nulls(0, kind).cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(f"domain '{self.domain}' is {kind}; take a column of strings or numbers") from error

    def notes(self) -> tuple[str, ...]:
        return ("more than 4 epochs of the same text are worth little",) if self.max_epochs > 4 else ()

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """A row for each document that has a domain. `key` is the hash of the domain's name."""
        names = self._names(batch)
        rows = np.flatnonzero(names.is_valid().to_numpy(zero_copy_only=False))
        names = names.take(pa.array(rows))
        key = hash64(names, _SEED)
        _, first = np.unique(key, return_index=True)
        unnamed = np.ones(len(rows), np.bool_)
        unnamed[first] = False
        weight = weights(batch, "mixture", self.by, self.tokens_column)[rows]
        order = hash64(batch[ID], self.seed ^ _ORDER)[rows]
        named = pc.if_else(pa.array(unnamed), None, names)
        arrays = [pa.array(key), pa.array(rows), pa.array(weight), pa.array(order), named]
        return pa.record_batch(arrays, schema=self.evidence)

    def resolve(self, evidence: Evidence) -> Mix:
        """What is taken of each domain in each phase, exactly. Memory: one unit of evidence at a time, and the domains.

        Raises StageError if a domain lacks what its part needs and `shortfall` says so, if a domain of `weights` is not
        in the corpus, or one of the corpus not in `weights`.
        """
        domains = _tally(evidence)
        phases = self._phases()
        there = {domain.name: domain.weight for domain in domains}
        absent = [name for phase in phases for name, weight in self._given(phase).items() if weight]
        sizes = {**there, **{name: 0 for name in absent if name not in there}}
        mixes = [self._shares(phase, there, sizes) for phase in phases]
        asked_of = [(phase.share, mix) for phase, mix in zip(phases, mixes, strict=True)]
        demand = Demand(sizes, asked_of, self.max_epochs, self.by, self.shortfall)
        given = demand.served(self.budget)
        asked = [
            domain.model_copy(
                update={
                    "shares": tuple(float(mix[domain.name]) for mix in mixes),
                    "ends": tuple(accumulate(part[domain.name] for part in given)),
                }
            )
            for domain in domains
        ]
        if self.shortfall == "error" and not any(any(part.values()) for part in given) and (domains or self.budget):
            raise StageError(
                f"mixture: nothing can be taken: there are {sum(there.values()):,} {self.by} in {len(domains):,}"
                f" domains of column '{self.domain}'; is that the column, and have these domains weights?"
            )
        return Mix(
            by=self.by,
            phases=tuple(phase.name if self.schedule else "" for phase in phases),
            budgets=tuple(demand.budgets(self.budget)),
            domains=self._cut(evidence, asked),
        )

    def artifact_type(self) -> type[Mix]:
        return Mix

    def apply(self, batch: Batch, artifact: Mix) -> Outcome:
        names = self._names(batch)
        domains = sorted(artifact.domains, key=lambda domain: domain.key)
        keys = np.array([domain.key for domain in domains], np.uint64)
        named = names.is_valid().to_numpy(zero_copy_only=False)
        key = hash64(names.fill_null(""), _SEED)
        place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
        known = named & (keys[place] == key) if len(keys) else np.zeros(len(batch), np.bool_)
        order = hash64(batch[ID], self.seed ^ _ORDER)
        until = np.zeros((len(artifact.phases) + 1, len(batch)), np.int64)
        for phase in range(len(artifact.phases)) if len(keys) else ():
            rounds = np.array([domain.rounds[phase] for domain in domains])[place]
            more = np.array([domain.cuts[phase] >= 0 for domain in domains])[place]
            cut = np.array([max(domain.cuts[phase], 0) for domain in domains], np.uint64)[place]
            until[phase + 1] = np.where(known, rounds + (more & (order <= cut)), 0)
        counts = np.diff(until, axis=0).astype(np.int32)
        weightless = np.array([not any(domain.shares) for domain in domains] or [True])[place]
        reason = np.where(counts.sum(axis=0) > 0, 0, np.where(weightless | ~known, 1, 2))
        reason[~named] = 3
        reasons = pa.array([None, "no_weight", "not_sampled", "no_domain"], pa.string()).take(pa.array(reason))
        columns = {name: pa.array(count) for name, count in zip(self._columns(), counts, strict=True)}
        return Outcome(reason=reasons, columns=columns)

    def _names(self, batch: Batch) -> pa.LargeStringArray:
        self.check_columns({self.domain: batch[self.domain].type})
        return batch[self.domain].cast(pa.large_string())

    def _given(self, phase: Phase) -> dict[str, float]:
        """The weights of a phase, if they are given by name."""
        rule = phase.weights
        return rule if isinstance(rule, dict) else read_weights(rule) if isinstance(rule, Path) else {}

    def _shares(self, phase: Phase, there: Mapping[str, int], sizes: Mapping[str, int]) -> dict[str, Fraction]:
        """The mixture of a phase: the share of each domain of the corpus, or of `weights`; they sum to 1."""
        rule = phase.weights
        if isinstance(rule, dict | Path):
            given = self._given(phase)
            self._check_names(given, there)
            return scaled({name: Fraction(repr(given.get(name, 0.0))) for name in sizes})
        found = shares(rule or "natural", there, self.temperature, self.budget, self.max_epochs)
        return {name: found.get(name, Fraction(0)) for name in sizes}

    def _check_names(self, given: Mapping[str, float], sizes: Mapping[str, int]) -> None:
        absent = [name for name, weight in given.items() if weight and not sizes.get(name)]
        if absent and self.shortfall == "error":
            raise StageError(
                f"mixture: weights gives {_some(absent)} a weight, but no document in column '{self.domain}' has that "
                f"domain; there are {_some(list(sizes))}. Take it out, or say what to do: shortfall: redistribute, "
                "shrink or accept"
            )
        unlisted = [name for name in sizes if name not in given]
        if unlisted and self.unlisted == "error":
            raise StageError(
                f"mixture: column '{self.domain}' has {_some(unlisted)}, of which weights says nothing; give them a "
                "weight, 0 for instance, or say unlisted: drop"
            )

    def _cut(self, evidence: Evidence, domains: list[Domain]) -> tuple[Domain, ...]:
        """The domains with the place in their order at which each phase ends, and what is taken until then."""
        found = domains
        for phase in range(len(self._phases())):
            rests = {domain.key: domain.rest(phase) for domain in domains if domain.rest(phase)}
            keys = np.array(sorted(rests), np.uint64)

            def rows(keys: Hashes = keys) -> Iterator[tuple[Counts, Hashes, Counts]]:
                for table in evidence.scan(["key", "order", "weight"]):
                    key, order, weight = (table[name].to_numpy() for name in ("key", "order", "weight"))
                    place = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
                    inside = np.flatnonzero(keys[place] == key) if len(keys) else np.zeros(0, np.int64)
                    yield place[inside], order[inside], weight[inside]

            limits = np.array([rests[key] - 1 for key in keys.tolist()], np.int64)  # exceeded: the rest is reached
            crossed = crossings(rows, limits)
            wanted = limits + 1
            takes = 2 * (wanted - crossed.before) >= crossed.at  # the document at the end, if half of it fits
            sums = crossed.before + np.where(takes, crossed.at, 0)
            last = [key if take else key - 1 for key, take in zip(crossed.key.tolist(), takes.tolist(), strict=True)]
            cuts = dict(zip(keys.tolist(), zip(last, sums.tolist(), strict=True), strict=True))
            found = [domain.cut(phase, *cuts.get(domain.key, (-1, 0))) for domain in found]
        return tuple(found)


def _tally(evidence: Evidence) -> list[Domain]:
    """The domains, by name, with their sizes."""
    sums: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for table in evidence.scan(["key", "weight", "domain"]):
        named = table.filter(pc.is_valid(table["domain"]))
        names.update(zip(named["key"].to_pylist(), named["domain"].to_pylist(), strict=True))
        keys, place, documents = np.unique(table["key"].to_numpy(), return_inverse=True, return_counts=True)
        weight = np.zeros(len(keys), np.int64)
        np.add.at(weight, place, table["weight"].to_numpy())
        for key, more, heavier in zip(keys.tolist(), documents.tolist(), weight.tolist(), strict=True):
            known = sums.setdefault(key, [0, 0])
            known[0] += more
            known[1] += heavier
        if len(sums) > _MOST_DOMAINS:
            raise StageError(f"mixture: more than {_MOST_DOMAINS:,} domains; take a column with fewer values")
    domains = [Domain(key=key, name=names[key], documents=n, weight=w) for key, (n, w) in sums.items()]
    return sorted(domains, key=lambda domain: domain.name)


def _some(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "no domains"
