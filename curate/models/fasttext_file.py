"""Reads a fastText model file (`.bin`, `.ftz`; versions 11 and 12) as views of the mapped file.

Nothing large is copied but matrices of up to 64 MiB, which are laid out for speed; processes that read one file share
its pages. Facts of the format: the public source of fastText (`args.cc`, `dictionary.cc`, `quantmatrix.cc`, `loss.cc`).
"""

from __future__ import annotations

import mmap
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import StoreError
from curate.kernels.fasttext_tables import (
    HIERARCHICAL_SOFTMAX,
    NEGATIVE_SAMPLING,
    ONE_VS_ALL,
    SOFTMAX,
    Grams,
    Loss,
    Rows,
    Words,
    cache_lines,
    fnv_all,
)

MAGIC, OLDEST_VERSION, NEWEST_VERSION = 793712314, 11, 12
SUPERVISED = 3  # of the kinds of model; the others have no labels
COPIED_BYTES = 64 << 20  # a matrix no larger than this is unpacked: one vector addition a row, private to each process
MOST_DIMENSIONS = 1 << 16  # a damaged file shall not make us ask for any amount of memory
MOST_SEEN = 10**15  # of a label; the library takes nodes of the tree that are not made yet for as heavy
LOSSES = {
    HIERARCHICAL_SOFTMAX: "hierarchical softmax",
    NEGATIVE_SAMPLING: "negative sampling",
    SOFTMAX: "softmax",
    ONE_VS_ALL: "one-vs-all",
}
LABEL_PREFIX = "__label__"
Hashes = npt.NDArray[np.uint32]
NO_CODES, NO_CENTROIDS = np.frombuffer(b"", np.uint8).reshape(0, 0), np.zeros(0, np.float32)


@dataclass(frozen=True)
class Parts:
    """What is in a model file."""

    path: Path
    labels: list[str]
    """Without the prefix `__label__`, in the order of the file."""
    words: Words
    grams: Grams
    rows: Rows
    loss: Loss


