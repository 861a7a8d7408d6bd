"""What a rater looks at: pieces of words and their vectors, and counts of characters, words, lines, sentences, repeats.

All of it is integers, sums of table entries included, so that the order of summing does not matter and a plain form
(`curate.models.traits_plain`) finds the very same numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined, kernel

SEGMENT = 1500  # code points that are looked at together
FOREIGN, OTHER = 128, 129  # symbols: a letter that folds to no ASCII letter; anything else beyond ASCII
SYMBOLS = 130
LONGEST_PIECE, LONGEST_WORD = 18, 100  # letters; of longer words nothing is known
CHUNK = 32  # pieces whose vectors are added before they are compared with the next ones'
CHARACTER_CLASSES, TAGS = 32, 40  # of characters, and of pieces
SLOTS = 1 << 14  # of the set of what was seen in a segment: at least twice what can be put there

NUMBERS = (
    "words", "letters", "letters_squared", "long_words", "capitalised", "all_capitals", "single_letters",
    "word_pieces", "stop_words", "numbers", "unknown", "pieces",
    "lines", "blank_lines", "line_length", "line_length_squared", "short_lines", "long_line_chars", "closed_lines",
    "closed_line_chars", "capital_lines", "letterless_starts", "longest_line", "repeated_lines", "repeated_line_chars",
    "sentences", "sentence_words", "sentence_words_squared", "capital_sentences", "longest_sentence",
    "distinct_pieces", "distinct_pairs", "distinct_fours",
    "spelling", "spelling_squared", "odd_spelling", "grammar", "grammar_squared", "odd_grammar",
)  # fmt: skip
"""Names of the counts of a segment, in their order."""
(
    WORDS, LETTERS, LETTERS2, LONG_WORDS, CAPITALISED, ALL_CAPITALS, SINGLE, WORD_PIECES, STOP_WORDS, DIGIT_RUNS,
    UNKNOWN, PIECES, LINES, BLANK, LINE, LINE2, SHORT, LONG_CHARS, CLOSED, CLOSED_CHARS, CAPITAL_LINES, LETTERLESS,
    LONGEST, REPEATED, REPEATED_CHARS, SENTENCES, SENTENCE, SENTENCE2, CAPITAL_SENTENCES, LONGEST_SENTENCE,
    DISTINCT, PAIRS, FOURS, SPELLING, SPELLING2, ODD_SPELLING, GRAMMAR, GRAMMAR2, ODD_GRAMMAR,
) = range(len(NUMBERS))  # fmt: skip
ODD = 96  # a cost from here on is that of something rare: 6 nats, in sixteenths

U = np.uint64
START, JOINED, PRIME = U(0x9E3779B97F4A7C15), U(0xC2B2AE3D27D4EB4F), U(0x100000001B3)


class Tables(NamedTuple):
    """What is known of characters and of pieces of words."""

    fold: npt.NDArray[np.uint8]
    """uint8[0x3000]: the symbol of each code point; what lies beyond is FOREIGN if a letter, else OTHER."""
    kind: npt.NDArray[np.uint8]
    """uint8[SYMBOLS]: class of each symbol, below CHARACTER_CLASSES."""
    spelling: npt.NDArray[np.uint8]
    """uint8[32 ** 3]: what a class costs after the two before it, in sixteenths of a nat."""
    keys: npt.NDArray[np.uint64]
    """uint64[power of 2]: hashes of the pieces, open addressing; 0 is free."""
    ids: npt.NDArray[np.int32]
    """int32, alongside: their numbers, from 1."""
    stop: npt.NDArray[np.uint8]
    """uint8[pieces + 1]: 1 for words that carry no topic."""
    tag: npt.NDArray[np.uint8]
    """uint8[pieces + 1]: class of each piece, by its neighbours in running text."""
    grammar: npt.NDArray[np.uint8]
    """uint8[TAGS ** 3]: what a class costs after the two before it, in sixteenths of a nat."""
    vectors: npt.NDArray[np.int8]
    """int8[pieces + 1, dim]; row 0, of the unknown, is zero."""
    shift: npt.NDArray[np.uint8]
    """uint8[pieces + 1]: each vector counts times 2 to this."""


@inlined
def _slot(keys, h):
    """Where the hash h is in the table, or the free place where it would be."""
    at = np.int64(h >> U(32)) & (len(keys) - 1)
    while keys[at] != U(0) and keys[at] != h:
        at = (at + 1) & (len(keys) - 1)
    return at


@inlined
def _is_new(seen, key):
    """Whether the key was not in the set; then it is."""
    h = (key + U(1)) * START
    if h == U(0):
        h = U(1)
    at = _slot(seen, h)
    if seen[at] != U(0):
        return False
    seen[at] = h
    return True


@inlined
def _lower(c):
    return c | 0x20 if 65 <= c <= 90 else c


@helper
def fold(data, start, chars, tables, symbols):
    """Writes the symbols of the `chars` code points from byte `start` on. Returns the byte after the last."""
    at = start
    folds = tables.fold
    for i in range(chars):
        c = np.int64(data[at])
        if c < 0x80:
            at += 1
        elif c < 0xE0:
            c = (c & 0x1F) << 6 | (data[at + 1] & 0x3F)
            at += 2
        elif c < 0xF0:
            c = (c & 0x0F) << 12 | np.int64(data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F)
            at += 3
        else:
            c = np.int64(0x20000 if c > 0xF0 or data[at + 1] >= 0xA0 else 0x10000)  # the ideographs, or what is before
            at += 4
        if c < len(folds):
            symbols[i] = folds[c]
        elif 0x3040 <= c <= 0xD7FF or 0xF900 <= c <= 0xFAFF or c >= 0x20000:
            symbols[i] = FOREIGN
        else:
            symbols[i] = OTHER
    return at


@helper
def split(symbols, start, end, tables, pieces, n):
    """Appends the pieces of the word, greedily the longest first. Returns the new number of pieces."""
    keys, ids = tables.keys, tables.ids
    if end - start > LONGEST_WORD:
        pieces[n] = 0
        return n + 1
    at = start
    while at < end:
        h = START if at == start else JOINED
        last = min(end, at + LONGEST_PIECE)
        for i in range(at, last):
            h = (h ^ U(_lower(symbols[i]))) * PRIME
            h ^= h >> U(29)
        found = 0
        to = last
        while True:
            k = _slot(keys, h)
            if keys[k] != U(0):
                found = ids[k]
                break
            to -= 1
            if to <= at:
                break
            h = START if at == start else JOINED
            for i in range(at, to):
                h = (h ^ U(_lower(symbols[i]))) * PRIME
                h ^= h >> U(29)
        pieces[n] = found
        n += 1
        at = to if found else at + 1
    return n


@helper
def _words(symbols, tables, pieces, out):
    """Counts of words and sentences; writes the pieces. Returns how many."""
    m = len(symbols)
    n = 0
    at = 0
    in_sentence = 0
    opened = False  # whether the sentence begins with a capital
    while at < m:
        c = symbols[at]
        low = _lower(c)
        start = at
        if 97 <= low <= 122:
            capitals = 0
            while at < m and 97 <= _lower(symbols[at]) <= 122:
                capitals += symbols[at] <= 90
                at += 1
            size = at - start
            before = n
            n = split(symbols, start, at, tables, pieces, n)
            out[WORDS] += 1
            out[LETTERS] += size
            out[LETTERS2] += size * size
            out[LONG_WORDS] += size >= 8
            out[CAPITALISED] += c <= 90
            out[ALL_CAPITALS] += size > 1 and capitals == size
            out[SINGLE] += size == 1
            out[WORD_PIECES] += n - before
            out[STOP_WORDS] += n == before + 1 and tables.stop[pieces[before]]
            if in_sentence == 0:
                opened = c <= 90
            in_sentence += 1
        elif 48 <= c <= 57:
            while at < m and 48 <= symbols[at] <= 57:
                at += 1
            out[DIGIT_RUNS] += 1
            n = split(symbols, start, at, tables, pieces, n)
        elif c == FOREIGN:
            while at < m and symbols[at] == FOREIGN:
                at += 1
            pieces[n] = 0
            n += 1
        else:
            at += 1
            if 32 < c < 127:
                n = split(symbols, start, at, tables, pieces, n)
                if (c == 46 or c == 33 or c == 63) and (at == m or symbols[at] <= 32) and in_sentence > 0:
                    out[SENTENCES] += 1
                    out[SENTENCE] += in_sentence
                    out[SENTENCE2] += in_sentence * in_sentence
                    out[CAPITAL_SENTENCES] += opened
                    out[LONGEST_SENTENCE] = max(out[LONGEST_SENTENCE], in_sentence)
                    in_sentence = 0
    for i in range(n):
        out[UNKNOWN] += pieces[i] == 0
    out[PIECES] = n
    return n


@helper
def _lines(symbols, seen, out):
    m = len(symbols)
    at = 0
    while at <= m:
        end = at
        while end < m and symbols[end] != 10:
            end += 1
        first, last = at, end
        while first < last and symbols[first] <= 32:
            first += 1
        while last > first and symbols[last - 1] <= 32:
            last -= 1
        size = last - first
        if size == 0:
            out[BLANK] += 1
        else:
            h = START
            for i in range(first, last):
                h = (h ^ U(symbols[i])) * PRIME
                h ^= h >> U(29)
            c = symbols[last - 1]
            closed = c == 46 or c == 33 or c == 63
            low = _lower(symbols[first])
            out[LINES] += 1
            out[LINE] += size
            out[LINE2] += size * size
            out[SHORT] += size < 30
            out[LONG_CHARS] += size if size >= 100 else 0
            out[CLOSED] += closed
            out[CLOSED_CHARS] += size if closed else 0
            out[CAPITAL_LINES] += 65 <= symbols[first] <= 90
            out[LETTERLESS] += not (97 <= low <= 122 or low == FOREIGN)
            out[LONGEST] = max(out[LONGEST], size)
            if not _is_new(seen, h):
                out[REPEATED] += 1
                out[REPEATED_CHARS] += size
        at = end + 1


@helper
def _runs(symbols, pieces, tables, seen, out):
    """Repeats among the pieces, and what the next character and the next piece cost."""
    a = b = np.int64(0)
    for i in range(len(symbols)):
        c = np.int64(tables.kind[symbols[i]])
        cost = np.int64(tables.spelling[(a * CHARACTER_CLASSES + b) * CHARACTER_CLASSES + c])
        out[SPELLING] += cost
        out[SPELLING2] += cost * cost
        out[ODD_SPELLING] += cost >= ODD
        a, b = b, c
    a = b = np.int64(0)
    key = U(0)
    for i in range(len(pieces)):
        c = np.int64(tables.tag[pieces[i]])
        cost = np.int64(tables.grammar[(a * TAGS + b) * TAGS + c])
        out[GRAMMAR] += cost
        out[GRAMMAR2] += cost * cost
        out[ODD_GRAMMAR] += cost >= ODD
        a, b = b, c
        key = key << U(16) | U(pieces[i])
        out[DISTINCT] += _is_new(seen, (key & U(0xFFFF)) | U(1) << U(62))
        if i >= 1:
            out[PAIRS] += _is_new(seen, (key & U(0xFFFFFFFF)) | U(1) << U(61))
        if i >= 3:
            out[FOURS] += _is_new(seen, key | U(1) << U(63))


@helper
def _add(pieces, tables, total, first, chunk, last, alike):
    """Sums of vectors: of all pieces, of the first CHUNK * 2, and how alike neighbouring chunks are.

    alike: float64[2]: the sum of the cosines of neighbouring chunks, and of the lengths of all chunks.
    """
    vectors, shift = tables.vectors, tables.shift
    dim = vectors.shape[1]
    n = len(pieces)
    for start in range(0, n, CHUNK):
        for d in range(dim):
            chunk[d] = 0
        for i in range(start, min(start + CHUNK, n)):
            by = np.int32(1) << np.int32(shift[pieces[i]])
            row = vectors[pieces[i]]
            for d in range(dim):
                chunk[d] += row[d] * by
        dot = np.int64(0)
        mine = np.int64(0)
        other = np.int64(0)
        for d in range(dim):
            dot += np.int64(chunk[d]) * last[d]
            mine += np.int64(chunk[d]) * chunk[d]
            other += np.int64(last[d]) * last[d]
        if start > 0 and mine > 0 and other > 0:
            alike[0] += dot / np.sqrt(np.float64(mine) * np.float64(other))
        alike[1] += np.sqrt(np.float64(mine))
        for d in range(dim):
            total[d] += chunk[d]
            if start < 2 * CHUNK:
                first[d] += chunk[d]
            last[d] = chunk[d]


@kernel
def positions(data, offsets, document, first, starts):
    """Writes starts int64[n]: the byte of data where character `first[i]` of `document[i]` begins.

    `document` is ascending, `first` within each document too.
    """
    at = np.int64(0)
    char = np.int64(0)
    for i in range(len(starts)):
        if i == 0 or document[i] != document[i - 1]:
            at = offsets[document[i]]
            char = np.int64(0)
        while char < first[i]:
            c = data[at]
            at += 1 if c < 0x80 else 2 if c < 0xE0 else 3 if c < 0xF0 else 4
            char += 1
        starts[i] = at


@kernel
def look(data, starts, sizes, tables, numbers, histogram, totals, firsts, alike, symbols, pieces, seen, work):
    """The traits of segments: `sizes[i]` code points (at most SEGMENT) from byte `starts[i]` of data on.

    Writes numbers int64[n, NUMBERS], histogram int32[n, SYMBOLS], totals and firsts int32[n, dim], alike float64[n, 2],
    all zero before. To work in: symbols uint8[SEGMENT], pieces int32[SEGMENT], seen uint64[SLOTS], work int32[2, dim].
    """
    for i in range(len(starts)):
        fold(data, starts[i], sizes[i], tables, symbols)
        mine = symbols[: sizes[i]]
        for j in range(len(mine)):
            histogram[i, mine[j]] += 1
        n = _words(mine, tables, pieces, numbers[i])
        slots = 512
        while slots < 2 * (3 * n + histogram[i, 10] + 1):  # a set of which little is used stays in the nearest cache
            slots *= 2
        for j in range(slots):
            seen[j] = U(0)
        _lines(mine, seen[:slots], numbers[i])
        _runs(mine, pieces[:n], tables, seen[:slots], numbers[i])
        for d in range(work.shape[1]):
            work[1, d] = 0
        _add(pieces[:n], tables, totals[i], firsts[i], work[0], work[1], alike[i])
