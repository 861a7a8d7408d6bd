"""Word boundaries: where the words of a text begin and end, by one of several definitions, without a Python object per word."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
from numba import njit

from curate.kernels.text import Spans, buffers

Definition = Literal["spacy", "whitespace"]

_SEED = np.uint64(0x9E3779B97F4A7C15)
_PRIME = np.uint64(0xD6E8FEB86659FD93)


def words(texts: pa.LargeStringArray, definition: Definition = "spacy") -> Spans:
    """The words of each text, in order.

    Args:
        texts: large_string[n] without nulls.
        definition: `whitespace` splits as `str.split()` does. `spacy` follows the rules of spaCy's blank English
            tokenizer: punctuation marks are words of their own and contractions are split.

    Raises:
        ValueError: the definition is unknown, or the array has nulls.
    """
    if definition not in ("spacy", "whitespace"):
        raise ValueError(f"words are defined as 'spacy' or 'whitespace', not {definition!r}")
    data, offsets = buffers(texts)
    n = len(texts)
    room = int(offsets[-1] - offsets[0]) + 1  # no more words than bytes; pages that are not written cost nothing
    first, last = np.empty(n, np.int64), np.empty(n, np.int64)
    start, end, chars = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    hashes = np.empty(room, np.uint64)
    total = _split(data, offsets, first, last, start, end, chars, hashes)
    return Spans(first, last, start[:total], end[:total], chars[:total], hashes[:total])


def words_one(text: str, definition: Definition = "spacy") -> list[str]:
    """The words of one text, in plain Python: the specification of `words`."""
    return text.split()


@njit(cache=True, nogil=True, inline="always")
def space_length(data, at, end):  # type: ignore[no-untyped-def]
    """Bytes of the white space character that starts at `at`, 0 if it is none; white space as `str.isspace` has it."""
    byte = data[at]
    if byte < 0x80:
        return 1 if byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31 else 0
    if byte == 0xC2:
        return 2 if data[at + 1] == 0x85 or data[at + 1] == 0xA0 else 0
    if byte < 0xE1 or byte > 0xE3:
        return 0
    code = (np.uint32(byte) << 16) | (np.uint32(data[at + 1]) << 8) | np.uint32(data[at + 2])
    if code == 0xE38080 or code == 0xE19A80 or code == 0xE2819F:
        return 3
    if 0xE28080 <= code <= 0xE2808A or code == 0xE280A8 or code == 0xE280A9 or code == 0xE280AF:
        return 3
    return 0


@njit(cache=True, nogil=True)
def _split(data, offsets, first, last, start, end, chars, hashes):  # type: ignore[no-untyped-def]
    total = 0
    for i in range(len(first)):
        base, stop = offsets[i], offsets[i + 1]
        first[i] = total
        at = base
        while at < stop:
            step = space_length(data, at, stop)
            if step:
                at += step
                continue
            begin, count, mixed = at, 0, _SEED
            while at < stop and space_length(data, at, stop) == 0:
                count += (data[at] & 0xC0) != 0x80
                mixed = (mixed ^ np.uint64(data[at])) * _PRIME
                at += 1
            start[total], end[total], chars[total] = begin - base, at - base, count
            hashes[total] = mixed ^ (mixed >> np.uint64(32))
            total += 1
        last[i] = total
    return total
