"""What fastText inference looks things up in: vocabulary, n-grams, matrices, and the memory of words seen before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined, kernel

U = np.uint64
MIX0, MIX1, MIX2, MIX3 = U(0x9E3779B97F4A7C15), U(0xC2B2AE3D27D4EB4F), U(0x165667B19E3779F9), U(0xD6E8FEB86659FD93)
HIERARCHICAL_SOFTMAX, NEGATIVE_SAMPLING, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
FNV_START, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
PACKED = 32  # bytes: the longest word that is remembered; it fits in the four integers of a key
ROUNDED_BYTES = 1 << 15
"""In longer texts the library's own rounding shows (float32 sums of very many rows), so that it is to be repeated."""
BLOCK = 32
"""Rows multiplied at a time (a power of two): to read 32 rows one after the other takes three times as long as one."""
INLINE = 6  # rows kept in a word's own slot, which is a cache line; words with more have them in the overflow


class Words(NamedTuple):
    """The vocabulary. Entry v is `data[start[v]:start[v] + length[v]]`; entries from `n_words` on are labels."""

    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    table: npt.NDArray[np.uint64]
    """Open addressing by FNV-1a, uint64[slots, 2]: (hash << 32 | entry + 1, start of the entry), or (0, 0). All that
    a search needs but the word itself is in one place, as each place is a load from main memory. A power of two."""
    n_words: int
    longest: int
    """Bytes of the longest entry: nothing longer needs looking up."""
    end: int
    """Entry of `</s>`, or -1."""


class Grams(NamedTuple):
    """Which n-grams are used, and the row of each: character n-grams inside words, and word n-grams (`words` > 1)."""

    shortest: int
    longest: int
    words: int
    buckets: int
    pruned: bool
    """False: bucket b has row n_words + b. True: only the buckets set in `kept` have a row."""
    kept: npt.NDArray[np.uint64]
    """One bit per bucket."""
    below: npt.NDArray[np.int32]
    """How many bits are set before each integer of `kept`."""
    order: npt.NDArray[np.int32]
    """Row, counted from n_words, of the i-th bucket that is set."""


class Rows(NamedTuple):
    """The input matrix: `dense` float32[m, dim], or, where `codes` has rows, a product quantisation of it."""

    dense: npt.NDArray[np.float32]
    codes: npt.NDArray[np.uint8]
    """uint8[m, parts]: which of 256 centroids stands for each part of a row."""
    norms: npt.NDArray[np.float32]
    """float32[m]: what the centroids of a row are multiplied by."""
    centroids: npt.NDArray[np.float32]
    """Flat; part p begins at 256 * p * width."""
    width: int
    """Columns of a part; the last part has what is left."""


class Products(NamedTuple):
    """What the output layer makes of each row of the input matrix: a few numbers to add up instead of a whole row.

    The layer is linear, so the average of products is the product of the average. A row is multiplied, and the
    BLOCK of rows that it is in, when a text first names one of them: `of_rows` is NaN for the others. With k = 0
    outputs, nothing is multiplied.
    """

    of_rows: npt.NDArray[np.float32]
    """float32[m, k]."""
    weights: npt.NDArray[np.float32]
    """The output layer, float32[k, dim]."""
    row: npt.NDArray[np.float32]
    """Room for one row, float32[dim]."""


class Sums(NamedTuple):
    """Of one text: the sum of its rows, or of their products."""

    rows: npt.NDArray[np.float32]
    """float32[dim], added up in the order of the library and rounded as there."""
    products: npt.NDArray[np.float64]
    """float64[k]."""
    of_products: npt.NDArray[np.bool_]
    """bool[1]: which of the two it is."""


class Memory(NamedTuple):
    """The rows of words seen before. Slot s is 64 bytes, seen as `keys[s]` (uint64[8]) and as `fields[s]` (int32[16]).

    keys[s, 0:4]: the word itself, padded with zeros; zero = the slot is free. fields[s, 8]: number of its rows, -1 if
    the word does not count; fields[s, 9]: its FNV-1a hash; fields[s, 10:16]: its rows, or where they begin in
    `overflow`.
    """

    keys: npt.NDArray[np.uint64]
    fields: npt.NDArray[np.int32]
    overflow: npt.NDArray[np.int32]
    used: npt.NDArray[np.int64]
    """(slots, entries of `overflow`) in use."""


