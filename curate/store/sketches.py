"""Sketches of documents: what is kept of each one to compare it with others, found by the document's address.

Two files for each unit. The table has fixed facts; a flat file has the values that are compared, a few kilobytes for
each document: they are read one document at a time, so that memory does not grow with the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import StoreError
from curate.store import arrow
from curate.store.arrow import ArrowFile
from curate.store.evidence import DOCUMENT
from curate.store.files import whole

VALUES, AT, SIZE = "values", "at", "size"


@dataclass(frozen=True)
class SketchPaths:
    """Where the sketches of a unit are."""

    table: Path
    values: Path


def stored_schema(documents: pa.Schema) -> pa.Schema:
    """Of the table: the stage's schema, with `values` turned into their place in the flat file."""
    others = [field for field in documents if field.name != VALUES]
    return pa.schema([(DOCUMENT, pa.uint64()), *others, (AT, pa.int64()), (SIZE, pa.int32())])


class SketchWriter:
    """Sketches of a unit in the making. Both files are whole when it is committed, else they never were."""

    def __init__(self, paths: SketchPaths, documents: pa.Schema, facts: Mapping[str, Any]) -> None:
        """documents: the schema of what `write` is given; `values` is a list of uint32 or uint64."""
        self._files = ExitStack()
        self._flat: BinaryIO = self._files.enter_context(open(self._files.enter_context(whole(paths.values)), "wb"))
        self._schema = stored_schema(documents)
        self._table = self._files.enter_context(arrow.Writer(paths.table, self._schema, facts))
        self._at = 0

    def write(self, addresses: npt.NDArray[np.uint64], documents: pa.RecordBatch) -> None:
        """Append documents; their addresses ascend."""
        lists = documents.column(VALUES)
        values = lists.flatten()
        sizes = np.asarray(lists.value_lengths().to_numpy(zero_copy_only=False), np.int32)
        self._flat.write(np.ascontiguousarray(values.to_numpy()).data.cast("B"))
        starts = self._at + np.cumsum(sizes, dtype=np.int64) - sizes
        self._at += len(values)
        own = {DOCUMENT: pa.array(addresses), AT: pa.array(starts), SIZE: pa.array(sizes)}
        columns = [own[name] if name in own else documents.column(name) for name in self._schema.names]
        self._table.write(pa.record_batch(columns, schema=self._schema))

    def __enter__(self) -> SketchWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self._flat.flush()
            self._table.commit()
        self._files.__exit__(*error)


@dataclass(frozen=True)
class Places:
    """Where the values of n documents are."""

    unit: npt.NDArray[np.int64]
    """Number of the unit, int64[n]."""
    at: npt.NDArray[np.int64]
    """Of the first value, in values, int64[n]."""
    size: npt.NDArray[np.int64]
    """Number of values, int64[n]."""

    def take(self, rows: npt.NDArray[np.int64]) -> Places:
        """Those of some of the documents."""
        return Places(self.unit[rows], self.at[rows], self.size[rows])


class SketchFiles:
    """The sketches of one stage over all units, and of what earlier runs kept.

    The table of a unit holds the documents that reached the stage, in the order of their addresses.
    """

    def __init__(self, files: Sequence[tuple[int, SketchPaths]], documents: pa.Schema) -> None:
        """files: the first address of each unit, and its files. documents: the schema that they were made with."""
        ordered = sorted(files, key=lambda file: file[0])
        self.kind = np.dtype(documents.field(VALUES).type.value_type.to_pandas_dtype())
        self._schema = stored_schema(documents)
        self._firsts = np.array([first for first, _ in ordered], np.uint64)
        self._paths = [paths for _, paths in ordered]

    def of(self, documents: npt.NDArray[np.uint64], columns: Sequence[str]) -> pa.Table:
        """Columns of these documents, whose addresses ascend. Raises StoreError if one has no sketch."""
        pieces = [pa.schema([self._schema.field(name) for name in columns]).empty_table()]
        for paths, wanted in self._by_unit(documents):
            pieces += [pa.Table.from_batches([rows.select(columns)]) for rows in _rows(paths.table, wanted)]
        return pa.concat_tables(pieces).combine_chunks()

    def places(self, documents: npt.NDArray[np.uint64]) -> Places:
        """Where the values of these documents are, whose addresses ascend: to read them some at a time."""
        found = self.of(documents, [AT, SIZE])
        units = np.searchsorted(self._firsts, documents, side="right") - 1
        return Places(units, found.column(AT).to_numpy(), found.column(SIZE).to_numpy().astype(np.int64))

    def values(self, places: Places) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
        """(offsets int64[n + 1], values): those of document i are `values[offsets[i]:offsets[i + 1]]`.

        What is together in a file is read together.
        """
        offsets = np.zeros(len(places.at) + 1, np.int64)
        np.cumsum(places.size, out=offsets[1:])
        values = np.empty(int(offsets[-1]), self.kind)
        raw, width = values.data.cast("B"), self.kind.itemsize
        unit = places.unit
        new_file = np.flatnonzero(np.diff(unit, prepend=-1))
        ends = places.at + places.size
        apart = np.ones(len(unit) + 1, bool)
        apart[1:-1] = (places.at[1:] != ends[:-1]) | (unit[1:] != unit[:-1])
        starts = np.flatnonzero(apart)
        at, froms = (places.at * width).tolist(), (offsets * width).tolist()
        for first, after in pairwise([*new_file.tolist(), len(unit)]):
            path = self._paths[int(unit[first])].values
            with open(path, "rb", buffering=0) as file:
                low, high = np.searchsorted(starts, [first, after])
                for begin, end in pairwise(starts[low : high + 1].tolist()):
                    part = raw[froms[begin] : froms[end]]
                    file.seek(at[begin])
                    if file.readinto(part) != len(part):
                        raise StoreError(f"{path}: it is shorter than its table says; run again with --fresh")
        return offsets, values

    def documents(self) -> Iterator[npt.NDArray[np.uint64]]:
        """The addresses of all documents, ascending, some at a time."""
        for paths in self._paths:
            for batch in ArrowFile(paths.table):
                yield batch.column(DOCUMENT).to_numpy()

    def _by_unit(self, documents: npt.NDArray[np.uint64]) -> Iterator[tuple[SketchPaths, npt.NDArray[np.uint64]]]:
        """Each unit that has some of the documents, with their addresses."""
        owners = np.searchsorted(self._firsts, documents, side="right") - 1
        low = 0
        while low < len(documents):
            high = int(np.searchsorted(owners, owners[low], side="right"))
            yield self._paths[owners[low]], documents[low:high]
            low = high


def _rows(table: Path, wanted: npt.NDArray[np.uint64]) -> Iterator[pa.RecordBatch]:
    """The rows of a table that are about these documents."""
    done = 0
    for batch in ArrowFile(table):
        here = batch.column(DOCUMENT).to_numpy()
        after = done + int(np.searchsorted(wanted[done:], here[-1], side="right"))
        at = np.searchsorted(here, wanted[done:after])
        if not np.array_equal(here[at], wanted[done:after]):
            break
        if after > done:
            yield batch.take(pa.array(at))
        done = after
    if done < len(wanted):
        raise StoreError(f"{table}: document {int(wanted[done]):#x} is not in it; run again with --fresh")
