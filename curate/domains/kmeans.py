"""k-means on a sample of vectors, seeded, the same to the last bit on any machine."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.kernels.hashing import hash64_one
from curate.kernels.vectors import Floats, Ints, nearest, products, sums

Distance = Literal["cosine", "euclidean"]
START = 16  # rows per cluster of the first, smallest sample
SEEDING = 10  # rows per cluster that the first centres are chosen from
STEPS, LAST_STEPS = 3, 10  # of Lloyd's iteration on a part of the rows, and on all of them
SETTLED = 200  # no further step when fewer than one row in so many has changed its cluster


def fit(x: Floats, clusters: int, *, seed: int, distance: Distance) -> Floats:
    """Centres float32[k, dim] of x float32[n, dim], rows in random order; k: `clusters`, or n if that is less.

    k-means++ (Arthur and Vassilvitskii 2007) on the first rows, then Lloyd's iteration on nested samples, each twice as
    large as the one before (after Newling and Fleuret 2016, "Nested mini-batch k-means"): most of the way is gone
    on few rows. A cluster that is left empty begins again at the row that is farthest from its centre. With `cosine`,
    rows have length 1, and centres too (spherical k-means, Dhillon and Modha 2001).
    """
    k = min(clusters, len(x))
    if k == 0:
        return np.zeros((0, x.shape[1]), np.float32)
    centres = _first(x[: max(SEEDING * k, k)], k, seed)
    size = min(len(x), START * k)
    while True:
        centres = _lloyd(x[:size], centres, distance, LAST_STEPS if size == len(x) else STEPS)
        if size == len(x):
            return centres
        size = min(len(x), 2 * size)


def assign(x: Floats, centres: Floats, distance: Distance) -> tuple[Ints, Floats]:
    """(int32[n], float32[n]): the nearest of centres float32[k, dim] to each row of x, and how far that is.

    `cosine`: 1 - cosine, 0 to 2; `euclidean`: the distance.
    """
    label, score = _assign(x, centres, distance)
    if distance == "cosine":
        return label, np.maximum(1 - score, 0)
    apart = (x - centres[label]).astype(np.float64)
    return label, np.sqrt(np.einsum("ij,ij->i", apart, apart)).astype(np.float32)


def _assign(x: Floats, centres: Floats, distance: Distance) -> tuple[Ints, Floats]:
    bias = np.zeros(len(centres), np.float32)
    if distance == "euclidean":
        bias = (-np.einsum("ij,ij->i", centres, centres, dtype=np.float64) / 2).astype(np.float32)
    return nearest(x, np.ascontiguousarray(centres.T), bias)


def _first(x: Floats, k: int, seed: int) -> Floats:
    """K rows, each drawn with a chance that grows with the squared distance to the nearest of those before it."""
    points = np.ascontiguousarray(x.T)
    squares = products(points * points, np.ones(len(points), np.float32)).astype(np.float64)
    chosen: list[int] = []
    gap = np.ones(len(x))
    for number in range(k):
        running = np.cumsum(gap)
        draw = hash64_one(str(number), seed) / 2**64
        at = int(np.searchsorted(running, draw * running[-1], side="right")) if running[-1] > 0 else number
        chosen.append(min(at, len(x) - 1))
        apart = squares + squares[chosen[-1]] - 2 * products(points, x[chosen[-1]]).astype(np.float64)
        gap = np.minimum(gap, np.maximum(apart, 0)) if number else np.maximum(apart, 0)
        gap[chosen[-1]] = 0
    return x[chosen].copy()


def _lloyd(x: Floats, centres: Floats, distance: Distance, steps: int) -> Floats:
    before: npt.NDArray[np.int32] | None = None
    for _ in range(steps):
        label, score = _assign(x, centres, distance)
        if before is not None and np.count_nonzero(label != before) * SETTLED < len(x):
            break
        before = label
        centres = _means(x, label, score, len(centres), distance)
    return centres


def _means(x: Floats, label: Ints, score: Floats, k: int, distance: Distance) -> Floats:
    total, counts = sums(x, label, k)
    scale = np.sqrt(np.einsum("ij,ij->i", total, total)) if distance == "cosine" else counts.astype(np.float64)
    lost = np.flatnonzero((scale == 0) | (counts == 0))
    scale[lost] = 1
    centres = (total / scale[:, None]).astype(np.float32)
    if len(lost):
        if distance == "euclidean":
            apart = (x - centres[label]).astype(np.float64)
            score = -np.einsum("ij,ij->i", apart, apart)
        centres[lost] = x[np.argsort(score, kind="stable")[: len(lost)]]
    return centres
