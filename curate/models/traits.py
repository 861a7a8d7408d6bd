"""Texts → segments → traits → the numbers that a rater's network takes in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.text import Bytes, Offsets, buffers, char_counts
from curate.kernels.traits import (
    FOREIGN,
    NUMBERS,
    OTHER,
    SEGMENT,
    SLOTS,
    SYMBOLS,
    Tables,
    look,
    positions,
)
from curate.models.traits_plain import Traits

MOST_SEGMENTS = 8
"""Segments that are looked at in a long document, spread evenly from its beginning to its end."""

_AT = {name: column for column, name in enumerate(NUMBERS)}
_MARKS = [c for c in range(33, 127) if not chr(c).isalnum()]
Floats = npt.NDArray[np.float64]


class Segments(NamedTuple):
    """Stretches of SEGMENT characters at most; they overlap if need be, so that none is shorter without reason."""

    document: npt.NDArray[np.int64]
    """int64[segments], ascending. A document without characters has no segment."""
    first: npt.NDArray[np.int64]
    """int64[segments]: its first character, counted from the document's."""
    chars: npt.NDArray[np.int64]
    """int64[segments]."""


def segments(chars: npt.NDArray[np.int64]) -> Segments:
    """The segments of documents of so many characters, int64[n]."""
    number = np.minimum(-(-chars // SEGMENT), MOST_SEGMENTS)
    document = np.repeat(np.arange(len(chars)), number)
    which = np.arange(len(document)) - np.repeat(np.cumsum(number) - number, number)
    size = np.minimum(chars, SEGMENT)[document]
    first = which * (chars[document] - size) // np.maximum(number[document] - 1, 1)
    return Segments(document, first, size)


def traits(texts: pa.LargeStringArray, tables: Tables) -> tuple[Traits, npt.NDArray[np.int64]]:
    """(traits of all segments, each field with a leading axis; their documents int64[segments], ascending)."""
    data, offsets = buffers(texts)
    cut = segments(char_counts(texts))
    n, dim = len(cut.document), tables.vectors.shape[1]
    found = nothing(n, dim)
    room = np.empty(SEGMENT, np.uint8), np.empty(SEGMENT, np.int32), np.empty(SLOTS, np.uint64)
    look(data, starts(data, offsets, cut), cut.chars, tables, *found, *room, np.empty((2, dim), np.int32))
    return found, cut.document


def nothing(n: int, dim: int) -> Traits:
    """Traits of n segments, all zero; vectors of `dim` numbers."""
    return Traits(
        np.zeros((n, len(NUMBERS)), np.int64),
        np.zeros((n, SYMBOLS), np.int32),
        np.zeros((n, dim), np.int32),
        np.zeros((n, dim), np.int32),
        np.zeros((n, 2), np.float64),
    )


def starts(data: Bytes, offsets: Offsets, cut: Segments) -> npt.NDArray[np.int64]:
    """The byte of data at which each segment begins, int64[segments]."""
    found = np.empty(len(cut.document), np.int64)
    positions(data, offsets, cut.document, cut.first, found)
    return found


def legible(found: Traits, document: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which segments are of a document that has a letter or a digit in one of them: bool[segments]."""
    counts = found.numbers[:, _AT["words"]] + found.numbers[:, _AT["numbers"]] + found.histogram[:, FOREIGN]
    return np.bincount(document, counts, document.max(initial=-1) + 1)[document] > 0


def features(found: Traits) -> npt.NDArray[np.float32]:
    """What the network takes in, float32[segments, features]: shares, logarithms, then a direction."""
    numbers = found.numbers.astype(np.float64)

    def per(name: str, of: str) -> Floats:
        return numbers[:, _AT[name]] / np.maximum(numbers[:, _AT[of]], 1)

    def spread(total: str, squares: str, of: str) -> Floats:
        mean = per(total, of)
        return np.sqrt(np.maximum(per(squares, of) - mean * mean, 0))

    def log(name: str) -> Floats:
        return np.log1p(numbers[:, _AT[name]])

    histogram = found.histogram.astype(np.float64)
    chars = np.maximum(histogram.sum(1), 1)
    upper, lower, digits = histogram[:, 65:91].sum(1), histogram[:, 97:123].sum(1), histogram[:, 48:58].sum(1)
    kinds = [upper, lower, digits, histogram[:, 32], histogram[:, 10], histogram[:, FOREIGN], histogram[:, OTHER]]
    letters = np.maximum(histogram[:, 97:123] + histogram[:, 65:91], 0)
    shares = np.maximum(letters / np.maximum(letters.sum(1), 1)[:, None], 1e-12)
    total, first = found.total.astype(np.float64), found.first.astype(np.float64)
    length, first_length = np.linalg.norm(total, axis=1), np.linalg.norm(first, axis=1)
    chunks = np.ceil(numbers[:, _AT["pieces"]] / 32)
    said = [
        *(np.sqrt(kind / chars) for kind in kinds),
        *(np.sqrt(histogram[:, mark] / chars) for mark in _MARKS),
        -(shares * np.log(shares)).sum(1),
        np.log1p(chars),
        log("words"), log("lines"), log("sentences"), log("pieces"), log("longest_line"), log("longest_sentence"),
        per("letters", "words"), spread("letters", "letters_squared", "words"), per("long_words", "words"),
        per("capitalised", "words"), per("all_capitals", "words"), per("single_letters", "words"),
        per("word_pieces", "words"), per("stop_words", "words"), per("numbers", "pieces"), per("unknown", "pieces"),
        per("words", "pieces"),
        per("blank_lines", "lines"), np.log1p(per("line_length", "lines")),
        np.log1p(spread("line_length", "line_length_squared", "lines")), per("short_lines", "lines"),
        per("long_line_chars", "line_length"), per("closed_lines", "lines"), per("closed_line_chars", "line_length"),
        per("capital_lines", "lines"), per("letterless_starts", "lines"), per("repeated_lines", "lines"),
        per("repeated_line_chars", "line_length"),
        per("sentences", "lines"), per("sentence_words", "words"), np.log1p(per("sentence_words", "sentences")),
        np.log1p(spread("sentence_words", "sentence_words_squared", "sentences")),
        per("capital_sentences", "sentences"), per("words", "lines"),
        per("distinct_pieces", "pieces"), per("distinct_pairs", "pieces"), per("distinct_fours", "pieces"),
        log("distinct_pieces") / np.maximum(log("pieces"), 1), log("pieces") - log("distinct_fours"),
        numbers[:, _AT["spelling"]] / chars, np.sqrt(numbers[:, _AT["spelling_squared"]] / chars),
        numbers[:, _AT["odd_spelling"]] / chars,
        per("grammar", "pieces"), spread("grammar", "grammar_squared", "pieces"), per("odd_grammar", "pieces"),
        found.alike[:, 0] / np.maximum(chunks - 1, 1), length / np.maximum(found.alike[:, 1], 1),
        np.log1p(found.alike[:, 1] / np.maximum(numbers[:, _AT["pieces"]], 1)),
        (total * first).sum(1) / np.maximum(length * first_length, 1),
    ]  # fmt: skip
    direction = total / np.maximum(length, 1)[:, None]
    return np.concatenate([np.stack(said, 1), direction], 1).astype(np.float32)
