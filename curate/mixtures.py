"""Mixtures of domains: shares by rule or from a file, and what each domain gives to each phase of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, nan
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, computed_field

from curate.budgets import portions, redistributed
from curate.errors import RecipeError, StageError

Rule = Literal["natural", "uniform", "temperature", "unimax"]
Policy = Literal["error", "redistribute", "shrink", "accept"]


class Domain(BaseModel):
    """A domain of the corpus, and what is taken of it, going round and round in its order."""

    model_config = ConfigDict(frozen=True)

    key: int
    name: str
    documents: int
    weight: int
    shares: tuple[float, ...] = ()
    """Of the mixture of each phase."""
    ends: tuple[int, ...] = ()
    """Weight at which each phase is to end, all phases before it included."""
    rounds: tuple[int, ...] = ()
    """How often all documents were taken by then."""
    cuts: tuple[int, ...] = ()
    """Documents whose hash is at most this were taken once more by then; -1: none were."""
    taken: tuple[int, ...] = ()
    """Weight of all that was taken by then, with repeats: as near to `ends` as whole documents come."""

    def rest(self, phase: int) -> int:
        """What is left for the last round of a phase, 0 to less than the weight."""
        return self.ends[phase] % self.weight if self.weight else 0

    def cut(self, phase: int, hash: int, rest: int) -> Domain:
        """The domain with the end of one more phase: the last hash of its last round, and what that round takes."""
        rounds = self.ends[phase] // self.weight if self.weight else 0
        taken = rounds * self.weight + rest
        return self.model_copy(
            update={"rounds": (*self.rounds, rounds), "cuts": (*self.cuts, hash), "taken": (*self.taken, taken)}
        )

    def given(self, phase: int) -> int:
        """Weight of what one phase takes."""
        return self.taken[phase] - (self.taken[phase - 1] if phase else 0)


class Mix(BaseModel):
    """What `mixture` decided for the whole corpus."""

    model_config = ConfigDict(frozen=True)

    by: str
    phases: tuple[str, ...]
    """Their names; one without a name if there is no schedule."""
    budgets: tuple[int, ...]
    """Of each phase, as it was asked for, or as much as the corpus has."""
    domains: tuple[Domain, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """The decision in one line, for people."""
        return "; ".join(self._phase(at, name) for at, name in enumerate(self.phases))

    def _phase(self, at: int, name: str) -> str:
        total = sum(domain.given(at) for domain in self.domains)
        largest = sorted(self.domains, key=lambda domain: (-domain.given(at), domain.name))
        shown = [
            f"{domain.name} {domain.given(at) / total:.1%} ({domain.given(at) / domain.weight:.2f} epochs)"
            for domain in largest[:5]
            if domain.given(at)
        ]
        rest = sum(1 for domain in largest[5:] if domain.given(at))
        line = f"{name}: " if name else ""
        line += f"{total:,} {self.by}" + (f": {', '.join(shown)}" if shown else "")
        return line + (f" and {rest} more" if rest else "")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def warning(self) -> str | None:
        """What falls short of what was asked for."""
        if not any(domain.taken and domain.taken[-1] for domain in self.domains):
            return "nothing is taken: " + ("no document has a domain" if not self.domains else "all domains lack it")
        short = [
            f"{f'{name}: ' if name else ''}{self.budgets[at] - total:,} of {self.budgets[at]:,} {self.by} short"
            for at, name in enumerate(self.phases)
            if (total := sum(domain.given(at) for domain in self.domains)) < self.budgets[at]
        ]
        off = [
            f"{f'{name}: ' if name else ''}{domain.name} has {domain.given(at) / total:.1%} of the mixture in place of "
            f"{domain.shares[at]:.1%}"
            for at, name in enumerate(self.phases)
            for domain in self.domains
            if (total := sum(domain.given(at) for domain in self.domains))
            and abs(domain.given(at) / total - domain.shares[at]) > 0.01
        ]
        found = short + off[:5] + ([f"{len(off) - 5} more domains are off their shares"] if len(off) > 5 else [])
        return "; ".join(found) or None


@dataclass(frozen=True)
class Demand:
    """What phases ask of the domains of a corpus."""

    sizes: Mapping[str, int]
    phases: Sequence[tuple[float, Mapping[str, Fraction]]]
    """(share of the budget, share of each domain) of each; domains without documents are there, with size 0."""
    max_epochs: int
    by: str
    policy: Policy
    """When a domain lacks what is asked of it."""

    def budgets(self, budget: int | None) -> list[int]:
        """Of each phase. budget: of all together; None: as much as can be had without taking any document twice."""
        if budget is None:
            there = [name for name, size in self.sizes.items() if size]
            mixes = [{name: mix[name] for name in there} for _, mix in self.phases]
            if self.policy == "redistribute":  # what is not there at all is for the others to give
                mixes = [scaled(mix) for mix in mixes]
            parts = [Fraction(repr(share)) for share, _ in self.phases]
            needs = {
                name: sum((part * mix[name] for part, mix in zip(parts, mixes, strict=True)), Fraction(0))
                for name in there
            }
            budget = min((int(self.sizes[name] / need) for name, need in needs.items() if need), default=0)
        return portions(budget, [Fraction(repr(share)) for share, _ in self.phases])

    def served(self, budget: int | None) -> list[dict[str, int]]:
        """What each domain gives to each phase. Raises StageError where a domain lacks it and the policy says so."""
        left = {name: size * self.max_epochs for name, size in self.sizes.items()}
        found = []
        for amount, (_, mix) in zip(self.budgets(budget), self.phases, strict=True):
            given = self._phase(amount, mix, left)
            left = {name: left[name] - given[name] for name in left}
            found.append(given)
        return found

    def _phase(self, budget: int, mix: Mapping[str, Fraction], left: Mapping[str, int]) -> dict[str, int]:
        names = list(self.sizes)
        mixed = [mix[name] for name in names]
        most = [left[name] for name in names]
        parts = portions(budget, mixed)
        lacking = [at for at, part in enumerate(parts) if part > most[at]]
        if lacking:
            match self.policy:
                case "error":
                    raise StageError(self._complaint(names[lacking[0]], parts[lacking[0]], most[lacking[0]]))
                case "redistribute":
                    parts = redistributed(budget, mixed, most)
                case "shrink":
                    total = sum(mixed)
                    parts = portions(
                        min(int(most[at] * total / share) for at, share in enumerate(mixed) if share), mixed
                    )
            parts = [min(part, limit) for part, limit in zip(parts, most, strict=True)]
        return dict(zip(names, parts, strict=True))

    def _complaint(self, name: str, part: int, most: int) -> str:
        size = self.sizes[name]
        times = f", {part / size:.1f} times all of it," if size else ""
        earlier = "" if most == size * self.max_epochs else ", less what earlier phases take,"
        return (
            f"mixture: domain '{name}' has {size:,} {self.by}, and {part:,} are to be taken of it{times} where "
            f"max_epochs: {self.max_epochs}{earlier} allows {most:,}; lower the budget or the weight, raise "
            "max_epochs, or say what to do: shortfall: redistribute, shrink or accept"
        )


def shares(
    rule: Rule, sizes: Mapping[str, int], temperature: float = 1.0, budget: int | None = None, max_epochs: int = 4
) -> dict[str, Fraction]:
    """The share of each domain, by its size, exactly: shares sum to 1, unless nothing has any size.

    natural: c; uniform: the same for all that have any; temperature: c^(1/temperature); unimax: from the smallest to
    the largest an equal part of what is left of `budget`, but at most max_epochs * c (Chung et al. 2023, UniMax).
    """
    match rule:
        case "natural":
            raw = {name: Fraction(size) for name, size in sizes.items()}
        case "uniform":
            raw = {name: Fraction(size > 0) for name, size in sizes.items()}
        case "temperature":
            largest = max(sizes.values(), default=0) or 1
            raw = {
                name: Fraction((size / largest) ** (1 / temperature)) if size else Fraction(0)
                for name, size in sizes.items()
            }
        case "unimax":
            raw = unimax(sizes, sum(sizes.values()) if budget is None else budget, max_epochs)
    return scaled(raw)


def scaled(weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The weights, summing to 1; all 0 if all were."""
    total = sum(weights.values(), Fraction(0))
    return {name: weight / total if total else Fraction(0) for name, weight in weights.items()}