class _Cursor:
    """A place in the file; what is taken is a view, in the file's little-endian order."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: cannot read this fastText model: {error}") from error
        self.data = np.frombuffer(self.bytes, np.uint8)
        self.path = path
        self.at = 0

    def refuse(self, why: str) -> StoreError:
        return StoreError(f"{self.path}: {why}; expected is a fastText classifier saved as .bin or .ftz")

    def take(self, kind: str, count: int) -> npt.NDArray[Any]:
        """The next `count` values of a numpy type."""
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.at + size > len(self.data):
            raise self.refuse(f"the file is damaged or not whole: it ends at byte {len(self.data)}")
        view = self.data[self.at : self.at + size].view(kind)
        self.at += size
        return view

    def one(self, kind: str) -> int:
        return int(self.take(kind, 1)[0])


def read(path: Path) -> Parts:
    """Reads the model at `path`. Raises StoreError if there is none, or not a classifier."""
    file = _Cursor(path)
    if len(file.data) < 64 or file.one("<i4") != MAGIC:
        raise file.refuse("this is not a fastText model")
    version = file.one("<i4")
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        known = f"known are versions {OLDEST_VERSION} and {NEWEST_VERSION}"
        raise file.refuse(f"the file has format version {version}; {known}")
    dim, _, _, _, _, word_ngrams, loss, kind, buckets, shortest, longest, _ = file.take("<i4", 12).tolist()
    file.take("<f8", 1)
    if kind != SUPERVISED:
        raise file.refuse("this model has word vectors and no labels")
    if loss not in LOSSES:
        raise file.refuse(f"the file has the unknown loss {loss}; known are {', '.join(LOSSES.values())}")
    if not (0 < dim <= MOST_DIMENSIONS and buckets >= 0 and 0 <= word_ngrams <= 100 and 0 <= longest <= 100):
        sizes = f"dim {dim}, buckets {buckets}, wordNgrams {word_ngrams}, maxn {longest}"
        raise file.refuse(f"the file is damaged: impossible settings: {sizes}")
    if version == 11:
        longest = 0  # classifiers of that version were trained without character n-grams
    words, n_labels, pruned = _words(file)
    labels, label_counts = _labels(words, n_labels)
    if not all(0 <= count < MOST_SEEN for count in label_counts):
        raise file.refuse("the file is damaged: impossible counts of its labels")
    pairs = file.take("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    if len(pairs) and not (0 <= pairs.min() and pairs[:, 0].max() < buckets and pairs[:, 1].max() < len(pairs)):
        raise file.refuse("the file is damaged: its list of n-grams names what is not there")
    grams = _grams(shortest, longest, word_ngrams, buckets, pairs, pruned >= 0)
    quantised = bool(file.one("u1"))
    rows = _input(file, dim, quantised)
    weights, norms = _output(file, dim, bool(file.one("u1")) and quantised)
    left, right = _tree(label_counts) if loss == HIERARCHICAL_SOFTMAX else (np.zeros(0, np.int32),) * 2
    hashed = len(pairs) if pruned >= 0 else buckets if longest > 0 or word_ngrams > 1 else 0
    if words.n_words + hashed > max(len(rows.dense), len(rows.codes)) or len(weights) != len(labels):
        raise file.refuse("the file is damaged: a matrix is too small for its dictionary")
    return Parts(path, labels, words, grams, rows, Loss(loss, weights, norms, left, right))


def _words(file: _Cursor) -> tuple[Words, int, int]:
    """(vocabulary, number of its labels, number of n-gram buckets kept by pruning or -1)."""
    n_entries, n_words, n_labels = file.take("<i4", 3).tolist()
    _, pruned = file.take("<i8", 2).tolist()
    if not (0 <= n_words and 0 < n_labels and n_words + n_labels == n_entries <= len(file.data)):
        raise file.refuse("the file is damaged: impossible size of its dictionary")
    start = np.empty(n_entries, np.int64)
    length = np.empty(n_entries, np.int32)
    for v in range(n_entries):  # a word, a zero byte, a count (int64), a type (int8)
        stop = file.bytes.find(b"\0", file.at)
        if stop < 0 or stop + 10 > len(file.data):
            raise file.refuse("the file is damaged or not whole: it ends within its dictionary")
        start[v], length[v] = file.at, stop - file.at
        file.at = stop + 10
    hashes = np.empty(n_entries, np.uint32)
    fnv_all(file.data, start, length, hashes)
    table = _table(hashes, start)
    fours = np.flatnonzero(length[:n_words] == 4)
    ends = fours[(file.data[start[fours][:, None] + np.arange(4)] == np.frombuffer(b"</s>", np.uint8)).all(axis=1)]
    end = int(ends[0]) if len(ends) else -1
    return Words(file.data, start, length, table, n_words, int(length.max()), end), n_labels, pruned


def _table(hashes: Hashes, start: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """The table of `Words`. Of all entries that want a slot in a round, the first gets it, the commonest."""
    table = np.full(1 << (2 * len(hashes)).bit_length(), -1, np.int32)
    waiting = np.arange(len(hashes), dtype=np.int32)[::-1]  # of numbers written to one place, the last one stays
    slot = hashes[waiting].astype(np.int64) & (len(table) - 1)
    while len(waiting):
        free = table[slot] < 0
        table[slot[free]] = waiting[free]
        again = table[slot] != waiting
        waiting, slot = waiting[again], (slot[again] + 1) & (len(table) - 1)
    filled = np.zeros((len(table), 2), np.uint64)
    slots = np.flatnonzero(table >= 0)
    entries = table[slots]
    filled[slots, 0] = hashes[entries].astype(np.uint64) << 32 | (entries + 1).astype(np.uint64)
    filled[slots, 1] = start[entries]
    return filled


def _labels(words: Words, n_labels: int) -> tuple[list[str], list[int]]:
    """(names of the labels, how often each was seen in training)."""
    names, counts = [], []
    for v in range(words.n_words, words.n_words + n_labels):
        stop = int(words.start[v]) + int(words.length[v])
        names.append(words.data[words.start[v] : stop].tobytes().decode("utf-8", "replace").removeprefix(LABEL_PREFIX))
        counts.append(int(words.data[stop + 1 : stop + 9].view("<i8")[0]))
    return names, counts


def _grams(shortest: int, longest: int, words: int, buckets: int, pairs: npt.NDArray[np.int32], pruned: bool) -> Grams:
    """Which n-grams have a row. pairs int32[k, 2]: bucket and row of what pruning kept."""
    pairs = pairs[np.argsort(pairs[:, 0])]
    kept = np.zeros(buckets // 64 + 1, np.uint64)
    np.bitwise_or.at(kept, pairs[:, 0] >> 6, np.uint64(1) << (pairs[:, 0] & 63).astype(np.uint64))
    below = np.searchsorted(pairs[:, 0], np.arange(len(kept)) * 64).astype(np.int32)
    return Grams(shortest, longest, words, max(buckets, 1), pruned, kept, below, pairs[:, 1].astype(np.int32))


def _dense(file: _Cursor, dim: int) -> Rows:
    """A matrix of plain float32 values."""
    n, columns = file.take("<i8", 2).tolist()
    if columns != dim or n < 0:
        raise file.refuse(f"the file is damaged: a matrix has {columns} columns instead of {dim}")
    dense = file.take("<f4", n * dim).reshape(n, dim)
    if dense.nbytes <= COPIED_BYTES:
        copy = cache_lines(dense.nbytes).view(np.float32).reshape(n, dim)
        copy[:] = dense
        dense = copy
    return Rows(dense, NO_CODES, np.ones(1, np.float32), NO_CENTROIDS, 1)


def _quantised(file: _Cursor, dim: int, unpack_up_to: int) -> Rows:
    """A product quantisation: each part of a row is one of 256 centroids, times the norm of the row.

    Up to `unpack_up_to` bytes of float32 it is unpacked: `dense` then has the centroids, not yet times the norms.
    """
    has_norms = bool(file.one("u1"))
    n, columns = file.take("<i8", 2).tolist()
    codes_size = file.one("<i4")
    codes = file.take("u1", codes_size)
    _, parts, width, _ = file.take("<i4", 4).tolist()
    if columns != dim or n < 0 or n * parts != codes_size or width < 1 or parts != -(-dim // width):
        raise file.refuse("the file is damaged: the sizes of a quantised matrix do not agree")
    codes = codes.reshape(n, parts)
    centroids = file.take("<f4", 256 * dim).copy()
    norms = np.ones(n, np.float32)
    if has_norms:
        norm_codes = file.take("u1", n)
        file.take("<i4", 4)
        norms = file.take("<f4", 256)[norm_codes]
    if n * dim * 4 > unpack_up_to:
        return Rows(np.zeros((0, dim), np.float32), codes, norms, centroids, width)
    dense = cache_lines(n * dim * 4).view(np.float32).reshape(n, dim)
    for part in range(parts):
        first, last = part * width, min(part * width + width, dim)
        dense[:, first:last] = centroids[256 * first : 256 * last].reshape(256, last - first)[codes[:, part]]
    return Rows(dense, NO_CODES, norms, NO_CENTROIDS, width)


def _input(file: _Cursor, dim: int, quantised: bool) -> Rows:
    """The input matrix, read-only so that every model file uses the same compiled code."""
    rows = _quantised(file, dim, COPIED_BYTES) if quantised else _dense(file, dim)
    if quantised and not len(rows.codes):
        with np.errstate(all="ignore"):  # damage is told when a text meets it
            np.multiply(rows.dense, rows.norms[:, None], out=rows.dense)
    rows.dense.flags.writeable = False
    return rows


def _output(file: _Cursor, dim: int, quantised: bool) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(weights float32[n, dim], what their products are multiplied by, float32[n])."""
    rows = _quantised(file, dim, sys.maxsize) if quantised else _dense(file, dim)
    return rows.dense, rows.norms if quantised else np.ones(len(rows.dense), np.float32)


def _tree(counts: list[int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Children (left, right) of each node of the Huffman tree of hierarchical softmax, int32[2n - 1].

    counts: how often each label was seen, most frequent first. The first n nodes are the labels (children -1), the last
    one is the root.
    """
    n = len(counts)
    weight = [*counts, *[MOST_SEEN] * (n - 1)]
    children = np.full((2, 2 * n - 1), -1, np.int32)
    leaf, inner = n - 1, n
    for node in range(n, 2 * n - 1):
        for side in range(2):
            if leaf >= 0 and weight[leaf] < weight[inner]:
                children[side, node] = leaf
                leaf -= 1
            else:
                children[side, node] = inner
                inner += 1
        weight[node] = weight[children[0, node]] + weight[children[1, node]]
    return children[0].copy(), children[1].copy()
