"""The true Jaccard similarity of texts whose signatures say that they may be alike: sets of hashes, merged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import inlined, kernel
from curate.kernels.shingles import Shingles
from curate.kernels.union_find import given, root

BELOW, CONNECTED = -1.0, -2.0
"""Answers of `jaccards` for pairs that are below the threshold, and for those in one group already."""


def distinct(s: Shingles) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """(offsets int64[n + 1], values uint32[m]): of each text the hashes without repeats, in ascending order.

    Of hashes of 64 bits the upper half is taken: two of a text's 10,000 are then one with a probability of 1 %.
    """
    values = s.hashes if s.hashes.itemsize == 4 else s.hashes >> np.uint64(32)
    longest = int(np.diff(s.offsets).max(initial=0))
    here, there, counts = np.empty(longest, np.uint32), np.empty(longest, np.uint32), np.empty(4 << 8, np.int64)
    offsets, out = np.zeros(len(s.offsets), np.int64), np.empty(len(values), np.uint32)
    _sort_each(s.offsets, given(values, np.uint32), here, there, counts, offsets, out)
    return offsets, out[: offsets[-1]]


@kernel
def _sort_each(bounds, values, here, there, counts, offsets, out):
    """Sorts the values of each text by their bytes, from the lowest up, and writes each one once.

    Hashes are spread evenly, but texts repeat themselves: the time does not depend on how often.
    """
    total = 0
    for i in range(len(bounds) - 1):
        low, size = bounds[i], np.uint64(bounds[i + 1] - bounds[i])
        for slot in range(np.uint64(len(counts))):
            counts[slot] = 0
        for j in range(size):
            value = values[low + j]
            here[j] = value
            for byte in range(4):
                counts[np.uint64(byte << 8) | _byte(value, byte)] += 1
        for byte in range(4):
            before = 0
            for slot in range(np.uint64(byte << 8), np.uint64((byte + 1) << 8)):
                counts[slot], before = before, before + counts[slot]
            for j in range(size):
                slot = np.uint64(byte << 8) | _byte(here[j], byte)
                there[np.uint64(counts[slot])] = here[j]
                counts[slot] += 1
            here, there = there, here
        for j in range(size):
            out[total] = here[j]
            total += j + np.uint64(1) == size or here[j] != here[j + np.uint64(1)]
        offsets[i + 1] = total


@inlined
def _byte(value, byte):
    return np.uint64(value >> np.uint32(8 * byte)) & np.uint64(0xFF)


def jaccards(
    offsets: npt.NDArray[np.int64],
    values: npt.NDArray[np.uint32],
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    threshold: float,
    group: npt.NDArray[np.int64] | None,
) -> npt.NDArray[np.float32]:
    """The Jaccard similarity of the sets a[i] and b[i] (int64[p]), float32[p], if it reaches the threshold.

    Args:
        offsets: int64[n + 1], of `distinct`.
        values: uint32[m], of `distinct`.
        a: the sets to compare,
        b: with these.
        threshold: 0 to 1. Below it the answer is -1, so what is 0 or more has reached it. That is decided by the
            numbers of elements and in float64; most pairs below are found out early.
        group: parents of a union-find over the sets (int64[n], at first 0 to n - 1), changed in place: a pair that is
            in one group already is not compared, its answer is -2; pairs that reach the threshold are joined. None: all
            are compared.

    Two empty sets have a similarity of 1.
    """
    out = np.empty(len(a), np.float32)
    parents = np.empty(0, np.int64) if group is None else group
    _compare(
        given(offsets, np.int64), given(values, np.uint32), given(a, np.int64), given(b, np.int64),
        float(threshold), group is not None, parents, out,
    )  # fmt: skip
    return out


@kernel
def _compare(offsets, values, a, b, threshold, grouped, parents, out):
    for p in range(len(out)):
        one, other = a[p], b[p]
        if grouped:
            one, other = root(parents, one), root(parents, other)
            if one == other:
                out[p] = CONNECTED
                continue
        out[p] = BELOW
        i, j = np.uint64(offsets[a[p]]), np.uint64(offsets[b[p]])
        i_end, j_end = np.uint64(offsets[a[p] + 1]), np.uint64(offsets[b[p] + 1])
        small, large = min(i_end - i, j_end - j), max(i_end - i, j_end - j)
        if large and small / large < threshold:  # they cannot have more than `small` in common
            continue
        size = np.int64(small + large)
        # The similarity is common / (size - common), so the threshold asks for so many in common, and so leaves as many
        # alone as follow; two more are let pass, because this is rounded.
        needed = np.int64(threshold * size / (1.0 + threshold)) - 1
        spare, alone, common = size - 2 * needed, np.int64(0), np.int64(0)
        while i < i_end and j < j_end and alone <= spare:
            x, y = values[i], values[j]
            i += np.uint64(x <= y)
            j += np.uint64(y <= x)
            common += np.int64(x == y)
            alone += np.int64(x != y)
        similarity = common / (size - common) if size else 1.0
        if similarity >= threshold:
            out[p] = similarity
            if grouped:
                parents[max(one, other)] = min(one, other)
