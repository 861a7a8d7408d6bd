"""The best label by fastText's hierarchical softmax: a search in the tree of labels.

In float32 where the library has float32, so that ties and rounding fall out the same (`loss.cc` of its source).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from curate.kernels.fasttext_tables import Loss
from curate.kernels.jit import inlined, kernel


@inlined
def _log(x):
    """The library's logarithm of a float64: never below log(1e-5)."""
    return np.float32(math.log(x + 1e-5))


@inlined
def _output(weights, hiddens, i, node):
    """The product of hiddens[i] and weights[node], summed in float32 from left to right."""
    x = np.float32(0)
    for d in range(hiddens.shape[1]):
        x += weights[node, d] * hiddens[i, d]
    return x


def best_leaf(
    hiddens: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
    loss: Loss,
    label: npt.NDArray[np.int32],
    score: npt.NDArray[np.float32],
) -> None:
    """Best label of each text by hierarchical softmax: label int32[n], score float32[n].

    hiddens float32[n, dim], counts int64[n]. A depth-first search, left before right, that leaves branches worse than
    the best leaf so far; of equal leaves the later one wins. Without rows, or if no leaf is above the floor of 1e-5,
    the label is -1 and the score 0.
    """
    n_labels = len(loss.left) // 2 + 1
    nodes, scores = np.empty(n_labels + 1, np.int32), np.empty(n_labels + 1, np.float32)
    _best_leaf(hiddens, counts, loss.weights, loss.norms, loss.left, loss.right, nodes, scores, label, score)


@kernel
def _best_leaf(hiddens, counts, weights, norms, left, right, nodes, scores, label, score):
    n_labels = len(left) // 2 + 1
    for i in range(len(label)):
        label[i], score[i] = -1, 0
        if counts[i] == 0:
            continue
        best, depth = _log(0.0), 1
        nodes[0], scores[0] = len(left) - 1, 0
        while depth > 0:
            depth -= 1
            node, logp = nodes[depth], scores[depth]
            if logp < best:
                continue
            if left[node] < 0:
                label[i], score[i], best = node, np.float32(math.exp(logp)), logp
                continue
            inner = node - n_labels
            x = np.float32(1) + np.float32(math.exp(-(_output(weights, hiddens, i, inner) * norms[inner])))
            p = np.float64(np.float32(1.0 / np.float64(x)))
            nodes[depth], scores[depth] = right[node], logp + _log(p)
            nodes[depth + 1], scores[depth + 1] = left[node], logp + _log(1.0 - p)
            depth += 2
