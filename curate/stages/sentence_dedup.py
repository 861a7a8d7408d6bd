"""Remove spans of sentences that occurred before in the corpus (C4)."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.kernels.hashing import hash64
from curate.kernels.pieces import WHITE_SPACE, Pieces, sentence_pieces, sentence_pieces_one
from curate.kernels.sentences import sentence_counts
from curate.kernels.simplify import simplify, simplify_one
from curate.kernels.text import buffers, strings
from curate.kernels.words import words, words_one
from curate.passages import Flags, Left, Numbers, PassageDedup, Passages

_NOTHING, _SPACE = (pa.scalar(text, pa.large_string()) for text in ("", " "))


class SentenceDedup(PassageDedup):
    """Remove spans of sentences that occurred before in the corpus (C4's three-sentence spans).

        - sentence_dedup
        - sentence_dedup: {scope: crawl, min_repeats: 10}

    C4 discards all but one of any three-sentence span that occurs more than once (Raffel et al. 2020, section 2.2).
    This is the rule as datatrove 0.10 has it: sentences are those of spaCy's sentencizer; spans, which overlap, are the
    same if their sentences are, joined, without case, punctuation, accents and the values of numbers; every sentence of
    a repeated span goes, with the white space before it. Spans within one document count too. A text of fewer
    sentences than a span has none, and spans of nothing but punctuation are not compared.

    Unlike there, the first of all copies is that of the first document in the order of the input (there, the order of
    the documents in their files goes before that of the files); a text with more than 65,536 sentences is nothing
    special; and a text that has lost sentences loses the white space at both its ends, so that a newline at its end
    counts as no sentence. Spans are told apart by 64-bit XXH64: of N different ones, a unique one is taken for a repeat
    with a chance of N / 2^64. Made for languages with spaces between words. In FineWeb's ablations this step did not
    help over the whole corpus (Penedo et al. 2024).

    A text that lost sentences is dropped if little is left. Reasons: `empty`, `too_few_words`, `too_few_sentences`.
    Adds `sentence_dedup_removed`, the sentences that were removed, and `sentence_dedup_removed_chars`, the characters
    by which the text got shorter.
    """

    sentences: int = Field(3, ge=1, le=100)
    """Sentences in a span."""
    min_words_to_remove: int = Field(0, ge=0)
    """A run of sentences that would be removed stays if it has fewer words than this (datatrove counts those of its
    first sentence only, and brings back no more than that)."""
    min_words: int = Field(50, ge=0)
    """A document that lost sentences and has fewer words left is dropped as `too_few_words`. Words are spaCy's, with
    punctuation marks as words of their own. 0: not tested."""
    min_sentences: int = Field(3, ge=0)
    """A document that lost sentences and has fewer left is dropped as `too_few_sentences`. 0: not tested."""

    writes: ClassVar[dict[str, pa.DataType]] = {
        "sentence_dedup_removed": pa.int32(),
        "sentence_dedup_removed_chars": pa.int64(),
    }
    decides_by: ClassVar[tuple[str, ...]] = (
        "keep",
        "min_repeats",
        "min_words_to_remove",
        "min_words",
        "min_sentences",
        "index",
    )

    def passages_one(self, text: str) -> dict[int, str]:
        simple = list(map(simplify_one, sentence_pieces_one(text)))
        spans = (simple[i : i + self.sentences] for i in range(len(simple) - self.sentences + 1))
        return {i: " ".join(span) for i, span in enumerate(spans) if any(span)}

    def rebuild_one(self, text: str, repeats: set[int]) -> tuple[str, int]:
        gone = {i + j for i in repeats for j in range(self.sentences)}
        pieces, kept = enumerate(sentence_pieces_one(text)), list[str]()
        removed = 0
        for going, run in groupby(pieces, lambda piece: piece[0] in gone):
            sentences = [piece for _, piece in run]
            if going and sum(map(len, map(words_one, sentences))) >= self.min_words_to_remove:
                removed += len(sentences)
            else:
                kept += sentences
        return "".join(kept).strip(), removed

    def cut(self, texts: pa.LargeStringArray) -> Pieces:
        return sentence_pieces(texts)

    def passages(self, pieces: Pieces) -> Passages:
        n = self.sentences
        data, offsets = buffers(pc.binary_join_element_wise(simplify(pieces.texts), _NOTHING, _SPACE))
        ends = np.repeat(pieces.first[1:], np.diff(pieces.first))  # of the text
        begin = np.arange(len(ends))
        key = np.zeros(len(ends), np.uint64)
        for shift in range(min(n, len(ends))):  # spans that follow each other make an array of strings; n such arrays
            key[shift : max(len(ends) - n + 1, 0) : n] = hash64(strings(data, np.ascontiguousarray(offsets[shift::n])))
        inside = begin + n <= ends
        said = offsets[np.minimum(begin + n, ends)] - offsets[:-1] > n  # more than the spaces that join
        found = np.flatnonzero(inside & said)
        return Passages(key[found], found)

    def mark(self, pieces: Pieces, repeats: Numbers) -> Flags:
        change = np.zeros(len(pieces.texts) + 1, np.int64)
        np.add.at(change, repeats, 1)
        np.add.at(change, repeats + self.sentences, -1)
        gone = np.cumsum(change[:-1]) > 0
        return gone & ~self._short_runs(pieces, gone) if self.min_words_to_remove else gone

    def _short_runs(self, pieces: Pieces, gone: Flags) -> Flags:
        """Which pieces are in a run that is gone, of one text, with too few words to be removed."""
        new = np.ones(len(gone), np.bool_)
        new[1:] = gone[1:] != gone[:-1]
        new[pieces.first[:-1][np.diff(pieces.first) > 0]] = True
        found = words(pieces.texts)
        counts = np.bincount(np.cumsum(new) - 1, (found.last - found.first).astype(np.float64))
        return np.asarray(gone & (counts < self.min_words_to_remove)[np.cumsum(new) - 1])

    def rebuild(self, pieces: Pieces, gone: Flags) -> pa.LargeStringArray:
        return pc.utf8_trim(pieces.without(gone), characters=WHITE_SPACE)

    def broken(self, left: Left) -> dict[str, Flags]:
        found = words(left.texts)
        return {
            "too_few_words": found.last - found.first < self.min_words,
            "too_few_sentences": sentence_counts(left.texts) < self.min_sentences,
        }
