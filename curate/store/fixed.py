"""The input of a run, fixed at its start and written down: files, units, schema, and what could not be read."""

from __future__ import annotations

import base64
import os
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.documents import EARLIER, address
from curate.store.files import read_json, write_json
from curate.store.index import Earlier
from curate.store.inputs import InputFile
from curate.store.shards import Unit

RANGE_DOCUMENTS = 1 << 18  # documents about which a decision is made, and written, at a time


@dataclass(frozen=True)
class Broken:
    """An input file that could not be read, or not to its end."""

    file: str
    reason: str
    error: str
    offset: int | None = None
    """Bytes from its start (of the decompressed stream), where known."""
    rows_kept: int = 0
    """Documents before the break, which are part of the run."""


@dataclass(frozen=True)
class Inputs:
    """The input as it was at the start of the run; nothing that appears later is part of it."""

    files: tuple[InputFile, ...]
    units: tuple[Unit, ...]
    schema: pa.Schema
    """Of all files together, with the user's names for the id and text columns."""
    has_ids: bool
    """Whether any file has the id column; else all ids are made."""
    broken: tuple[Broken, ...] = ()
    bad_rows: dict[str, int] = field(default_factory=dict)
    """reason → lines of JSONL files that the import put into quarantine."""
    notes: tuple[str, ...] = ()
    """What the import had to decide, for people."""
    earlier: dict[str, Earlier] = field(default_factory=dict)
    """Label of a step → what it sees of its index."""
    frozen: dict[str, str] = field(default_factory=dict)
    """Label of a step → file with the decision of an earlier run, which holds for this one."""

    @property
    def rows(self) -> int:
        return sum(unit.rows for unit in self.units)

    def ranges(self) -> list[tuple[int, int]]:
        """Inclusive ranges of addresses, from 0 to below those of an index: whole units, RANGE_DOCUMENTS or a little
        more of their rows in each.
        """
        firsts, rows = [0], 0
        for unit in self.units:
            if rows >= RANGE_DOCUMENTS:
                firsts.append(int(first_address(unit)))
                rows = 0
            rows += unit.rows
        return [(low, after - 1) for low, after in pairwise([*firsts, EARLIER])]

    def save(self, path: Path) -> None:
        """Write as JSON, whole."""
        data = {
            "files": [asdict(file) for file in self.files],
            "units": [asdict(unit) for unit in self.units],
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "has_ids": self.has_ids,
            "broken": [asdict(one) for one in self.broken],
            "bad_rows": self.bad_rows,
            "notes": list(self.notes),
            "frozen": self.frozen,
            "earlier": {label: asdict(earlier) for label, earlier in self.earlier.items()},
        }
        write_json(path, data)

    @classmethod
    def load(cls, path: Path) -> Inputs:
        """Read what `save` wrote."""
        data = read_json(path)
        return cls(
            files=tuple(InputFile(**file) for file in data["files"]),
            units=tuple(_unit(unit, path.parent) for unit in data["units"]),
            schema=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(data["schema"]))),
            has_ids=data["has_ids"],
            broken=tuple(Broken(**one) for one in data["broken"]),
            bad_rows=data["bad_rows"],
            notes=tuple(data["notes"]),
            frozen=data.get("frozen", {}),
            earlier={label: Earlier.from_dict(seen) for label, seen in data.get("earlier", {}).items()},
        )


def _unit(data: dict[str, Any], root: Path) -> Unit:
    """A unit of the run in `root`; what was imported lies there, from wherever the run was begun or is looked at."""
    path = data["path"] if os.path.isabs(data["path"]) else str(root / "imported" / os.path.basename(data["path"]))
    return Unit(**{**data, "groups": tuple(data["groups"]), "path": path})


def first_address(unit: Unit) -> np.uint64:
    """The address of a unit's first row."""
    return np.uint64(address(unit.file, np.array([unit.first_row]))[0])
