"""A journal: lines of JSON that are only ever appended, for results that cost too much to lose one of them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from curate.errors import StoreError

SYNC_EVERY = 1.0
"""Seconds. A process that is killed loses nothing; a machine without power, what came in the last second."""


class Journal:
    """What was noted before, and a place to note more. One process at a time: hold a lock."""

    def __init__(self, path: Path) -> None:
        """Read a journal, or begin one. A last line that was cut short, by a kill, is taken off.

        Raises StoreError when it cannot be read or written, or a line before the last is damaged.
        """
        self._path = path
        self.entries: list[dict[str, Any]] = []
        """What was noted by earlier processes, in order."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a+b", buffering=0)
            try:
                self._size = self._read()
                self._file.truncate(self._size)
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise StoreError(f"{path}: cannot be read or written: {error.strerror or error}") from error
        self._synced = time.monotonic()

    def _read(self) -> int:
        """Read all entries; the bytes up to which the journal is whole."""
        size = 0
        self._file.seek(0)
        with open(self._file.fileno(), "rb", closefd=False) as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise StoreError(f"{self._path}: line {number} is damaged ({error}); remove that line") from error
                if type(entry) is not dict:
                    raise StoreError(f"{self._path}: line {number} is not one of curate's; remove that line")
                self.entries.append(entry)
                size += len(line)
        return size

    def append(self, entry: dict[str, Any]) -> None:
        """Note an entry, whole or not at all. Raises StoreError when the disk is full."""
        line = orjson.dumps(entry) + b"\n"
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._file.fileno(), left) :]
            self._size += len(line)
            if time.monotonic() - self._synced >= SYNC_EVERY:
                self.sync()
        except OSError as error:
            self._file.truncate(self._size)
            raise StoreError(
                f"{self._path}: cannot write it: {error.strerror or error}; make room and run again, it goes on"
            ) from error

    def sync(self) -> None:
        """Have it on the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.sync()
        finally:
            self._file.close()
