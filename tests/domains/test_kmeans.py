from __future__ import annotations

import numpy as np
import pytest

from curate.domains import kmeans


def planted(groups: int, each: int, dim: int = 16, spread: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """(points of length 1 around so many directions, in random order; their groups)."""
    rng = np.random.default_rng(7)
    centres = rng.standard_normal((groups, dim))
    group = rng.permutation(np.repeat(np.arange(groups), each))
    x = centres[group] / np.linalg.norm(centres[group], axis=1, keepdims=True) + rng.normal(
        0, spread / 4, (len(group), dim)
    )
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), group


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_finds_planted_groups(distance):
    x, group = planted(12, 50)
    centres = kmeans.fit(x, 24, seed=1, distance=distance)
    label, apart = kmeans.assign(x, centres, distance)
    assert len(np.unique(label)) == 24
    assert all(len(np.unique(group[label == one])) == 1 for one in range(24))
    assert (apart >= 0).all()


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_assigns_to_the_nearest_of_all(distance):
    x, _ = planted(5, 20)
    centres = kmeans.fit(x, 7, seed=2, distance=distance)
    label, apart = kmeans.assign(x, centres, distance)
    every = np.linalg.norm(x[:, None].astype(np.float64) - centres, axis=2)
    if distance == "cosine":
        every = 1 - x.astype(np.float64) @ centres.T
        assert np.allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-6)
    assert np.allclose(apart, every.min(1), atol=1e-5)
    assert (every[np.arange(len(x)), label] <= every.min(1) + 1e-5).all()


def test_each_step_is_a_better_one():
    """Lloyd's iteration never makes the sum of squares larger, where no cluster is empty."""
    x, _ = planted(30, 40, spread=2)
    centres = x[:20].copy()
    before = np.inf
    for _ in range(6):
        total = float((kmeans.assign(x, centres, "euclidean")[1].astype(np.float64) ** 2).sum())
        assert total <= before * (1 + 1e-6)
        before = total
        centres = kmeans._lloyd(x, centres, "euclidean", 1)


def test_is_near_the_best_of_many_plain_runs():
    """The sum of squares is not much above that of k-means from SciPy with ten beginnings."""
    from scipy.cluster.vq import kmeans2, vq

    x, _ = planted(25, 60, spread=3)
    best = min(
        float(
            (
                vq(x.astype(np.float64), kmeans2(x.astype(np.float64), 15, iter=25, minit="++", rng=seed)[0])[1] ** 2
            ).sum()
        )
        for seed in range(10)
    )
    mine = kmeans.assign(x, kmeans.fit(x, 15, seed=0, distance="euclidean"), "euclidean")[1]
    assert float((mine.astype(np.float64) ** 2).sum()) < 1.1 * best


def test_same_seed_same_bits():
    x, _ = planted(9, 100, spread=2)
    first, again, other = (kmeans.fit(x, 12, seed=seed, distance="cosine") for seed in (3, 3, 4))
    assert (first == again).all()
    assert not (first == other).all()


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_few_points_and_equal_points(distance):
    assert kmeans.fit(np.zeros((0, 4), np.float32), 3, seed=0, distance=distance).shape == (0, 4)
    x, _ = planted(2, 1)
    assert kmeans.fit(x, 9, seed=0, distance=distance).shape == (2, 16)
    same = np.tile(x[:1], (40, 1))
    centres = kmeans.fit(same, 5, seed=0, distance=distance)
    assert np.isfinite(centres).all()
    assert kmeans.assign(same, centres, distance)[1].max() < 1e-3


def test_an_empty_cluster_begins_again_far_from_the_others():
    x, _ = planted(4, 25)
    centres = np.concatenate([x[:1], x[:1], x[:1], x[:1]])
    found = kmeans._lloyd(x, centres, "cosine", 8)
    assert len(np.unique(kmeans.assign(x, found, "cosine")[0])) == 4
