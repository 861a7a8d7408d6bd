"""Groups from pairs: buckets of equal keys become pairs, pairs become connected components or a choice of survivors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import inlined, kernel

Numbers = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.uint64]


def given(array: npt.NDArray[Any], kind: type[Any]) -> npt.NDArray[Any]:
    """A read-only view of an array, or a copy if that takes another type or order: so that kernels see one type."""
    view = np.ascontiguousarray(array, kind).view()
    view.flags.writeable = False
    return view


@inlined
def root(parents, node):
    """The representative of a node's group. Halves the paths that it walks; no parent is greater than its child."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


def components(n: int, a: Numbers, b: Numbers) -> Numbers:
    """The smallest member of each node's connected component, int64[n]; the edges are a[i] - b[i] (int64[p])."""
    parents = np.arange(n, dtype=np.int64)
    _connect(parents, given(a, np.int64), given(b, np.int64))
    return parents


@kernel
def _connect(parents, a, b):
    for i in range(len(a)):
        one, other = root(parents, a[i]), root(parents, b[i])
        parents[max(one, other)] = min(one, other)  # the smaller one stands for both
    for node in range(len(parents)):  # upwards: that of the parent is settled
        parents[node] = parents[parents[node]]


def first_keep(n: int, a: Numbers, b: Numbers) -> Numbers:
    """Who represents each node, int64[n], when nodes are kept greedily in their order: i itself if it is kept.

    A node is dropped if and only if a smaller node that is kept is its neighbour, by an edge a[i] - b[i] (int64[p]);
    the smallest such one represents it. So no two nodes that are kept are neighbours.
    """
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((low, high))
    keeper = np.arange(n, dtype=np.int64)
    _choose(given(low[order], np.int64), given(high[order], np.int64), keeper)
    return keeper


@kernel
def _choose(low, high, keeper):
    """Edges sorted by (high, low): when a node's turn comes, all smaller ones are decided."""
    for i in range(len(low)):
        if keeper[high[i]] == high[i] and keeper[low[i]] == low[i]:
            keeper[high[i]] = low[i]


class Buckets(NamedTuple):
    """What was seen of buckets of band keys; their sizes are counted in representatives."""

    large: int
    """Buckets with more than `most` representatives."""
    largest: int
    """Representatives in the largest bucket, 0 if there is none."""


def bucket_pairs(
    key: Unsigned, twin: Unsigned, document: Unsigned, most: int, hubs: int, first_foreign: int | np.uint64
) -> tuple[Unsigned, Unsigned, npt.NDArray[np.bool_], Buckets]:
    """Pairs of documents a < b to look at, from rows that are sorted by (key, twin, document), uint64[m] each.

    Rows of one key are a bucket. Its rows of one twin (documents of the same content) are represented by their smallest
    document. In a bucket of an odd key, each such row is paired with its representative, and known to be the same. In
    one of an even key, the representatives are paired with each other; if they are more than `most`, each with the
    first `hubs` of them only, in order of twin: so a huge bucket costs a multiple of its size, not its square.

    Args:
        key: the lowest bit says that equal key and twin mean equal documents.
        twin: equal for documents whose content is the same.
        document: what the pairs are made of.
        most: largest number of representatives that are all compared.
        hubs: number of representatives that stand for a larger bucket.
        first_foreign: documents from this number on come from an earlier run; they are never paired with each other.

    Returns:
        a (uint64[p]), b (uint64[p]), same (bool[p]: known to be equal), and what was seen of the buckets. A pair may
        be there several times, from several keys.
    """
    key, twin, document = given(key, np.uint64), given(twin, np.uint64), given(document, np.uint64)
    chosen, foreign = np.empty(len(key), np.int64), np.uint64(first_foreign)
    numbers = np.zeros(2, np.int64)
    none = np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.bool_)
    total = _pair(key, twin, document, most, hubs, foreign, False, chosen, numbers, *none)
    numbers[:] = 0
    a, b, same = np.empty(total, np.uint64), np.empty(total, np.uint64), np.empty(total, np.bool_)
    _pair(key, twin, document, most, hubs, foreign, True, chosen, numbers, a, b, same)
    return a, b, same, Buckets(*numbers.tolist())


@kernel
def _pair(key, twin, document, most, hubs, first_foreign, fill, chosen, numbers, a, b, same):
    """Counts the pairs, or writes them if `fill`; `numbers` are those of `Buckets`."""
    total, begin = np.int64(0), 0
    while begin < len(key):
        exact = np.bool_(key[begin] & np.uint64(1))
        chosen[0], count, end = begin, 1, begin + 1
        while end < len(key) and key[end] == key[begin] and not (exact and twin[end] != twin[begin]):
            if exact or twin[end] != twin[end - 1]:
                chosen[count] = end
                count += 1
            end += 1
        if not exact:
            numbers[0] += count > most
            numbers[1] = max(numbers[1], count)
        for i in range(1 if exact else count if count <= most else min(hubs, count)):
            for j in range(i + 1, count):
                x, y = document[chosen[i]], document[chosen[j]]
                low, high = min(x, y), max(x, y)
                if low < first_foreign and low != high:
                    if fill:
                        a[total], b[total], same[total] = low, high, exact
                    total += 1
        begin = end
    return total
