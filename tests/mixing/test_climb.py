"""CLIMB on truths that are known."""

import numpy as np
import pytest

from curate.mixing.climb import climb
from curate.mixing.draws import dirichlet
from curate.mixing.measuring import carry_out
from curate.mixing.options import Climb
from curate.mixing.predicting import learn
from curate.mixing.ranking import spearman
from curate.mixing.trials import Space
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


@pytest.mark.parametrize("natural", [(0.98, 0.01, 0.01), (0.9, 0.05, 0.03, 0.02), (0.999, 0.001)])
@pytest.mark.parametrize("bounds", [1.0, 0.3])
def test_one_domain_that_is_nearly_all(natural, bounds):
    """Most draws of Dirichlet(natural) are then that domain alone."""
    most = np.array([1.0, *[bounds] * (len(natural) - 1)])
    of = Space(tuple("abcd"[: len(natural)]), np.array(natural), most)
    star = np.array([0.75, 0.25, 0.0, 0.0][: len(natural)])
    measure = answering(l1_truth(star), 0.05)
    options = Climb(batches=(16, 16, 8), predictor="process", bound=None)
    found = carry_out(climb(of, options, budget=1, seed=0), measure)
    parts = [trial.parts for trial in measure.asked]
    assert len(set(parts)) == len(parts) == 41
    assert (found.finalists[0].weights <= most + 1e-6).all()
    assert np.abs(found.finalists[0].weights - star).sum() < 0.1


def test_bounds_that_leave_few_mixtures():
    """Of two domains with a share that is hardly free, all that there is, and no more is asked."""
    of = Space(("a", "b"), np.array([0.995, 0.005]), np.array([1.0, 0.004]))
    measure = answering(lambda weights: -weights[1])
    options = Climb(batches=(12, 32, 8), predictor="process", bound=None)
    found = carry_out(climb(of, options, budget=1, seed=0), measure)
    assert 12 < len(measure.asked) <= 21
    assert found.finalists[0].weights[1] == pytest.approx(0.004, abs=2e-4)
