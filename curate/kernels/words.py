"""Word boundaries: where the words of a text begin and end, by one of several definitions."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from curate.kernels import words_plain
from curate.kernels.spacy_split import EXCEPTION, PRIME, SEED, cut, find, finish, rules, scratch_for
from curate.kernels.text import Spans, buffers
from curate.kernels.unicode_tables import DIGIT, LETTER, SPACE, SUFFIX, UPPER, classes

Definition = Literal["spacy", "whitespace"]

_SPACE, _LETTER, _DIGIT, _MARK, _STOP, _WIDE = 1, 2, 4, 8, 16, 32
"""Kinds of bytes. A mark comes off a word's end whatever is before it; wide bytes belong to characters beyond ASCII."""


def words(texts: pa.LargeStringArray, definition: Definition = "spacy") -> Spans:
    """The words of each text, in order.

    Args:
        texts: large_string[n] without nulls.
        definition: `whitespace` splits as `str.split()` does. `spacy` follows the rules of spaCy's blank English
            tokenizer, so that punctuation marks are words of their own and contractions are split; in scripts without
            spaces a run of characters is one word.

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
    total = _split(
        data, offsets, definition == "spacy", byte_kinds(), rules(), scratch_for(offsets),
        first, last, start, end, chars, hashes,
    )  # fmt: skip
    return Spans(first, last, start[:total], end[:total], chars[:total], hashes[:total])


def words_one(text: str, definition: Definition = "spacy") -> list[str]:
    """The words of one text, in plain Python: the specification of `words`."""
    return text.split() if definition == "whitespace" else words_plain.split(text)


@cache
def byte_kinds() -> npt.NDArray[np.uint8]:
    """uint8[256]: the kind of a byte, as bits."""
    kinds = np.zeros(256, np.uint8)
    for bits, kind in ((SPACE, _SPACE), (LETTER, _LETTER), (DIGIT, _DIGIT), (SUFFIX, _MARK)):
        kinds[:128][classes()[:128] & bits != 0] |= kind
    kinds[ord(".")] |= _STOP
    kinds[128:] = _WIDE
    kinds[kinds == 0] = 64  # anything else
    return kinds


@njit(cache=True, nogil=True)
def wide_space(data, at):  # type: ignore[no-untyped-def]
    """Bytes of the white space character beyond ASCII that starts at `at`, 0 if it is none; as `str.isspace` has it."""
    byte = data[at]
    if byte == 0xC2:
        return 2 if data[at + 1] == 0x85 or data[at + 1] == 0xA0 else 0
    if byte < 0xE1 or byte > 0xE3:
        return 0
    second, third = data[at + 1], data[at + 2]
    if byte == 0xE2:
        if second == 0x80:
            return 3 if third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0
        return 3 if second == 0x81 and third == 0x9F else 0
    if byte == 0xE3:
        return 3 if second == 0x80 and third == 0x80 else 0
    return 3 if second == 0x9A and third == 0x80 else 0


@njit(cache=True, nogil=True)
def _split(data, offsets, spacy, kinds, rules, scratch, first, last, start, end, chars, hashes):  # type: ignore[no-untyped-def]
    total = 0
    for i in range(len(first)):
        base, stop = offsets[i], offsets[i + 1]
        first[i] = total
        at = base
        while at < stop:
            kind = kinds[data[at]]
            space = 1 if kind & _SPACE else wide_space(data, at) if kind & _WIDE else 0
            if space:
                at += space
                continue
            begin, state, seen, state_before, seen_before = at, SEED, np.uint8(0), SEED, np.uint8(0)
            while True:
                state_before, seen_before = state, seen
                state = (state ^ np.uint64(data[at])) * PRIME
                seen |= kind
                at += 1
                if at == stop:
                    break
                kind = kinds[data[at]]
                if kind & (_SPACE | _WIDE) and (kind & _SPACE or wide_space(data, at)):
                    break
            whole = True
            if spacy:
                stem = seen if seen_before & _MARK or not seen & (_MARK | _STOP) else seen_before
                whole = (stem == _LETTER or stem == _DIGIT) and find(rules, state ^ EXCEPTION) < 0
                if whole and stem != seen:
                    whole = find(rules, state_before ^ EXCEPTION) < 0 and (
                        seen & _MARK or _stop_comes_off(data, begin, at, rules)
                    )
                    if whole:
                        start[total], end[total], chars[total] = begin - base, at - 1 - base, at - 1 - begin
                        hashes[total] = finish(state_before)
                        total += 1
                        begin = at - 1
                        state = (SEED ^ np.uint64(data[begin])) * PRIME
            if whole:
                start[total], end[total], hashes[total] = begin - base, at - base, finish(state)
                chars[total] = _count_chars(data, begin, at) if seen & _WIDE else at - begin
                total += 1
                continue
            low = 0
            for j in range(cut(data, begin, at, rules, scratch)):
                high = scratch.cuts[j]
                start[total], end[total] = begin - base + scratch.at[low], begin - base + scratch.at[high]
                chars[total], hashes[total] = high - low, scratch.hashes[j]
                low = high
                total += 1
        last[i] = total
    return total


@njit(cache=True, nogil=True, inline="always")
def _stop_comes_off(data, begin, end, rules):  # type: ignore[no-untyped-def]
    """Whether the full stop that ends a word of letters or of digits is a word of its own."""
    before = rules.classes[data[end - 2]]
    return not before & UPPER or (end - 3 >= begin and rules.classes[data[end - 3]] & UPPER)


@njit(cache=True, nogil=True)
def _count_chars(data, begin, end):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(begin, end):
        count += (data[i] & 0xC0) != 0x80
    return count
