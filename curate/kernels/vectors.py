"""Vectors of documents: from Arrow lists to matrices and back, and which of many centres each is nearest to.

Sums are taken in one order whatever the number of rows, so that a row's result depends on that row alone, to the last
bit, on any machine. A library's matrix product promises neither, and with the search for the largest it is no faster.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.jit import kernel

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
BLOCK = 8192  # rows that are held in double precision at a time


def is_vector(kind: pa.DataType) -> bool:
    """Whether a column of this type holds vectors: lists of floats."""
    lists = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(lists and pa.types.is_floating(kind.value_type))


def matrix(column: pa.Array, *, of_length_1: bool = True) -> tuple[Floats, npt.NDArray[np.int64]]:
    """(float32[m, dim], their rows int64[m]): the vectors of a column of lists of floats, divided by their lengths.

    Null, zero, and what has a number that is null or not finite are left out. Without `of_length_1` vectors stay as
    they are, those that are zero too; those whose length is no float32 are left out. Raises ValueError if vectors
    differ in their number of numbers.
    """
    there = column.is_valid().to_numpy(zero_copy_only=False)
    given = column.drop_null()
    sizes = pc.unique(pc.list_value_length(given)).to_pylist()
    if len(sizes) > 1:
        raise ValueError(f"the vectors of a column have {', '.join(map(str, sorted(sizes)[:4]))} numbers; not one size")
    flat = given.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)  # null becomes NaN
    values = flat.reshape(len(given), sizes[0] if sizes else 0)
    if of_length_1:
        found, rows = unit(values)
    else:
        wide = values.astype(np.float64)
        rows = np.flatnonzero(np.einsum("ij,ij->i", wide, wide) < np.finfo(np.float32).max)
        found = values[rows]
    return found, np.flatnonzero(there)[rows]


def unit(
    values: npt.NDArray[np.floating[Any] | np.signedinteger[Any]], less: Floats | None = None
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """(float32[m, dim]: the rows of values [n, dim], less float32[1, dim], divided by their lengths; int64[m], which).

    Rows that have no length, or one that is not finite, are left out.
    """
    found, rows = np.empty(values.shape, np.float32), []
    filled = 0
    for start in range(0, len(values), BLOCK):
        wide = values[start : start + BLOCK].astype(np.float64) - (0 if less is None else less)
        length = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        there = np.flatnonzero(np.isfinite(length) & (length > 0))
        found[filled : filled + len(there)] = wide[there] / length[there, None]
        rows.append(there + start)
        filled += len(there)
    return found[:filled], np.concatenate([np.zeros(0, np.int64), *rows])


def column_of(values: Floats, rows: npt.NDArray[np.int64], n: int) -> pa.FixedSizeListArray:
    """fixed_size_list<float16>[n] with vector j, of values float32[m, dim], in row `rows[j]`, and null elsewhere."""
    out = np.zeros((n, values.shape[1]), np.float16)
    out[rows] = values.astype(np.float16)
    lacking = np.ones(n, np.bool_)
    lacking[rows] = False
    flat = pa.array(out.reshape(-1), pa.float16())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=pa.array(lacking))


@kernel
def _nearest(x, centres, bias, scores, label, best):
    k = centres.shape[1]
    for i in range(0, len(x), 4):
        rows = min(4, len(x) - i)
        for r in range(rows):
            for j in range(k):
                scores[r, j] = bias[j]
        if rows == 4:  # each number of a centre is fetched once for four rows
            for d in range(x.shape[1]):
                a, b, c, e = x[i, d], x[i + 1, d], x[i + 2, d], x[i + 3, d]
                for j in range(k):
                    value = centres[d, j]
                    scores[0, j] += a * value
                    scores[1, j] += b * value
                    scores[2, j] += c * value
                    scores[3, j] += e * value
        else:
            for r in range(rows):
                for d in range(x.shape[1]):
                    a = x[i + r, d]
                    for j in range(k):
                        scores[r, j] += a * centres[d, j]
        for r in range(rows):
            top, at = scores[r, 0], 0
            for j in range(1, k):
                if scores[r, j] > top:
                    top, at = scores[r, j], j
            label[i + r] = at
            best[i + r] = top


def nearest(x: Floats, centres: Floats, bias: Floats) -> tuple[Ints, Floats]:
    """(label int32[n], score float32[n]): the j with the largest x @ centres[:, j] + bias[j], the first of equal ones.

    Args:
        x: float32[n, dim].
        centres: float32[dim, k], k at least 1, finite. With bias 0 and centres of length 1 the score is the cosine;
            with -|centre|² / 2 the nearest by Euclidean distance is found.
        bias: float32[k].
    """
    label, best = np.empty(len(x), np.int32), np.empty(len(x), np.float32)
    _nearest(x, centres, bias, np.empty((4, centres.shape[1]), np.float32), label, best)
    return label, best


def products(points: Floats, centre: Floats) -> Floats:
    """float32[n]: the product of each column of points float32[dim, n] with one vector, float32[dim]."""
    scores = np.empty((4, points.shape[1]), np.float32)
    nothing = np.zeros(points.shape[1], np.float32)
    _nearest(centre[None, :], points, nothing, scores, np.empty(1, np.int32), np.empty(1, np.float32))
    found: Floats = scores[0]
    return found


@kernel
def _add_up(x, label, sums, counts):
    for i in range(len(x)):
        mine = label[i]
        counts[mine] += 1
        for d in range(x.shape[1]):
            sums[mine, d] += x[i, d]


def sums(x: Floats, label: Ints, k: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """(float64[k, dim], int64[k]): the sum of the rows of x float32[n, dim] with each label, and how many there are."""
    total, counts = np.zeros((k, x.shape[1])), np.zeros(k, np.int64)
    _add_up(x, label, total, counts)
    return total, counts
