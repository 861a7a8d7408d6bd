"""A network of one hidden layer, so summed that a row's result depends on that row alone, to the last bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import kernel

Floats = npt.NDArray[np.float32]


@kernel
def _forward(x, inner, inner_bias, outer, outer_bias, hidden, out):
    for i in range(len(x)):
        for j in range(len(hidden)):
            hidden[j] = inner_bias[j]
        for k in range(x.shape[1]):
            value = x[i, k]
            for j in range(len(hidden)):
                hidden[j] += value * inner[k, j]
        for j in range(out.shape[1]):
            out[i, j] = outer_bias[j]
        for k in range(len(hidden)):
            value = hidden[k]
            if value > 0:
                for j in range(out.shape[1]):
                    out[i, j] += value * outer[k, j]


def forward(x: Floats, inner: Floats, inner_bias: Floats, outer: Floats, outer_bias: Floats) -> Floats:
    """float32[n, out] of x float32[n, in]: max(x @ inner + inner_bias, 0) @ outer + outer_bias, in float32.

    A matrix product of a library may sum in another order when there are more rows; this one does not.
    """
    out = np.empty((len(x), outer.shape[1]), np.float32)
    _forward(x, inner, inner_bias, outer, outer_bias, np.empty(len(inner_bias), np.float32), out)
    return out