class Loss(NamedTuple):
    """The output layer: `weights` float32[n, dim] times `norms` float32[n], and the tree of hierarchical softmax."""

    kind: int
    weights: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    """Children of a node; -1 for a leaf, which is a label. The root comes last."""
    right: npt.NDArray[np.int32]


def cache_lines(size: int) -> npt.NDArray[np.uint8]:
    """Zeros, uint8[size], that begin on a cache line: what is 64 bytes long then takes one load from memory."""
    raw = np.zeros(size + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    return raw[skip : skip + size]


def remember(slots: int, overflow: int) -> Memory:
    """An empty memory of `slots` words (a power of two; a slot is 64 bytes, on a cache line of its own)."""
    keys = cache_lines(slots * 64).view(np.uint64).reshape(slots, 8)
    return Memory(keys, keys.view(np.int32), np.zeros(overflow, np.int32), np.zeros(2, np.int64))


@inlined
def fnv(h, byte):
    """One step of FNV-1a, in which fastText sees the byte as a signed char."""
    return np.uint32((h ^ np.uint32(np.int8(byte))) * FNV_PRIME)


@kernel
def fnv_all(data, start, length, hashes):
    """Writes the FNV-1a of each entry `data[start[v]:start[v] + length[v]]`; hashes: uint32[n]."""
    for v in range(len(start)):
        h = FNV_START
        for k in range(start[v], start[v] + length[v]):
            h = fnv(h, data[k])
        hashes[v] = h


@inlined
def find(words, data, start, size, h):
    """The vocabulary entry of a word with FNV-1a hash h, or -1."""
    table, entries = words.table, words.data
    mask = U(len(table) - 1)
    slot = U(h) & mask
    while table[slot, 0] != U(0):
        if table[slot, 0] >> U(32) == U(h):
            at = table[slot, 1]
            k = 0
            while k < size and entries[at + U(k)] == data[U(start + k)]:  # ends at the zero byte behind the entry
                k += 1
            if k == size and entries[at + U(k)] == 0:
                return np.int64(table[slot, 0] & U(0xFFFFFFFF)) - 1
        slot = (slot + U(1)) & mask
    return -1


@inlined
def slot_of(keys, k0, k1, k2, k3):
    """The slot where a word is, or where it would go."""
    mask = U(len(keys) - 1)
    h = (k0 * MIX0) ^ (k1 * MIX1) ^ (k2 * MIX2) ^ (k3 * MIX3)
    slot = (((h ^ (h >> U(32))) * MIX0) >> U(32)) & mask
    while keys[slot, 0] != U(0) and (
        keys[slot, 0] != k0 or keys[slot, 1] != k1 or keys[slot, 2] != k2 or keys[slot, 3] != k3
    ):
        slot = (slot + U(1)) & mask
    return slot


@helper
def _recall_more(overflow, begin, count, rows, n):
    for k in range(count):
        rows[n + k] = overflow[begin + k]


@inlined
def recall(fields, overflow, slot, rows, n):
    """Appends the rows of the word in `slot`; returns how many they are, -1 if the word does not count."""
    count = np.int64(fields[slot, U(8)])
    for k in range(INLINE):  # always six: cheaper than to branch on their number
        rows[U(n) + U(k)] = fields[slot, U(10 + k)]
    if count > INLINE:
        _recall_more(overflow, fields[slot, U(10)], count, rows, n)
    return count


@inlined
def store(memory, slot, k0, k1, k2, k3, count, word_hash, rows, n):
    """Remembers the word in `slot`: its `count` rows are rows[n:]. A full memory is emptied instead.

    For the words of now are worth more than those of the beginning.
    """
    keys, fields, overflow, used = memory.keys, memory.fields, memory.overflow, memory.used
    if used[0] * 4 > len(keys) * 3 or used[1] + count > len(overflow):
        keys[:] = 0
        used[:] = 0
        return
    keys[slot, 0], keys[slot, 1], keys[slot, 2], keys[slot, 3] = k0, k1, k2, k3
    fields[slot, 8] = count
    fields[slot, 9] = word_hash
    used[0] += 1
    if count <= INLINE:
        for k in range(count):
            fields[slot, 10 + k] = rows[n + k]
    else:
        fields[slot, 10] = used[1]
        for k in range(count):
            overflow[used[1] + k] = rows[n + k]
        used[1] += count
