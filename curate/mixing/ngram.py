"""An n-gram model as a proxy: trained on a mixture and measured on the targets in well under a second.

p(word | context) = (count(context word) + strength * p(word | shorter context)) / (count(context) + strength): the
hierarchical Dirichlet model of MacKay and Peto (1995), uniform at its end. The strengths are fitted once, on the
natural mixture, and are the same for all mixtures.

A document that is drawn twice counts twice, so that its domain weighs more, but it is no more evidence: the strength is
multiplied by how often what was seen of a context is there on average. So a text that is repeated as a whole teaches as
much as once, no more, and does no harm; larger models gain a little from up to four repeats, and are harmed by many
(Muennighoff et al. 2023), which is why `max_epochs` bounds them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from curate.mixing.ordering import Integers
from curate.mixing.sampling import repeats
from curate.mixing.trials import Floats, Measured
from curate.store import arrow

STRENGTHS = 2.0 ** np.arange(-1, 14)
"""Among which the strength of each order is chosen."""
DIGITS = 9
"""Of a loss that count: sums of the same numbers in another order differ behind them."""


class NGramProxy:
    """Evaluates mixtures over the files that `ngram_counts.write` made."""

    def __init__(self, folder: Path, names: tuple[str, ...], targets: Mapping[str, float]) -> None:
        """names: of domains, in order; targets: their weights in the mean."""
        self._names, self._weights = names, dict(targets)
        places = arrow.ArrowFile(folder / "ngram.targets.arrow")
        self._order, self._size = int(places.facts["order"]), int(places.facts["vocabulary"])
        self._features, self._bytes = int(places.facts["features"]), np.array(places.facts["bytes"], np.float64)
        table = places.batches[0]
        self._target, self._times = table["target"].to_numpy(), table["times"].to_numpy()
        self._at = [table[f"feature_{number}"].to_numpy() for number in range(2 * self._order - 1)]
        pool = arrow.ArrowFile(folder / "ngram.pool.arrow").batches[0]
        self._domain, self._key, self._sizes = (pool[name].to_numpy() for name in ("domain", "key", "size"))
        self._has = np.bincount(self._domain, self._sizes, len(names)).astype(np.int64)
        entries = arrow.ArrowFile(folder / "ngram.entries.arrow").batches[0]
        self._feature, self._count = (entries[name].to_numpy() for name in ("feature", "count"))
        self._begins = np.searchsorted(entries["document"].to_numpy(), np.arange(len(self._domain) + 1))
        self.strengths: list[float] = []

    def fit(self, natural: Floats, budget: int) -> None:
        """Choose the strengths: for each order the one with which the natural mixture does best."""
        counts = self._counts(natural, budget, 0)
        self.strengths = []
        for _ in range(self._order):
            tried = [self._loss(self._nats(*counts, [*self.strengths, one])) for one in STRENGTHS.tolist()]
            self.strengths.append(float(STRENGTHS[int(np.argmin(tried))]))

    def evaluate(self, weights: Mapping[str, float], budget: int, seed: int) -> Measured:
        """Bits for each byte of the targets."""
        begun = time.perf_counter()
        shares = np.array([weights.get(name, 0.0) for name in self._names])
        nats = self._nats(*self._counts(shares, budget, seed), self.strengths)
        bits = nats / math.log(2) / self._bytes
        losses = {name: round(float(one), DIGITS) for name, one in zip(self._weights, bits, strict=True)}
        return Measured(round(self._loss(nats), DIGITS), losses, time.perf_counter() - begun)

    def _loss(self, nats: Floats) -> float:
        """Weighted mean over targets, in bits per byte."""
        each = np.array(list(self._weights.values()))
        return float((nats / math.log(2) / self._bytes * each).sum() / each.sum())

    def _counts(self, shares: Floats, budget: int, seed: int) -> tuple[Floats, Floats]:
        """How often each feature is in the training text, with repeats and without; float64[features + 1] each."""
        times = repeats(self._domain, self._key, self._sizes, shares * budget, self._has, seed)
        rows = np.flatnonzero(times)
        many = self._begins[rows + 1] - self._begins[rows]
        at = np.arange(int(many.sum())) + np.repeat(self._begins[rows] - (np.cumsum(many) - many), many)
        feature, count = self._feature[at], self._count[at]
        drawn, distinct = (
            np.asarray(np.bincount(feature, np.repeat(each, many) * count, self._features + 1), np.float64)
            for each in (times[rows], np.minimum(times[rows], 1.0))
        )
        return drawn, distinct

    def _nats(self, drawn: Floats, distinct: Floats, strengths: list[float]) -> Floats:
        """float64[targets]: -ln p of each target, by a model of as many orders as there are strengths."""
        p: Floats = np.full(len(self._times), 1.0 / self._size)
        context: Integers = np.full(len(self._times), self._features)  # of single words: all of the text
        for n, strength in enumerate(strengths):
            seen = drawn[context]
            weight = strength * np.where(seen > 0, seen / np.maximum(distinct[context], 1e-12), 1.0)
            p = (drawn[self._at[n]] + weight * p) / (seen + weight)
            if n + 1 < len(strengths):
                context = self._at[self._order + n]
        return np.asarray(np.bincount(self._target, -np.log(p) * self._times, len(self._bytes)), np.float64)
