"""Hashes of whole strings: XXH64 in a kernel, for ids and short pieces; XXH3-128 by the C library, for whole texts.

Both are published hashes, not Python's `hash()`: the same on every machine, in every process, in every release.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.memory import load8
from curate.kernels.text import buffers

Hashes = npt.NDArray[np.uint64]

# The five primes of XXH64.
_P1 = np.uint64(0x9E3779B185EBCA87)
_P2 = np.uint64(0xC2B2AE3D27D4EB4F)
_P3 = np.uint64(0x165667B19E3779F9)
_P4 = np.uint64(0x85EBCA77C2B2AE63)
_P5 = np.uint64(0x27D4EB2F165667C5)
_0, _1, _7, _8, _11, _12, _18, _23, _27, _29, _31, _32, _33, _64 = map(
    np.uint64, (0, 1, 7, 8, 11, 12, 18, 23, 27, 29, 31, 32, 33, 64)
)


@inlined
def _rotate(x, left):
    return (x << left) | (x >> (_64 - left))


@inlined
def _round(lane, word):
    return _rotate(lane + word * _P2, _31) * _P1


@helper
def xxh64(data, start, end, seed):
    """XXH64 of the bytes `data[start:end]` (uint8) with a seed (uint64), as uint64."""
    at = start
    if end - start >= 32:
        a, b, c, d = seed + _P1 + _P2, seed + _P2, seed, seed - _P1
        while at + 32 <= end:
            a = _round(a, load8(data, at))
            b = _round(b, load8(data, at + 8))
            c = _round(c, load8(data, at + 16))
            d = _round(d, load8(data, at + 24))
            at += 32
        h = _rotate(a, _1) + _rotate(b, _7) + _rotate(c, _12) + _rotate(d, _18)
        for lane in (a, b, c, d):
            h = (h ^ _round(_0, lane)) * _P1 + _P4
    else:
        h = seed + _P5
    h += np.uint64(end - start)
    while at + 8 <= end:
        h = _rotate(h ^ _round(_0, load8(data, at)), _27) * _P1 + _P4
        at += 8
    if at + 4 <= end:
        word = _0
        for i in range(at + 3, at - 1, -1):
            word = word << _8 | np.uint64(data[i])
        h = _rotate(h ^ (word * _P1), _23) * _P2 + _P3
        at += 4
    while at < end:
        h = _rotate(h ^ (np.uint64(data[at]) * _P5), _11) * _P1
        at += 1
    h = (h ^ (h >> _33)) * _P2
    h = (h ^ (h >> _29)) * _P3
    return h ^ (h >> _32)


@kernel
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
