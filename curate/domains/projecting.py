"""Two coordinates for vectors, to draw a map of a sample."""

from __future__ import annotations

from importlib import import_module
from typing import Literal

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from curate.errors import StageError
from curate.kernels.vectors import Floats

Layout = Literal["islands", "pca", "umap"]
Points = npt.NDArray[np.float64]
MOST_ISLANDS = 200  # more than that are not told apart on a map
WARMTH = 0.07  # difference of cosines over which a domain's pull falls by e
SPREAD = 0.45  # of a domain's documents, in typical distances between neighbouring domains
STEPS = 300  # of multidimensional scaling


def plane(x: Floats, domain: npt.NDArray[np.int64], layout: Layout, seed: int) -> Points:
    """float64[n, 2], within -1 to 1 and rounded to four digits, of vectors float32[n, dim].

    `islands`: the means of the domains are placed so that their distances are kept as well as can be (multidimensional
    scaling, by the SMACOF of de Leeuw 1977); a document lies between the domains that it is like, nearest to its own,
    moved by its domain's two principal components, so that a domain takes an area in proportion to its documents.
    `pca`: the two principal components of the documents. `umap`: McInnes, Healy and Melville 2018, by umap-learn.

    domain: int64[n], -1: of none.
    """
    if len(x) < 3:
        return np.zeros((len(x), 2))
    with threadpool_limits(1):  # the order of sums
        if layout == "umap":
            found = _umap(x, seed)
        elif layout == "islands" and 3 <= int(domain.max(initial=-1)) + 1 <= MOST_ISLANDS:
            found = _islands(x.astype(np.float64), domain)
        else:
            found = _components(x.astype(np.float64))
    found = found - (found.max(0) + found.min(0)) / 2
    reach = np.quantile(np.abs(found), 0.998, axis=0)
    return np.asarray(np.round(np.clip(found / np.maximum(reach, 1e-12), -1, 1), 4), np.float64)


def _components(x: Points) -> Points:
    """The two principal components, float64[n, 2]; the largest weight of each is positive."""
    x = x - x.mean(0)
    _, directions = np.linalg.eigh(x.T @ x)
    two = directions[:, -2:][:, ::-1]
    two = two * np.sign(two[np.abs(two).argmax(0), np.arange(two.shape[1])])
    found = x @ two
    return np.pad(found, ((0, 0), (0, 2 - found.shape[1])))


def _islands(x: Points, domain: npt.NDArray[np.int64]) -> Points:
    there = np.unique(domain[domain >= 0])
    means = np.stack([x[domain == number].mean(0) for number in there])
    shares = np.array([np.count_nonzero(domain == number) for number in there]) / len(x)
    anchors = _scaled(means)
    lengths = np.maximum(np.linalg.norm(means, axis=1), 1e-12)
    likeness = (x @ (means / lengths[:, None]).T) / WARMTH
    pull = np.exp(likeness - likeness.max(1, keepdims=True))
    for place, number in enumerate(there):
        mine = domain == number
        pull[mine, place] = np.maximum(pull[mine, place], pull[mine].max(1))  # no other domain pulls more than its own
    found = (pull / pull.sum(1, keepdims=True)) @ anchors
    gaps = np.linalg.norm(anchors[:, None] - anchors, axis=2) + np.diag(np.full(len(anchors), np.inf))
    step = SPREAD * float(np.median(gaps.min(1)))
    for place, number in enumerate(there):
        mine = np.flatnonzero(domain == number)
        if len(mine) > 2:
            own = _components(x[mine])
            scale = np.sqrt(np.mean(np.sum(own * own, axis=1)))
            found[mine] += own / max(scale, 1e-12) * step * np.sqrt(shares[place] * len(there))
    return np.asarray(found, np.float64)


def _scaled(means: Points) -> Points:
    """Places float64[k, 2] whose distances are near those of the means, from their principal components on."""
    wanted = np.linalg.norm(means[:, None] - means, axis=2)
    places = _components(means)
    for _ in range(STEPS):
        apart = np.linalg.norm(places[:, None] - places, axis=2)
        ratio = np.divide(wanted, apart, out=np.zeros_like(wanted), where=apart > 1e-12)
        places = np.asarray((np.diag(ratio.sum(1)) - ratio) @ places / len(places), np.float64)
    return places


def _umap(x: Floats, seed: int) -> Points:
    try:
        umap = import_module("umap")
    except ImportError as error:
        raise StageError(
            "layout: umap needs umap-learn, which is not installed: pip install 'curate[umap]'; or say layout: islands"
        ) from error
    made = umap.UMAP(n_neighbors=min(15, len(x) - 1), metric="cosine", random_state=seed % 2**32, n_jobs=1)
    return np.asarray(made.fit_transform(x), np.float64)
