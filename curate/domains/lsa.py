"""Latent semantic analysis: vectors of texts by their words, learned from a sample of the corpus itself."""

from __future__ import annotations

import json
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError, computed_field
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from curate.domains.origin import hash_of
from curate.domains.packing import Matrix, SmallMatrix
from curate.errors import StoreError
from curate.kernels.terms import Terms, terms
from curate.kernels.vectors import Floats, unit

VOCABULARY = 20_000  # words at most: those that are in most documents of the sample
LEAST = 3  # documents of the sample that a word must be in
BEYOND, ROUNDS = 10, 4  # further directions that are followed on the way to the strongest, and how often


class Lsa(BaseModel):
    """Words and their vectors. A text's is the sum of its words', each times 1 + ln count; then of length 1."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    words: list[str]
    vectors: SmallMatrix
    """int8[words, dim]."""
    scale: Matrix
    """float32[words, 1]: what a number of the word's vector is worth, with its inverse document frequency."""
    max_chars: int
    """Characters of a text that are read."""
    sample: int
    """Documents that it was fitted on."""
    explained: float
    """Share of the sample's squared TF-IDF weights that the vectors keep, 0 to 1."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """What was learned, in one line, for people."""
        size = f"{self.vectors.shape[1]} numbers for {len(self.words):,} words"
        return f"{size}, fitted on {self.sample:,} documents, of whose TF-IDF they keep {self.explained:.0%}"

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def name(self) -> str:
        """What tells its vectors from those of another one."""
        parts = ["\n".join(self.words).encode(), self.vectors.tobytes(), self.scale.tobytes()]
        return f"lsa:{hash_of([*parts, str(self.max_chars).encode()])}"

    @cached_property
    def _known(self) -> pa.LargeStringArray:
        return pa.array(self.words, pa.large_string())

    @cached_property
    def _table(self) -> Floats:
        return self.vectors.astype(np.float32) * self.scale

    def embed(self, texts: pa.LargeStringArray) -> tuple[Floats, npt.NDArray[np.int64]]:
        """(float32[m, dim] of length 1, rows int64[m]) of those texts that have words that are known."""
        if not self.words:
            return np.zeros((0, self.dimensions), np.float32), np.zeros(0, np.int64)
        counts = weights(terms(texts, self.max_chars), self._known, len(texts))
        return unit(np.asarray(counts @ self._table))  # a row at a time, in the order of words: whatever is beside it


def weights(found: Terms, known: pa.LargeStringArray, n: int) -> csr_matrix:
    """float32[n, words], sparse: 1 + ln of how often each of the n texts has each word."""
    number = pc.index_in(found.words, known)
    there = number.is_valid().to_numpy(zero_copy_only=False)
    size = max(len(known), 1)
    place, count = np.unique(
        found.document[there] * size + number.drop_null().to_numpy().astype(np.int64), return_counts=True
    )
    starts = np.searchsorted(place, np.arange(n + 1) * size)
    return csr_matrix(((1 + np.log(count)).astype(np.float32), place % size, starts), shape=(n, size))


def fit(found: Terms, documents: int, dimensions: int, *, max_chars: int, seed: int) -> Lsa:
    """TF-IDF (logarithmic counts, smoothed inverse document frequencies, rows of length 1), then truncated SVD.

    The strongest right singular vectors, by subspace iteration (Halko, Martinsson and Tropp 2011). On one thread, as
    the order of sums would depend on the number of threads.

    Args:
        found: the words of the sample.
        documents: of the sample.
        dimensions: of a vector; if there are not so many words or documents, the last ones are 0.
        max_chars: of each text that were read.
        seed: of the first directions.
    """
    known, having = _vocabulary(found.distinct())
    counts = weights(found, known, documents)
    inverse = (np.log((1 + documents) / (1 + having)) + 1).astype(np.float32)
    x = counts.multiply(inverse[None, :]).tocsr() if len(known) else counts
    length = np.sqrt(np.asarray(x.multiply(x).sum(1)).ravel())
    x = csr_matrix((x.data / np.repeat(np.maximum(length, 1e-12), np.diff(x.indptr)), x.indices, x.indptr), x.shape)
    with threadpool_limits(1):
        components = _right_vectors(x.astype(np.float64), min(dimensions, len(known), documents), seed)
        kept = float(((x @ components) ** 2).sum())
    table = components * inverse[:, None] if len(known) else np.zeros((0, dimensions))
    full = np.zeros((len(known), dimensions))
    full[:, : table.shape[1]] = table
    scale = np.maximum(np.abs(full).max(1, initial=0), 1e-12) / 127
    return Lsa(
        words=known.to_pylist(),
        vectors=np.rint(full / scale[:, None]).astype(np.int8),
        scale=scale.astype(np.float32)[:, None],
        max_chars=max_chars,
        sample=documents,
        explained=kept / max(float((x.data**2).sum()), 1e-12),
    )


def _vocabulary(found: Terms) -> tuple[pa.LargeStringArray, npt.NDArray[np.int64]]:
    """(the words to know, documents that have each), by the alphabet."""
    counts = found.words.value_counts()
    words, number = counts.field("values"), counts.field("counts").to_numpy()
    enough = np.flatnonzero(number >= LEAST)
    order = np.lexsort((np.array(words.take(pa.array(enough)).to_pylist(), object), -number[enough]))[:VOCABULARY]
    chosen = enough[order]
    alphabet = pc.array_sort_indices(words.take(pa.array(chosen))).to_numpy()
    return words.take(pa.array(chosen[alphabet])), number[chosen[alphabet]]


def _right_vectors(x: csr_matrix, k: int, seed: int) -> npt.NDArray[np.float64]:
    """The k strongest right singular vectors of x [n, words], the strongest first: float64[words, k]."""
    if k == 0:
        return np.zeros((x.shape[1], 0))
    wide = min(k + BEYOND, *x.shape)
    basis = np.random.RandomState(seed % 2**32).standard_normal((x.shape[1], wide))  # its numbers never change
    for _ in range(ROUNDS + 1):
        basis, _ = np.linalg.qr(x.T @ (x @ np.linalg.qr(basis)[0]))
    product = x @ basis
    _, turn = np.linalg.eigh(product.T @ product)
    return np.asarray(basis @ turn[:, ::-1][:, :k])


@lru_cache(maxsize=2)
def load(path: Path) -> Lsa:
    """What an earlier run learned: its `artifacts/embed.json`. Raises StoreError if it is no such file."""
    try:
        found = json.loads(path.read_bytes())
        return Lsa.model_validate(found.get("artifact", found))
    except OSError as error:
        raise StoreError(f"{path}: cannot read it: {error.strerror or error}") from error
    except (ValueError, AttributeError, ValidationError) as error:
        what = str(error).splitlines()[0]
        raise StoreError(f"{path}: no word vectors in it ({what}); take artifacts/embed.json of a run") from error
