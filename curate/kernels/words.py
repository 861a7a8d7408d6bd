"""Word boundaries: where the words of a text begin and end, by one of several definitions."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from curate.kernels import words_plain
from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.memory import load8
from curate.kernels.octets import count_chars
from curate.kernels.scanning import (
    IS_MARK,
    IS_STOP,
    IS_UPPER,
    LOW_BITS,
    MAY_EXCEPT,
    SIGNS,
    byte_kinds,
    chunk_end,
    first_byte,
    space_at,
)
from curate.kernels.spacy_join import AT, CUT
from curate.kernels.spacy_split import cut, scratch
from curate.kernels.spacy_tables import EXCEPTION, SEED, find, finish, hash_bytes, mix, table
from curate.kernels.text import Spans, buffers
from curate.kernels.unicode_tables import classes

Definition = Literal["spacy", "whitespace"]


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
    s, of_words = scratch(offsets)
    total = _split(
        data, offsets, definition == "spacy", byte_kinds(), classes(), table(), s, of_words,
        first, last, start, end, chars, hashes,
    )  # fmt: skip
    return Spans(first, last, start[:total], end[:total], chars[:total], hashes[:total])


def words_one(text: str, definition: Definition = "spacy") -> list[str]:
    """The words of one text, in plain Python: the specification of `words`."""
    return text.split() if definition == "whitespace" else words_plain.split(text)


_TO_LOWER, _FROM_A = np.uint64(0x2020202020202020), np.uint64(0x1F1F1F1F1F1F1F1F)
_PAST_Z = np.uint64(0x0505050505050505)


@inlined
def _letters(data, begin, stop):
    """(count, hash) of the ASCII letters at `begin`, eight at a time; count is 0 near the end of the data.

    Adding 0x1F to a small letter sets the sign bit of its byte, adding 5 does not; what is no letter fails one of both.
    """
    state, at = SEED, begin
    while at + 8 <= len(data):
        chunk = load8(data, at)
        small = (chunk | _TO_LOWER) & LOW_BITS
        others = ~((small + _FROM_A) & ~(small + _PAST_Z) & ~chunk) & SIGNS
        if others:
            count = first_byte(others)
            if count:
                state = mix(state, chunk & ((np.uint64(1) << np.uint64(8 * count)) - np.uint64(1)))
            count += at - begin
            return (count, finish(state, count)) if begin + count <= stop else (0, SEED)
        state = mix(state, chunk)
        at += 8
    return 0, SEED


@helper
def _digits(data, begin, stop):
    """(count, hash) of the ASCII digits at `begin`."""
    at = begin
    while at < stop and 0x30 <= data[at] <= 0x39:
        at += 1
    return at - begin, hash_bytes(data, begin, at)


@kernel
def _split(data, offsets, spacy, kinds, classes, table, s, of_words, first, last, start, end, chars, hashes):
    total = 0
    for i in range(len(first)):
        base, stop = offsets[i], offsets[i + 1]
        first[i] = total
        at = base
        while at < stop:
            space = space_at(data, at, kinds)
            if space:
                at += space
                continue
            begin = at
            count, hashed = _letters(data, begin, stop)
            always = False
            if count == 0:
                count, hashed = _digits(data, begin, stop)
                always = True  # digits and any mark may be an exception, such as `8)`
            at += count
            if count and (at == stop or space_at(data, at, kinds)):
                if not spacy or find(table, hashed ^ EXCEPTION) < 0:
                    start[total], end[total], chars[total], hashes[total] = begin - base, at - base, count, hashed
                    total += 1
                    continue
            elif spacy and count and (at + 1 == stop or space_at(data, at + 1, kinds)):
                kind = kinds[data[at]]
                if kind & IS_MARK or (kind & IS_STOP and _stop_comes_off(data, begin, at, kinds)):
                    known = find(table, hashed ^ EXCEPTION) >= 0
                    if always or kind & MAY_EXCEPT:
                        known |= find(table, hash_bytes(data, begin, at + 1) ^ EXCEPTION) >= 0
                    if not known:
                        start[total], end[total], chars[total], hashes[total] = begin - base, at - base, count, hashed
                        total += 1
                        start[total], end[total], chars[total] = at - base, at + 1 - base, 1
                        hashes[total] = finish(mix(SEED, np.uint64(data[at])), 1)
                        total += 1
                        at += 1
                        continue
            at = chunk_end(data, at, stop, kinds)
            if not spacy:
                start[total], end[total] = begin - base, at - base
                chars[total], hashes[total] = count_chars(data, begin, at), hash_bytes(data, begin, at)
                total += 1
                continue
            low = 0
            for j in range(cut(data, begin, at, classes, table, s, of_words)):
                high = s[CUT, j]
                start[total], end[total] = begin - base + s[AT, low], begin - base + s[AT, high]
                chars[total], hashes[total] = high - low, of_words[j]
                low = high
                total += 1
        last[i] = total
    return total


@inlined
def _stop_comes_off(data, begin, stop, kinds):
    """Whether the full stop at `stop`, after letters, is a word of its own: not so in `A.` and `McD.`."""
    if not kinds[data[stop - 1]] & IS_UPPER:
        return True
    return stop - 2 >= begin and kinds[data[stop - 2]] & IS_UPPER != 0
