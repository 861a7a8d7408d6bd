"""fastText classifiers: a model file in, labels and scores of texts out, as the fastText library gives them."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import StoreError
from curate.kernels.fasttext import hidden
from curate.kernels.fasttext_tables import HIERARCHICAL_SOFTMAX, SOFTMAX, Products, remember
from curate.kernels.fasttext_tree import best_leaf
from curate.kernels.text import buffers
from curate.models.fasttext_file import Parts, read
from curate.models.fasttext_plain import Plain, times

LANGUAGES = Path(__file__).with_name("lid.176.ftz")  # the bundled language identifier
SLOTS, OVERFLOW = 1 << 16, 1 << 20
"""Words remembered (up to three quarters of it) and further row numbers: 4 + 4 MiB a process. More does not pay: a rare
word is spelled again in about the time that it takes to fetch it from main memory."""

MOST_OUTPUTS, PRODUCT_BYTES = 8, 64 << 20
"""Models with no more labels than this, and no more bytes of products, are asked by products (`Products`)."""

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


@lru_cache(maxsize=8)
def load(path: Path) -> Model:
    """The model at `path`, read once in a process. Raises StoreError if there is none, or not a classifier."""
    return Model(read(path))


class Model:
    """A classifier. Two threads may use it; one of them waits."""

    def __init__(self, parts: Parts) -> None:
        self.labels = parts.labels
        """Names of the labels without `__label__`; a label index counts into this list."""
        self._parts = parts
        self._products = _products(parts)
        self._memory = remember(SLOTS, OVERFLOW)
        self._lock = Lock()

    @property
    def by_products(self) -> bool:
        """Whether the products of rows with the output layer are added up, in place of rows; see `Products`."""
        return len(self._products.weights) > 0

    def index(self, label: str, address: str) -> int:
        """Where a label is in `labels`. Raises ValueError, about the model of that address, if it lacks the label."""
        if label not in self.labels:
            near = get_close_matches(label, self.labels, 1, 0.5)
            has = f"it has {', '.join(self.labels[:12])}{', …' if len(self.labels) > 12 else ''}"
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"the model {address} has no label '{label}'; {has}{hint}")
        return self.labels.index(label)

    def predict(self, texts: pa.LargeStringArray, newline: str = " ") -> tuple[npt.NDArray[np.int32], Floats]:
        """(best label int32[n], its score float32[n]) of each text; label -1 and score 0 if the library has no answer.

        The score is the library's: a probability plus some 1e-5 for each decision on the way to it, so it may exceed 1
        by that much. Line feeds are read as `newline`, as they must be replaced before the library takes a text.
        """
        return self._best(*self._hidden(texts, newline))

    def probabilities(self, texts: pa.LargeStringArray, newline: str = " ") -> Floats:
        """Scores of all labels, float32[n, labels]; NaN for a text that the library has no answer for."""
        hiddens, counts = self._hidden(texts, newline)
        scores = np.exp(self._logs(hiddens))
        scores[counts == 0] = np.nan
        return scores

    def best(self, scores: Floats, k: int) -> npt.NDArray[np.int32]:
        """The k labels of the highest scores, best first, int32[n, k]; -1 where the library would name none.

        scores float32[n, labels], as `probabilities` gives them. Of equal scores the later label comes first.
        """
        order = np.full((len(scores), k), -1, np.int32)
        k = min(k, scores.shape[1])
        worst = -np.nan_to_num(scores[:, ::-1], nan=-1.0)
        order[:, :k] = scores.shape[1] - 1 - np.argsort(worst, axis=1, kind="stable")[:, :k]
        floor = 1e-5 if self._parts.loss.kind == HIERARCHICAL_SOFTMAX else 0.0  # where it stops to search the tree
        found = np.take_along_axis(scores, order[:, :k], axis=1)
        order[:, :k][~(found >= np.float32(floor))] = -1
        return order

    def probabilities_one(self, text: str, newline: str = " ") -> dict[str, float] | None:
        """Label → its score for one text, step by step; None if the library has no answer."""
        hiddens, count = self._plain.hidden(text.replace("\n", newline))
        scores = np.exp(self._logs(hiddens))[0]
        return dict(zip(self.labels, scores.tolist(), strict=True)) if count else None

    def predict_one(self, text: str, newline: str = " ") -> tuple[str | None, float]:
        """(best label or None, its score) of one text: what `predict` does, step by step."""
        hiddens, count = self._plain.hidden(text.replace("\n", newline))
        label, score = self._best(hiddens, np.array([count]))
        return (self.labels[label[0]] if label[0] >= 0 else None), float(score[0])

    @cached_property
    def _plain(self) -> Plain:
        return Plain(self._parts, self.by_products)

    def _hidden(self, texts: pa.LargeStringArray, newline: str) -> tuple[Floats, Counts]:
        """(average float32[n, dim] of the rows that each text names, or of their products, their number int64[n])."""
        if newline != " ":
            texts = pc.replace_substring(texts, "\n", newline)
        parts = self._parts
        data, offsets = buffers(texts)
        size = len(self._products.weights) or len(self._products.row)
        hiddens = np.empty((len(texts), size), np.float32)
        counts = np.empty(len(texts), np.int64)
        with self._lock:
            hidden(data, offsets, parts.words, parts.grams, parts.rows, self._products, self._memory, hiddens, counts)
        return hiddens, counts

    def _best(self, hiddens: Floats, counts: Counts) -> tuple[npt.NDArray[np.int32], Floats]:
        """(best label, score) for what `_hidden` gives; of equal labels the later one, as in the library."""
        if self._parts.loss.kind == HIERARCHICAL_SOFTMAX:
            label, score = np.empty(len(hiddens), np.int32), np.empty(len(hiddens), np.float32)
            best_leaf(hiddens, counts, self._parts.loss, label, score)
            self._check(score)
            return label, score
        logs = self._logs(hiddens)
        label = (logs.shape[1] - 1 - logs[:, ::-1].argmax(axis=1)).astype(np.int32)
        score = np.exp(logs[np.arange(len(label)), label])
        return np.where(counts > 0, label, np.int32(-1)), np.where(counts > 0, score, np.float32(0))

    def _logs(self, hiddens: Floats) -> Floats:
        """The library's log score of every label, float32[n, labels], for what `_hidden` gives."""
        loss = self._parts.loss
        with np.errstate(all="ignore"):
            x = (hiddens if self.by_products else times(hiddens, loss.weights)) * loss.norms
        self._check(x)
        if loss.kind == HIERARCHICAL_SOFTMAX:
            return self._leaf_logs(1 / (1 + np.exp(np.minimum(-x, 700), dtype=np.float64)))
        if loss.kind == SOFTMAX:
            x = np.exp(x - x.max(axis=1, keepdims=True))
            return _log(x / np.cumsum(x, axis=1)[:, -1:])  # a sum from left to right, again as the library
        steps = 1 / (1 + np.exp(-(np.arange(513, dtype=np.float64) / 32 - 8)))  # the library's table of the sigmoid
        sigmoid = steps.astype(np.float32)[((np.clip(x, -8, 8) + np.float32(8)) * 512 / 8 / 2).astype(np.int64)]
        return _log(np.where(x < -8, np.float32(0), np.where(x > 8, np.float32(1), sigmoid)))

    def _check(self, values: Floats) -> None:
        """Raises StoreError if some are no numbers; there, the library stops as well ("Encountered NaN")."""
        if not np.isfinite(values).all():
            raise StoreError(f"{self._parts.path}: the model is damaged: what it says of a text is no number")

    def _leaf_logs(self, right: npt.NDArray[np.float64]) -> Floats:
        """Log score of every leaf, from the probability of going right at every inner node, float[n, labels - 1]."""
        left_child, right_child = self._parts.loss.left, self._parts.loss.right
        n = len(self.labels)
        logs = np.zeros((len(right), 2 * n - 1), np.float32)
        for node in range(2 * n - 2, n - 1, -1):  # from the root down
            p = right[:, node - n].astype(np.float32)
            logs[:, left_child[node]] = logs[:, node] + _log(1 - p.astype(np.float64))
            logs[:, right_child[node]] = logs[:, node] + _log(p)
        return logs[:, :n]


def _products(parts: Parts) -> Products:
    """Room for the products of rows with the output layer; none where they would not pay."""
    weights = parts.loss.weights
    n_rows = max(len(parts.rows.dense), len(parts.rows.codes))
    outputs, dim = weights.shape
    few = outputs <= MOST_OUTPUTS and n_rows * outputs * 4 <= PRODUCT_BYTES
    if parts.loss.kind == HIERARCHICAL_SOFTMAX or not few:
        outputs = 0
    of_rows = np.full((n_rows if outputs else 0, outputs), np.nan, np.float32)
    return Products(of_rows, weights[:outputs].copy(), np.zeros(dim, np.float32))


def _log(x: Floats | npt.NDArray[np.float64]) -> Floats:
    """The library's logarithm, never below log(1e-5)."""
    return np.log(x.astype(np.float64) + 1e-5).astype(np.float32)
