"""Few domains of many clusters: Ward linkage of their centres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.kernels.vectors import Floats


def merge(centres: Floats, *, domains: int | None, distance: float | None) -> npt.NDArray[np.int64]:
    """Group of each centre, int64[k], numbered from 0 by the first centre in each.

    Ward linkage as in CLIMB's recipe: centres weigh the same whatever their size, and are not computed anew.

    Args:
        centres: float32[k, dim].
        domains: how many groups are wanted; fewer centres than that stay alone.
        distance: merge up to this distance of Ward's (Euclidean for two single centres). One of both is None.
    """
    if len(centres) < 2:
        return np.zeros(len(centres), np.int64)
    from scipy.cluster.hierarchy import fcluster, ward  # half a second, which only this needs

    tree = ward(centres.astype(np.float64))
    if domains is not None:
        group = fcluster(tree, domains, criterion="maxclust")
    else:
        group = fcluster(tree, distance, criterion="distance")
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[number], np.int64)
