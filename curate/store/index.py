"""An index kept between runs: the keys and sketches of the documents that each run kept, and what they were made with.

A folder with a header and one folder for each run. The header is written last, whole: a run is in the index, or it is
not. Documents of earlier runs have addresses above those of any input, so that they can be told apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from curate.documents import EARLIER
from curate.errors import RecipeError, StoreError
from curate.store.files import read_json, sweep, write_json
from curate.store.lock import alone
from curate.store.sketches import SketchPaths

SCHEMA = 1
_WAY_OUT = "put back a copy of the index, or begin a new one in another folder"
_OURS = re.compile(r"\d{6}-[0-9a-f]+$|\.")  # folders of runs; hidden files


@dataclass(frozen=True)
class Record:
    """What one run added to an index."""

    number: int
    """From 1, in the order in which runs were added; never used again."""
    folder: str
    """Its folder, with the index in it."""
    output: str
    """Where that run wrote its documents."""
    files: str
    """A digest of its input files."""
    documents: int
    fingerprint: str
    """Of what the documents were chosen from."""
    made: str
    """Date and time, UTC, ISO 8601."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Name of each of its files → bytes."""

    @property
    def first(self) -> int:
        """The address of its first document."""
        return EARLIER | self.number << 32

    @property
    def keys(self) -> Path:
        """Evidence of the documents, or of what is in them."""
        return Path(self.folder) / "keys.arrow"

    @property
    def sketches(self) -> SketchPaths:
        return SketchPaths(Path(self.folder) / "sketches.arrow", Path(self.folder) / "values.bin")


