"""Many small JSONL files into few Parquet files, in which each keeps its rows, its bad lines, and what is odd about it.

Files are in one Parquet file if one schema holds them all; where one does not fit, the next Parquet file begins with
it. So what becomes of a document is the same as if each file had been imported by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from curate.store.files import whole
from curate.store.inputs import InputFile
from curate.store.jsonl import GROUP_ROWS, Imported, document_writer, import_jsonl, read_jsonl
from curate.store.quarantine import Held, Quarantine
from curate.store.schemas import conform, unify

SMALL = 1 << 20  # bytes on disk: files up to this are taken together
TOGETHER_BYTES = 8 << 20  # bytes on disk of the files that are taken together
TOGETHER_FILES = 1000  # so that a hundred thousand files still keep some workers busy
HELD_BYTES = 64 << 20  # of documents in memory: compressed files grow

Member = tuple[InputFile, Imported]
"""A file, and what became of it."""


def cut(files: Sequence[InputFile]) -> Iterator[tuple[InputFile, ...]]:
    """Neighbours in the listing that are taken together; a file that is not small is alone."""
    held: list[InputFile] = []
    size = 0
    for file in files:
        if held and (file.size > SMALL or size + file.size > TOGETHER_BYTES or len(held) == TOGETHER_FILES):
            yield tuple(held)
            held, size = [], 0
        held.append(file)
        size += file.size
        if file.size > SMALL:
            yield tuple(held)
            held, size = [], 0
    if held:
        yield tuple(held)


def gather(
    files: Sequence[InputFile],
    target: Callable[[InputFile], Path],
    quarantine: Quarantine,
    *,
    text: str = "text",
    id: str = "id",
    limit: int | None = None,
) -> list[list[Member]]:
    """Write the documents of small JSONL files to Parquet files → the files in each of them, in order.

    target: where the Parquet file goes that begins with a file. text, id, limit (documents of each file), what is a bad
    line, and what is raised: as of `import_jsonl`. Memory: HELD_BYTES twice, and what one block of lines takes.
    """
    parts: list[list[Member]] = []
    held = _Held()
    for file in files:
        aside = Held()
        read = read_jsonl(file, aside, text=text, id=id, limit=limit)
        if read is None:  # small on disk only
            parts += held.write(target, id, text)
            held = _Held()
            parts.append([(file, import_jsonl(file, target(file), quarantine, text=text, id=id, limit=limit))])
            continue
        for row in aside.rows:
            quarantine.add(row)
        done, table = read
        if not held.add(file, done, table):
            parts += held.write(target, id, text)
            held = _Held()
            held.add(file, done, table)
    return parts + held.write(target, id, text)


@dataclass
class _Held:
    """Files that one schema holds, before they are written."""

    members: list[Member] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    """All of the schema of the first."""
    size: int = 0

    def add(self, file: InputFile, done: Imported, table: pa.Table) -> bool:
        """Take a file; False if it does not fit."""
        if self.members:
            if self.size + table.nbytes > HELD_BYTES:
                return False
            fitting = self._fitted(table)
            if fitting is None:
                return False
            table = fitting
        self.members.append((file, done))
        self.tables.append(table)
        self.size += table.nbytes
        return True

    def _fitted(self, table: pa.Table) -> pa.Table | None:
        """The table with the schema of all, which may become wider by it."""
        ours = self.tables[0].schema
        if table.schema.equals(ours):
            return table
        schema, problems = unify([("all", ours), ("this", table.schema)])
        if problems:
            return None
        try:
            fitted = conform(table, schema)
            if not schema.equals(ours):
                self.tables = [conform(pa.concat_tables(self.tables), schema)]
            return fitted
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a value that the wider type does not hold exactly
            return None

    def write(self, target: Callable[[InputFile], Path], id: str, text: str) -> list[list[Member]]:
        """Write all as one Parquet file, if there are any."""
        if not self.members:
            return []
        table = pa.concat_tables(self.tables).combine_chunks()
        with (
            whole(target(self.members[0][0])) as part,
            document_writer(part, table.schema, id, text) as writer,
        ):
            if table.num_rows:
                writer.write_table(table, row_group_size=GROUP_ROWS)
        return [self.members]
