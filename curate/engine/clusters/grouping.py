"""From pairs that are alike to the document that is kept in place of each one."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.kernels.union_find import components, first_keep

_Numbers = npt.NDArray[np.int64]


def kept_of(
    n: int, a: _Numbers, b: _Numbers, same: npt.NDArray[np.bool_], method: Literal["components", "greedy"]
) -> _Numbers:
    """Which of n documents, numbered in the order in which they are rather kept, is kept in place of each; int64[n].

    Args:
        n: the number of documents.
        a: of pairs that are alike, int64[p],
        b: the other one.
        same: whether a pair is of the same text. Such documents stand and fall together, as one that has the pairs of
            all: only one of them was looked at among candidates.
        method: see `Likeness`.
    """
    one = components(n, a[same], b[same])
    group = components if method == "components" else first_keep
    return group(n, one[a[~same]], one[b[~same]])[one]
