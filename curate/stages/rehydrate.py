"""Say how often each document is to be repeated, by the size of its cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator

from curate.documents import IS_DROPPED, Batch
from curate.errors import StageError
from curate.kernels.hashing import hash64
from curate.stage import Column, Evidence, Global, Outcome

Count = Annotated[int, Field(ge=1, lt=2**31)]

_TAIL = 1000
"""One document in so many is in the tail. FineWeb-2's distributions were cut there: in each of them, the tail begins at
the greatest size that leaves it at least 0.1 % of the documents."""
_WINDOW = 5  # classes of which FineWeb-2 takes the mean


class Class(BaseModel):
    """Documents with clusters of the same size; the last class of a table holds larger ones too."""

    model_config = ConfigDict(frozen=True)

    size: int
    documents: int
    """Before the filters."""
    removed: int
    """By the filters."""
    repeats: int


class Table(BaseModel):
    """How often documents with one value in the column `by` are repeated."""

    model_config = ConfigDict(frozen=True)

    value: str | None
    repeats: dict[int, int]
    """Size of the cluster → repeats, each valid up to the next size."""
    documents: int
    """Before the filters."""
    removed: int
    """By the filters."""
    copies: int
    """What the documents that are left become."""
    classes: list[Class]


class Rehydration(BaseModel):
    """What `rehydrate` decided. A document without a cluster size is in none of the counts; it is repeated once."""

    model_config = ConfigDict(frozen=True)

    column: str
    by: str | None
    tables: list[Table]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """The decision in one line, for people."""
        kept = sum(table.documents - table.removed for table in self.tables)
        line = f"{kept:,} documents become {sum(table.copies for table in self.tables):,}"
        if len(self.tables) != 1:
            return f"{line}, by {len(self.tables)} tables"
        return f"{line}; repeats by size {self.tables[0].repeats}"


class Rehydrate(Global):
    """Say how often each document is to be repeated, by how many near-duplicates it had.

        - rehydrate
        - rehydrate: {repeats: auto, by: language}

    Deduplication over many crawls keeps one copy of what was found once and of what was found fifty times; but pages
    that were copied a few times are better than those that nobody copied, and than those that are everywhere. So
    FineWeb-2 repeats the documents that it kept by the sizes of their clusters (Penedo et al. 2025). No document is
    dropped or copied here: the column `repeats` is for what mixes or samples the corpus.

    With `repeats: auto`, quality is measured by the filters between the step that wrote the sizes and this one. Of
    each size, f is the share of documents that they removed; F is their share of all. Sizes with f >= F are repeated
    once, the one with the smallest f `max_repeats` times, others in between in proportion; then each is smoothed by its
    two neighbours on either side (the first two and the last two are not) and rounded. The largest clusters, with 0.1 %
    of the documents, are one class. It takes a corpus large enough for f to be known: some ten thousand documents.

    Adds `repeats`, 1 or more; 1 for a document without a cluster size.
    """

    repeats: Literal["auto"] | dict[Count, Count] = Field({1: 1, 2: 2, 3: 3, 5: 5, 100: 8, 1000: 1})
    """Repeats by size of the cluster, each valid up to the next size; sizes from 1 on, repeats of 1 or more. The
    default is FineWeb-2's. Or `auto`: from the share of documents of each size that the filters removed."""
    max_repeats: int = Field(10, ge=1, le=1000)
    """For `repeats: auto`: the most that a document is repeated, 1 to 1000. FineWeb-2 has tables for 3 to 10."""
    column: Column = "cluster_size"
    """Column with the number of documents in the cluster that this one was kept of: an integer, 1 or more."""
    by: Column | None = None
    """Column such as the language (strings, integers or booleans): for each value in it, `auto` makes a table."""

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[dict[str, pa.DataType]] = {"repeats": pa.int32()}
    sees_dropped: ClassVar[bool] = True
    decides_by: ClassVar[tuple[str, ...]] = ("repeats", "max_repeats")
    evidence: ClassVar[pa.Schema] = pa.schema(
        {
            "key": pa.uint64(),
            "row": pa.int64(),
            "value": pa.large_string(),
            "size": pa.int64(),
            "documents": pa.int64(),
            "removed": pa.int64(),
        }
    )

    @field_validator("repeats")
    @classmethod
    def _begins_at_one(cls, repeats: Literal["auto"] | dict[int, int]) -> Literal["auto"] | dict[int, int]:
        if isinstance(repeats, str):
            return repeats
        if 1 not in repeats:
            raise ValueError("repeats must say what becomes of clusters of 1, as in {1: 1, 2: 3}")
        return dict(sorted(repeats.items()))

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        size, by = types.get(self.column), types.get(self.by or "")
        if size is not None and not pa.types.is_integer(size):
            raise ValueError(f"column '{self.column}' is {size}; sizes of clusters are integers")
        plain = by.value_type if by is not None and pa.types.is_dictionary(by) else by
        fits = ("is_null", "is_string", "is_large_string", "is_string_view", "is_integer", "is_boolean")
        if plain is not None and not any(getattr(pa.types, fit)(plain) for fit in fits):
            raise ValueError(f"by '{self.by}' is {by}; tables are made for strings, integers or booleans")

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """One row for each value of `by` and each size in the batch."""
        sizes = self._sizes(batch)
        rows = np.flatnonzero(sizes)
        counts = {
            "value": self._values(batch).take(pa.array(rows)),
            "size": pa.array(sizes[rows]),
            "row": pa.array(rows),
            "documents": pa.array(np.ones(len(rows), np.int64)),
            "removed": batch[IS_DROPPED].take(pa.array(rows)).cast(pa.int64()),
        }
        summed = _summed(pa.table(counts), rows="row")
        key = hash64(summed["value"].combine_chunks().fill_null(""))
        columns = {**{name: summed[name].combine_chunks() for name in counts}, "key": pa.array(key)}
        return pa.record_batch([columns[name] for name in self.evidence.names], schema=self.evidence)

    def resolve(self, evidence: Evidence) -> Rehydration:
        """The tables, by value, null last. Memory: a piece of the evidence, and a row for each value and size."""
        names = ["value", "size", "documents", "removed"]
        total = pa.schema([self.evidence.field(name) for name in names]).empty_table()
        for piece in evidence.scan(names):
            total = _summed(pa.concat_tables([total, piece.select(names)]))
        total = total.sort_by([("value", "ascending"), ("size", "ascending")])
        by_value = groupby(total.to_pylist(), lambda row: row["value"])
        return Rehydration(
            column=self.column, by=self.by, tables=[self._table(value, [*rows]) for value, rows in by_value]
        )

    def artifact_type(self) -> type[Rehydration]:
        return Rehydration

    def apply(self, batch: Batch, artifact: Rehydration) -> Outcome:
        sizes, values = self._sizes(batch), self._values(batch).dictionary_encode(null_encoding="encode")
        names, places = values.dictionary.to_pylist(), values.indices.to_numpy()
        repeats = np.ones(len(batch), np.int32)
        for table in artifact.tables:
            if table.value not in names:
                continue
            here = np.flatnonzero((places == names.index(table.value)) & (sizes > 0))
            first, times = np.array([*table.repeats]), np.array([*table.repeats.values()], np.int32)
            repeats[here] = times[np.maximum(np.searchsorted(first, sizes[here], side="right") - 1, 0)]
        return Outcome(columns={"repeats": pa.array(repeats)})

    def _sizes(self, batch: Batch) -> npt.NDArray[np.int64]:
        """Sizes of clusters, int64[n], 0 where there is none."""
        self.check_columns({self.column: batch[self.column].type})
        sizes = batch[self.column].cast(pa.int64())
        given = sizes.drop_null().to_numpy()
        if len(given) and given.min() < 1:
            raise StageError(f"rehydrate: column '{self.column}' has {given.min()}; sizes of clusters are 1 or more")
        return np.asarray(sizes.fill_null(0).to_numpy())

    def _values(self, batch: Batch) -> pa.LargeStringArray:
        if self.by is None:
            return pa.nulls(len(batch), pa.large_string())
        self.check_columns({self.by: batch[self.by].type})
        return batch[self.by].cast(pa.large_string())

    def _table(self, value: str | None, rows: Sequence[Mapping[str, int]]) -> Table:
        """The table for the documents with one value. rows: `size`, `documents`, `removed`, by size."""
        sizes, documents, removed = (
            np.array([row[name] for row in rows], np.int64) for name in ("size", "documents", "removed")
        )
        if isinstance(self.repeats, str):
            starts = np.arange(_tail(documents) + 1)
            first = sizes[starts]
        else:
            keys = np.array([*self.repeats])
            place = np.searchsorted(keys, sizes, side="right") - 1
            starts = np.flatnonzero(np.diff(place, prepend=-1))
            first = keys[place[starts]]
        documents, removed = np.add.reduceat(documents, starts), np.add.reduceat(removed, starts)
        if isinstance(self.repeats, str):
            times = repetitions(documents, removed, self.max_repeats)
            changes = np.flatnonzero(np.diff(times, prepend=0))
            repeats = dict(zip(first[changes].tolist(), times[changes].tolist(), strict=True))
        else:
            times, repeats = np.array([self.repeats[size] for size in first.tolist()]), self.repeats
        counts = zip(first.tolist(), documents.tolist(), removed.tolist(), times.tolist(), strict=True)
        return Table(
            value=value,
            repeats=repeats,
            documents=int(documents.sum()),
            removed=int(removed.sum()),
            copies=int(((documents - removed) * times).sum()),
            classes=[Class(size=s, documents=n, removed=r, repeats=t) for s, n, r, t in counts],
        )


