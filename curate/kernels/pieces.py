"""Texts cut without a rest into lines, paragraphs or sentences, and put together again without some of them."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.lines import lines
from curate.kernels.sentences import sentence_starts, sentences_one
from curate.kernels.text import buffers, strings

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""All that `str.isspace` and `str.strip` mean; Arrow has its own idea."""


class Pieces(NamedTuple):
    """The pieces of n texts. Those of a text, joined, are the text: a line has its line end, and so on."""

    texts: pa.LargeStringArray
    """All pieces, one after the other."""
    first: npt.NDArray[np.int64]
    """int64[n + 1]: text i has the pieces `first[i]` to `first[i + 1] - 1`; none if it is empty."""

    def row(self) -> npt.NDArray[np.int64]:
        """Which text each piece is of."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def place(self) -> npt.NDArray[np.int64]:
        """Where each piece is in its text, from 0."""
        return np.arange(self.first[-1]) - np.repeat(self.first[:-1], np.diff(self.first))

    def sums(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """int64[n]: the sum over the pieces of each text."""
        running: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        return np.diff(running[self.first])

    def without(self, gone: npt.NDArray[np.bool_]) -> pa.LargeStringArray:
        """The texts without the pieces that are `gone`."""
        data, offsets = buffers(self.texts.filter(pa.array(~gone)))
        left: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(~gone)])
        return strings(data, np.ascontiguousarray(offsets[left[self.first]]))

    def blank(self) -> npt.NDArray[np.bool_]:
        """Which pieces are nothing but white space."""
        return np.asarray(_sizes(pc.utf8_ltrim(self.texts, characters=WHITE_SPACE)) == 0)


def line_pieces(texts: pa.LargeStringArray) -> Pieces:
    r"""Lines, each with the \n that ends it. texts: large_string[n] without nulls."""
    data, offsets = buffers(texts)
    found = lines(texts)
    counts = found.last - found.first
    starts = found.start + np.repeat(offsets[:-1], counts)
    nothing = found.start[found.last - 1] == np.diff(offsets)  # behind a \n at the end, and in an empty text
    kept = np.ones(len(starts), np.bool_)
    kept[found.last[nothing] - 1] = False
    return _cut(data, np.append(starts[kept], offsets[-1:]), counts - nothing)


def paragraph_pieces(texts: pa.LargeStringArray) -> Pieces:
    """Paragraphs, which blank lines part, each with the blank lines behind it; blank lines at the beginning are one."""
    of_lines = line_pieces(texts)
    data, offsets = buffers(of_lines.texts)
    blank = of_lines.blank()
    begins = np.concatenate([[True], blank[:-1]])[: len(blank)] & ~blank
    begins[of_lines.first[:-1][np.diff(of_lines.first) > 0]] = True
    return _cut(data, np.append(offsets[:-1][begins], offsets[-1:]), of_lines.sums(begins))


def sentence_pieces(texts: pa.LargeStringArray) -> Pieces:
    """Sentences as spaCy's `sentencizer` finds them, each with the white space before it, the last with that behind it.

    Only a text of nothing but white space has a blank piece. See `sentence_counts` for what a sentence is.
    """
    data, offsets = buffers(texts)
    starts, first = sentence_starts(texts)
    whole = Pieces(strings(data, np.append(starts, offsets[-1:])), first)
    ends = starts + _sizes(pc.utf8_rtrim(whole.texts, characters=WHITE_SPACE))
    kept = (ends > starts) | (whole.place() == 0)  # white space behind the last full stop is no sentence
    counts, ends = whole.sums(kept), ends[kept]
    begin = np.concatenate([[0], ends[:-1]])[: len(ends)]
    has_any = counts > 0
    begin[(np.cumsum(counts) - counts)[has_any]] = offsets[:-1][has_any]
    return _cut(data, np.append(begin, offsets[-1:]), counts)


def line_pieces_one(text: str) -> list[str]:
    """The specification of `line_pieces`, for one text."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [line for line in text.split("\n")[-1:] if line]


def paragraph_pieces_one(text: str) -> list[str]:
    """The specification of `paragraph_pieces`, for one text."""
    pieces: list[str] = []
    blank = True
    for line in line_pieces_one(text):
        begins = not pieces or (blank and not line.isspace())
        pieces += [line] if begins else [pieces.pop() + line]
        blank = line.isspace()
    return pieces


def sentence_pieces_one(text: str) -> list[str]:
    """The specification of `sentence_pieces`, for one text."""
    ends, at = [], 0
    for sentence in sentences_one(text):
        if not sentence.isspace():
            ends.append(at + len(sentence.rstrip()))
        at += len(sentence)
    return [text[a:b] for a, b in pairwise([0, *ends[:-1], len(text)]) if a < b]


def _cut(data: npt.NDArray[np.uint8], bounds: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> Pieces:
    return Pieces(strings(data, bounds), np.concatenate([[0], np.cumsum(counts)]))


def _sizes(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Bytes of each string."""
    return np.diff(buffers(texts)[1])
