"""The run folder: where each file of a run lies, and nothing about what is in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OURS = ("recipe.yaml", "plan.txt", "manifest.json", "inputs.json")
OUR_FOLDERS = ("imported", "artifacts", "data", "receipts", "quarantine")


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
    def data(self) -> Path:
        return self.root / "data"

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
        return self.pass_folder(number) / f"{stem}.{label}.evidence.parquet"

    def kept_aside(self, number: int, stem: str) -> Path:
        """Rows that a pass could not read."""
        return self.quarantine / f"pass-{number}-{stem}.parquet"

    def small_artifact(self, label: str) -> Path:
        return self.root / "artifacts" / f"{label}.json"

    def large_artifact(self, label: str, part: int) -> Path:
        """Part `part` of an artifact that has rows, sorted by document."""
        return self.root / "artifacts" / label / f"{part:03d}.parquet"

    def shard(self, number: int) -> Path:
        return self.data / f"{number:05d}.parquet"

    def receipt(self, number: int) -> Path:
        """What was written to output shard `number`, and from what."""
        return self.root / "receipts" / f"{number:05d}.json"

    def strangers(self) -> list[str]:
        """Names in the folder that no run writes."""
        if not self.root.exists():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if not _is_ours(entry))

    def clear(self) -> None:
        """Remove all that runs write, and nothing else."""
        for entry in list(self.root.iterdir()) if self.root.exists() else []:
            if _is_ours(entry):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def remove_others(self, folder: Path, keep: set[str]) -> Iterator[Path]:
        """Remove the files of `folder` whose names are not in `keep`: left by an earlier, larger run."""
        for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
            if entry.name not in keep:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
                yield entry


def _is_ours(entry: Path) -> bool:
    if entry.is_dir():
        return entry.name in OUR_FOLDERS or (entry.name.startswith("pass-") and entry.name[5:].isdigit())
    return entry.name in OURS or entry.name in ("report.html", "README.md") or entry.name.startswith(".")
