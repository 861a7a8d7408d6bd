"""How the survivors are cut into output shards, whatever units they come from: decided before a byte is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.documents import DROPPED_BY, SIZE
from curate.engine.context import Context
from curate.engine.counts import UnitCounts
from curate.plan import Part
from curate.store import ledger
from curate.store.shards import CHUNK_BYTES, Unit


@dataclass(frozen=True)
class Piece:
    """Documents `first:last` of a unit, counted among those that are written `copy` times or more."""

    unit: int
    first: int
    last: int
    copy: int = 1


@dataclass(frozen=True)
class ExportTask:
    """One output shard and what goes into it."""

    root: str
    shard: int
    pieces: tuple[Piece, ...]
    part: int = 0
    """Index into the plan's parts."""
    made_ids: bool = False
    """Whether some documents had no id, so that the id column must hold the ones made for them."""
    chunk_bytes: int = CHUNK_BYTES

    @property
    def documents(self) -> int:
        """Rows of the shard."""
        return sum(piece.last - piece.first for piece in self.pieces)


def pack(
    context: Context, counts: list[UnitCounts], made_ids: bool, chunk_bytes: int = CHUNK_BYTES
) -> list[ExportTask]:
    """Cut each part of the output, in the order of the input, into shards: each ends with the document that fills it.

    Where documents are repeated, all first copies come first, then all second ones, and so on: equal documents are as
    far apart as can be. At least one shard for a part: without documents it has no rows, but the columns that a reader
    expects.
    """
    root = str(context.folder.root)
    return [
        ExportTask(root, number, tuple(pieces), index, made_ids, chunk_bytes)
        for index, part in enumerate(context.plan.parts)
        for number, pieces in enumerate(_cut(context, _runs(context, part, counts)))
    ]


def wanted(alive: npt.NDArray[np.bool_], times: npt.NDArray[np.int64] | None, copy: int) -> npt.NDArray[np.int64]:
    """Rows of a unit that are written `copy` times or more. times: how often each is, int64[n]; None: once."""
    return np.flatnonzero(alive if times is None else alive & (times >= copy))


@dataclass(frozen=True)
class _Run:
    """The documents of a unit that are written `copy` times or more."""

    unit: Unit
    copy: int
    documents: int
    size: int
    """Bytes of text."""
    sizes: npt.NDArray[np.int64] | None
    """Of each document; None: to be looked up."""


def _runs(context: Context, part: Part, counts: list[UnitCounts]) -> Iterator[_Run]:
    """All that goes into a part, in order."""
    units = [(unit, count) for unit, count in zip(context.inputs.units, counts, strict=True) if count.alive]
    if part.column is None:
        yield from (_Run(unit, 1, count.alive, count.alive_bytes, None) for unit, count in units)
        return
    copy = most = 1
    while copy <= most:
        for unit, _ in units:
            sizes, times = _looked_up(context, unit, part.column)
            most = max(most, int(times.max(initial=0))) if part.repeats else 1
            sizes = sizes[wanted(np.ones(len(sizes), np.bool_), times, copy)]
            if len(sizes):
                yield _Run(unit, copy, len(sizes), int(sizes.sum()), sizes)
        copy += 1


def _cut(context: Context, runs: Iterator[_Run]) -> list[list[Piece]]:
    """The pieces of each shard."""
    limit = context.recipe.output.shard_size
    shards: list[list[Piece]] = [[]]
    filled = 0
    for run in runs:
        unit = run.unit.index
        if filled + run.size < limit:
            shards[-1].append(Piece(unit, 0, run.documents, run.copy))
            filled += run.size
            continue
        ends = np.cumsum(_looked_up(context, run.unit, None)[0] if run.sizes is None else run.sizes)
        first = 0
        while first < len(ends):
            base = int(ends[first - 1]) if first else 0
            last = min(len(ends), int(np.searchsorted(ends, base + limit - filled)) + 1)
            shards[-1].append(Piece(unit, first, last, run.copy))
            filled += int(ends[last - 1]) - base
            if filled >= limit:
                shards.append([])
                filled = 0
            first = last
    return [pieces for pieces in shards if pieces] or [[]]


def _looked_up(context: Context, unit: Unit, column: str | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(bytes of text, how often each is written) of the survivors of a unit, int64[n] each."""
    passes = context.plan.passes
    columns = ledger.read(context.folder.ledger(passes[-1].number, unit.stem), [SIZE, DROPPED_BY])
    alive = columns[DROPPED_BY].is_null()
    sizes: npt.NDArray[np.int64] = columns[SIZE].filter(alive).to_numpy()
    if column is None:
        return sizes, np.ones(len(sizes), np.int64)
    writer = next(p.number for p in passes if column in dict(p.adds))
    times = ledger.read(context.folder.ledger(writer, unit.stem), [column])[column].filter(alive)
    return sizes, times.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
