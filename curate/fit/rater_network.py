"""How raters learn: a kernel ridge regression from ratings, and small networks from both it and the ratings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.models.raters import CRITERIA, DOMAINS, Network

SCORES_SCALE, DOMAINS_SCALE, NETWORK_SCALE = 0.5, 2.0, 0.6
"""Of the vectors against the counts: in the teacher of scores, in that of domains, in the networks."""
SCORES_RIDGE, DOMAINS_RIDGE, GAMMA = 0.3, 0.1, 0.5
NETWORKS, HIDDEN, EPOCHS, BATCH, RATE, DECAY = 2, 128, 60, 128, 3e-3, 3e-2
DROPOUT, INPUT_DROPOUT = 0.2, 0.05
TRUST = 0.3
"""Weight of the annotator's rating against the teacher's."""
MOST_TAUGHT = 6000
"""Segments that the teacher learns from: it takes 8 * n ** 2 bytes several times over, and n ** 3 operations. With more
there are enough ratings for the networks to do without."""
CHUNK = 20_000  # segments whose kernel is computed at a time

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class Certain(NamedTuple):
    """Segments whose ratings leave no doubt, such as junk that was made on purpose, and lie far from all others.

    The networks learn these ratings as they are. The teacher, and what scales the features, do not see them: they would
    take what is ordinary for less spread than it is. Of their domains nothing is known but what the teacher thinks.
    """

    features: Floats
    """float32[n, in]."""
    scores: Floats
    """float32[n, criteria]."""


class Scaling(NamedTuple):
    """Counts to deviation 1 each; the vectors' dimensions by one factor for all, so that the first ones weigh most."""

    mean: Floats
    deviation: Floats
    dim: int
    """Of the vectors, which are the last columns of the features."""

    def __call__(self, x: Floats, vectors: float = 1.0) -> Floats:
        """The features scaled, the vectors' times `vectors`."""
        z = np.clip((x - self.mean) / self.deviation, -4, 4)
        return np.concatenate([z[:, : -self.dim], z[:, -self.dim :] * vectors], 1).astype(np.float32)


def scaling(x: Floats, dim: int) -> Scaling:
    """The scaling that features float32[n, in] ask for."""
    deviation = x.std(0) + np.float32(1e-6)
    deviation[-dim:] = np.sqrt((deviation[-dim:] ** 2).mean())
    return Scaling(x.mean(0), deviation, dim)


def train(
    x: Floats,
    scores: Floats,
    domain: Integers,
    other: Floats,
    *,
    dim: int,
    weight: Floats | None = None,
    certain: Certain | None = None,
    seed: int = 0,
) -> Network:
    """The network, from rated segments and unrated ones, about which the teacher is asked.

    x: their features float32[n, in]; scores float32[n, criteria]; domain int64[n]; other float32[m, in]; dim: of the
    vectors among the features; weight float32[n]: of each rated segment; certain: further ones. On one machine, with
    one version of numpy and one thread (OMP_NUM_THREADS=1), the same input gives the same bits; elsewhere weights may
    differ in the last digits.
    """
    weight = np.ones(len(x), np.float32) if weight is None else weight
    scaled = scaling(x, dim)
    mean, deviation = scores.mean(0), scores.std(0) + np.float32(1e-6)
    y, d = (scores - mean) / deviation, np.eye(len(DOMAINS), dtype=np.float32)[domain]
    few = _some(len(x), seed)
    rate = _teach(x[few], y[few], weight[few], scaled, SCORES_SCALE, SCORES_RIDGE)
    place = _teach(x[few], d[few], weight[few], scaled, DOMAINS_SCALE, DOMAINS_RIDGE)
    further = certain or Certain(x[:0], scores[:0])
    both = np.concatenate([x, x, other, further.features])
    y_all, d_all = rate(both), np.clip(place(both), 1e-4, 1)
    d_all /= d_all.sum(1, keepdims=True)
    rated = 2 * len(x)
    y_all[:rated] += TRUST * (np.concatenate([y, y]) - y_all[:rated])
    d_all[:rated] += TRUST * (np.concatenate([d, d]) - d_all[:rated])
    y_all[len(both) - len(further.scores) :] = (further.scores - mean) / deviation
    w = np.concatenate([weight, weight, np.ones(len(both) - rated, np.float32)])
    z = scaled(both, NETWORK_SCALE)
    seeds = range(NETWORKS * seed, NETWORKS * (seed + 1))
    nets = [_fit(z, y_all.astype(np.float32), d_all.astype(np.float32), w, one) for one in seeds]
    inner = np.concatenate([net[0] for net in nets], 1)
    inner[-dim:] *= NETWORK_SCALE
    outer: Floats = (np.concatenate([net[2] for net in nets]) / NETWORKS).astype(np.float32)
    bias = np.sum([net[3] for net in nets], axis=0) / NETWORKS
    outer[:, : len(CRITERIA)] *= deviation
    bias[: len(CRITERIA)] = bias[: len(CRITERIA)] * deviation + mean
    inner_bias = np.concatenate([net[1] for net in nets])
    return Network(scaled.mean, scaled.deviation, inner, inner_bias, outer, bias.astype(np.float32))


