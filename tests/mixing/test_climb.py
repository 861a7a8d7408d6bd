"""CLIMB on truths that are known."""

import numpy as np
import pytest

from curate.mixing.climb import climb
from curate.mixing.draws import dirichlet
from curate.mixing.measuring import carry_out
from curate.mixing.options import Climb
from curate.mixing.ranking import spearman
from curate.mixing.results import Results
from curate.mixing.trials import Space
from tests.mixing.truths import answering, far_star, l1_truth, space


@pytest.mark.parametrize(("predictor", "seeds"), [("process", 3), pytest.param("both", 6, marks=pytest.mark.slow)])
def test_it_beats_as_many_random_mixtures_and_learns_the_order(predictor, seeds):
    """An L1 truth, seen with noise; the bounds were set before: better than the best of 112 draws for 5 of 6 seeds, and
    what is learned from the losses that the search saw puts fresh draws in order with a rank correlation of 0.75, for
    all seeds but one.
    """
    gains, correlations = [], []
    for seed in range(seeds):
        of = space(seed=seed)
        truth = l1_truth(far_star(of, seed))
        measure = answering(truth, 0.15, seed)
        seen = Results()

        def measure_and_note(trials, seen=seen, measure=measure):
            measured = measure(trials)
            seen.add(trials, measured)
            return measured

        found = carry_out(climb(of, Climb(predictor=predictor), budget=1, seed=seed), measure_and_note)
        assert len(measure.asked) == 113
        draws = dirichlet(np.tile(of.natural, (112, 1)), np.random.default_rng(seed))
        gains.append(min(map(truth, draws)) - truth(found.finalists[0].weights))
        fresh = dirichlet(np.tile(of.natural, (500, 1)), np.random.default_rng([seed, 9]))
        correlations.append(spearman(seen.predictor(predictor, seed).predict(fresh), np.array([*map(truth, fresh)])))
    assert sum(gain > 0 for gain in gains) >= seeds - seeds // 6, gains
    assert sum(one >= 0.75 for one in correlations) >= seeds - 1, correlations


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
