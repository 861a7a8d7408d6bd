"""XXH32, the published 32-bit hash, for pieces of a few dozen bytes: hardly a branch depends on their length.

Shingles are hashed by the billion, and each has another length: what branches on it waits for wrong guesses longer than
it computes. So the up to three words and three bytes at the end are always mixed in, and the result taken or left.
"""

import numpy as np

from curate.kernels.jit import inlined
from curate.kernels.memory import load8

SPARE = 16
"""Bytes that must be readable behind a piece."""

# The five primes of XXH32.
_P1, _P2, _P3 = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D)
_P4, _P5 = np.uint32(0x27D4EB2F), np.uint32(0x165667B1)
_START1, _START4 = np.uint32(0x24234428), np.uint32(0x61C8864F)  # P1 + P2, -P1
_8, _16, _32, _BYTE = np.uint64(8), np.uint64(16), np.uint64(32), np.uint64(0xFF)


@inlined
def _rotate(x, left):
    """Numba makes 64 bits of any sum, product or shift of 32: each is cut back, which costs nothing once compiled."""
    return np.uint32(np.uint32(x << np.uint32(left)) | np.uint32(x >> np.uint32(32 - left)))


@inlined
def _round(lane, word):
    return np.uint32(_rotate(np.uint32(lane + np.uint32(np.uint32(word) * _P2)), 13) * _P1)


@inlined
def _word(h, word):
    return np.uint32(_rotate(np.uint32(h + np.uint32(np.uint32(word) * _P3)), 17) * _P4)


@inlined
def _byte(h, byte):
    return np.uint32(_rotate(np.uint32(h + np.uint32(np.uint32(byte & _BYTE) * _P5)), 11) * _P1)


@inlined
def xxh32(data, start, end):
    """XXH32 (seed 0) of `data[start:end]` (uint8), as uint32; `SPARE` more bytes must be there to read."""
    at, h = start, _P5
    if end - start >= 16:
        a, b, c, d = _START1, _P2, np.uint32(0), _START4
        while at + 16 <= end:
            low, high = load8(data, at), load8(data, at + 8)
            a, b, c, d = _round(a, low), _round(b, low >> _32), _round(c, high), _round(d, high >> _32)
            at += 16
        h = np.uint32(_rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18))
    h = np.uint32(h + np.uint32(end - start))
    left = end - at
    low, high = load8(data, at), load8(data, at + 8)
    h = _word(h, low) if left >= 4 else h
    h = _word(h, low >> _32) if left >= 8 else h
    h = _word(h, high) if left >= 12 else h
    low, left = load8(data, at + (left & 12)), left & 3
    h = _byte(h, low) if left >= 1 else h
    h = _byte(h, low >> _8) if left >= 2 else h
    h = _byte(h, low >> _16) if left >= 3 else h
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(15))) * _P2)
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(13))) * _P3)
    return np.uint32(h ^ (h >> np.uint32(16)))
