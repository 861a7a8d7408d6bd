"""Numbers as unsigned keys that sort the best first, and the search for the key where a running sum crosses a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Weights = npt.NDArray[np.int64]

LAST = 2**64 - 1
"""The key of what has no value: it sorts behind every number."""

_SIGN = np.uint64(1 << 63)
_BINS = 1 << 16


def falling_floats(values: npt.NDArray[np.float64]) -> Keys:
    """uint64[n] keys: the greater the number, the smaller its key; -0.0 as 0.0, NaN as LAST."""
    bits = (values + 0.0).view(np.uint64)  # adding 0.0 makes -0.0 positive
    rising = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return np.where(np.isnan(values), np.uint64(LAST), ~rising)


def float_of(key: int) -> float:
    """The number that has this key in `falling_floats`."""
    rising = ~np.uint64(key)
    return float((rising & ~_SIGN if rising & _SIGN else ~rising).view(np.float64))


def falling_integers(values: npt.NDArray[np.int64]) -> Keys:
    """uint64[n] keys: the greater the number, the smaller its key. The least int64 gets LAST."""
    return ~(values.view(np.uint64) ^ _SIGN)


@dataclass(frozen=True)
class Mass:
    """A number of documents, and what they weigh together."""

    documents: int = 0
    weight: int = 0

    def __add__(self, other: Mass) -> Mass:
        return Mass(self.documents + other.documents, self.weight + other.weight)


@dataclass(frozen=True)
class Crossing:
    """Where the running sum of weights, smallest key first, exceeds a limit for the first time."""

    key: int | None
    """The key at which that happens; None: the total does not exceed the limit."""
    before: Mass
    """All with a smaller key."""
    at: Mass
    """All with this key."""
    total: Mass


def crossing(scan: Callable[[int, int], Iterable[tuple[Keys, Weights]]], limit: Callable[[int], int]) -> Crossing:
    """Find the smallest key such that the weights of all keys up to it sum to more than `limit(total weight)`.

    `scan(low, high)` yields (keys, weights >= 0) with low <= key <= high, in any order and any pieces; it is called at
    most four times, with ever narrower ranges: the first time for all keys, the last for 65,536 neighbours. Exact, as
    all sums are integers. Memory: two histograms of 65,536 bins and one piece at a time, however many keys there are.
    """
    low, bound, before, total = 0, 0, Mass(), None
    for shift in (48, 32, 16, 0):
        documents, weights = _histogram(scan(low, low + (_BINS << shift) - 1), low, shift)
        if total is None:
            total = Mass(int(documents.sum()), int(weights.sum()))
            bound = limit(total.weight)
            if total.weight <= bound:
                return Crossing(None, total, Mass(), total)
        place = int(np.searchsorted(before.weight + np.cumsum(weights), bound, side="right"))
        before += Mass(int(documents[:place].sum()), int(weights[:place].sum()))
        low += place << shift
    return Crossing(low, before, Mass(int(documents[place]), int(weights[place])), total or before)


def _histogram(pieces: Iterable[tuple[Keys, Weights]], low: int, shift: int) -> tuple[Weights, Weights]:
    """Documents and weight in each of 65,536 bins of 2**shift keys from `low` on."""
    documents, weights = np.zeros(_BINS, np.int64), np.zeros(_BINS, np.int64)
    for keys, weight in pieces:
        bins = ((keys - np.uint64(low)) >> np.uint64(shift)).astype(np.int64)
        documents += np.bincount(bins, minlength=_BINS)
        np.add.at(weights, bins, weight)
    return documents, weights
