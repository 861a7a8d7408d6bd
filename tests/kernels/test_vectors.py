from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.vectors import column_of, is_vector, matrix, nearest, products, sums, unit


def random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(n=st.integers(0, 11), dim=st.integers(1, 9), k=st.integers(1, 40), seed=st.integers(0, 99))
def test_nearest_is_the_largest_of_all_products(n, dim, k, seed):
    x, centres, bias = random(seed, n, dim), random(seed + 1, dim, k), random(seed + 2, k)
    label, score = nearest(x, centres, bias)
    every = x.astype(np.float64) @ centres + bias
    assert np.allclose(score, every.max(1, initial=-np.inf), atol=1e-5)
    assert np.allclose(every[np.arange(n), label], score, atol=1e-5)


def test_a_row_does_not_depend_on_those_beside_it():
    x, centres, bias = random(1, 103, 130), random(2, 130, 37), random(3, 37)
    label, score = nearest(x, centres, bias)
    for size in (1, 2, 3, 4, 50):
        for start in (0, 1, 2, 3):
            again = nearest(x[start : start + size], centres, bias)
            assert (again[0] == label[start : start + size]).all()
            assert (again[1] == score[start : start + size]).all()  # to the last bit


def test_of_equal_centres_the_first_is_nearest():
    label, _ = nearest(np.ones((5, 3), np.float32), np.ones((3, 8), np.float32), np.zeros(8, np.float32))
    assert label.tolist() == [0] * 5


def test_products_and_sums():
    points, centre = random(4, 6, 50), random(5, 6)
    assert np.allclose(products(points, centre), centre @ points, atol=1e-5)
    x, label = random(6, 40, 3), np.arange(40, dtype=np.int32) % 7
    total, count = sums(x, label, 9)
    for k in range(9):
        assert np.allclose(total[k], x[label == k].sum(0, dtype=np.float64))
        assert count[k] == (label == k).sum()


LISTS = [[3.0, 4.0], None, [0.0, 0.0], [1.0, None], [float("inf"), 1.0], [0.0, -2.0]]


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float16(), 2), pa.list_(pa.float32(), 2)]
)
def test_vectors_of_a_column(kind):
    given = pa.array(LISTS).cast(kind) if not pa.types.is_fixed_size_list(kind) else pa.array(LISTS, kind)
    assert is_vector(kind)
    for column, first in ((given, 0), (pa.concat_arrays([given, given]).slice(2, 5), 2)):
        values, rows = matrix(column)
        wanted = {0: [0.6, 0.8], 5: [0, -1], 6: [0.6, 0.8]}
        places = [place for place in wanted if first <= place < first + len(column)]
        assert rows.tolist() == [place - first for place in places]
        assert np.allclose(values, [wanted[place] for place in places])


def test_vectors_of_a_column_have_one_size():
    with pytest.raises(ValueError, match="1, 2 numbers"):
        matrix(pa.array([[1.0], [1.0, 2.0]]))
    values, rows = matrix(pa.array([None], pa.list_(pa.float32())))
    assert len(values) == len(rows) == 0
    assert not is_vector(pa.list_(pa.int8()))
    assert not is_vector(pa.float32())


def test_back_to_a_column():
    values, _ = unit(random(7, 3, 4))
    column = column_of(values, np.array([0, 2, 3]), 5)
    column.validate(full=True)
    assert column.type == pa.list_(pa.float16(), 4)
    assert [row is None for row in column.to_pylist()] == [False, True, False, False, True]
    again, rows = matrix(column)
    assert rows.tolist() == [0, 2, 3]
    assert np.allclose(again, values, atol=1e-3)
