"""The hash of a piece of text, and the table in which the kernels look up what spaCy's rules except."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined
from curate.kernels.memory import load8
from curate.kernels.spacy_rules import exceptions
from curate.kernels.words_plain import AFTER_DIGIT, joins

Table = npt.NDArray[np.uint64]

EXCEPTION, UNIT, RUN = np.uint64(0), np.uint64(0x5851F42D4C957F2D), np.uint64(0x14057B7EF767814F)
"""What an entry is about: xor-ed to the hash, so that one table serves all three."""
LONGEST_EXCEPTION = max(len(word.encode()) for word in exceptions())  # bytes
LONGEST_RUN = max(map(len, joins()))  # words
SLOTS, BITS = 1 << 12, 1 << 16
"""Slots for about 2,000 entries (64 KiB), and bits that say whether to look there at all (8 KiB: stays in cache)."""

SEED, PRIME = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_LAST, _ONE, _EIGHT, _HALF = np.uint64(SLOTS - 1), np.uint64(1), np.uint64(8), np.uint64(32)
_BITMAP, _TOP, _SIX, _IN_WORD = np.uint64(2 * SLOTS), np.uint64(48), np.uint64(6), np.uint64(63)


@inlined
def mix(state, chunk):
    """The state of a hash after eight more bytes."""
    state = (state ^ chunk) * PRIME
    return state ^ (state >> _HALF)


@inlined
def finish(state, length):
    """The hash, from the state after all bytes and their number."""
    return mix(state, np.uint64(length))


@helper
def hash_bytes(data, begin, end):
    """64-bit hash of `data[begin:end]`: eight bytes at a time, the last ones padded with zeros, then the length."""
    state, at = SEED, begin
    while end - at >= 8:
        state = mix(state, load8(data, at))
        at += 8
    if at < end:
        state = mix(state, _tail(data, at, end))
    return finish(state, end - begin)


@inlined
def _tail(data, at, end):
    """The last one to seven bytes, as a number."""
    if at + 8 <= len(data):
        return load8(data, at) & ((_ONE << np.uint64(8 * (end - at))) - _ONE)
    rest = np.uint64(0)
    while end > at:  # backwards, which is a chain of shifts, and so not vectorised
        end -= 1
        rest = rest << _EIGHT | np.uint64(data[end])
    return rest


@inlined
def find(table, key):
    """The lengths of an exception's words (in code points, a byte each); 0 for the beginning of a run, -1: unknown."""
    bit = key >> _TOP
    if (table[_BITMAP + (bit >> _SIX)] >> (bit & _IN_WORD)) & _ONE == 0:
        return np.int64(-1)
    slot = key & _LAST
    while table[slot + slot] != 0:
        if table[slot + slot] == key:
            return np.int64(table[slot + slot + _ONE])
        slot = (slot + _ONE) & _LAST
    return np.int64(-1)


@cache
def table() -> Table:
    """uint64[2 * SLOTS + BITS / 64]: keys, each with its value after it, by open addressing; then a bit for the top 16
    bits of each key. Built once per process.
    """
    entries = [(hash_text(word) ^ int(EXCEPTION), _packed(parts)) for word, parts in exceptions().items()]
    entries += [(hash_text(unit) ^ int(UNIT), 1) for unit in AFTER_DIGIT]
    for run, parts in joins().items():
        state = 0
        for length, word in enumerate(run, 1):
            state = _mix(state, hash_text(word))
            entries.append((state ^ int(RUN), _packed(parts) if length == len(run) else 0))
    slots = np.zeros(2 * SLOTS + BITS // 64, np.uint64)
    for key, value in sorted(entries, key=lambda entry: -entry[1]):  # a run before the same as beginning of another
        slot = key % SLOTS
        while slots[2 * slot] not in (0, key):
            slot = (slot + 1) % SLOTS
        if slots[2 * slot] == 0:
            slots[2 * slot : 2 * slot + 2] = key, value
            slots[2 * SLOTS + (key >> 54)] |= np.uint64(1 << (key >> 48) % 64)
    return slots


def _packed(parts: tuple[str, ...]) -> int:
    return sum(len(part) << 8 * i for i, part in enumerate(parts))


def _mix(state: int, chunk: int) -> int:
    state = (state ^ chunk) * int(PRIME) % 2**64
    return state ^ (state >> 32)


def hash_text(text: str) -> int:
    """`hash_bytes` of a text, in plain Python."""
    state, data = int(SEED), text.encode()
    for at in range(0, len(data), 8):
        state = _mix(state, int.from_bytes(data[at : at + 8], "little"))
    return _mix(state, len(data))
