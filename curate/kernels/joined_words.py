"""The words of a text joined by single spaces, whatever stood between them: then any run of words is one run of bytes.

Nearly all of a text is words at a glance: pieces between white space that spaCy's rules leave whole. They are found 64
bytes at a time, and copied many at a time. The few others, the odd pieces, are cut beforehand by `kernels.words`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.masks import WIDTH, in_range, lowest
from curate.kernels.memory import load8, move
from curate.kernels.scanning import IS_SPACE, byte_kinds, decode
from curate.kernels.spacy_tables import EXCEPTION, SEED, find, finish, mix
from curate.kernels.text import Bytes, Offsets, strings
from curate.kernels.unicode_tables import PREFIX, QUOTE, SPACE, SUFFIX, SYMBOL, classes
from curate.kernels.words import Definition, words

LONGEST_LETTERS = 16
"""Bytes; none of spaCy's exceptions is longer that is made of letters alone, which a test checks."""
_CUTS = SPACE | PREFIX | SUFFIX | QUOTE | SYMBOL  # beyond ASCII, only beside these are words cut
_BEYOND, _ALL = 1 << 62, np.uint64(2**64 - 1)


class Odd(NamedTuple):
    """The odd pieces of a batch of documents, in order."""

    at: npt.NDArray[np.int64]
    """int64[m + 1]: where each begins in the data; the last one is beyond any data."""
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    """int64[m]: piece i has the words `first[i]:last[i]`."""
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    """int32: word j is the bytes `start[j]:end[j]` of its piece."""


NO_PIECES = Odd(
    np.full(1, _BEYOND, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.int32),
    np.zeros(0, np.int32),
)


def scratch(offsets: Offsets) -> tuple[Bytes, Bytes, npt.NDArray[np.int64]]:
    """Room for the longest of the documents with these offsets (int64[n + 1]): `text`, `flat`, `starts`.

    `flat` has no more spaces than bytes, one before, and what may be read behind.
    """
    longest = int(np.diff(offsets).max(initial=0))
    return (
        np.empty(longest + 2 * WIDTH, np.uint8),
        np.empty(2 * (longest + WIDTH), np.uint8),
        np.empty(longest + 2, np.int64),
    )


def odd_pieces(data: Bytes, offsets: Offsets, definition: Definition) -> Odd:
    """The odd pieces of documents, which are `data[offsets[i]:offsets[i + 1]]`, and their words."""
    size = int(offsets[-1] - offsets[0])
    room = size // 2 + len(offsets) + 1  # pieces of a text have white space between them
    at, bounds = np.empty(room, np.int64), np.zeros(room, np.int64)
    out, text = np.empty(size, np.uint8), scratch(offsets)[0]
    count = _find_odd(data, offsets, definition == "spacy", byte_kinds(), classes(), text, at, bounds, out)
    at[count] = _BEYOND
    found = words(strings(out[: bounds[count]], bounds[: count + 1]), definition)
    return Odd(at[: count + 1], found.first, found.last, found.start, found.end)


@helper
def _load(data, begin, end, text):
    """Puts a document into `text`, from 1 on, with white space around it: then 64 bytes can be read anywhere in it."""
    text[0] = 0x20
    move(text, 1, data, begin, end - begin)
    for j in range(np.uint64(end - begin + 1), np.uint64(end - begin + 1 + WIDTH)):
        text[j] = 0x20


@inlined
def _spaces(text, at):
    """The ASCII white space among 64 bytes."""
    return in_range(text, at, 0x20, 0x20) | in_range(text, at, 9, 13) | in_range(text, at, 28, 31)


