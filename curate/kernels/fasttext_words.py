"""Words of a text and their entries in the vocabulary: one word, or many that are looked up together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.fasttext_tables import FNV_START, U, find, fnv
from curate.kernels.jit import helper, inlined
from curate.kernels.memory import load8

AT_ONCE = 64
"""Words looked up at a time. Each is some loads from places all over main memory; those of many words go on together,
where one word after the other would wait for each."""
ONES, HIGH, LOW7 = U(0x0101010101010101), U(0x8080808080808080), U(0x7F7F7F7F7F7F7F7F)
END = U(int.from_bytes(b"</s>", "little"))  # the token that ends a text, as the first eight bytes of a word
LABEL, LABEL_TAIL = U(int.from_bytes(b"__label_", "little")), U(ord("_"))


class Queue(NamedTuple):
    """Some words that follow each other in a text, to be looked up together. Each array has AT_ONCE places."""

    start: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    """In bytes."""
    head: npt.NDArray[np.uint64]
    """The first eight bytes, padded with zeros."""
    hashes: npt.NDArray[np.uint32]
    """FNV-1a."""
    found: npt.NDArray[np.uint64]
    """uint64[AT_ONCE, 3]: what the table of the vocabulary has in the word's first slot, and the first eight bytes of
    the entry there."""


def empty_queue() -> Queue:
    """An empty one."""
    integers = np.empty((3, AT_ONCE), np.int64)
    return Queue(
        integers[0], integers[1], integers[2].view(np.uint64), np.empty(AT_ONCE, np.uint32),
        np.empty((AT_ONCE, 3), np.uint64),
    )  # fmt: skip


@inlined
def _load(data, i):
    """Bytes i..i+8 as a little-endian integer zeros after the end of data."""
    x = U(0)
    if i + 8 <= len(data):
        return load8(data, i)
    for k in range(len(data) - 1, i - 1, -1):  # backwards, which is a chain of shifts, and so not vectorised
        x = x << U(8) | U(data[k])
    return x


@inlined
def _white(x):
    r"""0x80 in each byte of x that fastText takes for white space: NUL, \t, \n, \v, \f, \r and space."""
    t = x & LOW7  # additions to seven-bit values cannot carry into the next byte
    breaks = (t + U(0x7777777777777777)) & ~(t + U(0x7272727272727272))  # 9 <= t <= 13
    return (breaks | ~((t + LOW7) & ((t ^ U(0x2020202020202020)) + LOW7))) & ~x & HIGH


@helper
def _before_white(data, i, end):
    """(how many of the 8 bytes at i come before white space and before end; those bytes, padded with zeros)."""
    x = _load(data, i)
    white = _white(x)
    if end - i < 8:
        white |= U(0x80) << U(8 * (end - i))
    first = (white & (~white + U(1))) >> U(7)
    before = first - U(1)  # all ones below the first white byte; all ones if there is none
    return np.int64(((before & ONES) * ONES) >> U(56)), x & before


@inlined
def next_word(data, i, end):
    """(size of the word that begins at i, its first 32 bytes as four integers); size 0 if white space is at i."""
    k1, k2, k3 = U(0), U(0), U(0)
    size, k0 = _before_white(data, i, end)
    if size == 8:
        more, k1 = _before_white(data, i + 8, end)
        size += more
        if more == 8:
            more, k2 = _before_white(data, i + 16, end)
            size += more
            if more == 8:
                more, k3 = _before_white(data, i + 24, end)
                size += more
                while more == 8:
                    more, _ = _before_white(data, i + size, end)
                    size += more
    return size, k0, k1, k2, k3


@helper
def fill(data, at, end, queue):
    """Puts the words from `at` on into the queue. Returns (their number, where it stopped, whether the text ends)."""
    start, sizes, heads, hashes = queue.start, queue.size, queue.head, queue.hashes
    n, ended = 0, False
    while n < AT_ONCE and at < end and not ended:
        size, head = _before_white(data, at, end)
        if size == 0:
            at += 1
            continue
        more = size
        while more == 8:
            more, _ = _before_white(data, at + size, end)
            size += more
        h = FNV_START
        for k in range(at, at + size):
            h = fnv(h, data[U(k)])
        start[n], sizes[n], heads[n], hashes[n] = at, size, head, h
        n += 1
        at += size + 1
        ended = head == END
    return n, at, ended


@helper
def _look(words, queue, n):
    """Fetches what `_entry` needs for the first n words of the queue: two loads a word, none of which waits."""
    found, table, hashes = queue.found, words.table, queue.hashes
    mask = U(len(table) - 1)
    for j in range(n):
        slot = U(hashes[j]) & mask
        found[j, 0], found[j, 1] = table[slot, 0], table[slot, 1]
    for j in range(n):  # a free slot has start 0
        found[j, 2] = load8(words.data, found[j, 1])


@inlined
def _entry(words, data, queue, j):
    """The vocabulary entry of word j of the queue, or -1, after `_look`."""
    size, slot = queue.size[j], queue.found[j, 0]
    if slot == U(0):
        return -1
    if slot >> U(32) == U(queue.hashes[j]) and size < 8:
        shown = queue.found[j, 2] & ((U(0x100) << U(8 * size)) - U(1))  # with the zero byte behind it; all if size is 7
        if shown == queue.head[j]:
            return np.int64(slot & U(0xFFFFFFFF)) - 1
    return find(words, data, queue.start[j], size, queue.hashes[j])


@inlined
def look_up_all(data, n_words, words, queue, rows, n, hashes, n_hashes):
    """Appends the rows and the hashes of the words in the queue. Returns (rows waiting, hashes waiting)."""
    _look(words, queue, n_words)
    for j in range(n_words):
        entry = _entry(words, data, queue, j)
        looks_so = queue.head[j] == LABEL and queue.size[j] > 8 and data[queue.start[j] + 8] == LABEL_TAIL
        if entry >= words.n_words or (entry < 0 and looks_so):
            continue
        if entry >= 0:
            rows[n] = entry
            n += 1
        hashes[n_hashes] = np.int32(queue.hashes[j])
        n_hashes += 1
    return n, n_hashes
