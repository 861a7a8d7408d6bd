"""Keys that sort the best first, and the search for the crossing, against a plain sort and sum."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.kernels.ordering import LAST, Mass, crossing, falling_floats, falling_integers, float_of


@given(st.lists(st.floats(allow_nan=False)))
def test_falling_floats(values):
    keys = falling_floats(np.array(values, np.float64)).tolist()
    for a, key_a in zip(values, keys, strict=True):
        assert float_of(key_a) == a
        for b, key_b in zip(values, keys, strict=True):
            assert (a < b) == (key_a > key_b)
            assert (a == b) == (key_a == key_b)


def test_no_number_has_the_last_key():
    values = [math.nan, -math.nan, math.inf, -math.inf, -1.7976931348623157e308]
    assert (falling_floats(np.array(values)) == LAST).tolist() == [True, True, False, False, False]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_falling_integers(values):
    keys = falling_integers(np.array(values, np.int64)).tolist()
    assert [a < b for a in values for b in values] == [a > b for a in keys for b in keys]


@given(
    pairs=st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 3) | st.just(LAST), st.integers(0, 9))),
    limit=st.integers(0, 60),
    piece=st.integers(1, 7),
)
def test_crossing(pairs, limit, piece):
    calls = []

    def scan(low, high):
        calls.append((low, high))
        inside = [pair for pair in pairs if low <= pair[0] <= high]
        for at in range(0, len(inside), piece):
            keys, weights = zip(*inside[at : at + piece], strict=True)
            yield np.array(keys, np.uint64), np.array(weights, np.int64)

    found = crossing(scan, lambda total: limit)
    assert len(calls) <= 4
    assert found.total == Mass(len(pairs), sum(weight for _, weight in pairs))
    sums = {key: sum(weight for other, weight in pairs if other <= key) for key, _ in pairs}
    over = [key for key, total in sums.items() if total > limit]
    if not over:
        assert found.key is None
        assert found.before == found.total
        return
    key = min(over)
    assert found.key == key
    assert found.before == Mass(sum(k < key for k, _ in pairs), sum(w for k, w in pairs if k < key))
    assert found.at == Mass(sum(k == key for k, _ in pairs), sum(w for k, w in pairs if k == key))
