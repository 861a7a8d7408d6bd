"""A sample of the documents by a hash of their ids: the same ones, however the corpus is cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.hashing import Hashes, hash64
from curate.stage import Evidence

AHEAD = 8  # times as many documents are noted as are wanted, as steps before this one may drop most of them


def share_of(sample: int, documents: int) -> float:
    """The share of so many documents to note: halves of halves, so that a few more documents seldom change it."""
    share = 1.0
    while documents * share / 2 > AHEAD * sample:
        share /= 2
    return share


def noted(
    ids: pa.LargeStringArray, rows: npt.NDArray[np.int64], seed: int, share: float | None
) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """(hashes of their ids, uint64[m]; rows int64[m]) of those of the rows that are of the share; None: all are."""
    key = hash64(ids, seed)[rows]
    inside = np.flatnonzero(key <= np.uint64(min(int((share or 1.0) * 2**64), 2**64 - 1)))
    return key[inside], rows[inside]


def chosen(evidence: Evidence, columns: list[str], most: int) -> pa.Table:
    """The `most` rows with the smallest keys, sorted by (key, document). Memory: all keys, and these rows."""
    keys = [part["key"].to_numpy() for part in evidence.scan(["key"])]
    every = np.concatenate(keys) if keys else np.zeros(0, np.uint64)
    last = int(np.partition(every, most - 1)[most - 1]) if len(every) > most else 2**64 - 1
    parts = list(evidence.scan(["key", "document", *columns], 0, last))
    if not parts:
        return pa.table({name: pa.array([]) for name in columns})
    found = pa.concat_tables(parts)
    del parts
    order = np.lexsort((found["document"].to_numpy(), found["key"].to_numpy()))[:most]
    return found.select(columns).take(pa.array(order))
