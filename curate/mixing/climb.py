"""CLIMB: batches of mixtures, each chosen by what a predictor has learned from those before.

Method: Diao et al. 2025, "CLIMB: CLustering-based Iterative Data Mixture Bootstrapping for Language Model
Pre-training". Beyond it: candidates around the best that was measured, and the predictor's own choice is measured too
and wins only if it measures best: never measured, it was worse than the best measured one in six of six trials.
"""

from __future__ import annotations

import numpy as np

from curate.mixing.draws import candidates, first_batch
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
            predicted = predictor.predict(rows)
        trials = [Trial(parts_of(row), budget, seed, f"batch {number + 1}") for row in rows]
        measured = yield trials
        results.add(trials, measured)
        if predicted is not None:
            ahead.append(spearman(predicted, np.array([one.loss for one in measured])))
    predictor = results.predictor(options.predictor, seed)
    choice = next_batch(space, results, predictor, 1, np.random.default_rng([seed, len(options.batches)]))
    correlation = results.held_out_correlation(options.predictor, seed)
    trial = Trial(parts_of(choice[0]), budget, seed, "choice")
    measured = yield [trial]
    results.add([trial], measured)
    facts = {
        "correlation": correlation,
        "correlation_ahead": ahead,
        "choice": {"parts": list(trial.parts), "predicted": float(predictor.predict(choice)[0])},
    }
    return Found(results.first(finalists), facts)


def next_batch(
    space: Space, results: Results, predictor: Predictor, size: int, generator: np.random.Generator
) -> Floats:
    """`size` mixtures by chance from those with the smallest predictions, none measured before; 1: the smallest."""
    drawn = candidates(space, results.weights, np.array(results.losses), CANDIDATES, generator)
    sieve = learn("process", results.weights, np.array(results.losses), seed=0)  # trees take 50 times as long
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
