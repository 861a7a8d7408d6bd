"""Hashes of whole strings: XXH64 in a kernel, for ids and short pieces; XXH3-128 by the C library, for whole texts.

Both are published hashes, not Python's `hash()`: the same on every machine, in every process, in every release.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash
from numba import njit

from curate.kernels.text import buffers

Hashes = npt.NDArray[np.uint64]

# The five primes of XXH64.
_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)


@njit(inline="always")
def _rotate(x, bits):
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@njit(inline="always")
def _word(data, at, size):
    """`size` bytes from `at` on, little-endian."""
    word = np.uint64(0)
    for i in range(size):
        word |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return word


@njit(inline="always")
def _round(lane, word):
    return _rotate(lane + word * _P2, 31) * _P1


@njit(cache=True, nogil=True)
def xxh64(data, start, end, seed):
    """XXH64 of the bytes `data[start:end]` (uint8) with a seed (uint64), as uint64."""
    at = start
    if end - start >= 32:
        a, b, c, d = seed + _P1 + _P2, seed + _P2, seed, seed - _P1
        while at + 32 <= end:
            a = _round(a, _word(data, at, 8))
            b = _round(b, _word(data, at + 8, 8))
            c = _round(c, _word(data, at + 16, 8))
            d = _round(d, _word(data, at + 24, 8))
            at += 32
        h = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
        for lane in (a, b, c, d):
            h = (h ^ _round(np.uint64(0), lane)) * _P1 + _P4
    else:
        h = seed + _P5
    h += np.uint64(end - start)
    while at + 8 <= end:
        h = _rotate(h ^ _round(np.uint64(0), _word(data, at, 8)), 27) * _P1 + _P4
        at += 8
    if at + 4 <= end:
        h = _rotate(h ^ (_word(data, at, 4) * _P1), 23) * _P2 + _P3
        at += 4
    while at < end:
        h = _rotate(h ^ (np.uint64(data[at]) * _P5), 11) * _P1
        at += 1
    h = (h ^ (h >> np.uint64(33))) * _P2
    h = (h ^ (h >> np.uint64(29))) * _P3
    return h ^ (h >> np.uint64(32))


@njit(cache=True, nogil=True)
def _hash_each(data, offsets, seed, out):
    for i in range(len(out)):
        out[i] = xxh64(data, offsets[i], offsets[i + 1], seed)


def hash64(texts: pa.LargeStringArray, seed: int = 0) -> Hashes:
    """XXH64 of each string's UTF-8 bytes, uint64[n]; seed: 0 to 2**64 - 1. No nulls allowed."""
    data, offsets = buffers(texts)
    out = np.empty(len(texts), np.uint64)
    _hash_each(data, offsets, np.uint64(seed), out)
    return out


def hash64_one(text: str, seed: int = 0) -> int:
    """The specification of `hash64`, for one string."""
    return int(xxhash.xxh64_intdigest(text.encode(), seed))


def hash128(texts: pa.LargeStringArray) -> tuple[Hashes, Hashes]:
    """XXH3-128 (seed 0) of each string's UTF-8 bytes: its upper and its lower half, uint64[n] each. No nulls allowed.

    One call into the C library for each document, which runs at memory speed: a kernel would only add compile time.
    """
    data, offsets = buffers(texts)
    view, bounds = memoryview(data.data), offsets.tolist()
    digest = xxhash.xxh3_128_digest
    digests = b"".join([digest(view[a:b]) for a, b in pairwise(bounds)])
    halves = np.frombuffer(digests, ">u8").astype(np.uint64).reshape(-1, 2)
    return np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1])