def _some(n: int, seed: int) -> Integers | slice:
    """MOST_TAUGHT of n rows, ascending; all if there are no more, and then as they lie: sums depend on the layout."""
    if n <= MOST_TAUGHT:
        return slice(None)
    return np.sort(np.random.default_rng(seed).permutation(n)[:MOST_TAUGHT])


def _teach(
    x: Floats, y: Floats, weight: Floats, scaled: Scaling, vectors: float, ridge: float
) -> Callable[[Floats], npt.NDArray[np.float64]]:
    """Kernel ridge regression with a Gaussian kernel: a function from features to what y is for them."""
    z = scaled(x, vectors)
    gamma = GAMMA / z.var(0).sum()
    mean = y.mean(0)

    def kernel(a: Floats, b: Floats) -> Floats:
        found: Floats = np.exp(-gamma * ((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T))
        return found

    weights = np.linalg.solve(kernel(z, z) + ridge * np.diag(1 / weight.astype(np.float64)), y - mean)

    def ask(other: Floats) -> npt.NDArray[np.float64]:
        parts = [scaled(other[at : at + CHUNK], vectors) for at in range(0, len(other), CHUNK)]
        return np.concatenate([kernel(part, z) @ weights + mean for part in parts])

    return ask


def _fit(x: Floats, y: Floats, d: Floats, weight: Floats, seed: int) -> list[Floats]:
    """Weights and biases of a hidden layer and of the outputs, by AdamW: squares and cross-entropy."""
    draw = np.random.default_rng(seed)
    n, width, scores = len(x), x.shape[1], y.shape[1]
    params = [
        draw.normal(0, np.sqrt(2 / width), (width, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        draw.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, scores + d.shape[1])).astype(np.float32),
        np.zeros(scores + d.shape[1], np.float32),
    ]
    first, second = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    steps, step = EPOCHS * -(-n // BATCH), 0
    for _ in range(EPOCHS):
        order = draw.permutation(n)
        for at in range(0, n, BATCH):
            rows = order[at : at + BATCH]
            taken = x[rows] * ((draw.random((len(rows), width)) > INPUT_DROPOUT) / (1 - INPUT_DROPOUT)).astype("f4")
            before = taken @ params[0] + params[1]
            open_ = ((before > 0) * (draw.random(before.shape) > DROPOUT) / (1 - DROPOUT)).astype(np.float32)
            hidden = before * open_
            out = hidden @ params[2] + params[3]
            share = np.exp(out[:, scores:] - out[:, scores:].max(1, keepdims=True))
            slope = np.concatenate(
                [(out[:, :scores] - y[rows]) * (2 / scores), (share / share.sum(1, keepdims=True) - d[rows]) / 2], 1
            ) / np.float32(len(rows))
            slope *= weight[rows, None]
            back = (slope @ params[2].T) * open_
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            for i, gradient in enumerate((taken.T @ back, back.sum(0), hidden.T @ slope, slope.sum(0))):
                first[i] += 0.1 * (gradient - first[i])
                second[i] += 0.002 * (gradient * gradient - second[i])
                move = first[i] / (1 - 0.9**step) / (np.sqrt(second[i] / (1 - 0.998**step)) + 1e-8)
                params[i] -= (rate * (move + (DECAY * params[i] if i % 2 == 0 else 0))).astype(np.float32)
    return params
