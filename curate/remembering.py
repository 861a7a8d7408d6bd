"""What a step of deduplication remembers between runs: an option of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import field_validator

from curate.stage import Memory, Stage


class Remembering(Stage):
    """The option `index`. Goes before the kind of a stage: `class Dedup(Remembering, Match)`. Write `compared_by`."""

    index: Path | None = None
    """Folder that remembers between runs what was kept: documents (or lines, or sentences) that earlier runs had are
    repeats here, and what this run keeps is added when all of it is done. It is made if it is not there. What earlier
    runs published is never touched, and a run that is done again sees what it saw at first."""

    @field_validator("index", mode="before")
    @classmethod
    def _is_a_folder(cls, index: Any) -> Any:
        """An empty path would be the current directory."""
        if isinstance(index, str) and not index.strip():
            raise ValueError("name a folder, or leave it out")
        if isinstance(index, str) and "\0" in index:
            raise ValueError("there is a NUL character in it, which no path has")
        return index

    def compared_by(self) -> Mapping[str, Any]:
        """All that keys depend on: an index made with another configuration cannot be used."""
        raise NotImplementedError

    def memory(self) -> Memory | None:
        return None if self.index is None else Memory(self.index, self.compared_by())
