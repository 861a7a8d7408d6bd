"""How good scores are: areas under curves, correlation of ranks, and the threshold that keeps a share."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def ranks(values: Floats) -> Floats:
    """1 for the smallest; equal values share the mean of their ranks. float64[n]."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place])


def roc_auc(scores: Floats, positive: Mask) -> float:
    """The chance that a positive scores higher than a negative, ties counting half; NaN if one kind is not there."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    return float((ranks(scores)[positive].sum() - n * (n + 1) / 2) / (n * m))


def average_precision(scores: Floats, positive: Mask) -> float:
    """Mean, over the positives, of the precision among all that score as high or higher; NaN without positives."""
    if not positive.any():
        return float("nan")
    values, place = np.unique(-scores, return_inverse=True)
    hits = np.bincount(place, positive, len(values))
    precision = np.cumsum(hits) / np.cumsum(np.bincount(place, minlength=len(values)))
    return float((precision * hits).sum() / positive.sum())


def spearman(a: Floats, b: Floats) -> float:
    """Correlation of ranks, -1 to 1; NaN where one of them is all the same."""
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / scale) if scale else float("nan")


@dataclass(frozen=True)
class Threshold:
    """Keep what scores `value` or higher."""

    value: float
    share: float
    """That was asked for, of the weight."""
    documents: float
    """Share of the documents that is kept."""
    weight: float
    """Share of the weight that is kept: more than `share`, by one document and its ties."""


def threshold(scores: Floats, weights: Integers, share: float) -> Threshold:
    """PreSelect's rule: in falling order, the score of the first document at which the sum exceeds share * total.

    scores float64[n], without NaN; weights int64[n], such as characters; n > 0. The share counts as it is written.
    """
    order = np.argsort(-scores, kind="stable")
    running = np.cumsum(weights[order])
    at = int(np.searchsorted(running, int(Fraction(repr(share)) * int(running[-1])), side="right"))
    value = float(scores[order[min(at, len(order) - 1)]])
    kept = scores >= value
    return Threshold(value, share, float(kept.mean()), float(weights[kept].sum() / max(int(running[-1]), 1)))
