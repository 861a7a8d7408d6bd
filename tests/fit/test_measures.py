"""Measures against their definitions, and the threshold against its known answer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.fit.measures import average_precision, ranks, roc_auc, spearman, threshold

values = st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.5, 1.0]) | st.floats(-9, 9), min_size=1, max_size=30)


@settings(deadline=None)
@given(values=values, data=st.data())
def test_roc_auc_is_the_share_of_pairs_in_order(values, data):
    scores = np.array(values)
    positive = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    pairs = [(a > b) + (a == b) / 2 for a in scores[positive] for b in scores[~positive]]
    if pairs:
        assert roc_auc(scores, positive) == pytest.approx(np.mean(pairs))
    else:
        assert math.isnan(roc_auc(scores, positive))
    precision = [positive[scores >= score].mean() for score in scores[positive]]
    if precision:
        assert average_precision(scores, positive) == pytest.approx(np.mean(precision))


@settings(deadline=None)
@given(values=values)
def test_ranks_are_places_in_order(values):
    found = ranks(np.array(values))
    for value, rank in zip(values, found, strict=True):
        below, same = sum(v < value for v in values), sum(v == value for v in values)
        assert rank == below + (same + 1) / 2


def test_spearman():
    a = np.array([1.0, 2, 3, 4])
    assert spearman(a, a**3) == pytest.approx(1)
    assert spearman(a, -a) == pytest.approx(-1)
    assert spearman(a, np.array([2.0, 1, 4, 3])) == pytest.approx(0.6)  # 1 - 6 * 4 / (4 * 15)
    assert math.isnan(spearman(a, np.ones(4)))


def test_threshold_of_the_known_answer():
    scores, weights = np.array([0.9, 0.8, 0.8, 0.5, 0.4]), np.array([50, 30, 40, 200, 680])
    found = threshold(scores, weights, 0.1)
    assert (found.value, found.weight, found.documents) == (0.8, 0.12, 0.6)
    assert threshold(scores, weights, 1.0).value == 0.4