def repetitions(
    documents: npt.NDArray[np.int64], removed: npt.NDArray[np.int64], max_repeats: int
) -> npt.NDArray[np.int64]:
    """Repeats of each class, int64[k], from how many documents it has and how many of these the filters removed.

    The rule of FineWeb-2 (its repository, misc/rehydration).
    """
    rates, overall = removed / documents, removed.sum() / documents.sum()
    exact = np.ones(len(rates))
    below = rates < overall
    if below.any():
        exact[below] += (max_repeats - 1) * ((rates[below] - overall) / (rates.min() - overall))
    smooth, side = exact.copy(), _WINDOW // 2
    for at in range(side, len(exact) - side):
        smooth[at] = exact[at - side : at + side + 1].sum() / _WINDOW
    return np.round(smooth).astype(np.int64)  # halves to even, as FineWeb-2's


def _tail(documents: npt.NDArray[np.int64]) -> int:
    """The last place from which on there are 1 / _TAIL of the documents, or more."""
    behind = np.cumsum(documents[::-1])[::-1]
    return int(np.flatnonzero(behind * _TAIL >= behind[0])[-1])


def _summed(table: pa.Table, rows: str | None = None) -> pa.Table:
    """The counts of each value and size together; the first of their `rows`."""
    sums = [("documents", "sum"), ("removed", "sum"), *([(rows, "min")] if rows else [])]
    found = table.group_by(["value", "size"], use_threads=False).aggregate(sums)
    return found.rename_columns([name.removesuffix("_sum").removesuffix("_min") for name in found.schema.names])
