"""Keep a random share of the documents, the same ones every time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.documents import ID, Batch
from curate.kernels.hashing import hash64, hash64_one
from curate.stage import Column, Filter


class Sample(Filter):
    """Keep a random share of the documents, chosen by a hash of their id.

        - sample: {share: 0.01}
        - sample: {share: 0.1, by: host, seed: 7}

    A document stays if XXH64(id, seed) < share * 2**64. So its fate depends on its id and the seed alone, not on its
    neighbours or on how the corpus is cut into shards; and a smaller share keeps a part of what a larger one keeps.
    Reason: `not_sampled`.
    """

    share: float = Field(ge=0, le=1)
    """Share of the documents to keep, 0 to 1. It is met on average: of n documents, within about sqrt(n) / 2."""
    seed: int = Field(0, ge=0, lt=2**64)
    """Another seed makes an independent choice; an integer from 0 to 2**64 - 1."""
    by: Column | None = None
    """Column to hash in place of the id: documents with the same value, such as a host, stay or go together.

    The value is hashed as a string. A document without a value is judged by its id.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        kind = types.get(self.by or "")
        if kind is None:
            return
        try:
            pa.nulls(0, kind).cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(
                f"column '{self.by}' is {kind}; `by` hashes values as strings, and there is no such form of these; "
                "take a column of strings or numbers"
            ) from error

    def judge_one(self, name: str) -> str | None:
        """The specification: the reason to drop a document with this id (or value of the column `by`)."""
        return None if hash64_one(name, self.seed) < self.share * 2**64 else "not_sampled"

    def judge(self, batch: Batch) -> pa.Array:
        limit = int(self.share * 2**64)  # exact: a double times a power of two
        if limit == 2**64:
            return pa.nulls(len(batch), pa.string())
        keep = hash64(self._names(batch), self.seed) < np.uint64(limit)
        return pa.array(["not_sampled"], pa.string()).take(pa.array(np.zeros(len(keep), np.int64), mask=keep))

    def _names(self, batch: Batch) -> pa.LargeStringArray:
        if self.by is None:
            return batch[ID]
        self.check_columns({self.by: batch[self.by].type})
        names = batch[self.by].cast(pa.large_string())
        return names.fill_null(batch[ID]) if names.null_count else names
