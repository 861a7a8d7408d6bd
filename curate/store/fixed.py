"""The input of a run, fixed at its start and written down: files, units, schema, and what could not be read."""

from __future__ import annotations

import base64
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from curate.documents import EARLIER, address
from curate.store.files import read_json, whole
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

    def files_of(self, unit: Unit) -> Iterator[InputFile]:
        """The files that a unit was read from: one, or many small ones."""
        for number, _ in unit.members or ((unit.file, 0),):
            yield self.files[number]

    def place(self, unit: Unit, row: int) -> tuple[str, int]:
        """Row `row` of a unit, from 0 → name of the file that it is of, and its row there."""
        row += unit.first_row
        if not unit.members:
            return unit.name, row
        number, first = unit.members[bisect_right(unit.members, row, key=itemgetter(1)) - 1]
        return self.files[number].name, row - first

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
            "files": [vars(file) for file in self.files],
            "units": [vars(unit) for unit in self.units],
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "has_ids": self.has_ids,
            "broken": [asdict(one) for one in self.broken],
            "bad_rows": self.bad_rows,
            "notes": list(self.notes),
            "frozen": self.frozen,
            "earlier": {label: asdict(earlier) for label, earlier in self.earlier.items()},
        }
        with whole(path) as part:  # `write_json` takes seconds for a hundred thousand files
            part.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")

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


def first_address(unit: Unit) -> np.uint64:
    """The address of a unit's first row."""
    return np.uint64(address(unit.file, np.array([unit.first_row]))[0])


def _unit(plain: dict[str, Any], root: Path) -> Unit:
    """A unit of the run in `root`; what was imported lies there, from wherever the run was begun or is looked at."""
    members = tuple((number, first) for number, first in plain.get("members", ()))
    path = str(plain["path"])
    if not os.path.isabs(path) and "://" not in path:
        path = str(root / "imported" / os.path.basename(path))
    return Unit(**plain | {"groups": tuple(plain["groups"]), "members": members, "path": path})
