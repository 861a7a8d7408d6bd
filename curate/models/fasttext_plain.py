"""How fastText turns a text into a vector, to be read: the specification of the kernel and its twin in tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

from curate.kernels.fasttext_tables import ROUNDED_BYTES
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


def times(average: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """What the output layer makes of averages, float32[n, outputs], summed column by column as the library does."""
    x = np.zeros((len(average), len(weights)), np.float32)
    for d in range(average.shape[1]):
        x += average[:, d, None] * weights[:, d]
    return x


class Plain:
    """The input side of a model."""

    def __init__(self, parts: Parts, by_products: bool) -> None:
        """Of a model; `by_products`: for texts that are not long, products with the output layer are added up."""
        self.by_products = by_products
        words, grams = parts.words, parts.grams
        self.parts = parts
        spans = zip(words.start.tolist(), words.length.tolist(), strict=True)
        self.entries = {words.data[a : a + size].tobytes(): v for v, (a, size) in enumerate(spans)}
        kept = np.flatnonzero(np.unpackbits(grams.kept.astype("<u8").view(np.uint8), bitorder="little"))
        self.kept = dict(zip(kept.tolist(), grams.order.tolist(), strict=True))

    def hidden(self, text: str) -> tuple[npt.NDArray[np.float32], int]:
        """What the kernel gives: the average of rows, float32[1, dim], or of products, float32[1, k]; their number."""
        data = text.encode()
        named = self.named(data)
        weights, count = self.parts.loss.weights, max(len(named), 1)
        if self.by_products and len(data) <= ROUNDED_BYTES:
            products = self.products(np.array(named, np.int64))
            return (products.astype(np.float64).cumsum(axis=0)[-1:] / count).astype(np.float32), len(named)
        total = np.zeros(weights.shape[1], np.float32)
        for first in range(0, len(named), 4096):
            for row in self.rows(named[first : first + 4096]):
                total += row  # in float32, in this order: rounding is a part of the result
        average = total[None] * np.float32(1 / count)
        return (times(average, weights) if self.by_products else average), len(named)

    def products(self, named: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """float32[k + 1, outputs]: a zero, and the products of the rows with the output layer."""
        weights = self.parts.loss.weights.astype(np.float64)
        distinct, which = np.unique(named, return_inverse=True)
        sums = np.zeros((4, len(distinct) + 1, len(weights)))
        rows = self.rows(distinct.tolist()).astype(np.float64)
        fours = weights.shape[1] // 4 * 4
        for d in range(weights.shape[1]):
            sums[d % 4 if d < fours else 0, 1:] += rows[:, d, None] * weights[:, d]
        products: npt.NDArray[np.float32] = ((sums[0] + sums[1]) + (sums[2] + sums[3])).astype(np.float32)
        return products.take(np.concatenate([[0], which + 1]), axis=0)

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
