"""CLIMB: batches of mixtures, each chosen by what a predictor has learned from those before.

Method: Diao et al. 2025, "CLIMB: CLustering-based Iterative Data Mixture Bootstrapping for Language Model
Pre-training". Beyond it: candidates around the best that was measured, and the predictor's own choice is measured too
and wins only if it measures best: never measured, it was worse than the best measured one in six of six trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from curate.mixing.draws import BOUND, candidates, first_batch
from curate.mixing.predicting import Kind, Predictor, Process, learn
from curate.mixing.ranking import spearman
from curate.mixing.trials import Floats, Found, Measured, Search, Space, Trial, parts_of

CANDIDATES = 100_000
LEAST_TOP = 128
"""The next batch of m is drawn from the m * m candidates that promise most, and from no fewer than these."""
SIFTED = 4
"""Times as many candidates are looked at closely, of those on which a Gaussian process sets most hope."""


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


def climb(
    space: Space, batches: Sequence[int], *, budget: int, seed: int, bound: float | None = BOUND, kind: Kind = "both"
) -> Search:
    """The search; batches: how many mixtures each has, 64, 32 and 16 in the paper."""
    results, correlations = Results(), list[float | None]()
    for number, size in enumerate(batches):
        generator = np.random.default_rng([seed, number])
        predicted = None
        if number == 0:
            rows = first_batch(space, size, generator, bound)
        else:
            predictor = results.predictor(kind, seed)
            rows = next_batch(space, results, predictor, size, generator)
            predicted = predictor.predict(rows)
        trials = [Trial(parts_of(row), budget, seed, f"batch {number + 1}") for row in rows]
        measured = yield trials
        results.add(trials, measured)
        if predicted is not None:
            correlations.append(spearman(predicted, np.array([one.loss for one in measured])))
    generator = np.random.default_rng([seed, len(batches)])
    predictor = results.predictor(kind, seed)
    choice = next_batch(space, results, predictor, 1, generator)[0]
    predicted_loss = float(predictor.predict(choice[None])[0])
    trial = Trial(parts_of(choice), budget, seed, "predictor's choice")
    measured = yield [trial]
    results.add([trial], measured)
    facts = {
        "correlation_ahead": correlations,
        "predicted": {"weights": list(trial.parts), "loss": predicted_loss, "measured": measured[0].loss},
    }
    return Found(results.trials[results.best], results.losses[results.best], facts)


def next_batch(
    space: Space, results: Results, predictor: Predictor, size: int, generator: np.random.Generator
) -> Floats:
    """`size` mixtures by chance from those with the smallest predictions, none measured before; 1: the smallest."""
    drawn = candidates(space, results.weights, np.array(results.losses), CANDIDATES, generator)
    sieve = Process(results.weights, np.array(results.losses))  # trees take 50 times as long
    drawn = drawn[np.sort(np.argsort(sieve.predict(drawn), kind="stable")[: SIFTED * max(size * size, LEAST_TOP)])]
    order = np.argsort(predictor.predict(drawn), kind="stable")
    known = {trial.parts for trial in results.trials}
    top: dict[tuple[int, ...], Floats] = {}
    for row in drawn[order]:
        parts = parts_of(row)
        if parts not in known:
            top.setdefault(parts, row)
        if len(top) >= (1 if size == 1 else max(size * size, LEAST_TOP)):
            break
    rows = np.array(list(top.values()))
    return rows[:1] if size == 1 else np.asarray(rows[generator.choice(len(rows), size, replace=False)])
