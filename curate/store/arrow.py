"""Arrow files: tables that are mapped rather than read, so that any range of their rows costs what is in it.

For what a run keeps for itself between two steps. Numbers that are hashes cannot be compressed, and Parquet would take
longer to write and read them than all the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import StoreError
from curate.store.files import Pending

FACTS = b"curate"  # key of the schema's metadata that holds a file's facts, as JSON


class Writer(Pending):
    """An Arrow file in the making: whole when it is committed, else it never was."""

    def __init__(self, path: Path, schema: pa.Schema, facts: Mapping[str, Any]) -> None:
        """Opens a temporary file beside `path`."""
        self.schema = schema.with_metadata({FACTS: json.dumps(facts, sort_keys=True).encode()})
        super().__init__(path)
        sink = self._files.enter_context(pa.OSFile(str(self.part), "wb"))  # which a writer of a path leaves open
        self._writer = self._files.enter_context(pa.ipc.new_file(sink, self.schema))

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Append rows: one batch of the file."""
        batches = rows.combine_chunks().to_batches() if isinstance(rows, pa.Table) else [rows]
        for batch in batches:
            if batch.num_rows:
                self._writer.write_batch(batch.cast(self.schema) if batch.schema != self.schema else batch)

    def commit(self) -> None:
        """Finish: the file takes its place."""
        self._take_place()


def write(path: Path, rows: pa.Table, facts: Mapping[str, Any]) -> None:
    """Write a table, whole."""
    with Writer(path, rows.schema, facts) as writer:
        writer.write(rows)
        writer.commit()


class ArrowFile:
    """An Arrow file, mapped: its batches are there at once, and are read when they are looked at."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError if the file is not there, or is no Arrow file."""
        try:
            self._map = pa.memory_map(str(path))
            reader = pa.ipc.open_file(self._map)
        except (OSError, pa.ArrowInvalid) as error:
            raise StoreError(f"{path}: cannot read it ({error}); run again with --fresh") from error
        self.schema = reader.schema.remove_metadata()
        self.facts: dict[str, Any] = json.loads((reader.schema.metadata or {}).get(FACTS, b"{}"))
        self.batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self.rows = sum(batch.num_rows for batch in self.batches)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self.batches)


def facts(path: Path) -> dict[str, Any] | None:
    """The facts of an Arrow file that `Writer` committed; None if there is no such file."""
    return ArrowFile(path).facts if path.exists() else None
