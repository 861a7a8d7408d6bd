"""The import: what is not Parquet becomes Parquet in the run folder, once. Many small files are taken together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from curate.engine.context import FORMAT
from curate.errors import StoreError
from curate.recipe import Recipe
from curate.store import gathering
from curate.store.files import digest, read_json, write_json
from curate.store.folder import RunFolder
from curate.store.inputs import InputFile
from curate.store.jsonl import Imported, import_jsonl
from curate.store.quarantine import open_quarantine

MANY = 1000  # files; with more, small ones are taken together: a unit of work costs about 20 ms beside the work itself


@dataclass(frozen=True)
class ImportTask:
    """Neighbours in the listing that are not Parquet: one file, or many small ones."""

    root: str
    files: tuple[InputFile, ...]
    id: str
    text: str
    limit: int | None = None
    """Stop after so many documents of each file."""
    apart: bool = False
    """Make one Parquet file of each, since together they do not fit the other files."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Part:
    """A Parquet file of the import, and which files it was made of."""

    task: ImportTask
    path: Path
    files: tuple[InputFile, ...]
    facts: tuple[dict[str, Any], ...]
    """Of each file: `rows`, `bad` (reason → lines), `notes`, `broken` (or None)."""

    @property
    def members(self) -> tuple[tuple[int, int], ...]:
        """(number, first row) of each file; nothing if there is one alone."""
        firsts = accumulate((facts["rows"] for facts in self.facts), initial=0)
        found = tuple((file.index, first) for file, first in zip(self.files, firsts, strict=False))
        return found if len(found) > 1 else ()


def tasks(recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], limit: int | None) -> list[ImportTask]:
    """Everything that is to be imported, done or not; of each file `limit` documents at most.

    What is taken together follows from the order and the sizes of the files alone.
    """
    others = [file for file in files if file.format != "parquet"]
    is_many = sum(file.size <= gathering.SMALL for file in others) > MANY
    groups = _neighbours(others) if is_many else ((file,) for file in others)
    return [ImportTask(str(folder.root), group, recipe.input.id, recipe.input.text, limit) for group in groups]


def _neighbours(files: Sequence[InputFile]) -> Iterator[tuple[InputFile, ...]]:
    """Files taken together, with no file of another format between them, whose documents are to stand there."""
    first = 0
    for place in range(1, len(files) + 1):
        if place == len(files) or files[place].index != files[place - 1].index + 1:
            yield from gathering.cut(files[first:place])
            first = place


def todo(all_tasks: Sequence[ImportTask]) -> list[ImportTask]:
    """Those that are not done."""
    return [task for task in all_tasks if not is_done(task)]


def is_done(task: ImportTask) -> bool:
    """Whether the import is there, whole, of the files as they are now."""
    return _done(task) is not None


def run(task: ImportTask) -> int:
    """Import files → documents. The note of their facts is written last, and says that it is done."""
    folder, first, note = RunFolder(Path(task.root)), task.files[0], note_of(task)
    note.unlink(missing_ok=True)  # until the import is whole again
    with open_quarantine(folder.imports_aside(first.index)) as aside:
        if len(task.files) > 1 and not task.apart:
            found = gathering.gather(
                task.files,
                lambda file: folder.imported(file.index),
                aside,
                text=task.text,
                id=task.id,
                limit=task.limit,
            )
        else:
            found = [
                [(f, import_jsonl(f, folder.imported(f.index), aside, text=task.text, id=task.id, limit=task.limit))]
                for f in task.files
            ]
    parts = [{"files": [_plain(done) for _, done in part]} for part in found]
    write_json(note, {"fingerprint": _fingerprint(task), "parts": parts})
    return sum(done.rows for part in found for _, done in part)


def _plain(done: Imported) -> dict[str, Any]:
    broken = asdict(done.broken) if done.broken else None
    return {"rows": done.rows, "bad": done.bad, "notes": list(done.notes), "broken": broken}


def _fingerprint(task: ImportTask) -> str:
    files = [file.state for file in task.files]
    return digest(FORMAT, files, task.id, task.text, task.limit, task.apart)


def _done(task: ImportTask) -> list[dict[str, Any]] | None:
    """What the note says of the Parquet files that a task wrote; None if it is not done."""
    folder = RunFolder(Path(task.root))
    note = note_of(task)
    if not note.exists():
        return None
    facts = read_json(note)
    if facts["fingerprint"] not in (_fingerprint(task), _fingerprint(replace(task, apart=True))):
        return None
    parts, at = list(facts["parts"]), 0
    for part in parts:
        if not folder.imported(task.files[at].index).exists():
            return None
        at += len(part["files"])
    return parts


def parts(task: ImportTask) -> Iterator[Part]:
    """The Parquet files that a task wrote, in order. Raises StoreError if they are gone."""
    folder, at = RunFolder(Path(task.root)), 0
    done = _done(task)
    if done is None:
        raise StoreError(f"{note_of(task)}: the import of {task.files[0].name} is gone; run again")
    for part in done:
        files = task.files[at : at + len(part["files"])]
        yield Part(task, folder.imported(files[0].index), files, tuple(part["files"]))
        at += len(files)


def note_of(task: ImportTask) -> Path:
    """What the import found; present when it is whole."""
    return RunFolder(Path(task.root)).import_facts(task.files[0].index)


def split(task: ImportTask) -> None:
    """Import the files of a task again, one Parquet file of each."""
    run(replace(task, apart=True))
