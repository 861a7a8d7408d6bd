"""What a rater looks at in a segment of text, step by step: the specification of `curate.kernels.traits`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.traits import (
    CHARACTER_CLASSES,
    CHUNK,
    FOREIGN,
    LONGEST_PIECE,
    LONGEST_WORD,
    NUMBERS,
    ODD,
    OTHER,
    SYMBOLS,
    TAGS,
    Tables,
)

_FOREIGN, _OTHER = chr(FOREIGN), chr(OTHER)
_LEGIBLE = re.compile(f"[A-Za-z0-9{_FOREIGN}]")
TOKEN = re.compile(rf"[A-Za-z]+|[0-9]+|{_FOREIGN}+|[!-~]")


class Traits(NamedTuple):
    """Of one segment."""

    numbers: npt.NDArray[np.int64]
    """int64[NUMBERS]."""
    histogram: npt.NDArray[np.int32]
    """int32[SYMBOLS]: how often each symbol is there."""
    total: npt.NDArray[np.int32]
    """int32[dim]: sum of the vectors of all pieces."""
    first: npt.NDArray[np.int32]
    """int32[dim]: likewise, of the first two chunks."""
    alike: npt.NDArray[np.float64]
    """float64[2]: sums of the cosines of neighbouring chunks, and of the lengths of all chunks."""


def symbols_of(text: str, fold: npt.NDArray[np.uint8]) -> str:
    """The text with each code point as a symbol: ASCII, FOREIGN or OTHER."""

    def symbol(code: int) -> str:
        if code < len(fold):
            return chr(fold[code])
        letter = 0x3040 <= code <= 0xD7FF or 0xF900 <= code <= 0xFAFF or code >= 0x20000
        return _FOREIGN if letter else _OTHER

    return "".join(symbol(ord(char)) for char in text)


def legible_one(text: str, fold: npt.NDArray[np.uint8]) -> bool:
    """Whether a segment has a letter (or a mark, in other scripts) or a digit: the specification of `legible`."""
    return bool(_LEGIBLE.search(symbols_of(text, fold)))


def pieces_of(token: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Numbers of the pieces of a token, the longest first; what is inside a token is known as `##` + its letters."""
    if len(token) > LONGEST_WORD or token[0] == _FOREIGN:
        return [0]
    found, at = [], 0
    while at < len(token):
        mark = "##" if at else ""
        for size in range(min(LONGEST_PIECE, len(token) - at), 0, -1):
            number = vocabulary.get(mark + token[at : at + size].lower(), 0)
            if number:
                break
        found.append(number)
        at += size
    return found


def look_one(text: str, tables: Tables, vocabulary: Mapping[str, int]) -> Traits:
    """The traits of a segment of at most SEGMENT characters."""
    symbols = symbols_of(text, tables.fold)
    counts = dict.fromkeys(NUMBERS, 0)
    pieces = _words(symbols, tables, vocabulary, counts)
    _lines(symbols, counts)
    _repeats(pieces, counts)
    kinds = [int(tables.kind[ord(symbol)]) for symbol in symbols]
    tags = [int(tables.tag[piece]) for piece in pieces]
    for name, classes, table, of in (
        ("spelling", kinds, tables.spelling, CHARACTER_CLASSES),
        ("grammar", tags, tables.grammar, TAGS),
    ):
        costs = [int(table[(a * of + b) * of + c]) for a, b, c in zip([0, 0, *classes], [0, *classes], classes)]  # noqa: B905
        counts[name] = sum(costs)
        counts[name + "_squared"] = sum(cost * cost for cost in costs)
        counts["odd_" + name] = sum(cost >= ODD for cost in costs)
    histogram = np.bincount([ord(symbol) for symbol in symbols] or [0], minlength=SYMBOLS) * bool(symbols)
    total, first, alike = _add(pieces, tables)
    numbers = np.array([counts[name] for name in NUMBERS], np.int64)
    return Traits(numbers, histogram.astype(np.int32), total, first, alike)


def _words(symbols: str, tables: Tables, vocabulary: Mapping[str, int], counts: dict[str, int]) -> list[int]:
    pieces: list[int] = []
    sentence: list[str] = []
    for match in TOKEN.finditer(symbols):
        token = match[0]
        mine = pieces_of(token, vocabulary)
        pieces += mine
        if token.isascii() and token.isalpha():
            counts["words"] += 1
            counts["letters"] += len(token)
            counts["letters_squared"] += len(token) ** 2
            counts["long_words"] += len(token) >= 8
            counts["capitalised"] += token[0].isupper()
            counts["all_capitals"] += len(token) > 1 and token.isupper()
            counts["single_letters"] += len(token) == 1
            counts["word_pieces"] += len(mine)
            counts["stop_words"] += len(mine) == 1 and int(tables.stop[mine[0]])
            sentence.append(token)
        elif token[0].isdigit():
            counts["numbers"] += 1
        elif token in ".!?" and symbols[match.end() : match.end() + 1] <= " " and sentence:
            counts["sentences"] += 1
            counts["sentence_words"] += len(sentence)
            counts["sentence_words_squared"] += len(sentence) ** 2
            counts["capital_sentences"] += sentence[0][0].isupper()
            counts["longest_sentence"] = max(counts["longest_sentence"], len(sentence))
            sentence = []
    counts["unknown"] = pieces.count(0)
    counts["pieces"] = len(pieces)
    return pieces


def _lines(symbols: str, counts: dict[str, int]) -> None:
    seen = set()
    blanks = "".join(map(chr, range(33)))
    for line in symbols.split("\n"):
        line = line.strip(blanks)
        size = len(line)
        if not line:
            counts["blank_lines"] += 1
            continue
        closed = line[-1] in ".!?"
        counts["lines"] += 1
        counts["line_length"] += size
        counts["line_length_squared"] += size**2
        counts["short_lines"] += size < 30
        counts["long_line_chars"] += size if size >= 100 else 0
        counts["closed_lines"] += closed
        counts["closed_line_chars"] += size if closed else 0
        counts["capital_lines"] += "A" <= line[0] <= "Z"
        counts["letterless_starts"] += not ("a" <= line[0].lower() <= "z" or line[0] == _FOREIGN)
        counts["longest_line"] = max(counts["longest_line"], size)
        if line in seen:
            counts["repeated_lines"] += 1
            counts["repeated_line_chars"] += size
        seen.add(line)


def _repeats(pieces: list[int], counts: dict[str, int]) -> None:
    for name, size in (("distinct_pieces", 1), ("distinct_pairs", 2), ("distinct_fours", 4)):
        counts[name] = len({tuple(pieces[i : i + size]) for i in range(len(pieces) - size + 1)})


def _add(
    pieces: list[int], tables: Tables
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    vectors = tables.vectors[pieces].astype(np.int64) << tables.shift[pieces][:, None].astype(np.int64)
    chunks = [vectors[at : at + CHUNK].sum(0) for at in range(0, len(pieces), CHUNK)]
    alike = np.zeros(2)
    for number, chunk in enumerate(chunks):
        last = chunks[number - 1]
        product = float(chunk @ chunk) * float(last @ last)
        if number and product > 0:
            alike[0] += (chunk @ last) / np.sqrt(product)
        alike[1] += np.sqrt(float(chunk @ chunk))
    return vectors.sum(0).astype(np.int32), sum(chunks[:2], np.zeros(vectors.shape[1])).astype(np.int32), alike
