"""What a mixture will score, learned from those that were measured.

CLIMB and RegMix ask boosted trees. Trees are flat where they have seen little, so that thousands of candidates are
promised the same; a Gaussian process is smooth there. The mean of both orders the held-out runs of RegMix better than
either (docs/mixtures.md), and is what a search asks unless told otherwise.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from curate.errors import CurateError
from curate.mixing.trials import Floats

Kind = Literal["both", "lightgbm", "process"]

LEAST = 8
"""Results without which nothing is learned."""
BAGS = 5
"""Fits that are averaged: with 64 results, 7 stop a fit early, and which 7 they are decides much."""
TREES = 1000
LIGHTGBM = {
    "objective": "regression",
    "learning_rate": 0.01,
    "lambda_l1": 1.0,
    "lambda_l2": 1.0,
    "max_depth": 4,
    "num_leaves": 15,
    "min_data_in_leaf": 5,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
"""CLIMB's settings; with depth 4 there are at most 16 leaves. One thread and one order of sums: one answer."""
SPREAD = 3.0
"""Standard deviation to which losses are scaled for the trees, some points of accuracy as in CLIMB: what a
regularisation of 1 does depends on it. Of 1, 3 and 10, 3 orders RegMix's runs best."""
PATIENCE = 20
"""Trees without progress on what is held out, after which a fit ends."""


class Predictor(Protocol):
    """Losses of mixtures that were not measured."""

    def predict(self, weights: Floats) -> Floats:
        """float64[n] of float64[n, k]."""
        ...


def learn(kind: Kind, weights: Floats, losses: Floats, *, seed: int, bags: int = BAGS) -> Predictor:
    """A predictor from what was measured. weights: float64[n, k]; losses: float64[n], at least `LEAST`."""
    if len(losses) < LEAST:
        raise CurateError(f"nothing can be predicted from {len(losses)} results; it takes {LEAST}: ask for more")
    softened = Softened(losses)
    flat = softened.flatten(losses)
    if kind == "lightgbm":
        return Mean([Trees(weights, flat, seed=seed, bags=bags)], softened)
    process = Process(weights, flat)
    return Mean([process] if kind == "process" else [Trees(weights, flat, seed=seed, bags=bags), process], softened)


class Softened:
    """Losses above the median on a logarithmic scale, or how bad the bad ones are would be most of what is fitted.

    The order stays. With it, all predictors order RegMix's runs better, from 0.950 to 0.959 for the mean of all losses.
    """

    def __init__(self, losses: Floats) -> None:
        """The scale is the distance from the smallest loss to the median."""
        self._median = float(np.median(losses))
        self._scale = self._median - float(losses.min()) or 1.0

    def flatten(self, losses: Floats) -> Floats:
        """float64[n]."""
        above = np.log1p(np.maximum(losses - self._median, 0) / self._scale) * self._scale
        return np.minimum(losses, self._median) + above

    def restore(self, flat: Floats) -> Floats:
        """What `flatten` had been given."""
        above = np.expm1(np.maximum(flat - self._median, 0) / self._scale) * self._scale
        return np.minimum(flat, self._median) + above


class Trees:
    """Boosted trees of LightGBM: the mean of several fits, each stopped by a tenth of the results, left out of it."""

    def __init__(
        self, weights: Floats, losses: Floats, *, seed: int, patience: int = PATIENCE, bags: int = BAGS
    ) -> None:
        """weights: float64[n, k]; losses: float64[n]."""
        import lightgbm

        self._centre, self._scale = float(losses.mean()), (float(losses.std()) or 1.0) / SPREAD
        scaled = (losses - self._centre) / self._scale
        self._fits = []
        for bag in range(bags):
            order = np.random.default_rng([seed, bag]).permutation(len(losses))
            test, train = np.split(order, [max(len(losses) // 10, 1)])
            data = lightgbm.Dataset(weights[train], scaled[train], params={"verbosity": -1})
            held = lightgbm.Dataset(weights[test], scaled[test], reference=data)
            stop = lightgbm.early_stopping(min(patience, len(test)), verbose=False)
            options = {**LIGHTGBM, "seed": (seed * BAGS + bag) % 2**31}
            self._fits.append(lightgbm.train(options, data, TREES, valid_sets=[held], callbacks=[stop]))

    def predict(self, weights: Floats) -> Floats:
        mean = np.mean([fit.predict(weights, num_threads=1) for fit in self._fits], axis=0)
        return np.asarray(mean * self._scale + self._centre)


LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
NOISES = (1e-3, 1e-2, 0.05, 0.2)
"""Among which a process finds the length over which losses change, and the share of them that is noise."""


ROWS = 2048
"""Mixtures that a process looks at together: what it holds of them stays in the cache."""


class Process:
    """Gaussian process regression over square roots of weights: a step from nothing to little counts for much.

    Its covariance is that of Matern with nu = 3/2; length and noise are those of the largest marginal likelihood
    (Rasmussen and Williams 2006, chapters 4 and 5), the scale follows from them.
    """

    def __init__(self, weights: Floats, losses: Floats) -> None:
        """weights: float64[n, k]; losses: float64[n]."""
        n = len(losses)
        self._points: Floats = np.sqrt(weights)
        self._centre, self._scale = float(losses.mean()), float(losses.std()) or 1.0
        scaled = (losses - self._centre) / self._scale
        distances = _distances(self._points, self._points)
        best, self._length = -np.inf, 0.0
        self._factors: Floats = scaled
        for length in LENGTHS:
            covariance = _matern(distances, length)
            for noise in NOISES:
                root = np.linalg.cholesky(covariance + noise * np.eye(n))
                factors = np.linalg.solve(root.T, np.linalg.solve(root, scaled))
                fit = -n / 2 * np.log(max(float(scaled @ factors) / n, 1e-300)) - np.log(np.diag(root)).sum()
                if fit > best:
                    best, self._length, self._factors = fit, length, factors

    def predict(self, weights: Floats) -> Floats:
        found = [
            _matern(_distances(np.sqrt(weights[at : at + ROWS]), self._points), self._length) @ self._factors
            for at in range(0, len(weights), ROWS)
        ]
        return np.concatenate(found) * self._scale + self._centre


def _distances(a: Floats, b: Floats) -> Floats:
    """float64[n, m], Euclidean, of float64[n, k] and float64[m, k]."""
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def _matern(distances: Floats, length: float) -> Floats:
    """Plus 1, for a mean that is not known."""
    scaled = np.sqrt(3) / length * distances
    return np.asarray((1 + scaled) * np.exp(-scaled) + 1)


class Mean:
    """The mean of several predictors of softened losses."""

    def __init__(self, of: list[Predictor], softened: Softened) -> None:
        """Of at least one."""
        self.of, self._softened = of, softened

    def predict(self, weights: Floats) -> Floats:
        return self._softened.restore(np.mean([one.predict(weights) for one in self.of], axis=0))
