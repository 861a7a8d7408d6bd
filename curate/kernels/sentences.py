"""Sentences: how many a text has, by one of several definitions, and where they begin."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels import words_plain
from curate.kernels.jit import helper, inlined, kernel
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
from curate.kernels.spacy_join import AT, CUT, KIND
from curate.kernels.spacy_split import cut, scratch
from curate.kernels.spacy_tables import table
from curate.kernels.text import buffers
from curate.kernels.unicode_tables import PUNCTUATION, SENTENCE_END, classes

Definition = Literal["spacy", "simple"]

_NOT_ASKED = np.empty(0, np.int32)
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
            _count_spacy(
                data, offsets, per_line, byte_kinds(), classes(), table(), *scratch(offsets), counts, _NOT_ASKED
            )
        else:
            _count_simple(data, offsets, per_line, byte_kinds(), counts)
    return counts


def sentence_starts(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the sentences of each text begin, those that `sentence_counts` counts by its definition `spacy`.

    Returns:
        The byte of the array's data at which each sentence begins, int64; and `first`, int64[n + 1]: text i has the
        sentences `first[i]` to `first[i + 1] - 1`. The first begins with the text.
    """
    data, offsets = buffers(texts)
    counts = np.zeros(len(texts), np.int32)
    room = int(offsets[-1] - offsets[0])  # no more sentences than bytes; pages that are not written cost nothing
    starts = np.empty(room, np.int32)
    if room:
        _count_spacy(data, offsets, False, byte_kinds(), classes(), table(), *scratch(offsets), counts, starts)
    first = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    return np.repeat(offsets[:-1], counts) + starts[: first[-1]].astype(np.int64), first


def sentence_count_one(text: str, definition: Definition = "spacy") -> int:
    """The number of sentences of one text, in plain Python: the specification of `sentence_counts`."""
    if definition == "simple":
        return sum(not piece.isspace() and piece != "" for piece in re.split(r"(?<=[.!?])\s+", text))
    return len(sentences_one(text))


def sentences_one(text: str) -> list[str]:
    """The sentences of one text, in plain Python: the specification of `sentence_starts`. Joined, they are the text."""
    starts, at, ended = [0], 0, False
    for word in _words_and_space(text):
        at = text.index(word, at)
        final = len(word) == 1 and bool(classes()[ord(word)] & SENTENCE_END)
        if ended and not final and not all(unicodedata.category(char)[0] == "P" for char in word):
            starts.append(at)
            ended = False
        ended |= final
        at += len(word)
    return [text[a:b] for a, b in pairwise([*starts, len(text)]) if a < b]


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
def _count_spacy(data, offsets, per_line, kinds, classes, table, s, of_words, counts, starts):
    """Counts sentences, and notes where they begin in their document, if there is room for it in `starts`."""
    found = np.int64(0)
    for i in range(len(counts)):
        base, at, stop, earlier = offsets[i], offsets[i], offsets[i + 1], found
        while at < stop:
            end, ended = _end(data, at, stop, per_line), bool(0)  # no literal
            if at < end:
                found = _begin(starts, found, at - base)
            while at < end:
                space = space_at(data, at, kinds)
                if space and ended:
                    first = at
                    while at < end and space:
                        at += space
                        space = space_at(data, at, kinds) if at < end else 0
                    if at - first > 1 or data[first] != 32:  # a word of white space
                        found, ended = _begin(starts, found, first - base), False
                    continue
                chunk = at
                if not ended:  # nothing happens before the next sentence-final mark
                    mark = _next_mark(data, at, end, classes)
                    if mark == end:
                        break
                    chunk = _chunk_begin(data, at, mark, kinds)
                at = chunk_end(data, chunk, end, kinds)
                first_is_mark, only_marks, final = _look(data, chunk, at, classes)
                if final or (ended and first_is_mark and not only_marks):  # it takes words to tell where one begins
                    words = cut(data, chunk, at, classes, table, s, of_words)
                    found, ended = _look_at_words(words, ended, s, starts, found, chunk - base)
                elif not only_marks:
                    found, ended = _begin(starts, found, chunk - base), False
            at = end + 1
        counts[i] = found - earlier


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
    """(whether the first character is punctuation, whether all are, whether one is sentence-final)."""
    first_is_mark, only_marks, final = classes[np.uint32(decode(data, at)[0])] & PUNCTUATION != 0, True, False
    while at < end:
        code, size = decode(data, at)
        kind = classes[np.uint32(code)]
        only_marks &= kind & PUNCTUATION != 0
        final |= kind & SENTENCE_END != 0
        at += size
    return first_is_mark, only_marks, final


@helper
def _look_at_words(words, ended, s, starts, found, chunk):
    """(sentences found so far, whether one has ended) after the words of a chunk that were cut."""
    low = 0
    for i in range(words):
        high = s[CUT, i]
        if high - low == 1 and s[KIND, low] & SENTENCE_END:
            ended = True
        elif ended:
            for j in range(low, high):
                if not s[KIND, j] & PUNCTUATION:
                    found, ended = _begin(starts, found, chunk + s[AT, low]), False
                    break
        low = high
    return found, ended


@inlined
def _begin(starts, found, at):
    """Note that a sentence begins at `at`; returns how many have been found."""
    if found < len(starts):
        starts[found] = at
    return found + 1


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
