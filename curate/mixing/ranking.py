"""Correlation of ranks, with which predictors are judged."""

from __future__ import annotations

import numpy as np

from curate.mixing.trials import Floats


def ranks(values: Floats) -> Floats:
    """1 for the smallest; equal values share the mean of their ranks. float64[n]."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place])


def spearman(a: Floats, b: Floats) -> float | None:
    """-1 to 1; None where one of them is all the same."""
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum() / scale) if scale else None
