"""How much of a document says again what it has said: repeated lines, paragraphs and n-grams of words.

Method. Equal pieces get equal numbers from an open-addressing table that lives in scratch arrays for the whole batch
and is never cleared: a slot counts only if what it holds was written in the current round. An (n+1)-gram can only be
repeated where two overlapping n-grams are, so each n looks only at what the one before left over, and is named by the
pair of their numbers: a document without repeated 5-grams costs nothing for 5 to 10.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, kernel
from curate.kernels.text import Spans

Counts = npt.NDArray[np.int64]

N_GRAMS = range(2, 11)
TOP = 4
"""Up to this n the most frequent n-gram is measured, beyond it all that are repeated (Rae et al. 2021, table A1)."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: multiplying spreads keys over the high bits
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)  # odd, so the hash of a pair depends on the order
_ONCE = np.int64(1) << 32  # more than any place in a text
_ROUNDS_END = 2**31 - 2**28  # when numbering gets near the end of int32, the table is cleared once


class Duplicates(NamedTuple):
    """Repeated pieces of each document, int64[n] each."""

    pieces: Counts
    chars: Counts
    """Code points in all pieces."""
    repeated: Counts
    repeated_chars: Counts


def duplicates(pieces: Spans, *, every_copy: bool = False, keep_empty: bool = True) -> Duplicates:
    """Count the repeated pieces of each document.

    Args:
        pieces: lines or paragraphs.
        every_copy: count all copies of a repeated piece, not only those after the first.
        keep_empty: whether an empty piece is a piece.
    """
    counts = np.zeros((len(pieces.first), 4), np.int64)
    _duplicates(
        pieces.first, pieces.last, pieces.chars, pieces.hash, every_copy, keep_empty, counts, *number_table(pieces)
    )
    return Duplicates(*np.ascontiguousarray(counts.T))


def repeated_n_grams(words: Spans, *, every_copy: bool = False) -> Counts:
    """Characters of repeated n-grams of words, int64[n, 9], for n = 2 to 10.

    Column n - 2 is, for n = 2, 3, 4, the length of the most frequent n-gram times how often it occurs; for n = 5 to 10,
    the characters in repeated n-grams. By default as datatrove has it: the most frequent one is joined by spaces, the
    first seen wins a tie, and once is enough; repeated n-grams are looked for from left to right, the first copy is
    free, and a hit is skipped as a whole. With `every_copy` as DCLM has it: no spaces, the longest wins a tie, once is
    not enough; every word in a repeated n-gram counts once.

    An n-gram is the sequence of its words: unlike datatrove, `ab c d e f` does not repeat `a bc d e f`.
    """
    counts, scratch = np.zeros((len(words.first), len(N_GRAMS)), np.int64), number_table(words)
    marks = np.empty(2 * len(scratch[0]), np.uint8)
    _n_grams(words.first, words.last, words.chars, words.hash, every_copy, counts, marks, *scratch)
    return counts


