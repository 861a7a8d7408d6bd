"""The order in which documents are taken: by hashes of their texts, so that files and their order are of no account."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def mixed(keys: Hashes, seed: int) -> Hashes:
    """Another hash of what has these hashes: the finalizer of MurmurHash3, over key and seed. uint64[n]."""
    x = keys ^ np.uint64(seed * 0x9E3779B97F4A7C15 & (1 << 64) - 1)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return np.asarray(x ^ (x >> np.uint64(33)))


def running(group: npt.NDArray[Any], size: Integers) -> Integers:
    """int64[n]: what the members of the same group before each amount to; groups lie together."""
    before = np.cumsum(size) - size
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))[: len(group)]
    return np.asarray(before - np.repeat(before[starts], np.diff([*starts, len(group)])))
