"""Documents in motion: column names, row addresses, and the batch that stages are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ID, TEXT, ROW, DROPPED_BY = "id", "text", "row", "dropped_by"
CHARS, SIZE, PLACE = "curate:chars", "curate:bytes", "curate:place"
"""The engine's own columns, which no stage sees by these names: code points and UTF-8 bytes of a document's text, and
the document's place in its chunk."""
IS_DROPPED = "curate:dropped"
"""Column, bool, in the batches of stages that see documents dropped by earlier steps."""

EARLIER = 1 << 63
"""Addresses from here on are of documents of earlier runs, in an index."""

T = TypeVar("T")


def address(shard: int, rows: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """The 64-bit address of rows of a shard: shard << 32 | row. It orders documents as the input does."""
    return (np.uint64(shard) << np.uint64(32)) | rows.astype(np.uint64)


def earlier_run(documents: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
    """The numbers in the index of the runs that these documents are of; 0 for those of this run."""
    numbers = (documents & np.uint64(EARLIER - 1)) >> np.uint64(32)
    return np.where(documents < np.uint64(EARLIER), 0, numbers).astype(np.int32)


class Batch:
    """Some documents, as columns. `batch["text"]` is a null-free large_string array, `batch["id"]` likewise.

    What several stages compute from the same texts (words, lines) is kept beside the columns by `once`, and
    follows the documents when the engine drops some of them.
    """

    def __init__(self, columns: Mapping[str, pa.Array], shared: dict[Any, Any] | None = None) -> None:
        """Columns of equal length, by name."""
        self.columns = dict(columns)
        self.shared: dict[Any, Any] = shared if shared is not None else {}

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> pa.Array:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def once(self, compute: Callable[..., T], *options: Any) -> T:
        """`compute(batch["text"], *options)`, computed once per text however many stages ask.

        The result must have `take(rows: int64[k])` that answers for those documents alone, or be a numpy array
        with one element per document.
        """
        key = (compute, options)
        if key not in self.shared:
            self.shared[key] = compute(self.columns[TEXT], *options)
        return cast(T, self.shared[key])

    def take(self, rows: npt.NDArray[np.int64]) -> Batch:
        """The documents `rows` (int64[k], ascending), with what was computed of them."""
        picked = {name: column.take(pa.array(rows)) for name, column in self.columns.items()}
        return Batch(picked, {key: value.take(rows) for key, value in self.shared.items()})

    def with_columns(self, columns: Mapping[str, pa.Array]) -> Batch:
        """The same documents with columns added or replaced; a new text forgets what was computed of the old one."""
        shared = {} if TEXT in columns else self.shared
        return Batch({**self.columns, **columns}, shared)
