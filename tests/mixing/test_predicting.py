"""Predictors on known functions, and on the measured losses of RegMix's 512 models."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curate.errors import CurateError
from curate.mixing.draws import dirichlet
from curate.mixing.predicting import Process, Softened, learn
from curate.mixing.ranking import ranks, spearman

DATA = Path(os.environ.get("CURATE_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
RUNS = DATA / "mixture" / "regmix_train_1m.parquet"


def mixtures(count, seed=0, k=6):
    return dirichlet(np.full((count, k), 0.5), np.random.default_rng(seed))


def curved(weights):
    return (1.0 / (weights + 0.05)).sum(axis=1) - 3 * weights[:, 0]


@pytest.mark.parametrize("kind", ["both", "lightgbm", "process"])
def test_the_order_of_a_curved_function_is_learned_alike_each_time(kind):
    weights, fresh = mixtures(100), mixtures(200, 1)
    predicted = learn(kind, weights, curved(weights), seed=3).predict(fresh)
    assert spearman(predicted, curved(fresh)) > 0.8
    assert np.array_equal(predicted, learn(kind, weights, curved(weights), seed=3).predict(fresh))
    shifted = learn(kind, weights, 1000 * curved(weights) - 7, seed=3).predict(fresh)
    assert np.allclose(shifted, 1000 * predicted - 7, rtol=1e-6)


def test_a_process_goes_through_what_it_knows():
    weights = mixtures(60)
    predicted = Process(weights, curved(weights)).predict(weights)
    assert (predicted - curved(weights)).std() < 0.1 * curved(weights).std()


def test_softened_losses_keep_their_order_and_come_back():
    losses = np.array([1.0, 2.0, 3.0, 4.0, 100.0, 1e6])
    softened = Softened(losses)
    flat = softened.flatten(losses)
    assert (np.diff(flat) > 0).all()
    assert flat[:3].tolist() == [1.0, 2.0, 3.0]
    assert flat[-1] < 40
    assert np.allclose(softened.restore(flat), losses)
    assert np.allclose(Softened(np.ones(9)).flatten(np.ones(9)), 1)


def test_too_little_to_learn_from():
    with pytest.raises(CurateError, match="nothing can be predicted from 5 results"):
        learn("both", mixtures(5), np.zeros(5), seed=0)


def test_spearman():
    """By hand: 1 - 6 * sum of squared differences of ranks / (n (n^2 - 1)); equal values share their ranks."""
    assert spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(1 - 6 * 2 / 60)
    assert ranks(np.array([5.0, 1, 5])).tolist() == [2.5, 1, 2.5]
    assert spearman(np.ones(4), np.arange(4.0)) is None


@pytest.mark.skipif(not RUNS.exists(), reason="RegMix's runs are not there; CURATE_SHARED_DATA names their folder")
@pytest.mark.parametrize(("loss", "least"), [("pile_cc", 0.95), ("github", 0.95), (None, 0.9)])
def test_losses_of_real_models(loss, least):
    """112 of 512 models of RegMix are learned from, as many as a search measures; the others are put in order."""
    runs = pl.read_parquet(RUNS)
    weights = runs.select(name for name in runs.columns if name.startswith("w_")).to_numpy()
    weights = weights / weights.sum(axis=1, keepdims=True)
    losses = runs.select(name for name in runs.columns if name.startswith("loss_"))
    measured = losses[f"loss_{loss}"].to_numpy() if loss else losses.to_numpy().mean(axis=1)
    order = np.random.default_rng(0).permutation(len(runs))
    known, others = order[:112], order[112:]
    predicted = learn("both", weights[known], measured[known], seed=0).predict(weights[others])
    assert spearman(predicted, measured[others]) > least
