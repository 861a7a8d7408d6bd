"""The search of `ordering.crossing`, for many groups at once: where each group's running sum exceeds its own limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.kernels.ordering import Keys, Weights

Groups = npt.NDArray[np.int64]

_CELLS = 1 << 21
"""Bins of all groups together: 16 MiB."""
_BITS = 64


@dataclass(frozen=True)
class Crossings:
    """For each of k groups, the key at which its running sum, smallest key first, exceeds its limit."""

    key: Keys
    before: Weights
    """Weight of all with a smaller key, int64[k]."""
    at: Weights
    """Weight of all with this key, int64[k]."""


def crossings(scan: Callable[[], Iterable[tuple[Groups, Keys, Weights]]], limits: Weights) -> Crossings:
    """Find, for each group, the smallest key such that the weights of all keys up to it sum to more than its limit.

    `scan()` yields (group int64[n], 0 to k - 1; key uint64[n]; weight int64[n], 0 or more), in any order and any
    pieces. limits: int64[k], each smaller than the weight of its group. All sums are integers, so the answer is exact.
    The scan is taken 4 times for up to 32 groups, 8 times for 8,192: keys are told apart by so many bits at a time as
    the bins allow. Memory: the bins and one piece, however many keys there are.
    """
    k = len(limits)
    bits = int(np.clip((_CELLS // max(k, 1)).bit_length() - 1, 1, 16))
    low, before, at = np.zeros(k, np.uint64), np.zeros(k, np.int64), np.zeros(k, np.int64)
    shift = _BITS
    while shift and k:
        width = min(bits, shift)
        shift -= width
        weights = np.zeros((k, 1 << width), np.int64)
        for group, key, weight in scan():
            bins = (key - low[group]) >> np.uint64(shift)
            inside = (key >= low[group]) & (bins < np.uint64(1 << width))  # below `low` the difference wraps around
            place = (group[inside] << width) + bins[inside].astype(np.int64)
            np.add.at(weights.reshape(-1), place, weight[inside])
        passed = before[:, None] + np.cumsum(weights, axis=1) <= limits[:, None]
        before += (weights * passed).sum(axis=1)
        at = weights[np.arange(k), passed.sum(axis=1)]
        low += passed.sum(axis=1).astype(np.uint64) << np.uint64(shift)
    return Crossings(low, before, at)
