"""How fastText turns a text into a vector, to be read: the specification of the kernel and its twin in tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from curate.models.fasttext_file import LABEL_PREFIX, Parts

END = b"</s>"
WHITE = re.compile(rb"[ \n\r\t\v\f\0]+")
CHARACTER = re.compile(rb"[^\x80-\xbf][\x80-\xbf]*")


def fnv1a(data: bytes) -> int:
    """The 32-bit hash of fastText: FNV-1a, except that bytes count as signed."""
    h = 2166136261
    for byte in data:
        h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return h


class Plain:
    """The input side of a model."""

    def __init__(self, parts: Parts) -> None:
        words, grams = parts.words, parts.grams
        self.parts = parts
        spans = zip(words.start.tolist(), words.length.tolist(), strict=True)
        self.entries = {words.data[a : a + size].tobytes(): v for v, (a, size) in enumerate(spans)}
        kept = np.flatnonzero(np.unpackbits(grams.kept.astype("<u8").view(np.uint8), bitorder="little"))
        self.kept = dict(zip(kept.tolist(), grams.order.tolist(), strict=True))

    def average(self, text: str) -> tuple[npt.NDArray[np.float32], int]:
        """(average float32[1, dim] of the rows that the text names, their number)."""
        named = self.named(text.encode())
        total = np.zeros(self.parts.loss.weights.shape[1], np.float32)
        for first in range(0, len(named), 4096):
            for row in self.rows(named[first : first + 4096]):
                total += row  # in float32, in this order: rounding is a part of the result
        return total[None] * np.float32(1 / max(len(named), 1)), len(named)

    def named(self, text: bytes) -> list[int]:
        """The rows that a text names: words and their character n-grams, then word n-grams."""
        grams = self.parts.grams
        character_grams = cache(lambda word: list(self.character_grams(word)))
        rows, hashes = [], []
        for word in [*filter(None, WHITE.split(text)), END]:
            entry = self.entries.get(word)
            is_label = word.startswith(LABEL_PREFIX.encode()) if entry is None else entry >= self.parts.words.n_words
            if is_label:
                continue
            if entry is not None:
                rows.append(entry)
            if word != END:
                rows += character_grams(word)
            h = fnv1a(word)
            hashes.append(h - 2**32 if h >= 2**31 else h)
            if word == END:  # written in the text, it hides what follows
                break
        for i, h in enumerate(hashes):
            for following in hashes[i + 1 : i + grams.words]:
                h = (h * 116049371 + following) % 2**64
                rows += self.bucket(h % grams.buckets)
        return rows

    def character_grams(self, word: bytes) -> Iterator[int]:
        """Rows of the n-grams of `<word>`, of `shortest` to `longest` characters; a lone `<` or `>` is none."""
        grams = self.parts.grams
        characters = CHARACTER.findall(b"<" + word + b">")
        for i in range(len(characters) - 1):
            for n in range(max(grams.shortest, 2 if i == 0 else 1), min(grams.longest, len(characters) - i) + 1):
                yield from self.bucket(fnv1a(b"".join(characters[i : i + n])) % grams.buckets)

    def bucket(self, bucket: int) -> list[int]:
        """The row of an n-gram's bucket; none if it was pruned."""
        n_words = self.parts.words.n_words
        if not self.parts.grams.pruned:
            return [n_words + bucket]
        return [n_words + self.kept[bucket]] if bucket in self.kept else []

    def rows(self, named: list[int]) -> npt.NDArray[np.float32]:
        """float32[k, dim]: the rows themselves."""
        matrix, dim = self.parts.rows, self.parts.loss.weights.shape[1]
        if not len(matrix.codes):
            return matrix.dense[named]
        columns = np.arange(dim)
        part = columns // matrix.width
        widths = np.minimum(matrix.width, dim - part * matrix.width)
        at = 256 * part * matrix.width + matrix.codes[named][:, part] * widths + columns - part * matrix.width
        unpacked: npt.NDArray[np.float32] = matrix.norms[named][:, None] * matrix.centroids[at]
        return unpacked
