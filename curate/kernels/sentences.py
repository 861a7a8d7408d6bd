"""Sentences: how many a text has, by one of several definitions."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels import words_plain
from curate.kernels.jit import helper, kernel
from curate.kernels.memory import load8
from curate.kernels.scanning import (
    SIGNS,
    byte_kinds,
    chunk_end,
    decode,
    every_byte,
    first_byte,
    next_break,
    space_at,
    zero_bytes,
)
from curate.kernels.spacy_join import CUT, KIND
from curate.kernels.spacy_split import cut, scratch
from curate.kernels.spacy_tables import table
from curate.kernels.text import buffers
from curate.kernels.unicode_tables import PUNCTUATION, SENTENCE_END, classes

Definition = Literal["spacy", "simple"]

_STOPS, _CALLS, _QUESTIONS = map(every_byte, ".!?")


def sentence_counts(
    texts: pa.LargeStringArray, definition: Definition = "spacy", per_line: bool = False
) -> npt.NDArray[np.int32]:
    """The number of sentences of each text, int32[n]; 0 for an empty one.

    Args:
        texts: large_string[n] without nulls.
        definition: `spacy` counts what spaCy's `sentencizer` finds among its English words: after a sentence-final mark
            that is a word (so not after `Dr.` or `...`), a sentence begins at the first word that is no punctuation,
            be it white space. `simple` ends a sentence at white space after `.`, `!` or `?`.
        per_line: count in each line by itself, lines being what newlines part.

    Raises:
        ValueError: the definition is unknown, or the array has nulls.
    """
    if definition not in ("spacy", "simple"):
        raise ValueError(f"sentences are defined as 'spacy' or 'simple', not {definition!r}")
    data, offsets = buffers(texts)
    counts = np.zeros(len(texts), np.int32)
    if len(data):
        if definition == "spacy":
            _count_spacy(data, offsets, per_line, byte_kinds(), classes(), table(), *scratch(offsets), counts)
        else:
            _count_simple(data, offsets, per_line, byte_kinds(), counts)
    return counts


def sentence_count_one(text: str, definition: Definition = "spacy") -> int:
    """The number of sentences of one text, in plain Python: the specification of `sentence_counts`."""
    if definition == "simple":
        return sum(not piece.isspace() and piece != "" for piece in re.split(r"(?<=[.!?])\s+", text))
    found, ended = int(text != ""), False
    for word in _words_and_space(text):
        final = len(word) == 1 and bool(classes()[ord(word)] & SENTENCE_END)
        if ended and not final and not all(unicodedata.category(char)[0] == "P" for char in word):
            found, ended = found + 1, False
        ended |= final
    return found


def _words_and_space(text: str) -> list[str]:
    """The words as spaCy has them, and the white space between them that is a word to it: all but a single space."""
    pieces: list[str] = []
    for chunk in re.split(r"(\s+)", text):
        pieces += [chunk] if chunk.isspace() and chunk != " " else words_plain.split(chunk)
    return pieces


@helper
def _end(data, at, stop, per_line):
    """Where the line that begins at `at` ends; `stop` if lines do not count."""
    end = next_break(data, at, stop) if per_line else stop
    while end < stop and data[end] != 10:  # another kind of line end
        end = next_break(data, end + 1, stop)
    return end


@kernel
def _count_spacy(data, offsets, per_line, kinds, classes, table, s, of_words, counts):
    for i in range(len(counts)):
        at, stop = offsets[i], offsets[i + 1]
        while at < stop:
            end, ended = _end(data, at, stop, per_line), bool(0)  # no literal
            found = np.int32(at < end)
            while at < end:
                space = space_at(data, at, kinds)
                if space and ended:
                    first = at
                    while at < end and space:
                        at += space
                        space = space_at(data, at, kinds) if at < end else 0
                    if at - first > 1 or data[first] != 32:  # a word of white space
                        found, ended = found + 1, False
                    continue
                chunk = at
                if not ended:  # nothing happens before the next sentence-final mark
                    mark = _next_mark(data, at, end, classes)
                    if mark == end:
                        break
                    chunk = _chunk_begin(data, at, mark, kinds)
                at = chunk_end(data, chunk, end, kinds)
                only_marks, final = _look(data, chunk, at, classes)
                if final:
                    words = cut(data, chunk, at, classes, table, s, of_words)
                    more, ended = _count_words(words, ended, s)
                    found += more
                elif not only_marks:
                    found, ended = found + 1, False
            counts[i] += found
            at = end + 1


@helper
def _next_mark(data, at, stop, classes):
    """Where the next sentence-final mark is, `stop` if there is none."""
    while at < stop:
        if at + 8 <= stop:
            chunk = load8(data, at)
            candidates = zero_bytes(chunk ^ _STOPS) | zero_bytes(chunk ^ _CALLS) | zero_bytes(chunk ^ _QUESTIONS)
            candidates = (candidates | chunk) & SIGNS  # one of `.!?`, or beyond ASCII
            if not candidates:
                at += 8
                continue
            at += first_byte(candidates)
        code, size = decode(data, at)
        if classes[np.uint32(code)] & SENTENCE_END:
            return at
        at += size
    return stop


@helper
def _chunk_begin(data, low, at, kinds):
    """Where the chunk without white space begins that `at` is in; not before `low`."""
    for i in range(at - 1, low - 1, -1):
        space = space_at(data, i, kinds)
        if space:
            return i + space
    return low


@helper
def _look(data, at, end, classes):
    """(whether all characters are punctuation, whether one is sentence-final)."""
    only_marks, final = True, False
    while at < end:
        code, size = decode(data, at)
        kind = classes[np.uint32(code)]
        only_marks &= kind & PUNCTUATION != 0
        final |= kind & SENTENCE_END != 0
        at += size
    return only_marks, final


@helper
def _count_words(words, ended, s):
    """(sentences that begin among the words that were cut, whether a sentence has ended after them)."""
    found, low = 0, 0
    for i in range(words):
        high = s[CUT, i]
        if high - low == 1 and s[KIND, low] & SENTENCE_END:
            ended = True
        elif ended:
            for j in range(low, high):
                if not s[KIND, j] & PUNCTUATION:
                    found, ended = found + 1, False
                    break
        low = high
    return found, ended


@kernel
def _count_simple(data, offsets, per_line, kinds, counts):
    for i in range(len(counts)):
        at, stop = offsets[i], offsets[i + 1]
        while at < stop:
            end, ended, open_sentence = _end(data, at, stop, per_line), False, False
            while at < end:
                space = space_at(data, at, kinds)
                if space:
                    open_sentence &= not ended
                elif not open_sentence:
                    counts[i] += 1
                    open_sentence = True
                ended = data[at] == 46 or data[at] == 33 or data[at] == 63
                at += max(space, 1)
            at = end + 1
