"""What is noted of the files of a run that were sent to a store, and whether a file here is still as it was then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from curate.errors import StoreError

SCHEMA = 1


@dataclass(frozen=True)
class Stored:
    """A file as it was when it was sent."""

    size: int
    mtime_ns: int
    xxh3_128: str


@dataclass(frozen=True)
class State:
    """What is in the store, as who wrote it last has noted."""

    turn: str
    """Of the writing; another one each time."""
    work: str
    """The folder in which it was made."""
    files: dict[str, Stored]

    def plain(self) -> dict[str, Any]:
        """As `state_from` takes it."""
        files = {name: [one.size, one.mtime_ns, one.xxh3_128] for name, one in sorted(self.files.items())}
        return {"schema": SCHEMA, "turn": self.turn, "work": self.work, "files": files}


def state_from(data: Any, where: str) -> State:
    """The note in `where`, read as JSON. Raises StoreError."""
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise StoreError(f"{where}: this version of curate reads schema {SCHEMA} of it; was it edited by hand?")
    return State(data["turn"], data["work"], {name: Stored(*told) for name, told in data["files"].items()})


def exists(path: Path, expected: Stored) -> bool:
    """Whether a file is there, however it is now."""
    return path.exists()


def is_same(path: Path, expected: Stored) -> bool:
    """Whether a file is there, and is as it was."""
    try:
        stat = path.stat()
    except OSError:
        return False
    same_time = stat.st_mtime_ns == expected.mtime_ns
    return stat.st_size == expected.size and (same_time or hash_of(path) == expected.xxh3_128)


def state_of(path: Path) -> Stored:
    """A file as it is now."""
    stat = path.stat()
    return Stored(stat.st_size, stat.st_mtime_ns, hash_of(path))


def hash_of(path: Path) -> str:
    """XXH3-128 of a file's content, in hex digits."""
    state = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return str(state.hexdigest())
