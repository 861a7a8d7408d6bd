"""Sums of the weights of hashed words, pairs of words and character n-grams: what a linear text classifier adds up.

A word is a run of ASCII letters and digits and of characters beyond ASCII, but for those from U+0080 to U+00BF and from
U+2000 to U+2FFF (spaces, quotation marks, dashes, symbols). ASCII capitals count as small letters, and no more than
`MAX_BYTES` bytes of a word are looked at. Its features are the word, the word with the one before it, and each 3, 4 and
5 bytes that follow each other in the word between `<` and `>`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.text import Bytes, Offsets

MAX_BYTES = 40
"""Of a word: scripts without spaces write whole sentences in one, and the rest of a URL says little."""
_MEMORY = 1 << 15
"""Words remembered with their sums, half a MiB: nearly all of a text are, and what has no room is summed up again."""

# FNV-1a, 64 bits, and an odd number with well-mixed bits to spread its result.
_BASIS, _PRIME, _ODD = 0xCBF29CE484222325, 0x100000001B3, 0x9E3779B97F4A7C15
_PAIR = 0xC2B2AE3D27D4EB4F
_U_BASIS, _U_PRIME, _U_ODD, _U_PAIR = map(np.uint64, (_BASIS, _PRIME, _ODD, _PAIR))
_29, _49 = np.uint64(29), np.uint64(49)
_ALL = (1 << 64) - 1
_WORD = re.compile("[0-9A-Za-z\u00c0-\u1fff\u3000-\U0010ffff]+")
_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))


def _kinds() -> npt.NDArray[np.uint8]:
    """uint8[256]: the byte in small letters if it is of a word; else how many bytes (1 to 3) the character has."""
    kinds = np.frombuffer(_LOWER, np.uint8).copy()
    kinds[[byte for byte in range(128) if not chr(byte).isalnum()]] = 1
    kinds[0xC2], kinds[0xE2] = 2, 3
    return kinds


_KINDS = _kinds()


def features_one(text: str, bits: int) -> list[int]:
    """The numbers (below 2**bits) of all features of a text, in plain Python; one that is there twice counts twice."""
    found, before = list[int](), None
    for word in _WORD.findall(text):
        of_word, named = _of_word(word.encode()[:MAX_BYTES].translate(_LOWER), bits)
        found += of_word
        if before is not None:
            found.append(_number((before * _PAIR + named) & _ALL, bits))
        before = named
    return found


@lru_cache(maxsize=1 << 16)
def _of_word(word: bytes, bits: int) -> tuple[list[int], int]:
    """(features of one word without its neighbour, its hash)."""
    named = _BASIS
    for byte in word:
        named = (named ^ byte) * _PRIME & _ALL
    padded, found = b"<" + word + b">", [_number(named, bits)]
    for begin in range(len(padded) - 2):
        gram = _BASIS
        for size, byte in enumerate(padded[begin : begin + 5], 1):
            gram = (gram ^ byte) * _PRIME & _ALL
            if size >= 3:
                found.append(_number(gram, bits))
    return found, named


def _number(hashed: int, bits: int) -> int:
    return ((hashed ^ (hashed >> 29)) * _ODD & _ALL) >> (64 - bits)


def feature_sums(
    data: Bytes, bounds: Offsets, weights: npt.NDArray[np.int8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(sum over its features int64[n], number of features int64[n]) of pieces that follow each other.

    Args:
        data: uint8, valid UTF-8.
        bounds: int64[n + 1], where pieces end and begin, each between two characters.
        weights: int8[2**bits], by number of feature; `w * abs(w)` is what is added up, so that small weights are told
            apart as well as large ones.
    """
    sums, counts = np.zeros(len(bounds) - 1, np.int64), np.zeros(len(bounds) - 1, np.int64)
    names, values = np.zeros(_MEMORY, np.uint64), np.zeros((_MEMORY, 2), np.int32)
    shift = np.uint64(65 - len(weights).bit_length())
    _add_up(data, bounds, weights, shift, _KINDS, names, values, sums, counts)
    return sums, counts


@inlined
def _weight(weights, shift, hashed):
    weight = np.int64(weights[((hashed ^ (hashed >> _29)) * _U_ODD) >> shift])
    return weight * abs(weight)


@helper
def _sum_grams(data, begin, size, weights, shift, kinds):
    """(sum, number) of the weights of a word's character n-grams."""
    total, count = np.int64(0), np.int64(0)
    for first in range(-1, size - 1):
        gram = _U_BASIS
        for at in range(first, min(first + 5, size + 1)):
            byte = 60 if at < 0 else (62 if at == size else np.int64(kinds[data[begin + at]]))
            gram = (gram ^ np.uint64(byte)) * _U_PRIME
            if at - first >= 2:
                total += _weight(weights, shift, gram)
                count += 1
    return total, count


@kernel
def _add_up(data, bounds, weights, shift, kinds, names, values, sums, counts):
    for i in range(len(sums)):
        at, stop = bounds[i], bounds[i + 1]
        total, count, before, first = np.int64(0), np.int64(0), np.uint64(0), True
        while at < stop:
            kind = kinds[data[at]]
            if kind <= 3:
                at += kind
                continue
            begin, named = at, _U_BASIS
            while at < stop and kinds[data[at]] > 3:
                if at - begin < MAX_BYTES:
                    named = (named ^ np.uint64(kinds[data[at]])) * _U_PRIME
                at += 1
            slot = (named * _U_ODD) >> _49
            if names[slot] != named:
                grams, number = _sum_grams(data, begin, min(at - begin, MAX_BYTES), weights, shift, kinds)
                names[slot] = named
                values[slot, 0], values[slot, 1] = grams + _weight(weights, shift, named), number + 1
            total += values[slot, 0]
            count += values[slot, 1]
            if not first:
                total += _weight(weights, shift, before * _U_PAIR + named)
                count += 1
            before, first = named, False
        sums[i], counts[i] = total, count
