"""CLIMB: batches of mixtures, each chosen by what a predictor has learned from those before.

Method: Diao et al. 2025, "CLIMB: CLustering-based Iterative Data Mixture Bootstrapping for Language Model
Pre-training". Beyond it: candidates around the best that was measured, and the predictor's own choice is measured too
and wins only if it measures best: never measured, it was worse than the best measured one in six of six trials.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from curate.mixing.draws import TRIES, candidates, first_batch, spread, unmeasured
from curate.mixing.options import Climb
from curate.mixing.predicting import Predictor, learn
from curate.mixing.ranking import spearman
from curate.mixing.results import Results
from curate.mixing.trials import Floats, Found, Search, Space, Trial, parts_of

CANDIDATES = 100_000
LEAST_TOP = 128
"""The next batch of m is drawn from the m * m candidates that promise most, and from no fewer than these."""
SIFTED = 4
"""Times as many candidates are looked at closely, of those on which a Gaussian process sets most hope."""


def climb(space: Space, options: Climb, *, budget: int, seed: int, finalists: int = 1) -> Search:
    """The search. Facts: how well each later batch was predicted, and the predictor's choice at the end."""
    results, ahead = Results(), list[float | None]()
    for number, size in enumerate(options.batches):
        generator = np.random.default_rng([seed, number])
        predicted = None
        if number == 0:
            rows = first_batch(space, size, generator, options.bound)
        else:
            predictor = results.predictor(options.predictor, seed)
            rows = next_batch(space, results, predictor, size, generator)
            if not len(rows):
                break
            predicted = predictor.predict(rows)
        trials = [Trial(parts_of(row), budget, seed, f"batch {number + 1}") for row in rows]
        measured = yield trials
        results.add(trials, measured)
        if predicted is not None:
            ahead.append(spearman(predicted, np.array([one.loss for one in measured])))
    predictor = results.predictor(options.predictor, seed)
    choice = next_batch(space, results, predictor, 1, np.random.default_rng([seed, len(options.batches)]))
    correlation = results.held_out_correlation(options.predictor, seed)
    facts: dict[str, Any] = {"correlation": correlation, "correlation_ahead": ahead}
    if not len(choice):  # all that the bounds allow was measured
        return Found(results.first(finalists), facts)
    trial = Trial(parts_of(choice[0]), budget, seed, "choice")
    measured = yield [trial]
    results.add([trial], measured)
    facts["choice"] = {"parts": list(trial.parts), "predicted": float(predictor.predict(choice)[0])}
    return Found(results.first(finalists), facts)


def next_batch(
    space: Space, results: Results, predictor: Predictor, size: int, generator: np.random.Generator
) -> Floats:
    """`size` mixtures by chance from those with the smallest predictions, none measured before; 1: the smallest.

    Fewer, or none, if the bounds leave no more. float64[at most size, k].
    """
    drawn = candidates(space, results.weights, np.array(results.losses), CANDIDATES, generator)
    if len(drawn) < size:
        drawn = unmeasured(np.concatenate([drawn, spread(space, TRIES * size, generator)]), results.weights)
    top = max(size * size, LEAST_TOP)
    if len(drawn) > SIFTED * top:
        sieve = learn("process", results.weights, np.array(results.losses), seed=0)  # trees take 50 times as long
        drawn = drawn[np.sort(np.argsort(sieve.predict(drawn), kind="stable")[: SIFTED * top])]
    if not len(drawn):
        return drawn
    rows = drawn[np.argsort(predictor.predict(drawn), kind="stable")[: 1 if size == 1 else top]]
    return np.asarray(rows[generator.choice(len(rows), min(size, len(rows)), replace=False)])
