"""Pool and targets as tokens of one vocabulary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.kernels.text import buffers
from curate.mixing.ordering import Integers
from curate.mixing.vocabulary import Counter, Vocabulary
from curate.store import arrow

ROWS = 512  # documents that are looked at together: their tokens and n-grams are held


def write(folder: Path, size: int) -> None:
    """Read `pool.arrow` and `targets.arrow`; write `tokens.{pool,targets}.arrow`, ordered by label and hash."""
    files = {name: arrow.ArrowFile(folder / f"{name}.arrow") for name in ("pool", "targets")}
    vocabulary = vocabulary_of(files["pool"], files["targets"], size)
    facts = {"vocabulary": vocabulary.size, "end": vocabulary.end}
    for name, file in files.items():
        tables = []
        for batch in pieces(file):
            tokens, offsets = vocabulary.encode(batch["text"])
            lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(tokens))
            tables.append(pa.Table.from_batches([batch.drop_columns("text").append_column("tokens", lists)]))
        table = pa.concat_tables(tables).sort_by([("domain", "ascending"), ("key", "ascending")])
        arrow.write(folder / f"tokens.{name}.arrow", table, {**facts, "bytes": by_label(file).tolist()})


def vocabulary_of(pool: arrow.ArrowFile, targets: arrow.ArrowFile, size: int) -> Vocabulary:
    """Words that are common in the mean over all domains and targets, so that none has a vocabulary of its own."""
    counter = Counter()
    for file in (pool, targets):
        totals = by_label(file)
        weights = np.maximum((1 << 40) // np.maximum(totals, 1), 1)
        for batch in pieces(file):
            counter.add(batch["text"], weights[batch["domain"].to_numpy()])
    return counter.vocabulary(size)


def by_label(file: arrow.ArrowFile) -> Integers:
    """int64[labels]: bytes of each."""
    totals = np.zeros(1, np.int64)
    for batch in file:
        found = np.bincount(batch["domain"].to_numpy(), np.diff(buffers(batch["text"])[1])).astype(np.int64)
        totals = np.pad(totals, (0, max(len(found) - len(totals), 0)))
        totals[: len(found)] += found
    return totals


def pieces(file: arrow.ArrowFile) -> list[pa.RecordBatch]:
    """Batches of `ROWS` documents at most."""
    return [batch.slice(at, ROWS) for batch in file for at in range(0, batch.num_rows, ROWS)]
