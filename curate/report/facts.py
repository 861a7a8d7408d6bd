"""Facts about a run from its folder: what became of a document, and documents to look at."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import CHARS, DROPPED_BY, ID, SIZE
from curate.errors import StoreError
from curate.kernels.hashing import hash64, hash64_one
from curate.store import ledger, looking
from curate.store.files import read_json
from curate.store.fixed import Inputs
from curate.store.folder import RunFolder
from curate.store.quarantine import BadRow, read_quarantine, summarise
from curate.store.shards import Unit

INTERNAL = (CHARS, SIZE, DROPPED_BY, ID)
"""Ledger columns that are not a stage's."""


@dataclass(frozen=True)
class Document:
    """A document of a run, and what became of it."""

    id: str
    file: str
    row: int
    """In the input file (in what was imported from it, if it is not Parquet), from 0."""
    kept: bool | None
    """Whether it is in the output; None: not decided, as the run is not complete."""
    dropped_by: str | None
    """`stage/reason`, `quarantine/reason`, or None if nothing dropped it (so far)."""
    passes: int
    """Complete passes that saw it; 0: nothing is known of it but what the input says."""
    unit: str
    """Its unit of work, as `curate debug` takes it."""
    columns: dict[str, Any] = field(default_factory=dict)
    """What the stages that it reached said of it."""
    text: str | None = None
    """As it is at the end, or in the input if it was dropped."""
    user: dict[str, Any] = field(default_factory=dict)
    """The other columns of the input."""


