"""Documents of any input, read as they are, for what looks at a corpus without running a recipe."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import RecipeError, StoreError
from curate.store import objects
from curate.store.files import sha256
from curate.store.footers import parquet_facts
from curate.store.inputs import InputFile, list_inputs
from curate.store.jsonl import import_jsonl
from curate.store.quarantine import open_quarantine
from curate.store.shards import Unit, Unreadable, read_unit
from curate.urls import is_remote


class Reader:
    """The documents of folders, globs and files (Parquet, JSON lines), in the order of the listing.

    JSON lines are turned into Parquet in a temporary folder, once; it is gone when the block ends.
    """

    def __init__(self, paths: Sequence[str], *, text: str = "text", id: str = "id") -> None:
        """text, id: names of the columns. Raises RecipeError when a path names nothing, StoreError as it is read."""
        self.text, self.id = text, id
        self._scratch = TemporaryDirectory(prefix="curate-")
        self._units: list[tuple[Unit, pa.Schema]] = []
        self._without_text: dict[int, int] = {}
        self.without_id: dict[str, int] = {}
        """Of the files read so far, those with documents that have no id: name → the first row without one."""
        try:
            self.files = list_inputs(paths).files
            for file in self.files:
                self._open(file)
        except BaseException:
            self._scratch.cleanup()
            raise
        self.columns = {field.name: field.type for _, schema in self._units for field in schema}
        """Of all files together; a file that lacks one has nulls there."""

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.cleanup()

    def _open(self, file: InputFile) -> None:
        if file.format != "parquet":
            path = Path(self._scratch.name) / f"{file.index}.parquet"
            with open_quarantine(path.with_suffix(".bad")) as quarantine:
                found = import_jsonl(file, path, quarantine, text=self.text, id=self.id)
            if found.bad or found.broken:
                told = ", ".join(f"{reason} {lines:,}" for reason, lines in found.bad.items()) or "its end is missing"
                raise StoreError(f"{file.name}: not all of it can be read: {told}; look at it: curate check")
            file = replace(file, path=str(path), format="parquet")
        facts = parquet_facts(file, self.text)
        size = sum(group.total_bytes for group in facts.groups)
        unit = Unit(file.index, file.index, file.name, file.path, 0, facts.rows, (0, len(facts.groups)), size)
        self._units.append((unit, facts.schema))

    @property
    def without_text(self) -> int:
        """Documents that were left out as they have no text, in the files of which texts were read so far."""
        return sum(self._without_text.values())

    def provenance(self) -> list[dict[str, Any]]:
        """For a card: of each file its path, from this folder if it is below it, its size in bytes, and its SHA-256."""
        here = os.getcwd()
        return [
            {
                "path": os.path.relpath(file.path, here) if file.path.startswith(here + os.sep) else file.path,
                "bytes": file.size,
                "sha256": objects.digest(file.path) if is_remote(file.path) else sha256(file.path),
            }
            for file in self.files
        ]

    def check(self, names: Sequence[str]) -> None:
        """Raise RecipeError if a column is in no file."""
        for name in names:
            if name not in self.columns:
                near = difflib.get_close_matches(name, self.columns, 1)
                there = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(self.columns)}"
                raise RecipeError(f"the input has no column '{name}'; {there}")

    def read(self, columns: Sequence[str] = (), *, text: bool = True, made_ids: bool = True) -> Iterator[pa.Table]:
        """Tables of `id`, `text` (both large_string, without nulls) and `columns`. A document without a text is none.

        A document without an id gets `<file>#<row>`, as in a run: unique among these files, not among others.
        text: False leaves the column of texts out, and so has documents without one. made_ids: False leaves documents
        out that have no id of their own.
        """
        self.check([*columns, *([self.text] if text else [])])
        for number in range(len(self._units)):
            yield from self.read_file(number, columns, text=text, made_ids=made_ids)

    def read_file(
        self, number: int, columns: Sequence[str] = (), *, text: bool = True, made_ids: bool = True
    ) -> Iterator[pa.Table]:
        """As `read`, of the file with this place in `files`."""
        unit, schema = self._units[number]
        own = dict.fromkeys([self.id, *([self.text] if text else []), *columns])
        textless = 0
        for chunk in read_unit(unit, [name for name in own if name in schema.names]):
            if isinstance(chunk, Unreadable):
                raise StoreError(f"{unit.name}: rows {chunk.start} to {chunk.stop} cannot be read: {chunk.error}")
            rows = len(chunk.rows)
            given = chunk.columns.get(self.id, pa.nulls(rows)).cast(pa.large_string())
            there = given.is_valid()
            if self.files[number].format != "parquet":  # those without one got theirs on the way into Parquet
                there = pc.invert(pc.starts_with(given, f"{unit.name}#"))
            if pc.any(pc.invert(there)).as_py():
                self.without_id.setdefault(unit.name, int(chunk.rows[there.index(False).as_py()]))
            if given.null_count:
                made = pa.array([f"{unit.name}#{row}" for row in chunk.rows.tolist()], pa.large_string())
                given = pc.if_else(given.is_valid(), given, made)
            found = {"id": given}
            if text:
                found["text"] = chunk.columns.get(self.text, pa.nulls(rows)).cast(pa.large_string())
                textless += found["text"].null_count
                self._without_text[number] = textless
            found |= {name: chunk.columns.get(name, pa.nulls(rows, self.columns[name])) for name in columns}
            table = pa.table(found)
            keep = pc.or_(there, made_ids)
            if text:
                keep = pc.and_(keep, table["text"].combine_chunks().is_valid())
            yield (table if pc.all(keep).as_py() else table.filter(keep)).combine_chunks()


def open_table(paths: Sequence[str], *, text: str = "text", id: str = "id") -> Reader:
    """A reader of a table about documents, such as of losses or ratings.

    Those of curate call the ids `id`, whatever they are called in the documents.
    """
    reader = Reader(paths, text=text, id=id)
    if id not in reader.columns and "id" in reader.columns:
        reader.id = "id"
    return reader
