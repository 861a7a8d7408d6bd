"""Values that a document must have to be chosen: which of them it has, and which no document has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.stage import Evidence

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]

COLUMNS = {"target_score": pa.int32(), "target_domain": pa.int32()}
"""Of evidence: the place of a target in its list, in one row of each batch that has it; null in all others."""


def sum_with_slack(columns: Sequence[pa.Array]) -> tuple[Floats, Floats]:
    """(the sum of columns of numbers, NaN where one is missing; how far rounding may have moved it), float64[n].

    A value moves by up to half a unit in the last place of its column's type: 4.2 in a float32 is 4.19999981.
    """
    values = [column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for column in columns]
    total, slack, size = (np.zeros(len(columns[0])) for _ in range(3))
    for column, value in zip(columns, values, strict=True):
        finite = np.where(np.isfinite(value), np.abs(value), 0)
        size, slack = size + finite, slack + finite * _precision(column.type) / 2
        with np.errstate(invalid="ignore"):  # infinities of both signs: no score
            total = total + value
    return total, np.where(slack > 0, slack + (len(columns) - 1) * np.finfo(np.float64).eps * size, 0)


def _precision(kind: pa.DataType) -> float:
    if pa.types.is_integer(kind):
        return 0.0
    return float(np.finfo(kind.to_pandas_dtype() if pa.types.is_floating(kind) else np.float64).eps)


def of_numbers(values: Floats, slack: Floats, targets: Sequence[float]) -> Places:
    """The place of the first target that a value is, as far as its rounding tells; -1: none. int32[n]."""
    found = np.full(len(values), -1, np.int32)
    for place, target in enumerate(targets):
        found[(found < 0) & (np.abs(values - target) <= slack)] = place
    return found


def of_names(values: pa.LargeStringArray, targets: Sequence[str]) -> Places:
    """The place of the target that a value is; -1: none. int32[n]."""
    found = pc.index_in(values, pa.array(targets, pa.large_string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.int32)


def first_of_each(places: Places | None, rows: npt.NDArray[np.int64]) -> pa.Int32Array:
    """For the evidence of `rows` of a batch: the places of targets, each once."""
    if places is None:
        return pa.nulls(len(rows), pa.int32())
    own = places[rows]
    _, first = np.unique(own, return_index=True)
    hidden = np.ones(len(rows), np.bool_)
    hidden[first] = False
    return pa.array(own, mask=hidden | (own < 0))


def never_met(evidence: Evidence, scores: Sequence[float] | None, domains: Sequence[str] | None) -> list[str]:
    """The targets that no document to choose from has, for people: `score 4.2`, `domain 'law'`."""
    if scores is None and domains is None:
        return []
    met: dict[str, set[int]] = {name: set() for name in COLUMNS}
    for table in evidence.scan(list(COLUMNS)):
        for name, places in met.items():
            places.update(pc.unique(table[name]).drop_null().to_pylist())
    absent = [f"score {score:g}" for place, score in enumerate(scores or ()) if place not in met["target_score"]]
    return absent + [
        f"domain {name!r}" for place, name in enumerate(domains or ()) if place not in met["target_domain"]
    ]
