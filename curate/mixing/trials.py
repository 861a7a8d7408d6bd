"""The words of a search: mixtures, trials, what they measured, and the space that they are from."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.errors import CurateError

Floats = npt.NDArray[np.float64]

UNITS = 1_000_000
"""A mixture is written in millionths that sum to this: it is the same number on disk, in a key and in the answer."""


@dataclass(frozen=True)
class Space:
    """The domains that are mixed, in an order that does not depend on their names."""

    names: tuple[str, ...]
    natural: Floats
    """float64[k]: share of each domain in the corpus, by size; sums to 1."""
    most: Floats
    """float64[k]: the largest weight that a domain may have, 0 to 1, so that it is not repeated too often."""


@dataclass(frozen=True)
class Trial:
    """A question to an evaluator."""

    parts: tuple[int, ...]
    """The weights in millionths, in the order of the space."""
    budget: int
    """Of training text, in the unit of the search."""
    seed: int
    label: str = field(default="", compare=False)
    """Where it comes from, for people; the answer does not depend on it."""

    @property
    def weights(self) -> Floats:
        """float64[k], sums to 1."""
        return np.array(self.parts, np.float64) / UNITS


@dataclass(frozen=True)
class Measured:
    """An evaluator's answer."""

    loss: float
    """What the search makes small."""
    losses: Mapping[str, float] = field(default_factory=dict)
    """By target, where the evaluator tells them apart."""
    seconds: float = field(default=0.0, compare=False)


class Evaluator(Protocol):
    """Trains a proxy on a mixture and says how good it is."""

    def evaluate(self, weights: Mapping[str, float], budget: int, seed: int) -> Measured:
        """weights: share of the budget by domain. The same arguments give the same answer, in any process."""
        ...


@dataclass(frozen=True)
class Found:
    """The end of a search."""

    finalists: tuple[Trial, ...]
    """Of those measured, the ones that the answer is taken from: the best first."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the method has to say beside it, as JSON holds it."""


Search = Generator[Sequence[Trial], Sequence[Measured], Found]
"""A method: yields trials to be measured, is sent what was measured in their order, returns what it found.

It depends on nothing but its arguments and those answers, so that a search which was stopped is carried on by asking
the same questions again: those that were answered are in the journal.
"""


def parts_of(weights: Floats | Sequence[float]) -> tuple[int, ...]:
    """Weights (0 or more, not all 0) as millionths that sum to `UNITS`: the largest remainders are rounded up.

    Raises CurateError if a weight is not finite: losses were beyond what can be computed with.
    """
    array = np.asarray(weights, np.float64)
    if not np.isfinite(array).all():
        raise CurateError(f"a mixture has the weights {array.tolist()}: losses, or their differences, are too large")
    exact = array / array.sum() * UNITS
    whole = np.floor(exact).astype(np.int64)
    short = UNITS - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:short]] += 1
    return tuple(whole.tolist())