class Run:
    """A run folder, to be asked. Works on unfinished runs too, as far as they went.

    Only what the manifest counts as complete is believed: other files may be those of an earlier run.
    """

    def __init__(self, root: str | Path) -> None:
        """Raises StoreError if the folder is not one of a run."""
        self.folder = RunFolder(Path(root))
        if not self.folder.manifest.exists():
            raise StoreError(f"{root}: no manifest.json here: this is not the output folder of a run")
        self.manifest: dict[str, Any] = read_json(self.folder.manifest)
        if "generations" in self.manifest:
            last = self.manifest["generations"][-1]["run"]
            raise StoreError(f"{root}: the output of an incremental recipe; name a generation: {Path(root) / last}")
        if not self.folder.inputs.exists():
            raise StoreError(f"{root}: the run stopped before its input was read: {self.manifest.get('error', '')}")
        self.inputs = Inputs.load(self.folder.inputs)
        self.state = str(self.manifest["state"])
        """`running` (or killed), `failed`, `interrupted` or `done`."""
        self.done = self.state == "done"
        self.passes = len(self.manifest.get("passes", {}))
        """Passes that are complete."""
        self.text_column = str(self.manifest["input"].get("text", "text"))
        self.id_column = str(self.manifest["input"].get("id", "id"))

    @property
    def decisions(self) -> list[dict[str, str | None]]:
        """What the global steps of a run that is done decided: `label`, `text` (one line), `warning` or None."""
        return list(self.manifest.get("decisions", ()))

    def find(self, id: str) -> Document | None:
        """The first document with this id, with everything that is known of it; None if the run has none."""
        place = self.place_of(id)
        return self.document(*place) if place is not None else None

    def place_of(self, id: str) -> tuple[Unit, int] | None:
        """The unit and the row in it of the first document with this id; None if the run has none."""
        rows = ((unit, self._row(unit, id)) for unit in self.inputs.units)
        return next(((unit, row) for unit, row in rows if row is not None), None)

    def shard_of(self, id: str) -> str | None:
        """The output shard with this document, as `data/00003.parquet`; None if the run is not done, or none has it."""
        shards = self.manifest["output"]["shards"] if self.done else ()
        found = looking.shard_of((self.folder.data / shard["file"] for shard in shards), self.id_column, id)
        return found.relative_to(self.folder.root).as_posix() if found else None

    def bad_rows(self, id: str) -> list[BadRow]:
        """Rows kept aside under this id, without their bytes."""
        return [row for row in read_quarantine(self.folder.quarantine, raw=False) if row.id == id]

    def kept_aside(self, n: int, reason: str | None = None) -> list[BadRow]:
        """`n` rows of the quarantine, the same ones every time, in the order of the files; all of them for a reason."""
        rows = enumerate(read_quarantine(self.folder.quarantine))
        wanted = ((_chance(row), number, row) for number, row in rows if reason in (None, row.reason))
        chosen = heapq.nsmallest(n, wanted, key=lambda entry: entry[:2])
        return [row for _, _, row in sorted(chosen, key=lambda entry: entry[1])]

    def reasons_aside(self) -> dict[str, int]:
        """Documents in quarantine by reason, the most frequent first."""
        return summarise(self.folder.quarantine, examples=0).reasons

    def has_other_data(self) -> bool:
        """Whether data/ has shards that this run does not vouch for: of an earlier one, or but a part of its own."""
        return "output" not in self.manifest and any(self.folder.data.rglob("*.parquet"))

    def some(self, n: int, dropped_by: str | None = None) -> list[Document]:
        """`n` documents, the same ones every time: not dropped (so far), or dropped by `label` or `label/reason`."""
        best: list[tuple[int, Unit, int]] = []
        for unit, rows in self._matching(dropped_by):
            ids = ledger.read(self.ledger(1, unit), [ID])[ID].take(pa.array(rows))
            hashes = hash64(ids.fill_null("").cast(pa.large_string()), 0)
            nearest = np.argsort(hashes, kind="stable")[:n]
            best += [(int(hashes[i]), unit, int(rows[i])) for i in nearest]
            best = sorted(best, key=lambda entry: (entry[0], entry[1].index, entry[2]))[:n]
        return [self.document(unit, row) for _, unit, row in best]

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
        if self.passes:
            return [document.id for document in self.some(n)]
        return [id for unit in self.inputs.units[:1] for id in looking.first_ids(unit, self.id_column, n)]

    def was_read(self, document: Document) -> bool:
        """Whether there is anything of pass 1 about the document's unit, be it of this run or of an earlier one."""
        return self.folder.ledger(1, document.unit).exists()

    def _matching(self, dropped_by: str | None) -> Iterator[tuple[Unit, npt.NDArray[np.int64]]]:
        for unit in self.inputs.units if self.passes else ():
            found = ledger.read(self.ledger(self.passes, unit), [DROPPED_BY])[DROPPED_BY]
            if dropped_by is None:
                match = found.is_null()
            else:
                match = pc.or_(pc.equal(found, dropped_by), pc.starts_with(found, dropped_by + "/")).fill_null(False)
            rows = np.flatnonzero(match.to_numpy(zero_copy_only=False))
            if len(rows):
                yield unit, rows

    def ledger(self, number: int, unit: Unit) -> Path:
        """Of a pass that is complete."""
        path = self.folder.ledger(number, unit.stem)
        if not path.exists():
            raise StoreError(f"{path}: it is gone, though pass {number} is complete; run the recipe again")
        return path

    def _row(self, unit: Unit, id: str) -> int | None:
        if not self.passes:
            return looking.row_of(unit, self.id_column, id)
        row = looking.index_of(ledger.read(self.ledger(1, unit), [ID])[ID], id)
        return row if row >= 0 else None

    def document(self, unit: Unit, row: int) -> Document:
        """The document in a row of a unit, with everything that is known of it."""
        return self.documents(unit, [row])[row]

    def documents(self, unit: Unit, rows: Sequence[int]) -> dict[int, Document]:
        """Row of a unit (ascending) → its document, with everything that is known of it."""
        said: dict[int, list[dict[str, Any]]] = {row: [] for row in rows}
        for number in range(1, self.passes + 1):
            alive = [row for row, values in said.items() if not values or values[-1][DROPPED_BY] is None]
            for row, values in zip(alive, ledger.rows_of(self.ledger(number, unit), alive), strict=True):
                said[row].append(values)
        given = _input_rows(unit, rows)
        return {row: self._document(unit, row, values, given.get(row, {})) for row, values in said.items()}

    def _document(self, unit: Unit, row: int, said: list[dict[str, Any]], user: dict[str, Any]) -> Document:
        """said: what each pass that it reached said of it; user: its row of the input."""
        reached = len(said)
        dropped_by = said[-1][DROPPED_BY] if said else None
        id = said[0].get(ID) if said else None
        file, number = self.inputs.place(unit, row)
        given = user.get(self.id_column)
        text = user.pop(self.text_column, None)
        changed = self._final_text(unit, row, reached) if dropped_by is None else None
        if id is None:
            id = f"{file}#{number}" if given is None else str(given)
        return Document(
            id=id,
            file=file,
            row=number,
            kept=False if dropped_by is not None else True if self.done else None,
            dropped_by=dropped_by,
            passes=reached,
            unit=unit.stem,
            columns={name: v for values in said for name, v in values.items() if name not in INTERNAL},
            text=text if changed is None else changed,
            user=user,
        )

    def text_before(self, unit: Unit, row: int, number: int) -> str | None:
        """The text of a document when pass `number` began; None if its input cannot be read any more."""
        changed = self._final_text(unit, row, number - 1)
        given = _input_rows(unit, [row]).get(row, {}).get(self.text_column) if changed is None else changed
        return None if given is None else str(given)

    def _final_text(self, unit: Unit, row: int, last: int) -> str | None:
        for number in range(last, 0, -1):
            path = self.folder.text(number, unit.stem)
            if path.exists():
                return ledger.text_of(path, row)
        return None


def _chance(row: BadRow) -> int:
    """A number that depends on the row alone, for a fair choice."""
    place = f"{row.file}#{row.row}#{row.line}#{row.offset}"
    return hash64_one(place)


def _input_rows(unit: Unit, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Rows of the input as it is now; those that cannot be read are left out."""
    return {
        row: {name: _plain(values) for name, values in zip(batch.schema.names, batch.columns, strict=True)}
        for row, batch in looking.rows_of(unit, rows)
    }


def _plain(values: pa.Array) -> Any:
    try:
        return values[0].as_py()
    except UnicodeDecodeError:
        return values.cast(pa.large_binary())[0].as_py().decode("utf-8", "backslashreplace")
