"""The run folder: where each file of a run lies, and nothing about what is in them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curate.store.sketches import SketchPaths

OURS = (
    "recipe.yaml",
    "plan.txt",
    "manifest.json",
    "inputs.json",
    "earlier.json",
    ".seal.json",
    ".again.json",
    "report.html",
    "domains.html",
    "domains.json",
)
OUR_CARD = b"<!-- written by curate; without this line, a card is left as it is -->"
OUR_CARD_WITHIN = 1 << 16  # bytes of a card in which that line is looked for
OUR_FOLDERS = ("imported", "artifacts", "data", "receipts", "quarantine", "times")
OUR_FILES = re.compile(r"(import-|pass-\d+-)?\d{3,5}(\.[\w.-]+)?\.(parquet|arrow|bin|json)|[\w-]+\.(json|arrow)")
"""Names of the files that runs write into these folders and into those of passes; hidden ones are being written."""

IN_STORE = ".store.json"
"""In a folder in which a run works whose output is in a store: what of it is there."""
SCRATCH = re.compile(
    r"(.*/)?(imported/.*|pass-\d+/.*\.(evidence\.arrow|sketches\.arrow|values\.bin)|artifacts/.*\.arrow)"
)
"""Files that are large and can be had again: what was imported, evidence, sketches, steps on the way to decisions."""

GENERATIONS = "generations"
"""Folder with the run folders of generations, each of which has its shards beside those of the others."""


@dataclass(frozen=True)
class RunFolder:
    """Paths under the output folder of a run."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yaml"

    @property
    def plan(self) -> Path:
        return self.root / "plan.txt"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def inputs(self) -> Path:
        """What was found at the start: files with their fingerprints, units, the schema, what could not be read."""
        return self.root / "inputs.json"

    @property
    def earlier(self) -> Path:
        """What the steps that have an index saw of it when the run began."""
        return self.root / "earlier.json"

    @property
    def report(self) -> Path:
        """The page about the run."""
        return self.root / "report.html"

    @property
    def domains_page(self) -> Path:
        """The map of domains, drawn on request; so is the next."""
        return self.root / "domains.html"

    @property
    def domains_json(self) -> Path:
        return self.root / "domains.json"

    @property
    def seal(self) -> Path:
        """What a finished run was asked, and the state that it left its files in."""
        return self.root / ".seal.json"

    @property
    def again(self) -> Path:
        """What a finished run was asked on the command line, and what else its result follows from."""
        return self.root / ".again.json"

    def written(self) -> Iterator[tuple[str, int, int]]:
        """(path, bytes, time of change in ns) of every file of a run, in no order; the seal and pages for people aside.

        Paths are relative, and the documents are under `data` wherever that lies.
        """
        for name in ("recipe.yaml", "plan.txt", "manifest.json", "inputs.json", "earlier.json"):
            if (self.root / name).exists():
                stat = (self.root / name).stat()
                yield name, stat.st_size, stat.st_mtime_ns
        folders = [(name, self.root / name) for name in OUR_FOLDERS if name != "data"]
        for name, place in [*folders, ("data", self.data), *((one.name, one) for one in self.pass_folders())]:
            yield from _below(name, place)

    @property
    def card(self) -> Path:
        """The dataset card."""
        return self.root / "README.md"

    def has_own_card(self) -> bool:
        """Whether the dataset card is one that runs write, and not somebody's own."""
        try:
            return OUR_CARD in self.card.read_bytes()[:OUR_CARD_WITHIN]
        except OSError:
            return False

    @property
    def data(self) -> Path:
        """Where the output shards are: of a generation, hidden until it is published."""
        if self.root.parent.name != GENERATIONS:
            return self.root / "data"
        return self.published_data if self.published_data.exists() else self.hidden_data

    @property
    def stream(self) -> Path | None:
        """The output folder of the incremental recipe that this is a generation of."""
        return self.root.parent.parent if self.root.parent.name == GENERATIONS else None

    @property
    def published_data(self) -> Path:
        """Of a generation."""
        return self.root.parent.parent / "data" / self.root.name

    @property
    def hidden_data(self) -> Path:
        """Of a generation that is not published."""
        return self.root.parent.parent / "data" / f".{self.root.name}"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    def imported(self, file: int) -> Path:
        """Input file number `file`, as Parquet."""
        return self.root / "imported" / f"{file:05d}.parquet"

    def import_facts(self, file: int) -> Path:
        """What the import of file number `file` found; present when the import is whole."""
        return self.root / "imported" / f"{file:05d}.json"

    def pass_folder(self, number: int) -> Path:
        """Pass 0 is the look at the ids."""
        return self.root / f"pass-{number}"

    def ledger(self, number: int, stem: str) -> Path:
        """One row per input document of a unit: what this pass added, and `dropped_by`."""
        return self.pass_folder(number) / f"{stem}.ledger.parquet"

    def text(self, number: int, stem: str) -> Path:
        """Texts of the survivors of a pass that changed some."""
        return self.pass_folder(number) / f"{stem}.text.parquet"

    def evidence(self, number: int, stem: str, label: str) -> Path:
        return self.pass_folder(number) / f"{stem}.{label}.evidence.arrow"

    def sketches(self, number: int, stem: str, label: str) -> SketchPaths:
        """What a unit's documents are compared by."""
        from curate.store.sketches import SketchPaths  # it loads Arrow, and a look at a run needs none

        base = self.pass_folder(number) / f"{stem}.{label}"
        return SketchPaths(base.with_name(f"{base.name}.sketches.arrow"), base.with_name(f"{base.name}.values.bin"))

    def kept_aside(self, number: int, stem: str) -> Path:
        """Rows that a pass could not read."""
        return self.quarantine / f"pass-{number}-{stem}.parquet"

    def imports_aside(self, file: int) -> Path:
        """Lines of file number `file` that are no documents."""
        return self.quarantine / f"import-{file:05d}.parquet"

    def small_artifact(self, label: str) -> Path:
        return self.root / "artifacts" / f"{label}.json"

    def large_artifact(self, label: str, part: int) -> Path:
        """Part `part` of an artifact that has rows, sorted by document."""
        return self.root / "artifacts" / label / f"{part:03d}.parquet"

    def between(self, label: str, name: str) -> Path:
        """A step on the way to a large artifact."""
        return self.root / "artifacts" / label / f"{name}.arrow"

    def shard(self, number: int, part: str = "") -> Path:
        """Output shard `number` of a part of the output."""
        return self.data / part / f"{number:05d}.parquet"

    def receipt(self, number: int, part: str = "") -> Path:
        """What was written to an output shard, and from what."""
        return self.root / "receipts" / part / f"{number:05d}.json"

    def keep_shards(self, kept: set[tuple[str, int]]) -> None:
        """Remove all output shards and receipts but those of these (part, number); a part without receipts is none."""
        receipts = self.receipt(0).parent
        parts = sorted(entry.name for entry in receipts.iterdir() if entry.is_dir()) if receipts.is_dir() else []
        for part in [*parts, ""]:
            numbers = [number for name, number in kept if name == part]
            remove_others(self.data / part, {self.shard(number).name for number in numbers})
            remove_others(receipts / part, {self.receipt(number).name for number in numbers})

    @property
    def lock(self) -> Path:
        """Held by the run that is at work here."""
        return self.root / ".lock"

    @property
    def waiting(self) -> Path:
        """Says which pass may be done in shares; while it is not there, none may."""
        return self.root / ".waiting.json"

    def share_lock(self, name: str) -> Path:
        """Held by a share of a pass that is at work here."""
        return self.root / f".share-{name}.lock"

    def share_times(self, number: int, name: str) -> Path:
        """What the units of a share of pass `number` took. name: as of its lock."""
        return self.root / "times" / f"pass-{number}-share-{name}.json"

    def is_run(self) -> bool:
        """Whether a run made this folder: it has a manifest with a schema number, and not that of many generations."""
        try:
            found = json.loads(self.manifest.read_bytes())
        except (OSError, ValueError):
            return False
        ours = isinstance(found, dict) and "schema" in found and "curate" in found.get("versions", {})
        return ours and "generations" not in found

    def others(self) -> list[str]:
        """What is in the folder before any run was; hidden files, such as a lock, do not count."""
        if self.is_run() or not self.root.is_dir() or (self.root / IN_STORE).exists():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if not entry.name.startswith("."))

    def clear(self) -> None:
        """Remove all that runs write, and nothing else."""
        if self.has_own_card():
            self.card.unlink()
        for name in OURS:
            (self.root / name).unlink(missing_ok=True)
        self.keep_shards(set())
        for folder in [*(self.root / name for name in OUR_FOLDERS), *self.pass_folders()]:
            remove_others(folder, set())

    def pass_folders(self) -> list[Path]:
        """Folders of passes that are there."""
        found = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(entry for entry in found if re.fullmatch(r"pass-\d+", entry.name) and entry.is_dir())


def is_scratch(name: str) -> bool:
    """Whether a file of a run, with this path from its folder, is not missed when the run is done."""
    return SCRATCH.fullmatch(name) is not None


def _below(name: str, folder: Path) -> Iterator[tuple[str, int, int]]:
    """(path that begins with `name`, bytes, time of change in ns) of every file below a folder, if it is there."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _below(f"{name}/{entry.name}", Path(entry.path))
            else:
                stat = entry.stat()
                yield f"{name}/{entry.name}", stat.st_size, stat.st_mtime_ns


def remove_others(folder: Path, keep: set[str]) -> None:
    """Remove the files of `folder` that a run wrote, but for those in `keep`; and the folder when it is left empty."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and entry.name not in keep and folder.name == "artifacts":
            remove_others(entry, set())
        elif entry.name not in keep and OUR_FILES.fullmatch(entry.name) and not entry.is_dir():
            entry.unlink()
    if not keep and not any(folder.iterdir()):
        shutil.rmtree(folder)
