"""MinHash signatures, and the keys of their bands: texts with much in common are likely to share a key (LSH).

Value k of a signature is the smallest that permutation k makes of the hashes of a text's shingles; two texts agree in
it with a probability that is the Jaccard similarity of their shingles (Broder 1997). A permutation is, by scheme:

* `affine32`, `affine64`: those of datasketch 2.0: the finalizer of MurmurHash3 once, then a * h + b modulo 2^32 or
  2^64, a odd. Signatures equal those of `datasketch.MinHash` with the same scheme, seed and hash function.
* `datatrove`: ((h * a + b) modulo 2^64) modulo the prime 2^61 - 1, as datatrove's MinhashDedupSignature (0.10) computes
  it with hashes of 64 bits. `datatrove32`: the lower 32 bits of that, with hashes of 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from curate.kernels.hashing import xxh64
from curate.kernels.jit import kernel
from curate.kernels.shingles import Shingles
from curate.kernels.union_find import given

Scheme = Literal["affine32", "affine64", "datatrove", "datatrove32"]

PRIME = (1 << 61) - 1
_PRIME, _61, _HALF = np.uint64(PRIME), np.uint64(61), np.uint64(2**32 - 1)
AHEAD = 8  # hashes taken at once, so that values, a and b are loaded and stored an eighth as often


@dataclass(frozen=True)
class Permutations:
    """K permutations of a scheme."""

    scheme: Scheme
    a: npt.NDArray[Any]
    """Factors: uint32[K] for `affine32`, else uint64[K]."""
    b: npt.NDArray[Any]
    """Summands, likewise."""

    @property
    def hash_bits(self) -> int:
        """Bits of the hashes that the scheme permutes, and of a signature's values: 32 or 64."""
        return 32 if self.scheme.endswith("32") else 64


def permutations(scheme: Scheme, count: int, seed: int) -> Permutations:
    """The permutations that datasketch or datatrove draws for a seed, 0 to 2^32 - 1, from NumPy's Mersenne Twister.

    Raises:
        ValueError: the scheme is unknown, there is no permutation, or the seed is out of range.
    """
    if scheme not in get_args(Scheme):
        raise ValueError(f"a scheme is one of {', '.join(get_args(Scheme))}, not {scheme!r}")
    if count < 1:
        raise ValueError(f"a signature has at least 1 value, not {count}")
    draw = np.random.RandomState(seed).randint
    if scheme.startswith("datatrove"):  # all factors first, then all summands; a is never 0
        return Permutations(
            scheme, draw(1, PRIME, dtype=np.uint64, size=count), draw(0, PRIME, dtype=np.uint64, size=count)
        )
    kind: type[Any] = np.uint32 if scheme == "affine32" else np.uint64
    bits = np.dtype(kind).itemsize * 8
    a = draw(0, 1 << (bits - 1), count, dtype=kind) * kind(2) + kind(1)
    return Permutations(scheme, a, draw(0, 1 << bits, count, dtype=kind))


def signatures(s: Shingles, p: Permutations) -> npt.NDArray[Any]:
    """The signatures of n texts: uint32[n, K] or uint64[n, K]. That of a text without shingles is all ones.

    Raises:
        ValueError: the hashes have not the width that the scheme permutes.
    """
    if s.hashes.itemsize * 8 != p.hash_bits:
        raise ValueError(f"{p.scheme} permutes hashes of {p.hash_bits} bits, not {s.hashes.itemsize * 8}")
    shape = len(s.offsets) - 1, len(p.a)
    if p.scheme == "affine32":
        narrow = np.full(shape, 2**32 - 1, np.uint32)
        _smallest32(s.offsets, _finalized32(s.hashes), p.a, p.b, narrow)
        return narrow
    out = np.full(shape, 2**64 - 1, np.uint64)
    if p.scheme == "affine64":
        _smallest64(s.offsets, _finalized64(s.hashes), p.a, p.b, False, np.uint64(2**64 - 1), out)
    else:
        mask = np.uint64(2**p.hash_bits - 1)
        _smallest64(s.offsets, s.hashes.astype(np.uint64, copy=False), p.a, p.b, True, mask, out)
    return out.astype(np.uint32) if p.hash_bits == 32 else out


