"""The tables that raters look things up in: vectors, classes and costs of pieces of words, and costs of characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from curate.kernels.traits import FOREIGN, OTHER, SYMBOLS, TAGS

PUNCTUATION = {"‘": "'", "’": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": "-", "—": "-",
               "‐": "-", "‑": "-", "−": "-", "…": ".", "•": "*", "·": "*", "、": ",", "。": ".", "\u00a0": " ",
               "\u2028": "\n", "\u2029": "\n", "\u3000": " ", "\t": " ", "\r": "\n", "\v": "\n", "\f": "\n",
               "×": "x"}  # fmt: skip
STOP_WORDS = (
    "a about after all also an and any are as at be because been before being between both but by can could did do "
    "does during each for from had has have he her here him his how i if in into is it its just like may me might more "
    "most must my no not of on one only or other our out over own same shall she should so some such than that the "
    "their them then there these they this those through to too under until up us very was we were what when where "
    "which while who whom whose why will with would you your"
).split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def fold_table() -> npt.NDArray[np.uint8]:
    """uint8[0x3000]: the ASCII character that a code point is read as, FOREIGN for another letter, else OTHER."""
    table = np.full(0x3000, OTHER, np.uint8)
    for code in range(0x3000):
        char = chr(code)
        plain = unicodedata.normalize("NFKD", char)[0] if code != 0x3000 else " "
        if char in PUNCTUATION:
            table[code] = ord(PUNCTUATION[char])
        elif ord(plain) < 128:
            table[code] = ord(plain)
        elif unicodedata.category(char)[0] in "LM" or char.isalnum():
            table[code] = FOREIGN
        elif unicodedata.category(char)[0] == "Z":
            table[code] = ord(" ")
    return table


def kind_table() -> npt.NDArray[np.uint8]:
    """uint8[SYMBOLS]: the class of a symbol in the costs of spelling."""
    table = np.full(SYMBOLS, 31, np.uint8)
    for symbol in range(SYMBOLS):
        char = chr(symbol)
        if symbol < 128 and char.lower() in LETTERS:
            table[symbol] = 1 + LETTERS.index(char.lower())
        elif symbol <= 32:
            table[symbol] = 0
        elif char.isdigit() and symbol < 128:
            table[symbol] = 27
        elif char in ".,;:!?":
            table[symbol] = 28
        elif char in "'\"()-":
            table[symbol] = 29
        elif symbol == FOREIGN:
            table[symbol] = 30
    return table


def costs(sequences: Iterable[npt.NDArray[np.integer]], classes: int) -> npt.NDArray[np.uint8]:
    """uint8[classes ** 3]: -log p(c | a, b) in sixteenths of a nat; each sequence begins after two zeros.

    Trigram counts, smoothed by the bigrams', those by the single ones (a Dirichlet prior of weight 5 each).
    """
    counts = np.zeros((classes, classes, classes))
    for sequence in sequences:
        full = np.concatenate([[0, 0], sequence]).astype(np.int64)
        flat = (full[:-2] * classes + full[1:-1]) * classes + full[2:]
        counts += np.bincount(flat, minlength=classes**3).reshape(counts.shape)
    single = (counts.sum((0, 1)) + 1) / (counts.sum() + classes)
    pair = (counts.sum(0) + 5 * single) / (counts.sum((0, 2))[:, None] + 5)
    triple = (counts + 5 * pair) / (counts.sum(2)[..., None] + 5)
    return np.clip(np.rint(-16 * np.log(triple)), 0, 255).astype(np.uint8).reshape(-1)


def neighbours(
    texts: Sequence[npt.NDArray[np.int32]], pieces: int, dim: int, contexts: int = 800
) -> npt.NDArray[np.float32]:
    """Vectors of pieces by what stands right before and after them: float32[pieces + 1, dim], rows of length 1 or 0.

    Positive pointwise mutual information with the most frequent pieces on either side, its singular vectors.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import svds

    frequency = np.bincount(np.concatenate(texts), minlength=pieces + 1)
    common = np.argsort(-frequency, kind="stable")[:contexts]
    column = np.full(pieces + 1, -1)
    column[common] = np.arange(contexts)
    rows, columns = [], []
    for text in texts:
        for word, near, side in ((text[1:], text[:-1], 0), (text[:-1], text[1:], contexts)):
            there = column[near] >= 0
            rows.append(word[there])
            columns.append(column[near[there]] + side)
    row, col = np.concatenate(rows), np.concatenate(columns)
    counts = coo_matrix((np.ones(len(row)), (row, col)), (pieces + 1, 2 * contexts)).tocsr()
    of_row, of_col = np.asarray(counts.sum(1)).ravel(), np.asarray(counts.sum(0)).ravel()
    pmi = (diags(1 / np.maximum(of_row, 1)) @ counts @ diags(counts.sum() / np.maximum(of_col, 1))).tocoo()
    pmi.data = np.maximum(np.log(np.maximum(pmi.data, 1e-9)), 0) * np.minimum(1, of_row[pmi.row] / 20)
    left, strength, _ = svds(pmi.tocsr(), dim, v0=np.ones(min(pmi.shape)))
    order = np.argsort(-strength)
    found = left[:, order] * np.sqrt(strength[order])
    found *= np.sign(found[np.abs(found).argmax(0), np.arange(dim)])
    return (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def tags(vectors: npt.NDArray[np.float32], frequency: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint8]:
    """uint8[pieces + 1]: TAGS - 1 clusters of the frequent pieces, from 1; 0: unknown, or never seen."""
    from scipy.cluster.vq import kmeans2, vq

    known = np.flatnonzero(frequency > 20)
    known = known[known > 0]
    means, _ = kmeans2(vectors[known].astype(np.float64), TAGS - 1, iter=30, minit="++", rng=seed)
    found = np.zeros(len(vectors), np.uint8)
    seen = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    found[seen] = 1 + vq(vectors[seen].astype(np.float64), means)[0]
    found[0] = 0
    return found


def quantised(vectors: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint8]]:
    """(int8[n, dim], shift uint8[n]): each row as integers times 2 to its shift, 0 to 6, by one scale for all."""
    largest = np.abs(vectors).max(1)
    scale = largest.max() / (127 * 64)
    shift = np.clip(np.ceil(np.log2(np.maximum(largest / (127 * scale), 1e-9))), 0, 6).astype(np.uint8)
    return np.rint(vectors / scale / (1 << shift)[:, None]).clip(-127, 127).astype(np.int8), shift
