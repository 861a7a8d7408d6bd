"""One run at a time in a folder: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate.errors import StoreError


@contextmanager
def alone(path: Path, otherwise: str | None = None) -> Iterator[None]:
    """Hold the lock `path` for as long as the block lasts. Raises StoreError if another process holds it.

    otherwise: what the error says.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 32).decode(errors="replace").strip()
            raise StoreError(
                otherwise
                or f"{path.parent}: a run is at work here{f' (process {owner})' if owner else ''};"
                " wait for it to end, or name another output.path"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)