@dataclass(frozen=True)
class Earlier:
    """What a run sees of an index, fixed when it begins."""

    index: str
    output: str
    """Where this run writes its documents; an absolute path without links, as that of the index."""
    files: str
    """A digest of this run's input files."""
    records: tuple[Record, ...]
    """The runs that count as earlier."""
    number: int
    """Which this run will have itself."""
    replaces: tuple[int, ...] = ()
    """Runs that wrote into this run's output folder, and whose documents are gone with what it writes there."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Earlier:
        """From what `asdict` made."""
        records = tuple(Record(**record) for record in data["records"])
        return cls(**{**data, "records": records, "replaces": tuple(data["replaces"])})

    @property
    def text(self) -> str:
        """One line, for people."""
        if not self.records:
            return f"index {self.index}: nothing of earlier runs"
        documents, runs = sum(record.documents for record in self.records), len(self.records)
        return f"index {self.index}: {documents:,} documents of {runs} earlier {'run' if runs == 1 else 'runs'}"


def look(
    path: Path,
    configuration: Mapping[str, Any],
    output: Path,
    files: str,
    *,
    fresh: bool,
    before: Earlier | None = None,
) -> Earlier:
    """What a run into `output` from `files` is to see of the index at `path`; nothing of an index that is not there.

    A run that is done again sees what it saw at first. before: what an earlier start of the run saw. Raises RecipeError
    if the index was made with another configuration, or if the run would replace documents that the index says are
    there; StoreError if it is damaged.
    """
    here, out = os.path.realpath(path), os.path.realpath(output)
    if Path(here).is_relative_to(out) or Path(out).is_relative_to(here):
        raise RecipeError(f"index {path}: it is for all runs, and must not lie in the output of one, nor around it")
    header = _header(Path(here))
    _check(path, header["configuration"], configuration)
    records = [_record(Path(here), data) for data in header["runs"]]
    own = tuple(record for record in records if record.output == out)
    again = next((record for record in own if record.files == files), None)
    others = tuple(record for record in records if record not in own)
    number = header["last"] + 1
    if again is not None and not fresh:
        others, number = tuple(record for record in others if record.number < again.number), again.number
    elif own and not fresh and not (before is not None and before.files == files and _replaces(before, own)):
        raise RecipeError(
            f"index {path}: an earlier run into {output} added {own[-1].documents:,} documents of other input"
            f" ({own[-1].made}); this run would replace them there.\n"
            "  Give it an output.path of its own; or run with --fresh, and they are forgotten here and in the index"
        )
    for record in others:
        _check_files(record)
    return Earlier(here, out, files, others, number, tuple(record.number for record in own))


def _replaces(before: Earlier, own: Sequence[Record]) -> bool:
    """Whether it was settled at an earlier start that these are to be replaced: that start was with --fresh."""
    return {record.number for record in own} <= set(before.replaces)


def add(
    earlier: Earlier,
    configuration: Mapping[str, Any],
    record: Record,
    write: Callable[[Record], int],
) -> tuple[Record, tuple[str, ...]]:
    """Add what a run kept, or leave it as it is if it is there. Whole, or not at all.

    Returns the record, and the outputs of later runs that decided by what this one had kept before, if it was replaced.

    record: `folder`, `documents` and `made` are filled in. write: makes the files of a record → its documents.
    Raises StoreError if another run was added since this one looked, for which it would have to decide anew.
    """
    path = Path(earlier.index)
    path.mkdir(parents=True, exist_ok=True)
    with alone(path / ".lock", f"index {path}: another run is adding to it; run again, all else is done"):
        header = _header(path)
        _check(path, header["configuration"], configuration)
        records = [_record(path, data) for data in header["runs"]]
        there = next((other for other in records if other.number == record.number), None)
        is_own = there is not None and there.output == record.output
        if there is not None and is_own and there.fingerprint == record.fingerprint:
            return there, ()
        if header["last"] >= record.number and not is_own:
            raise StoreError(
                f"index {path}: another run was added to it while this one was at work; run again, only what depends"
                " on it is done anew"
            )
        sweep(path)
        folder = path / f"{record.number:06d}-{record.fingerprint[:12]}"
        record = replace(record, folder=str(folder), made=datetime.now(UTC).isoformat(timespec="seconds"))
        folder.mkdir(exist_ok=True)
        documents = write(record)
        sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir()) if file.name[0] != "."}
        record = replace(record, documents=documents, sizes=sizes)
        kept = [r for r in records if r.number not in (*earlier.replaces, record.number)]
        runs = [{**asdict(r), "folder": Path(r.folder).name} for r in sorted([*kept, record], key=lambda r: r.number)]
        last = max(header["last"], record.number)
        write_json(
            path / "index.json",
            {"schema": SCHEMA, "configuration": dict(configuration), "last": last, "runs": runs},
        )
        for other in path.glob("*/"):  # of runs that are replaced here, or of this one when it was killed before
            if other != folder and other.name in {Path(r.folder).name for r in records} - {r["folder"] for r in runs}:
                rmtree(other)
            elif other != folder and re.fullmatch(rf"{record.number:06d}-[0-9a-f]{{12}}", other.name):
                rmtree(other)
    later = tuple(r.output for r in kept if r.number > record.number) if is_own else ()
    return record, later


def _header(path: Path) -> dict[str, Any]:
    file = path / "index.json"
    if not file.exists():
        if path.exists() and (not path.is_dir() or any(not _OURS.match(entry.name) for entry in path.iterdir())):
            raise RecipeError(f"index {path}: it is there, but is no index; name a folder that is new or an index")
        return {"configuration": None, "last": 0, "runs": []}
    header: dict[str, Any] = read_json(file)
    if header.get("schema") != SCHEMA:
        raise StoreError(f"{file}: schema {header.get('schema')}; this version of curate reads {SCHEMA}")
    if not {"configuration", "last", "runs"} <= header.keys():
        raise StoreError(f"{file}: this is not what curate wrote; {_WAY_OUT}")
    return header


def _check_files(record: Record) -> None:
    """Raise StoreError if what a run added is not there whole."""
    for name, expected in record.sizes.items():
        file = Path(record.folder) / name
        size = file.stat().st_size if file.exists() else None
        if size != expected:
            found = "it is not there" if size is None else f"{size:,} bytes are left of it"
            raise StoreError(f"{file}: {found}, and the index is of no use without; {_WAY_OUT}")


def _check(path: Path, found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    """Raise RecipeError, with what differs, if keys of the index cannot be compared with those of this run."""
    if found is None or dict(found) == dict(wanted):
        return
    differ = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
    lines = "".join(f"\n  {name}: {found.get(name)} in the index, {wanted.get(name)} here" for name in differ)
    raise RecipeError(
        f"index {path}: it was made with another configuration, so that its keys cannot be compared:{lines}\n"
        "  Use the options of the index, or begin a new index"
    )


def _record(path: Path, data: Mapping[str, Any]) -> Record:
    return Record(**{**data, "folder": str(path / data["folder"])})


def records(path: Path) -> tuple[Record, ...]:
    """What runs added to the index at `path`, in order; nothing of an index that is not there."""
    return tuple(_record(path, data) for data in _header(path)["runs"])


def made_with(path: Path) -> dict[str, Any] | None:
    """The configuration of the index at `path`; None if there is none."""
    found = _header(path)["configuration"]
    return None if found is None else dict(found)
