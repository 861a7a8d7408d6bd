from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from curate.domains.merging import merge


def groups(tight: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(3)
    centres = np.array([[0, 0], [5, 0], [0, 5]], np.float32)
    return (centres[np.arange(12) % 3] + rng.normal(0, tight, (12, 2))).astype(np.float32)


def test_three_tight_groups_far_apart():
    for options in ({"domains": 3, "distance": None}, {"domains": None, "distance": 1.5}):
        assert merge(groups(), **options).tolist() == [0, 1, 2] * 4


def test_as_scipy_does_it():
    centres = np.random.default_rng(4).standard_normal((40, 8)).astype(np.float32)
    tree = linkage(centres.astype(np.float64), method="ward", metric="euclidean")
    for wanted in (1, 2, 7, 39):
        mine, theirs = merge(centres, domains=wanted, distance=None), fcluster(tree, wanted, "maxclust")
        assert len({*zip(mine.tolist(), theirs.tolist(), strict=True)}) == wanted == len({*mine.tolist()})
    assert merge(centres, domains=None, distance=1e-9).tolist() == list(range(40))


def test_other_names_other_numbers_same_groups():
    centres = np.random.default_rng(5).standard_normal((30, 4)).astype(np.float32)
    order = np.random.default_rng(6).permutation(30)
    one, other = merge(centres, domains=6, distance=None)[order], merge(centres[order], domains=6, distance=None)
    assert len({*zip(one.tolist(), other.tolist(), strict=True)}) == 6


def test_none_and_one():
    assert merge(np.zeros((0, 3), np.float32), domains=5, distance=None).tolist() == []
    assert merge(np.zeros((1, 3), np.float32), domains=None, distance=1.0).tolist() == [0]
    assert merge(np.eye(3, dtype=np.float32), domains=9, distance=None).tolist() == [0, 1, 2]
