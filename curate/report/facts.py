"""Facts about a run from its folder: what became of a document, and documents to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, DROPPED_BY, ID, SIZE
from curate.errors import StoreError
from curate.kernels.hashing import hash64
from curate.store import ledger
from curate.store.files import read_json
from curate.store.fixed import Inputs
from curate.store.folder import RunFolder
from curate.store.quarantine import BadRow, read_quarantine
from curate.store.shards import Chunk, Unit, present_columns, read_unit

INTERNAL = (CHARS, SIZE, DROPPED_BY, ID)
"""Ledger columns that are not a stage's."""


@dataclass(frozen=True)
class Document:
    """A document of a run, and what became of it."""

    id: str
    file: str
    row: int
    """In the input file (in what was imported from it, if it is not Parquet), from 0."""
    dropped_by: str | None
    """`stage/reason`, `quarantine/reason`, or None if it was kept."""
    columns: dict[str, Any] = field(default_factory=dict)
    """What the stages that it reached said of it."""
    text: str | None = None
    """As it is at the end, or in the input if it was dropped."""
    user: dict[str, Any] = field(default_factory=dict)
    """The other columns of the input."""


class Run:
    """A run folder, to be asked. Works on unfinished runs too, as far as they went."""

    def __init__(self, root: str | Path) -> None:
        """Raises StoreError if the folder is not one of a run."""
        self.folder = RunFolder(Path(root))
        if not self.folder.manifest.exists():
            raise StoreError(f"{root}: no manifest.json here: this is not the output folder of a run")
        self.manifest: dict[str, Any] = read_json(self.folder.manifest)
        if not self.folder.inputs.exists():
            raise StoreError(f"{root}: the run stopped before its input was read: {self.manifest.get('error', '')}")
        self.inputs = Inputs.load(self.folder.inputs)
        self.passes = len(self.manifest.get("passes", {}))
        self.text_column = str(self.manifest["input"].get("text", "text"))

    def find(self, id: str) -> Document | None:
        """The document with this id, with everything that is known of it; None if the run has none."""
        for unit in self.inputs.units:
            for row in np.flatnonzero(self._ids(unit) == id):
                return self._document(unit, int(row))
        return None

    def bad_rows(self, id: str) -> list[BadRow]:
        """Rows kept aside under this id."""
        return [row for row in read_quarantine(self.folder.quarantine) if row.id == id]

    def some(self, n: int, dropped_by: str | None = None) -> list[Document]:
        """`n` documents, the same ones every time: kept, or dropped by `label`, `label/reason` or `quarantine`."""
        best: list[tuple[int, Unit, int]] = []
        for unit, rows in self._matching(dropped_by):
            ids = ledger.read(self.folder.ledger(1, unit.stem), [ID])[ID].take(pa.array(rows))
            hashes = hash64(ids.fill_null("").cast(pa.large_string()), 0)
            nearest = np.argsort(hashes, kind="stable")[:n]
            best += [(int(hashes[i]), unit, int(rows[i])) for i in nearest]
            best = sorted(best, key=lambda entry: (entry[0], entry[1].index, entry[2]))[:n]
        return [self._document(unit, row) for _, unit, row in best]

    def reasons(self) -> dict[str, int]:
        """`stage/reason` → documents, over all passes, the most frequent first."""
        found: dict[str, int] = {}
        for row in self.manifest.get("funnel", []):
            for reason, (documents, _) in row["reasons"].items():
                label = "quarantine" if row.get("unreadable") else row["label"]
                found[f"{label}/{reason}"] = documents
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def example_ids(self, n: int = 3) -> list[str]:
        """A few ids of this run, to show what they look like."""
        return [document.id for document in self.some(n)]

    def _matching(self, dropped_by: str | None) -> Iterator[tuple[Unit, npt.NDArray[np.int64]]]:
        for unit in self.inputs.units if self.passes else ():
            path = self.folder.ledger(self.passes, unit.stem)
            if not path.exists():
                continue
            found = ledger.read(path, [DROPPED_BY])[DROPPED_BY]
            if dropped_by is None:
                match = found.is_null()
            else:
                match = pc.or_(pc.equal(found, dropped_by), pc.starts_with(found, dropped_by + "/")).fill_null(False)
            rows = np.flatnonzero(match.to_numpy(zero_copy_only=False))
            if len(rows):
                yield unit, rows

    def _ids(self, unit: Unit) -> npt.NDArray[np.object_]:
        path = self.folder.ledger(1, unit.stem)
        if not path.exists():
            return np.zeros(0, dtype=object)
        return np.asarray(ledger.read(path, [ID])[ID].to_numpy(zero_copy_only=False), dtype=object)

    def _document(self, unit: Unit, row: int) -> Document:
        columns: dict[str, Any] = {}
        id, dropped_by, reached = None, None, 1
        for number in range(1, self.passes + 1):
            path = self.folder.ledger(number, unit.stem)
            if not path.exists() or dropped_by is not None:
                break
            values = ledger.row_of(path, row)
            id = values.get(ID, id)
            dropped_by = values[DROPPED_BY]
            columns |= {name: v for name, v in values.items() if name not in INTERNAL}
            reached = number
        user = _input_row(unit, row)
        text = user.pop(self.text_column, None)
        if dropped_by is None:
            text = self._final_text(unit, row, reached) or text
        file = self.inputs.files[unit.file].name
        return Document(str(id), file, row + unit.first_row, dropped_by, columns, text, user)

    def _final_text(self, unit: Unit, row: int, last: int) -> str | None:
        for number in range(last, 0, -1):
            path = self.folder.text(number, unit.stem)
            if path.exists():
                return ledger.text_of(path, row)
        return None


def _input_row(unit: Unit, row: int) -> dict[str, Any]:
    """A row of the input as it is now; empty if it cannot be read."""
    wanted = np.zeros(unit.rows, bool)
    wanted[row] = True
    try:
        for chunk in read_unit(unit, present_columns(unit.path).names, wanted):
            if isinstance(chunk, Chunk) and len(chunk.rows):
                return {name: _plain(values) for name, values in chunk.columns.items()}
    except (OSError, pa.ArrowException):
        pass
    return {}


def _plain(values: pa.Array) -> Any:
    try:
        return values[0].as_py()
    except UnicodeDecodeError:
        return values.cast(pa.large_binary())[0].as_py().decode("utf-8", "backslashreplace")
