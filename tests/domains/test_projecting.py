from __future__ import annotations

import sys

import numpy as np
import pytest

from curate.domains.projecting import plane
from curate.errors import StageError
from tests.domains.test_kmeans import planted


def test_islands_are_apart_and_each_is_together():
    x, group = planted(6, 40, dim=32)
    places = plane(x, group, "islands", 0)
    means = np.stack([places[group == g].mean(0) for g in range(6)])
    own = np.linalg.norm(places - means[group], axis=1)
    other = np.linalg.norm(places[:, None] - means, axis=2)
    assert (other.argmin(1) == group).mean() > 0.8
    assert own.mean() < np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(6, 1)].min()


def test_neighbours_on_the_map_are_those_that_are_alike():
    """Domains along a line stay in their order."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(5), 30)
    angle = group * 0.35 + rng.normal(0, 0.02, 150)
    x = np.stack([np.cos(angle), np.sin(angle), rng.normal(0, 0.02, 150)], axis=1)
    places = plane((x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), group, "islands", 0)
    means = np.stack([places[group == g].mean(0) for g in range(5)])
    far = np.linalg.norm(means - means[0], axis=1)
    assert far.tolist() == sorted(far)


def test_pca_is_that_of_numpy():
    x, group = planted(4, 30)
    found = plane(x, group, "pca", 0)
    u, s, _ = np.linalg.svd(x.astype(np.float64) - x.mean(0, dtype=np.float64), full_matrices=False)
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], u[:, axis] * s[axis])[0, 1]) > 0.99


@pytest.mark.parametrize("layout", ["islands", "pca"])
def test_places_are_on_the_map_and_the_same_again(layout):
    x, group = planted(7, 20)
    group = np.where(np.arange(140) % 9 == 0, -1, group)  # some of none
    found = plane(x, group, layout, 1)
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1
    assert (found == plane(x, group, layout, 1)).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_few_documents(n):
    x, group = planted(2, 2)
    found = plane(x[:n], group[:n], "islands", 0)
    assert found.shape == (n, 2)
    assert np.isfinite(found).all()
    same = plane(np.tile(x[:1], (6, 1)), np.arange(6) % 3, "islands", 0)
    assert np.isfinite(same).all()


def test_umap_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    x, group = planted(3, 10)
    with pytest.raises(StageError, match=r"pip install 'curate\[umap\]'"):
        plane(x, group, "umap", 0)
