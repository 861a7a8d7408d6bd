"""CLIMB on truths that are known."""

import numpy as np

from curate.mixing.climb import climb
from curate.mixing.draws import dirichlet
from curate.mixing.measuring import carry_out
from curate.mixing.options import Climb
from curate.mixing.predicting import learn
from curate.mixing.ranking import spearman
from tests.mixing.truths import answering, far_star, l1_truth, space


def test_it_beats_as_many_random_mixtures_and_learns_the_order(monkeypatch):
    """An L1 truth; the bounds were set before: better than the best of 112 draws and a rank correlation of 0.75."""
    monkeypatch.setattr("curate.mixing.climb.CANDIDATES", 20_000)
    better = correlated = 0
    for seed in range(3):
        of = space(seed=seed)
        truth = l1_truth(far_star(of, seed))
        measure = answering(truth, 0.15, seed)
        kind = "process" if seed else "both"  # for the time that trees take
        found = carry_out(climb(of, Climb(predictor=kind), budget=1, seed=seed), measure)
        assert len(measure.asked) == 113
        draws = dirichlet(np.tile(of.natural, (112, 1)), np.random.default_rng(seed))
        better += truth(found.finalists[0].weights) < min(map(truth, draws))
        fresh = dirichlet(np.tile(of.natural, (500, 1)), np.random.default_rng([seed, 9]))
        weights = np.array([trial.weights for trial in measure.asked])
        losses = np.array([truth(row) for row in weights])
        predicted = learn("both", weights, losses, seed=seed, bags=2).predict(fresh)
        correlated += spearman(predicted, np.array([truth(row) for row in fresh])) >= 0.75
    assert better >= 3
    assert correlated >= 2
