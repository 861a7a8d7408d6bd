"""What a search has measured so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from curate.mixing.predicting import LEAST, Kind, Predictor, learn
from curate.mixing.ranking import spearman
from curate.mixing.trials import Floats, Measured, Trial


@dataclass
class Results:
    """All that was measured so far, in order."""

    trials: list[Trial] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def add(self, trials: Sequence[Trial], measured: Sequence[Measured]) -> None:
        """The answers to some trials."""
        self.trials += trials
        self.losses += [one.loss for one in measured]

    @property
    def weights(self) -> Floats:
        """float64[n, k]."""
        return np.array([trial.weights for trial in self.trials])

    @property
    def best(self) -> int:
        """Place of the smallest loss, the first of equal ones."""
        return int(np.argmin(self.losses))

    def predictor(self, kind: Kind, seed: int) -> Predictor:
        """Learned from all of them."""
        return learn(kind, self.weights, np.array(self.losses), seed=seed)

    def held_out_correlation(self, kind: Kind, seed: int, folds: int = 5) -> float | None:
        """Correlation of ranks between what was measured and what was predicted of it without it: 5-fold."""
        weights, losses = self.weights, np.array(self.losses)
        place = np.random.default_rng([seed, folds]).permutation(len(losses)) % folds
        predicted = np.empty(len(losses))
        for fold in range(folds):
            known = place != fold
            if known.sum() < LEAST:
                return None
            learned = learn(kind, weights[known], losses[known], seed=seed, bags=1)  # for the time that five take
            predicted[~known] = learned.predict(weights[~known])
        return spearman(predicted, losses)

    def first(self, count: int) -> tuple[Trial, ...]:
        """The trials with the smallest losses, the best first, each mixture once."""
        order = np.argsort(np.array(self.losses), kind="stable")
        return tuple({self.trials[at].parts: self.trials[at] for at in reversed(order)}.values())[::-1][:count]
