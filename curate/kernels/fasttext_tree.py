"""The best label by fastText's hierarchical softmax: a search in the tree of labels.

In float32 where the library has float32, so that ties and rounding fall out the same (`loss.cc` of its source).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _log(x):
    """The library's logarithm: never below log(1e-5)."""
    return np.float32(math.log(np.float64(x) + 1e-5))


@njit(cache=True, nogil=True)
def _output(loss, h, node):
    """The product of h and weights[node], summed in float32 from left to right."""
    x = np.float32(0)
    for d in range(len(h)):
        x += loss.weights[node, d] * h[d]
    return x * loss.norms[node]


@njit(cache=True, nogil=True)
def best_leaf(hiddens, counts, loss, label, score):
    """Best label of each text by hierarchical softmax: label int32[n], score float32[n].

    hiddens float32[n, dim], counts int64[n]. A depth-first search, left before right, that leaves branches worse than
    the best leaf so far; of equal leaves the later one wins. Without rows, or if no leaf is above the floor of 1e-5,
    the label is -1 and the score 0.
    """
    n_labels = len(loss.left) // 2 + 1
    nodes, scores = np.empty(n_labels + 1, np.int32), np.empty(n_labels + 1, np.float32)
    for i in range(len(label)):
        label[i], score[i] = -1, 0
        if counts[i] == 0:
            continue
        best, depth = _log(0.0), 1
        nodes[0], scores[0] = len(loss.left) - 1, 0
        while depth > 0:
            depth -= 1
            node, logp = nodes[depth], scores[depth]
            if logp < best:
                continue
            if loss.left[node] < 0:
                label[i], score[i], best = node, np.float32(math.exp(logp)), logp
                continue
            x = np.float32(1) + np.float32(math.exp(-_output(loss, hiddens[i], node - n_labels)))
            p = np.float32(1.0 / np.float64(x))
            nodes[depth], scores[depth] = loss.right[node], logp + _log(p)
            nodes[depth + 1], scores[depth + 1] = loss.left[node], logp + _log(1.0 - np.float64(p))
            depth += 2
