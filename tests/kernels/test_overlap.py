"""Sets and their similarity against Python's own sets."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.overlap import BELOW, CONNECTED, distinct, jaccards
from curate.kernels.shingles import Shingles

numbers = st.lists(st.integers(0, 12) | st.integers(0, 2**32 - 1), max_size=40)


def shingles_of(lists, kind=np.uint32):
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    return Shingles(offsets, np.array([value for each in lists for value in each], kind))


def similarity(one, other):
    return Fraction(len(one & other), len(one | other)) if one | other else Fraction(1)


@settings(deadline=None)
@given(lists=st.lists(numbers, max_size=8))
def test_distinct(lists):
    offsets, values = distinct(shingles_of(lists))
    assert (offsets.dtype, values.dtype) == (np.int64, np.uint32)
    found = [values[low:high].tolist() for low, high in pairwise(offsets)]
    assert found == [sorted(set(each)) for each in lists]


def test_of_64_bits_the_upper_32_are_taken():
    offsets, values = distinct(shingles_of([[5 << 32 | 7, 5 << 32 | 8, 1 << 32, 2**64 - 1]], np.uint64))
    assert (offsets.tolist(), values.tolist()) == ([0, 3], [1, 5, 2**32 - 1])


def test_distinct_of_many():
    lists = np.random.default_rng(0).integers(0, 2**32, (3, 100_000), np.uint32)
    lists[:, ::3] = 77
    offsets, values = distinct(shingles_of(lists))
    wanted = [np.unique(each) for each in lists]
    assert offsets.tolist() == np.cumsum([0, *map(len, wanted)]).tolist()
    assert (values == np.concatenate(wanted)).all()


@settings(deadline=None, max_examples=300)
@given(
    lists=st.lists(st.sets(st.integers(0, 14)), min_size=1, max_size=8),
    threshold=st.sampled_from([0.0, 0.1, 1 / 3, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0]) | st.floats(0, 1),
    data=st.data(),
)
def test_jaccards(lists, threshold, data):
    offsets, values = distinct(shingles_of([sorted(each) for each in lists]))
    member = st.integers(0, len(lists) - 1)
    pairs = data.draw(st.lists(st.tuples(member, member), max_size=20))
    a, b = np.array(pairs, np.int64).reshape(-1, 2).T
    exact = [similarity(lists[one], lists[other]) for one, other in pairs]
    found = jaccards(offsets, values, a, b, threshold, None)
    assert found.dtype == np.float32
    assert found.tolist() == [
        np.float32(float(ratio)) if ratio.numerator / ratio.denominator >= threshold else BELOW for ratio in exact
    ]
    parents, groups, answers = np.arange(len(lists)), [{i} for i in range(len(lists))], []
    for (one, other), ratio in zip(pairs, found.tolist(), strict=True):
        connected = other in groups[one]
        answers.append(CONNECTED if connected else ratio)
        if not connected and ratio != BELOW:
            joined = groups[one] | groups[other]
            for each in joined:
                groups[each] = joined
    assert jaccards(offsets, values, a, b, threshold, parents).tolist() == answers
    roots = np.arange(len(lists))
    for _ in range(len(lists)):
        roots = parents[roots]
    assert roots.tolist() == [min(group) for group in groups]


@pytest.mark.parametrize(("common", "alone", "threshold"), [(7, 3, 0.7), (4, 1, 0.8), (9, 1, 0.9), (1, 2, 1 / 3)])
def test_exactly_the_threshold_is_enough(common, alone, threshold):
    """As float32, 0.7 and 0.9 are less than they are as float64."""
    for times in (1, 10, 1000):
        one, other = range((common + alone) * times), range(common * times)
        offsets, values = distinct(shingles_of([[*one], [*other], [*other][1:]]))
        found = jaccards(offsets, values, np.array([0, 0]), np.array([1, 2]), threshold, None)
        assert found[0] == np.float32(common / (common + alone))
        assert found[1] == BELOW


def test_large_sets_that_differ_are_soon_told():
    rng = np.random.default_rng(1)
    sets = [np.unique(rng.integers(0, 2**32, 50_000, np.uint32)) for _ in range(2)]
    sets.append(np.unique(np.concatenate([sets[0][:45_000], sets[1][:5_000]])))
    offsets, values = distinct(shingles_of(sets))
    found = jaccards(offsets, values, np.array([0, 0, 1]), np.array([1, 2, 2]), 0.6, None)
    exact = float(similarity(set(sets[0].tolist()), set(sets[2].tolist())))
    assert exact > 0.6
    assert found.tolist() == [BELOW, np.float32(exact), BELOW]
