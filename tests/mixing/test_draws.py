"""Random mixtures: the properties of RegMix's sampler."""

import numpy as np
import pytest

from curate.errors import CurateError
from curate.mixing.draws import GRAIN, candidates, dirichlet, first_batch, unmeasured, without_repeats
from curate.mixing.trials import UNITS, Space, parts_of
from tests.mixing.truths import space


def test_first_batch():
    of = space()
    rows = first_batch(of, 64, np.random.default_rng(0))
    assert rows.shape == (64, 21)
    assert np.abs(rows.sum(axis=1) - 1).max() <= 21 * 1e-4
    assert (rows <= np.minimum(15 * of.natural, 1) + GRAIN).all()
    assert np.abs(rows / GRAIN - np.round(rows / GRAIN)).max() < 1e-6
    assert len({tuple(row) for row in rows}) == 64
    sizes = (rows > 0).sum(axis=1)
    assert sizes.min() < 6
    assert sizes.max() > 15


def test_first_batch_keeps_to_bounds_of_the_space():
    of = space(8)
    tight = Space(of.names, of.natural, np.full(8, 0.3))
    assert first_batch(tight, 16, np.random.default_rng(0), bound=None).max() <= 0.3 + GRAIN
    with pytest.raises(CurateError, match="raise max_epochs or bound"):
        first_batch(Space(of.names, of.natural, np.full(8, 0.126)), 16, np.random.default_rng(0))


def test_an_empty_domain_gets_nothing():
    of = Space(("a", "b", "c"), np.array([0.5, 0.5, 0.0]), np.ones(3))
    assert first_batch(of, 8, np.random.default_rng(0))[:, 2].max() == 0


def test_dirichlet_has_the_moments_of_one():
    """Oracle: mean m = a / A and variance m (1 - m) / (A + 1)."""
    alpha = np.array([0.02, 0.05, 0.1])
    draws = dirichlet(np.tile(alpha, (40_000, 1)), np.random.default_rng(0))
    mean = alpha / alpha.sum()
    assert np.allclose(draws.sum(axis=1), 1)
    assert np.abs(draws.mean(axis=0) - mean).max() < 0.01
    assert np.abs(draws.var(axis=0) - mean * (1 - mean) / (1 + alpha.sum())).max() < 0.01


def test_repeats_are_left_out():
    rows = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.5, 0.5000001]])
    assert without_repeats(rows).tolist() == [[0.2, 0.8], [0.5, 0.5]]


def test_candidates_keep_to_the_bounds_and_are_new():
    of = space(5, most=np.array([0.9, 0.5, 0.4, 0.3, 0.2]))
    measured = first_batch(of, 16, np.random.default_rng(1))
    drawn = candidates(of, measured, np.arange(16.0), 2000, np.random.default_rng(2))
    assert (drawn <= of.most + 1e-9).all()
    assert np.abs(drawn[:, None] - measured).sum(axis=2).min() > GRAIN / 2
    assert len({tuple(np.round(row / GRAIN)) for row in drawn}) == len(drawn) > 500


def test_unmeasured_are_the_first_of_each():
    rows = np.array([[0.7, 0.3], [0.2, 0.8], [0.70003, 0.29997], [0.5, 0.5], [1.0, 0.0]])
    assert unmeasured(rows, np.array([[0.5, 0.5], [0.0, 1.0]])).tolist() == rows[[0, 1, 4]].tolist()
    assert not len(unmeasured(rows[:0], rows))


@pytest.mark.parametrize("weights", [[1, 1, 1], [0.1, 0.2, 0.7], [1e-9, 1], [3, 0, 0]])
def test_parts_sum_to_a_million(weights):
    parts = parts_of(weights)
    assert sum(parts) == UNITS
    assert np.abs(np.array(parts) / UNITS - np.array(weights) / sum(weights)).max() <= 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_parts_of_what_is_not_finite(bad):
    with pytest.raises(CurateError, match="too large"):
        parts_of([0.5, bad])