def unimax(sizes: Mapping[str, int], budget: int, max_epochs: int) -> dict[str, Fraction]:
    """What each domain gives to a budget, as evenly as max_epochs * size allows."""
    found: dict[str, Fraction] = {}
    left = Fraction(budget)
    for place, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        found[name] = min(left / (len(sizes) - place), Fraction(max_epochs * sizes[name]))
        left -= found[name]
    return {name: found[name] for name in sizes}


def read_weights(path: Path) -> dict[str, float]:
    """Weights by domain out of a YAML or JSON file: under `weights:`, or all that it holds. Raises RecipeError.

    Names are as they are written: `no` is Norwegian, and not false.
    """
    try:
        content = yaml.BaseLoader(path.read_text(encoding="utf-8")).get_single_data()  # makes nothing but strings
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: no YAML or JSON: {str(error).splitlines()[0]}") from error
    found = content.get("weights", content) if isinstance(content, dict) else content
    if not isinstance(found, dict) or not found:
        raise RecipeError(f"{path}: expected domains with their weights, as in `weights: {{web: 0.7, books: 0.3}}`")
    weights = {str(name): _weight(path, name, value) for name, value in found.items()}
    if not any(weights.values()):
        raise RecipeError(f"{path}: all weights are 0; at least one domain must have some")
    return weights


def _weight(path: Path, name: Any, value: Any) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = nan
    if not isfinite(weight) or weight < 0:
        raise RecipeError(f"{path}: the weight of '{name}' is {value}; a weight is a number, 0 or more")
    return weight
