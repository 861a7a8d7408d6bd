"""Axes: every value has a bin, in order, and the round numbers are where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from curate.report.axes import axis_of

FLOATS = arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(width=32))
INTS = arrays.arrays(np.int64, st.integers(1, 60), elements=st.integers(-(2**40), 2**40))
SMALL = arrays.arrays(np.int32, st.integers(1, 60), elements=st.integers(0, 30))
LIMITS = st.lists(st.floats(-1e6, 1e6), max_size=2)


@settings(deadline=None)
@given(FLOATS | INTS | SMALL, LIMITS)
def test_every_value_has_a_bin_and_bins_are_in_the_order_of_values(values, limits):
    axis = axis_of(values, limits)
    finite = values[np.isfinite(values.astype(np.float64))]
    if axis is None:
        assert not len(finite)
        return
    bins = axis.bin(values)
    assert ((0 <= bins) & (bins < axis.bins)).all()
    assert (np.diff(axis.bin(np.sort(finite))) >= 0).all()
    assert axis.low < axis.high
    for place, _ in axis.ticks():
        assert -0.01 <= place <= 1.01


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(9), "whole"),
        (np.array([0.1, 0.5, 0.9], np.float32), "linear"),
        (np.array([0, 1, 2, 3, 100_000]), "log"),
        (np.concatenate([np.full(500, 0.001), np.linspace(0.1, 1, 50)]), "log"),
        (np.concatenate([np.zeros(500), np.linspace(0.1, 1, 50)]), "linear"),
        (np.full(10, 0.25), "linear"),
    ],
)
def test_the_kind_of_an_axis(values, kind):
    assert axis_of(values, []).kind == kind


def test_integers_have_a_bin_each():
    axis = axis_of(np.array([0, 1, 1, 4]), [2.0])
    assert axis.bin(np.array([0, 1, 2, 3, 4])).tolist() == [0, 1, 2, 3, 4]
    assert [text for _, text in axis.ticks()] == ["0", "1", "2", "3", "4"]


def test_a_limit_is_on_the_axis_if_it_is_near():
    values = np.linspace(0.0, 0.2, 100)
    near, far = axis_of(values, [0.3]), axis_of(values, [100_000.0])
    assert near.place(np.array([0.3]))[0] < 1
    assert far.high < 1


@settings(deadline=None)
@given(st.floats(0, 1))
def test_places_and_numbers_are_inverse(place):
    for values in (np.array([0, 1, 2, 3, 100_000]), np.linspace(-3, 8, 50)):
        axis = axis_of(values, [])
        assert axis.place(np.array([axis.number(place)]))[0] == pytest.approx(place, abs=1e-6)
