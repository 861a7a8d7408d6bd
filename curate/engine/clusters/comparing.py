"""Pairs of documents compared by what their sketches hold, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.kernels.overlap import CONNECTED, jaccards
from curate.stage import Likeness
from curate.store.sketches import SketchFiles

CHUNK_VALUES = 1 << 23  # values held at a time, at most: 32 MB of shingles
_Addresses = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class _Chunk:
    """Some pairs; their documents are the sets `a` and `b` of `values`."""

    pairs: npt.NDArray[np.int64]
    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


@dataclass(frozen=True)
class Compared:
    """What became of pairs."""

    alike: npt.NDArray[np.bool_]
    """bool[p]: alike; not so those that were not compared."""
    compared: int


def compare(sketches: SketchFiles, likeness: Likeness, a: _Addresses, b: _Addresses) -> Compared:
    """Compare the shingles of pairs with the threshold.

    To find components, a pair need not be compared that is connected by others already.
    """
    alike, compared = np.zeros(len(a), bool), len(a)
    for chunk in _chunks(sketches, a, b, likeness.threshold):
        joined = np.arange(len(chunk.offsets) - 1) if likeness.method == "components" else None
        found = jaccards(chunk.offsets, chunk.values, chunk.a, chunk.b, likeness.threshold, joined)
        alike[chunk.pairs] = found >= 0
        compared -= int(np.count_nonzero(found == CONNECTED))
    return Compared(alike, compared)


def similarities(sketches: SketchFiles, likeness: Likeness, a: _Addresses, b: _Addresses) -> npt.NDArray[np.float32]:
    """The Jaccard similarity of each pair, float32[p]: true, or the estimate of the signatures."""
    found = np.zeros(len(a), np.float32)
    for chunk in _chunks(sketches, a, b):
        if likeness.compares == "shingles":
            found[chunk.pairs] = jaccards(chunk.offsets, chunk.values, chunk.a, chunk.b, 0.0, None)
        else:
            found[chunk.pairs] = _share_equal(chunk)
    return found


def _share_equal(chunk: _Chunk) -> npt.NDArray[np.float32]:
    """Signatures are of equal length, those of documents too short for a shingle empty: then the texts are the same."""
    sizes = np.diff(chunk.offsets)
    width = int(sizes.max(initial=0))
    signatures = np.zeros((len(sizes), width), chunk.values.dtype)
    signatures[sizes == width] = chunk.values.reshape(-1, width) if width else 0
    equal = np.count_nonzero(signatures[chunk.a] == signatures[chunk.b], axis=1)
    return np.where(sizes[chunk.a] == 0, 1.0, equal / max(width, 1)).astype(np.float32)


def _chunks(sketches: SketchFiles, a: _Addresses, b: _Addresses, threshold: float = 0.0) -> Iterator[_Chunk]:
    """Pairs with what their documents are compared by; some CHUNK_VALUES values at a time, or a single pair.

    Pairs that cannot reach the threshold, as one set is so much smaller than the other, are left out.
    """
    documents, nodes = np.unique(np.concatenate([a, b]), return_inverse=True)
    of_a, of_b = nodes[: len(a)], nodes[len(a) :]
    places = sketches.places(documents)
    size_a, size_b = places.size[of_a], places.size[of_b]
    # A little more are let pass than must be, since the product is rounded.
    pairs = np.flatnonzero(np.minimum(size_a, size_b) >= threshold * np.maximum(size_a, size_b) - 1e-6)
    mass = np.cumsum(size_a[pairs] + size_b[pairs])
    low = 0
    while low < len(pairs):
        before = int(mass[low - 1]) if low else 0
        high = max(int(np.searchsorted(mass, before + CHUNK_VALUES)), low + 1)
        some = pairs[low:high]
        here, at = np.unique(np.concatenate([of_a[some], of_b[some]]), return_inverse=True)
        yield _Chunk(some, at[: high - low], at[high - low :], *sketches.values(places.take(here)))
        low = high
