"""What a stage that sees dropped documents is given: those that reached it, and those that were dropped on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import ID, IS_DROPPED, PLACE, Batch
from curate.engine.outcome import scatter
from curate.engine.source import Piece, Source
from curate.recipe import Recipe, Step


def with_dropped(
    step: Step,
    recipe: Recipe,
    source: Source,
    piece: Piece,
    arrived: Batch,
    added: Mapping[str, pa.Array],
    dropped_by: npt.NDArray[np.object_],
) -> Batch:
    """The columns that a step reads, of the documents alive and of those dropped since all of its columns were there.

    arrived: the documents of the piece as this pass met them. added: what it has added to them so far; dropped_by:
    who dropped them by now; both have one entry for each row of the piece.
    """
    n, labels = piece.stop - piece.start, _on_the_way(step, recipe)
    rows = np.flatnonzero([by is None or by.rpartition("/")[0] in labels for by in dropped_by])
    columns = {ID: piece.ids}
    for name in step.read():
        if name in added:
            columns[name] = added[name]
        elif source.first:
            columns[name] = scatter(arrived[name], arrived[PLACE].to_numpy(), n)
        else:
            columns[name] = source.of_all(name, piece)
    picked = {name: values.take(pa.array(rows)) for name, values in columns.items()}
    is_dropped = [by is not None for by in dropped_by[rows]]
    return Batch({**picked, PLACE: pa.array(rows), IS_DROPPED: pa.array(is_dropped, pa.bool_())})


def _on_the_way(step: Step, recipe: Recipe) -> set[str]:
    """Labels of the steps before this one, after the last that wrote a column which it reads."""
    earlier = recipe.stages[: step.index - 1]
    wrote = [other.index for other in earlier if set(other.written()) & set(step.read())]
    return {other.label for other in earlier if other.index > max(wrote, default=0)}