@kernel
def _find_odd(data, offsets, spacy, kinds, classes, text, at, bounds, out):
    """Collects the odd pieces: in `at` where they start, in `out[bounds[m]:bounds[m + 1]]` their bytes.

    Of the pieces between ASCII white space nearly all are words at a glance: by spaCy's rules those of digits alone,
    and of letters alone, but for its exceptions; else all that are ASCII. The others are odd.
    """
    count = 0
    for i in range(len(offsets) - 1):
        base, size = offsets[i], offsets[i + 1] - offsets[i]
        _load(data, base, base + size, text)
        done = np.int64(1)
        for block in range(0, size + 1, WIDTH):
            if spacy:
                plain = _spaces(text, block) | in_range(text, block, 0x61, 0x7A) | in_range(text, block, 0x41, 0x5A)
            else:
                plain = in_range(text, block, 0, 0x7F)
            while ~plain:
                begin = block + lowest(~plain)
                plain |= plain + np.uint64(1)  # sets the lowest bit that is not set
                if begin < done:
                    continue
                while not kinds[text[begin - 1]] & IS_SPACE:
                    begin -= 1
                digits, letters, done = spacy, spacy, begin
                while not kinds[text[done]] & IS_SPACE:
                    code, length = decode(text, done)
                    digits &= 0x30 <= code <= 0x39
                    letters &= 0x61 <= code | 0x20 <= 0x7A if code < 0x80 else classes[np.uint32(code)] & _CUTS == 0
                    done += length
                if not digits and not letters:
                    at[count] = base + begin - 1
                    move(out, bounds[count], text, begin, done - begin)
                    bounds[count + 1] = bounds[count] + done - begin
                    count += 1
    return count


@inlined
def _exception(text, begin, length, table):
    """The parts, a byte for the length of each, of a piece that is one of spaCy's exceptions; at most 0xFF if it is one
    word.

    The hash is that of `hash_bytes`, of at most 16 bytes, without a branch that depends on their number.
    """
    if length > LONGEST_LETTERS:
        return np.int64(-1)
    state = mix(SEED, load8(text, begin) & (_ALL >> np.uint64(64 - 8 * min(length, 8))))
    more = mix(state, load8(text, begin + 8) & (_ALL >> np.uint64(64 - 8 * max(length - 8, 1))))
    return find(table, finish(more if length > 8 else state, length) ^ EXCEPTION)


@inlined
def _follow(text, flat, begin, last, run, to):
    """(run, to): a word begins at `begin`, the one before ended at `last`.

    Words that lie one space apart are one run, `text[run:last]`, which is copied to `flat[to:]` when it is over.
    """
    if begin != last + 1 or text[last] != 0x20:
        move(flat, to, text, run, last - run)
        to += last - run
        flat[to] = 0x20
        return begin, to + 1
    return run, to


@helper
def join_words(data, base, stop, spacy, table, odd, piece, text, flat, starts):
    """Puts the words of the document `data[base:stop]` into `flat`, a space before each.

    Word w is `flat[starts[w]:starts[w + 1] - 1]`. `piece` is the first odd piece from here on. Returns the number of
    words, and the first odd piece of what follows.
    """
    _load(data, base, stop, text)
    count, begin, last, run, to = np.int64(0), np.int64(1), np.int64(0), np.int64(0), np.int64(0)
    next_odd = odd.at[piece] - base + 1
    for block in range(0, stop - base + 2, WIDTH):
        spaces = _spaces(text, block)
        while spaces:
            end = block + lowest(spaces)
            spaces &= spaces - np.uint64(1)
            if begin < end:
                is_odd = begin == next_odd
                parts = _exception(text, begin, end - begin, table) if spacy and not is_odd else np.int64(-1)
                if parts <= 0xFF and not is_odd:
                    run, to = _follow(text, flat, begin, last, run, to)
                    starts[count] = to + begin - run
                    last = end
                    count += 1
                else:
                    left, first, final = begin, np.int64(0), np.int64(8)
                    if is_odd:
                        first, final = odd.first[piece], odd.last[piece]
                        piece += 1
                        next_odd = odd.at[piece] - base + 1
                    for j in range(first, final):
                        if is_odd:
                            left, right = begin + odd.start[j], begin + odd.end[j]
                        elif parts:
                            right = left + (parts & 0xFF)
                            parts >>= 8
                        else:
                            break
                        run, to = _follow(text, flat, left, last, run, to)
                        starts[count] = to + left - run
                        left = last = right
                        count += 1
            begin = end + 1
    move(flat, to, text, run, last - run)
    starts[count] = to + last - run + 1
    return count, piece
