"""Pass 0, the look at the ids: a document whose id an earlier one has goes into quarantine before any stage sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.documents import address
from curate.engine.context import load
from curate.kernels.hashing import hash128
from curate.store import evidence
from curate.store.shards import Unreadable, present_columns, read_unit

LABEL = "ids"
SCHEMA = pa.schema([(evidence.KEY, pa.uint64()), (evidence.DOCUMENT, pa.uint64()), ("check", pa.uint64())])
"""128 bits of hash for each id: with 10^11 documents, a chance of 10^-17 that two different ids look the same."""


@dataclass(frozen=True)
class IdTask:
    """Which unit's ids to look at."""

    root: str
    unit: int


def look(task: IdTask) -> None:
    """Write the hashes of a unit's ids, sorted. What cannot be read is left to pass 1, which reports it."""
    context = load(task.root)
    unit, column = context.inputs.units[task.unit], context.recipe.input.id
    path = context.folder.evidence(0, unit.stem, LABEL)
    with evidence.EvidenceWriter(path, SCHEMA, {"fingerprint": context.starts[unit.index]}) as found:
        for chunk in read_unit(unit, [column]) if column in present_columns(unit.path).names else ():
            if isinstance(chunk, Unreadable) or not len(chunk.rows):
                continue
            ids = chunk.columns[column].cast(pa.large_string())
            there = np.flatnonzero(ids.is_valid().to_numpy(zero_copy_only=False))
            high, low = hash128(ids.take(pa.array(there)))
            documents = address(unit.file, chunk.rows[there] + unit.first_row)
            found.add(pa.table([pa.array(high), pa.array(documents), pa.array(low)], schema=SCHEMA))


def repeated(sorted_range: pa.Table) -> pa.Table:
    """The documents of a range, sorted by (key, document), whose (key, check) an earlier document has."""
    key, check = sorted_range.column("key").to_numpy(), sorted_range.column("check").to_numpy()
    document = sorted_range.column(evidence.DOCUMENT).to_numpy()
    order = np.lexsort((document, check, key))
    key, check = key[order], check[order]
    again = np.zeros(len(order), bool)
    again[1:] = (key[1:] == key[:-1]) & (check[1:] == check[:-1])
    return pa.table({evidence.DOCUMENT: pa.array(np.sort(document[order][again]))})
