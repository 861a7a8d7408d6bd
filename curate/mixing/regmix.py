"""RegMix: one batch of mixtures, a regression over them, and the mean of those that it promises most.

Method: Liu et al. 2024, "RegMix: Data Mixture as Regression for Language Model Pre-training".
"""

from __future__ import annotations

import numpy as np

from curate.mixing.draws import dirichlet, first_batch
from curate.mixing.options import RegMix
from curate.mixing.results import Results
from curate.mixing.trials import Found, Search, Space, Trial, parts_of

SIMULATED = 100_000
"""Mixtures, drawn of Dirichlet(natural), that are predicted."""
TOP = 128
"""Of these, how many of the best are averaged."""


def regmix(space: Space, options: RegMix, *, budget: int, seed: int, finalists: int = 1) -> Search:
    """The search. The mean of the predicted best is measured too, and is the answer only if it measures best."""
    generator, results = np.random.default_rng([seed, 0]), Results()
    rows = first_batch(space, options.mixtures, generator, options.bound)
    trials = [Trial(parts_of(row), budget, seed, "batch 1") for row in rows]
    results.add(trials, (yield trials))
    predictor = results.predictor(options.predictor, seed)
    drawn = dirichlet(np.tile(space.natural, (SIMULATED, 1)), generator)
    within = drawn[(drawn <= space.most + 1e-12).all(axis=1)]
    pool = within if len(within) >= TOP else results.weights
    predicted = predictor.predict(pool)
    mean = pool[np.argsort(predicted, kind="stable")[:TOP]].mean(axis=0)
    trial = Trial(parts_of(mean), budget, seed, "choice")
    correlation = results.held_out_correlation(options.predictor, seed)
    results.add([trial], (yield [trial]))
    facts = {
        "correlation": correlation,
        "choice": {"parts": list(trial.parts), "predicted": float(predictor.predict(mean[None])[0])},
    }
    return Found(results.first(finalists), facts)
