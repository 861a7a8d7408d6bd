"""Spaces and losses of which the best mixture is known."""

import numpy as np

from curate.mixing.trials import Measured, Space


def space(k=21, seed=0, most=None):
    natural = np.random.default_rng([seed, 1]).dirichlet(np.full(k, 1.0))
    return Space(tuple(f"d{i}" for i in range(k)), natural, np.ones(k) if most is None else most)


def far_star(of, seed=0):
    """A mixture of five domains, with a little of all: the truth of the design notes."""
    generator = np.random.default_rng([seed, 2])
    star = np.zeros(len(of.names))
    star[generator.choice(len(star), 5, replace=False)] = generator.dirichlet(np.ones(5))
    return 0.85 * star + 0.15 * of.natural


def l1_truth(star):
    """Loss of 12.5 times the L1 distance from a mixture, less 60."""
    return lambda weights: 12.5 * float(np.abs(weights - star).sum()) - 60


def answering(truth, noise=0.0, seed=0):
    """What measures trials by a known truth; `asked` has all that was asked."""
    generator, asked = np.random.default_rng([seed, 3]), []

    def measure(trials):
        asked.extend(trials)
        return [Measured(truth(trial.weights) + noise * generator.normal()) for trial in trials]

    measure.asked = asked
    return measure
