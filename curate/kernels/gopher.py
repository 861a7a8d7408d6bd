"""What Gopher's quality rules measure: kinds of words, symbols, bullets and ellipses, counted in one pass each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.memory import load8
from curate.kernels.scanning import (
    FROM_CONTROLS,
    LOW_BITS,
    SIGNS,
    byte_kinds,
    decode,
    every_byte,
    first_byte,
    line_break,
    space_at,
    strip_end,
    zero_bytes,
)
from curate.kernels.spacy_tables import hash_text
from curate.kernels.text import Spans, buffers
from curate.kernels.unicode_tables import ALPHA, SYMBOLIC, classes

Counts = npt.NDArray[np.int64]

OTHER = 2 * ALPHA
_HASH, _DOT, _HYPHEN, _LEAD_E2 = 0x23, 0x2E, 0x2D, 0xE2
_HASHES, _DOTS = every_byte("#"), every_byte(".")


class Gopher(NamedTuple):
    """Counts of each document, int64[n]."""

    words: Counts
    """All words, punctuation too if it counts as such."""
    wordy: Counts
    """Words with a character that is no punctuation."""
    chars: Counts
    """Code points in those."""
    alpha: Counts
    """Words with a letter."""
    stop_words: Counts
    """Different stop words that occur."""
    hashes: Counts
    """Number signs."""
    ellipses: Counts
    """`...` and `…`; six dots are two."""
    lines: Counts
    """Lines as `str.splitlines` has them."""
    bullets: Counts
    """Lines that begin with `•` or `-`, white space aside."""
    trailing: Counts
    """Lines that end with `...` or `…`, white space aside."""


def measure(texts: pa.LargeStringArray, words: Spans, stop_words: tuple[str, ...]) -> Gopher:
    """The counts of each text. `words` are the words of these texts; stop words are told by their hashes."""
    data, offsets = buffers(texts)
    counts = np.zeros((len(Gopher._fields), len(texts)), np.int64)
    listed = np.array([hash_text(word) for word in stop_words], np.uint64)
    maybe = np.zeros(1024, np.bool_)
    maybe[listed % 1024] = True
    _count_words(data, offsets, words.first, words.last, words.start, words.end, words.chars, words.hash,
                 classes(), listed, maybe, np.full(len(listed), -1, np.int64), counts)  # fmt: skip
    _count_lines(data, offsets, byte_kinds(), counts)
    return Gopher(*counts)


@kernel
def _count_words(data, offsets, first, last, start, end, chars, hashes, classes, listed, maybe, seen, counts):
    """Fills rows 0 to 4.

    listed: uint64[k], hashes of the stop words; maybe: bool[1024], which last ten bits occur in them; seen: int64[k],
    all -1, scratch.
    """
    for i in range(len(first)):
        wordy, length, alpha, different = 0, 0, 0, 0
        for j in range(first[i], last[i]):
            kind = _kinds_in(data, offsets[i] + start[j], offsets[i] + end[j], classes)
            alpha += kind & ALPHA != 0
            if kind & OTHER:
                wordy += 1
                length += chars[j]
            if maybe[hashes[j] & np.uint64(1023)]:
                for k in range(len(listed)):
                    if listed[k] == hashes[j] and seen[k] != i:
                        seen[k] = i
                        different += 1
        counts[0, i], counts[1, i], counts[2, i] = last[i] - first[i], wordy, length
        counts[3, i], counts[4, i] = alpha, different


@inlined
def _kinds_in(data, at, stop, classes):
    """Bits: ALPHA if there is a letter, OTHER if there is a character that is no punctuation."""
    found = 0
    while at < stop and found != ALPHA | OTHER:
        code, size = decode(data, at)
        kind = classes[np.uint32(code)]
        found |= (kind & ALPHA) | (OTHER if kind & SYMBOLIC == 0 else 0)
        at += size
    return found


@kernel
def _count_lines(data, offsets, kinds, counts):
    """Fills rows 5 to 9."""
    for i in range(len(offsets) - 1):
        at, stop = offsets[i], offsets[i + 1]
        hashes, ellipses, lines, bullets, trailing = 0, 0, 0, 0, 0
        begin = at
        while at < stop:
            if at + 8 <= stop:
                chunk = load8(data, at)
                others = ~((chunk & LOW_BITS) + FROM_CONTROLS) | zero_bytes(chunk ^ _DOTS) | zero_bytes(chunk ^ _HASHES)
                others = (others | chunk) & SIGNS  # below 0x20, `.`, `#`, or beyond ASCII
                if not others:
                    at += 8
                    continue
                at += first_byte(others)
            byte = data[np.uint64(at)]
            size = line_break(data, at, stop)
            if size:
                lines += 1
                bullets += _has_bullet(data, begin, at, kinds)
                trailing += _has_ellipsis(data, begin, at, kinds)
                at += size
                begin = at
                continue
            size = 1
            if byte == _HASH:
                hashes += 1
            elif byte == _DOT:
                while at + size < stop and data[at + size] == _DOT:
                    size += 1
                ellipses += size // 3
            elif byte == _LEAD_E2:
                ellipses += data[at + 1] == 0x80 and data[at + 2] == 0xA6
            at += size
        if begin < stop:
            lines += 1
            bullets += _has_bullet(data, begin, stop, kinds)
            trailing += _has_ellipsis(data, begin, stop, kinds)
        counts[5, i], counts[6, i], counts[7, i], counts[8, i], counts[9, i] = (
            hashes,
            ellipses,
            lines,
            bullets,
            trailing,
        )


@helper
def _has_bullet(data, at, end, kinds):
    while at < end:
        space = space_at(data, at, kinds)
        if not space:
            break
        at += space
    if at == end:
        return False
    return data[at] == _HYPHEN or (data[at] == _LEAD_E2 and data[at + 1] == 0x80 and data[at + 2] == 0xA2)


@helper
def _has_ellipsis(data, begin, end, kinds):
    end = strip_end(data, begin, end, kinds)
    if end - begin < 3:
        return False
    if data[end - 1] == _DOT:
        return data[end - 2] == _DOT and data[end - 3] == _DOT
    return data[end - 3] == _LEAD_E2 and data[end - 2] == 0x80 and data[end - 1] == 0xA6
