"""The doorway to the disk: a file is written whole or not at all, and a file is known by its fingerprint.

Nothing else in curate renames a file into place. Local file systems, and network file systems with locks; `whole`,
`sweep` and `fingerprint` are the places to extend for others.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from curate.errors import StoreError
from curate.store import system

PART = ".part"
"""Ending of a file that is still being written; its name begins with a dot, so that no listing takes it for data."""


@dataclass(frozen=True, order=True)
class Fingerprint:
    """What tells two states of a file apart without reading it."""

    size: int
    """Bytes."""
    mtime_ns: int
    """Time of the last change, nanoseconds since 1970."""


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """A path beside `path` to write to; the file appears at `path` when the block ends well, and never otherwise.

    The data are on the disk before the name is (fsync, then rename, then fsync of the folder). A writer that is killed
    leaves a hidden `*.part` behind, which `sweep` removes. Raises StoreError when the disk is full or read-only.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part, held = _claim(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield part
        system.sync(part)
        if system.OPEN_STAYS:
            held.close()
        system.move(part, path)
        system.sync_folder(path.parent)
    except BaseException as error:
        if system.OPEN_STAYS:
            held.close()
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and system.has_no_room(error):
            raise _cannot_write(path, error) from error
        raise
    finally:
        held.close()


class Pending:
    """A file in the making: whole when it is committed, else it never was."""

    def __init__(self, path: Path) -> None:
        """Opens a temporary file beside `path`, `part`, for what derives from this to write to."""
        self._files = ExitStack()
        self.part = self._files.enter_context(whole(path))
        self.committed = False

    def _take_place(self) -> None:
        """Close all, so that the file appears."""
        self.committed = True
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no trace unless it was committed."""
        if self.committed:
            return
        if error is not None:  # the true error, so that a full disk is met with advice
            self._files.__exit__(kind, error, trace)
            return
        with suppress(_Discard):
            self._files.__exit__(_Discard, _Discard(), None)


class _Discard(Exception):
    """Tells `whole` that the file is not wanted."""


def sweep(folder: Path | str) -> list[Path]:
    """Remove what killed writers left anywhere under `folder`; a file whose writer lives is left alone.

    Returns the paths removed, sorted.
    """
    return [part for part in sorted(Path(folder).rglob(f".*{PART}")) if system.remove_unless_held(part)]


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as JSON for people: sorted keys, two spaces, UTF-8, a line end. NaN is refused (ValueError)."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    with whole(path) as part:
        part.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_json(path: Path | str) -> Any:
    """The value in a JSON file. Raises StoreError when there is none, or when it is not JSON."""
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: cannot read it: {error.strerror or error}") from error
    except ValueError as error:
        raise StoreError(f"{path}: it is not JSON ({error}); was it edited by hand?") from error


def fingerprint(path: Path | str) -> Fingerprint:
    """Size and time of change of a file. Raises StoreError when it cannot be looked at."""
    try:
        stat = os.stat(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot look at it: {error.strerror or error}") from error
    return Fingerprint(stat.st_size, stat.st_mtime_ns)


def sha256(path: Path | str) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits. Raises StoreError when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(f"{path}: cannot read it: {error.strerror or error}") from error


def digest(*parts: Any) -> str:
    """A short hash of plain data."""
    packed = json.dumps(parts, sort_keys=True, default=str).encode()
    return hashlib.blake2b(packed, digest_size=16).hexdigest()


def _claim(path: Path) -> tuple[Path, BinaryIO]:
    """A new hidden file beside `path`, open and locked for as long as its writer lives.

    A lock rather than a process number in the name: numbers come again, above all in containers, where they are small.
    """
    while True:
        part = path.with_name(f".{path.name[:48]}.{secrets.token_hex(4)}{PART}")
        held = part.open("xb", buffering=0)
        with suppress(OSError):  # a file system without locks: `sweep` cannot lock either, and leaves the file
            if not system.OPEN_STAYS:  # else that it is open is enough
                system.try_lock(held.fileno())
        if part.exists():  # else a sweep came between the two calls: again
            return part, held
        held.close()


def _cannot_write(path: Path, error: OSError) -> StoreError:
    room = system.has_no_room(error)
    advice = "make room and run again, it goes on from here" if room else "may this user write there?"
    return StoreError(f"{path}: cannot write it: {error.strerror or error}; {advice}")
