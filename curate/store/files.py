"""The doorway to the disk: a file is written whole or not at all, and a file is known by its fingerprint.

Nothing else in curate renames a file into place. Local POSIX file systems; `whole`, `sweep` and `fingerprint` are the
places to extend for others.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from curate.errors import StoreError

PART = ".part"
"""Ending of a file that is still being written; its name begins with a dot, so that no listing takes it for data."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


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
        part, lock = _claim(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield part
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise _cannot_write(path, error) from error
        raise
    finally:
        os.close(lock)


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
    removed = []
    for part in sorted(Path(folder).rglob(f".*{PART}")):
        with suppress(OSError):  # gone meanwhile, not ours, or locked by its writer: not a leftover
            lock = os.open(part, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
                removed.append(part)
            finally:
                os.close(lock)
    return removed


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as JSON for people: sorted keys, two spaces, UTF-8, a line end. NaN is refused (ValueError)."""
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    with whole(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


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


def _claim(path: Path) -> tuple[Path, int]:
    """A new hidden file beside `path`, and the descriptor that holds a lock on it for as long as its writer lives.

    A lock rather than a process number in the name: numbers come again, above all in containers, where they are small.
    """
    while True:
        part = path.with_name(f".{path.name[:48]}.{secrets.token_hex(4)}{PART}")
        lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with suppress(OSError):  # a file system without locks: `sweep` cannot lock either, and leaves the file
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if part.exists():  # else a sweep came between the two calls: again
            return part, lock
        os.close(lock)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot_write(path: Path, error: OSError) -> StoreError:
    room = error.errno in _NO_ROOM
    advice = "make room and run again, it goes on from here" if room else "may this user write there?"
    return StoreError(f"{path}: cannot write it: {error.strerror or error}; {advice}")
