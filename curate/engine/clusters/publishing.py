"""What a run kept, added to the index that later runs look into."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.engine.clusters.deciding import Clusters
from curate.store import arrow, evidence, index
from curate.store.evidence import DOCUMENT, KEY
from curate.store.index import Record
from curate.store.sketches import VALUES, Places, SketchFiles, SketchWriter

_DOCUMENTS, _VALUES = 1 << 12, 1 << 22  # that are copied at a time; or a single document


def publish(clusters: Clusters) -> tuple[Record, tuple[str, ...]]:
    """Add the documents that a decided stage kept to its index; nothing if they are there. See `index.add`."""
    seen = clusters.context.inputs.earlier[clusters.step.label]
    record = Record(seen.number, "", seen.output, seen.files, 0, clusters.fingerprint, "")
    memory = clusters.stage.memory()
    assert memory is not None
    return index.add(seen, memory.configuration, record, lambda record: _write(clusters, record))


def _write(clusters: Clusters, record: Record) -> int:
    """The files of a record → its documents, which are numbered anew, in their order."""
    dropped = clusters.dropped()
    parts = [addresses[~_are_in(addresses, dropped)] for addresses in clusters.own_sketches.documents()]
    kept = np.concatenate([np.zeros(0, np.uint64), *parts])
    _write_sketches(clusters, record, kept)
    _write_keys(clusters, record, kept)
    return len(kept)


def _write_sketches(clusters: Clusters, record: Record, kept: npt.NDArray[np.uint64]) -> None:
    made = clusters.stage.documents()
    schema = pa.schema([made.field("id"), made.field(VALUES)])
    with SketchWriter(record.sketches, schema, {"fingerprint": record.fingerprint}) as writer:
        for low, high, places in _some(clusters.own_sketches, kept):
            offsets, values = clusters.own_sketches.values(places)
            ids = clusters.own_sketches.of(kept[low:high], ["id"]).column("id").combine_chunks()
            lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
            rows = pa.record_batch([ids, lists], schema=schema)
            writer.write(np.uint64(record.first) + np.arange(low, high, dtype=np.uint64), rows)


def _some(sketches: SketchFiles, documents: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int, Places]]:
    """Documents `low` to `high` (exclusive), with the places of their values: of all, some at a time."""
    for begin in range(0, len(documents), _DOCUMENTS):
        places = sketches.places(documents[begin : begin + _DOCUMENTS])
        piece = np.cumsum(places.size) // _VALUES
        for rows in np.split(np.arange(len(piece)), np.flatnonzero(np.diff(piece)) + 1):
            yield begin + int(rows[0]), begin + int(rows[-1]) + 1, places.take(rows)


def _write_keys(clusters: Clusters, record: Record, kept: npt.NDArray[np.uint64]) -> None:
    schema = evidence.stored_schema(clusters.stage.evidence)
    with arrow.Writer(record.keys, schema, {"fingerprint": record.fingerprint}) as writer:
        for low, high in clusters.keys.ranges():
            rows = clusters.keys.sorted_range(schema, low, high)
            document = rows.column(DOCUMENT).to_numpy()
            rows = rows.filter(pa.array(_are_in(document, kept)))
            number = np.searchsorted(kept, rows.column(DOCUMENT).to_numpy()).astype(np.uint64)
            columns = {KEY: rows.column(KEY), DOCUMENT: pa.array(np.uint64(record.first) + number)}
            writer.write(pa.table([columns.get(name, rows.column(name)) for name in schema.names], schema=schema))
        writer.commit()


def _are_in(values: npt.NDArray[np.uint64], among: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which values are among those, which ascend."""
    at = np.searchsorted(among, values)
    at[at == len(among)] = 0
    return among[at] == values if len(among) else np.zeros(len(values), bool)
