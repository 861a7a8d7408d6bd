"""How often each document of the pool is in a training text with given weights, as the stage `mixture` samples it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.mixing.ordering import Hashes, Integers, mixed, running
from curate.mixing.trials import Floats


def repeats(
    domain: npt.NDArray[np.int32], key: Hashes, size: Integers, wanted: Floats, has: Integers, seed: int
) -> Floats:
    """float64[n]: how often each document is taken.

    A domain that has less than is wanted of it is repeated whole; the rest are the documents that come first by a hash
    of text and seed, the last of them in part, so that weights are met exactly.

    Args:
        domain: int32[n], ascending.
        key: uint64[n], of the texts.
        size: int64[n].
        wanted: float64[k], of each domain, in the unit of sizes.
        has: int64[k], of each domain, what may be seen of it.
        seed: 0 or more.
    """
    whole = np.floor(wanted / has)
    rest = wanted - whole * has
    order = np.lexsort((mixed(key, seed + 1), domain))
    before = running(domain[order], size[order])
    part = np.clip((rest[domain[order]] - before) / np.maximum(size[order], 1), 0.0, 1.0)
    taken = np.empty(len(domain), np.float64)
    taken[order] = part + whole[domain[order]]
    return taken
