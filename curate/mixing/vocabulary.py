"""Texts as numbers: known words, and the bytes of all others; one vocabulary for all mixtures, so that losses compare.

A word is what spaCy's rules for English call one, so that marks stand alone; each character of scripts that are written
without spaces is a word. White space is not told apart. An unknown word is spelled in bytes, its first byte marked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.text import buffers
from curate.kernels.words import words

Hashes = npt.NDArray[np.uint64]
Tokens = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]

_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
BYTES = 512
"""Tokens for bytes: 256 that begin a word, 256 that go on with it."""


def _spaced(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Each character of a script without spaces between spaces."""
    has = pc.any(pc.match_substring_regex(texts, _UNSPACED)).as_py() if len(texts) else False
    return pc.replace_substring_regex(texts, _UNSPACED, r" \1 ") if has else texts


@dataclass(frozen=True)
class Vocabulary:
    """The words that are known."""

    hashes: Hashes
    """uint64[v], ascending; the place of a word's hash is its token. Then come the tokens of bytes, then the end."""

    @property
    def size(self) -> int:
        """Tokens that there are: words, bytes, and the end of a document."""
        return len(self.hashes) + BYTES + 1

    @property
    def end(self) -> int:
        """The token at the end of a document."""
        return self.size - 1

    def encode(self, texts: pa.LargeStringArray) -> tuple[Tokens, Offsets]:
        """(tokens int32[total], offsets int64[n + 1]): each text's tokens, with the end. texts without nulls."""
        spaced = _spaced(texts)
        data, begins = buffers(spaced)
        spans = words(spaced)
        document = np.repeat(np.arange(len(texts)), spans.last - spans.first)
        start = begins[:-1][document] + spans.start
        size = (spans.end - spans.start).astype(np.int64)
        place = np.searchsorted(self.hashes, spans.hash)
        known = self.hashes[np.minimum(place, len(self.hashes) - 1)] == spans.hash
        taken = np.where(known, 1, size)
        out_at = np.cumsum(taken) - taken + document  # an end for each document before
        offsets = np.concatenate([[0], np.cumsum(np.bincount(document, taken, len(texts)).astype(np.int64) + 1)])
        out = np.full(int(offsets[-1]), self.end, np.int32)
        out[out_at[known]] = place[known]
        others = np.flatnonzero(~known)
        step = np.arange(int(size[others].sum())) - np.repeat(np.cumsum(size[others]) - size[others], size[others])
        letter = data[np.repeat(start[others], size[others]) + step].astype(np.int32)
        out[np.repeat(out_at[others], size[others]) + step] = len(self.hashes) + letter + 256 * (step > 0)
        return out, offsets


class Counter:
    """Counts words of many batches, with a weight for each batch's documents; exact, so that no order matters."""

    def __init__(self) -> None:
        """Nothing is counted."""
        self._hashes, self._counts = np.empty(0, np.uint64), np.empty(0, np.int64)

    def add(self, texts: pa.LargeStringArray, weights: npt.NDArray[np.int64]) -> None:
        """weights: int64[n], what an occurrence in each text counts; sums stay below 2**53."""
        spans = words(_spaced(texts))
        each = np.repeat(weights, spans.last - spans.first)
        hashes, place = np.unique(np.concatenate([self._hashes, spans.hash]), return_inverse=True)
        self._counts = np.bincount(place, np.concatenate([self._counts, each]), len(hashes)).astype(np.int64)
        self._hashes = hashes

    def vocabulary(self, size: int) -> Vocabulary:
        """The `size` words that count most, of equal ones those with smaller hashes."""
        order = np.lexsort((self._hashes, -self._counts))[:size]
        return Vocabulary(np.sort(self._hashes[order]))