def _finalized32(h: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The finalizer of MurmurHash3, 32 bits."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def _finalized64(h: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finalizer of MurmurHash3, 64 bits."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@kernel
def _smallest32(offsets, hashes, a, b, out):
    """`out[i, k]` becomes the smallest a[k] * h + b[k] over the hashes h of text i.

    The inner loop is over the permutations, which LLVM makes vectors of. The last hash is taken again where the number
    of hashes is no multiple of `AHEAD`: the smallest is the same.
    """
    for i in range(len(out)):
        row = out[i]
        last = offsets[i + 1] - 1
        for j in range(offsets[i], last + 1, AHEAD):
            h0, h1 = hashes[j], hashes[min(j + 1, last)]
            h2, h3 = hashes[min(j + 2, last)], hashes[min(j + 3, last)]
            h4, h5 = hashes[min(j + 4, last)], hashes[min(j + 5, last)]
            h6, h7 = hashes[min(j + 6, last)], hashes[min(j + 7, last)]
            for k in range(np.uint64(len(a))):
                x, y = a[k], b[k]
                low = min(np.uint32(h0 * x + y), np.uint32(h1 * x + y))
                low = min(low, min(np.uint32(h2 * x + y), np.uint32(h3 * x + y)))
                low = min(low, min(np.uint32(h4 * x + y), np.uint32(h5 * x + y)))
                low = min(low, min(np.uint32(h6 * x + y), np.uint32(h7 * x + y)))
                row[k] = min(row[k], low)


@kernel
def _smallest64(offsets, hashes, a, b, modulo_prime, mask, out):
    """Likewise for 64 bits: of (a[k] * h + b[k]), modulo the prime 2^61 - 1 if asked for, only the bits of `mask`."""
    for i in range(len(out)):
        row = out[i]
        for j in range(offsets[i], offsets[i + 1]):
            h = hashes[j]
            for k in range(np.uint64(len(a))):
                value = h * a[k] + b[k]
                if modulo_prime:
                    value = (value & _PRIME) + (value >> _61)
                    value = min(value, value - _PRIME)  # what is below the prime wraps round to something huge
                row[k] = min(row[k], value & mask)


def band_keys(signatures: npt.NDArray[Any], bands: int, rows: int) -> npt.NDArray[np.uint64]:
    """A key for each band of each signature, uint64[n, bands]; the lowest bit is 0, the others are well mixed.

    Band i is the values `i * rows` to `(i + 1) * rows - 1`; its key is XXH64 of their bytes (little-endian), seed i.
    Texts without shingles share all keys: it is for the caller to leave them out.

    Raises:
        ValueError: the signatures are shorter than `bands * rows`.
    """
    n, count = signatures.shape
    if bands < 1 or rows < 1 or bands * rows > count:
        raise ValueError(f"{bands} bands of {rows} rows do not fit into signatures of {count} values")
    values = np.ascontiguousarray(signatures, signatures.dtype.newbyteorder("<"))
    out = np.empty((n, bands), np.uint64)
    _fold(given(values.reshape(-1).view(np.uint8), np.uint8), count * values.itemsize, rows * values.itemsize, out)
    return out


@kernel
def _fold(data, stride, size, out):
    for i in range(out.shape[0]):
        for band in range(out.shape[1]):
            start = i * stride + band * size
            out[i, band] = xxh64(data, start, start + size, np.uint64(band)) & np.uint64(2**64 - 2)


def lsh_probability(similarity: float, bands: int, rows: int) -> float:
    """The probability that two texts of a Jaccard similarity, 0 to 1, share the key of at least one band."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def best_bands(threshold: float, count: int) -> tuple[int, int]:
    """(bands, rows), at most `count` values in all, that datasketch's `MinHashLSH` chooses for a threshold, 0 to 1.

    It weighs what is missed above the threshold and what is found below it alike, by areas beside the curve of
    `lsh_probability`: the probability at the threshold itself is only 0.3 to 0.5.

    Raises:
        ValueError: no choice has two bands or more, as for a threshold near 1.
    """
    # Here, because it loads SciPy's integration, and few recipes ask.
    from datasketch import MinHashLSH  # type: ignore[import-untyped]

    found = MinHashLSH(threshold=threshold, num_perm=count)
    return int(found.b), int(found.r)
