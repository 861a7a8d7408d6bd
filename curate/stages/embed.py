"""Give each document a vector that says what it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import BaseModel

from curate.documents import TEXT, Batch
from curate.kernels.vectors import column_of
from curate.models import raters, static
from curate.stage import Evidence, Global, Outcome

EMBEDDING = "embedding"


class Embed(Global):
    """Give each document a vector that says what it is about.

        - embed
        - domain_clusters

    `builtin`: the static vectors of pieces of words that the raters ship, distilled from all-MiniLM-L6-v2, summed up:
    128 numbers, made for English, and fast. A text in a script without Latin letters has no such vector.

    Vectors have length 1. They stay in the run folder for the steps behind, unless `keep` is set.
    """

    model: str = "builtin"
    """Where vectors come from."""
    keep: bool = False
    """Write the vectors with the documents, too: 256 bytes and more for each."""

    evidence: ClassVar[pa.Schema] = pa.schema({"key": pa.uint64(), "row": pa.int64()})

    def is_decided(self) -> bool:
        return True

    def columns_applied(self) -> tuple[str, ...]:
        return (TEXT,)

    def columns_written(self) -> dict[str, pa.DataType]:
        return {EMBEDDING: pa.list_(pa.float16(), static.DIMENSIONS)}

    def columns_kept_back(self) -> tuple[str, ...]:
        return () if self.keep else (EMBEDDING,)

    def files(self) -> tuple[Path, ...]:
        return (raters.BUNDLED,)

    def observe(self, batch: Batch) -> pa.RecordBatch:
        raise NotImplementedError

    def resolve(self, evidence: Evidence) -> BaseModel:
        raise NotImplementedError

    def artifact_type(self) -> type[BaseModel]:
        raise NotImplementedError

    def apply(self, batch: Batch, artifact: Any) -> Outcome:
        values, rows = static.vectors(batch[TEXT])
        return Outcome(columns={EMBEDDING: column_of(values, rows, len(batch))})
