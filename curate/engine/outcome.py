"""The gate for what stages answer: one value per document, of the announced type, or a clear error."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import Batch
from curate.recipe import Step
from curate.stage import Outcome

_NAME = "^[a-z0-9_]+$"


def checked(outcome: Outcome, step: Step, batch: Batch) -> Outcome:
    """The outcome with its columns renamed and cast as the plan announces. Raises ValueError on a broken contract."""
    if not isinstance(outcome, Outcome):
        raise ValueError(f"{step.name} returned {type(outcome).__name__}; expected an Outcome")
    n = len(batch)
    reason = None if outcome.reason is None else _one(outcome.reason, pa.string(), "reasons", n)
    text = None if outcome.text is None else _one(outcome.text, pa.large_string(), "texts", n)
    if text is not None and text.null_count:
        reason = _nothing_left(text, reason, n)
        text = text.fill_null("")
    if reason is not None and reason.null_count < n:
        _check_names(reason)
    promised = step.stage.columns_written()
    if set(promised) != set(outcome.columns):
        raise ValueError(f"{step.name} returned the columns {sorted(outcome.columns)}; it promised {sorted(promised)}")
    columns = {
        step.renames.get(name, name): _one(values, promised[name], f"values of '{name}'", n)
        for name, values in outcome.columns.items()
    }
    return Outcome(text, reason, columns)


def _one(values: Any, kind: pa.DataType, what: str, n: int) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    if not isinstance(values, pa.Array):
        values = pa.array(values, kind)
    if len(values) != n:
        raise ValueError(
            f"returned {len(values)} {what} for {n} documents;\n  a stage returns exactly one value per document"
        )
    return values if values.type == kind else values.cast(kind)


def _check_names(reason: pa.Array) -> None:
    """That all reasons are names: they are counted, and asked for as STAGE/REASON."""
    odd = pc.filter(reason, pc.invert(pc.match_substring_regex(reason, _NAME)))  # null, for a kept one, is left out
    if len(odd):
        given = odd[0].as_py()
        meant = re.sub("[^a-z0-9]+", "_", given.lower()).strip("_") or "too_loud"
        raise ValueError(f"gave the reason {given!r};\n  a reason is a name in snake_case, such as '{meant}'")


def _nothing_left(text: pa.Array, reason: pa.Array | None, n: int) -> pa.Array:
    """`empty` for the documents whose text is null, unless the stage gave a reason of its own."""
    given = pa.nulls(n, pa.string()) if reason is None else reason
    return pc.if_else(pc.and_(text.is_null(), given.is_null()), pa.scalar("empty", pa.string()), given)


def scatter(values: pa.Array, at: npt.NDArray[np.int64], n: int) -> pa.Array:
    """An array of length n with `values[j]` at place `at[j]`, and null elsewhere; any Arrow type."""
    if len(values) == n:
        return values
    places = np.full(n, -1, np.int64)
    places[at] = np.arange(len(at))
    return values.take(pa.array(places, mask=places < 0))
