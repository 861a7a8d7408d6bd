"""The output folder of a recipe with `incremental`: where all is, and which generations are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import RecipeError, StoreError
from curate.store.files import read_json
from curate.store.folder import GENERATIONS, RunFolder

SCHEMA = 1
"""Of the manifest; raised when a field changes its meaning or goes away."""
FIRST = 1
"""Number of the first generation."""


@dataclass(frozen=True)
class Stream:
    """The output folder of a recipe with `incremental`."""

    root: Path

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def recipe(self) -> Path:
        """The recipe as the last generation was begun with it, `incremental` and all."""
        return RunFolder(self.root).recipe

    @property
    def pending(self) -> Path:
        """Which files the generation in the making takes: it is finished with them, whatever has come since."""
        return self.root / "pending.json"

    def folder(self, number: int) -> RunFolder:
        """The run folder of a generation."""
        return RunFolder(self.root / GENERATIONS / f"gen-{number:04d}")

    def index(self, label: str) -> Path:
        """What a step of deduplication remembers."""
        return self.root / "index" / label

    def frozen(self, label: str) -> Path:
        """What the first generation decided as a step, where that holds for all."""
        return self.root / "frozen" / f"{label}.json"

    def published(self) -> list[dict[str, Any]]:
        """What the manifest says of each generation. Raises RecipeError if the folder is of another kind of run."""
        if not self.manifest.exists():
            return []
        data = read_json(self.manifest)
        if "generations" not in data:
            raise RecipeError(f"{self.root}: it is the output of a run without `incremental`; name another output.path")
        if data["schema"] != SCHEMA:
            raise StoreError(f"{self.manifest}: schema {data['schema']}; this version of curate reads {SCHEMA}")
        return list(data["generations"])

    def check_whole(self, published: int) -> None:
        """Raise StoreError if there is more here than the manifest names, and than a run that was stopped leaves."""
        begun = read_json(self.pending)["generation"] if self.pending.exists() else None
        places = [*self.root.glob("data/gen-*"), *self.root.glob(f"{GENERATIONS}/gen-*")]
        numbers = {place: int(place.name[4:]) for place in places if place.name[4:].isdigit()}
        beyond = sorted(n for n in set(numbers.values()) if n > published and not n == begun == published + 1)
        if beyond:
            there = min(str(place.relative_to(self.root)) for place, number in numbers.items() if number == beyond[0])
            named = f"names {published} generation{'' if published == 1 else 's'}" if published else "is gone"
            raise StoreError(
                f"{self.manifest}: it {named}, but {there} is there: what was published would be taken for new, and "
                "published again. Put back the newest copy of manifest.json; or begin anew in another folder: "
                "--set output.path=…"
            )