def number_table(pieces: Spans) -> tuple[npt.NDArray[np.int32], Counts, npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """Scratch for `number`, enough for the largest document: slots, given, two rows of keys, four rows of int32."""
    most = int((pieces.last - pieces.first).max(initial=0))
    slots = np.zeros(max(16, 1 << (2 * most - 1).bit_length() if most else 0), np.int32)
    return slots, np.zeros(2, np.int64), np.empty((2, most + 1), np.uint64), np.empty((4, most + 1), np.int32)


@helper
def number(keys, n, slots, given, seen, times, names):
    """Number `keys[:n]` (uint64) in the order in which they are first seen; returns how many differ.

    names: int32[n], the number of each key. seen, times: the key of each number, and how often it occurs.
    slots: int32[a power of two, at least 2 n], all zero when `given` (int64[1]) is; both are carried from call to call.
    """
    if given[0] > _ROUNDS_END:
        slots[:] = 0
        given[0] = 0
    size, bits = 16, 4
    while size < 2 * n:  # a small document uses, and keeps warm, a small part of the table
        size, bits = 2 * size, bits + 1
    shift, mask = np.uint64(64 - bits), size - 1
    base, distinct = given[0], 0
    for j in range(n):
        key = keys[j]
        slot = np.int64((key * _SPREAD) >> shift)
        while True:
            name = slots[slot] - base - 1
            if name < 0:  # empty, or from an earlier round
                slots[slot] = base + distinct + 1
                seen[distinct], times[distinct], names[j] = key, 1, distinct
                distinct += 1
                break
            if seen[name] == key:
                times[name] += 1
                names[j] = name
                break
            slot = (slot + 1) & mask
    given[0] = base + distinct
    return distinct


@kernel
def _duplicates(first, last, chars, hashes, every_copy, keep_empty, counts, slots, given, keys, scratch):
    mine, seen = keys[0], keys[1]
    times, names, sizes = scratch[0], scratch[1], scratch[2]
    for i in range(len(first)):
        n, total = np.int64(0), 0  # typed, for numba compiles what it is passed to for a literal 0, too
        for j in range(first[i], last[i]):
            if keep_empty or chars[j] > 0:
                mine[n], sizes[n] = hashes[j], chars[j]
                total += chars[j]
                n += 1
        counts[i, 0], counts[i, 1] = n, total
        if number(mine, n, slots, given, seen, times, names) == n:
            continue
        for j in range(n):
            if times[names[j]] > 1 or times[names[j]] < 0:
                if every_copy or times[names[j]] < 0:
                    counts[i, 2] += 1
                    counts[i, 3] += sizes[j]
                times[names[j]] = -1  # the first copy has been seen


@kernel
def _n_grams(first, last, chars, hashes, every_copy, counts, marks, slots, given, keys, scratch):
    mine, seen = keys[0], keys[1]
    times, names, where, kept = scratch[0], scratch[1], scratch[2], scratch[3]
    for i in range(len(first)):
        begin, n_words = first[i], last[i] - first[i]
        found = np.int64(0)
        for n in range(2, 11):
            if n > n_words or (found == 0 and n > TOP):
                break
            if n == 2:
                many = n_words - 1
                for j in range(many):
                    mine[j] = hashes[begin + j] * _PAIR + hashes[begin + j + 1]
                    where[j] = j
            else:
                many = _longer(kept, where, found, mine)
            many = _suspects(mine, where, many, marks)
            number(mine, many, slots, given, seen, times, names)
            found, top = np.int64(0), _ONCE
            for j in range(many):
                count, at = times[names[j]], where[j]
                top = max(top, np.int64(count) * _ONCE - at)  # the highest count, and among those the first place
                where[found], kept[found] = at, names[j]
                found += count > 1
            part = chars[begin : begin + n_words]
            if n <= TOP:
                counts[i, n - 2] = _longest(part, n, found, where, kept, times) if every_copy else _first(part, n, top)
            elif every_copy:
                counts[i, n - 2] = _covered(part, n, found, where)
            else:
                counts[i, n - 2] = _skipping(part, n, found, where, kept, times)


@helper
def _longer(kept, where, found, keys):
    """Name by a key each n-gram made of two repeated ones that overlap, in place of those; returns how many.

    kept[:found], where[:found]: number and place of the repeated n-grams one word shorter; `where` is overwritten.
    """
    many = np.int64(0)
    for j in range(found - 1):  # no branch: whether two overlap is a toss of a coin
        overlap = where[j + 1] == where[j] + 1
        keys[many] = np.uint64(kept[j]) << np.uint64(32) | np.uint64(kept[j + 1])
        where[many] = where[j]
        many += overlap
    return many


@helper
def _suspects(keys, where, n, marks):
    """Leave only those of `keys[:n]`, with their `where`, that may occur twice; returns how many.

    marks: uint8[a power of two, at least 4 n], any content. Two passes without a branch, in the nearest cache, over a
    table that is only ever wrong on the safe side: most n-grams occur once, and need no look at the exact table.
    """
    size, bits = 16, 4
    while size < 4 * n:
        size, bits = 2 * size, bits + 1
    shift = np.uint64(64 - bits)
    marks[:size] = 0
    for j in range(n):
        slot = (keys[j] * _SPREAD) >> shift
        marks[slot] = min(marks[slot] + 1, 2)
    kept = 0
    for j in range(n):
        keys[kept], where[kept] = keys[j], where[j]
        kept += marks[(keys[j] * _SPREAD) >> shift] > 1
    return kept


@helper
def _first(chars, n, top):
    """Length, with spaces, times count of the n-gram that `top` tells of: its count times `_ONCE`, less its place."""
    count = (top + _ONCE - 1) // _ONCE
    place, size = count * _ONCE - top, n - 1
    for k in range(place, place + n):
        size += chars[k]
    return size * count


@helper
def _longest(chars, n, found, where, kept, times):
    """Length of the longest among the most frequent n-grams times how often it occurs; 0 if none is repeated."""
    most, size = 1, 0
    for j in range(found):
        count = times[kept[j]]
        if count < most:
            continue
        length = 0
        for k in range(where[j], where[j] + n):
            length += chars[k]
        size = length if count > most else max(size, length)
        most = count
    return size * most


@helper
def _skipping(chars, n, found, where, kept, times):
    """Characters of repeated n-grams, left to right, without the first copy; behind a hit the search goes on."""
    total, free = 0, 0
    for j in range(found):
        if where[j] < free:
            continue
        if times[kept[j]] > 0:
            times[kept[j]] = -1  # seen from now on
            continue
        free = where[j] + n
        for k in range(where[j], free):
            total += chars[k]
    return total


@helper
def _covered(chars, n, found, where):
    """Characters of the words that a repeated n-gram covers."""
    total, free = 0, 0
    for j in range(found):
        for k in range(max(free, where[j]), where[j] + n):
            total += chars[k]
        free = where[j] + n
    return total
