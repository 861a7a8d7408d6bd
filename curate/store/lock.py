"""One run at a time in a folder: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate.errors import StoreError
from curate.store import system


@contextmanager
def alone(path: Path, otherwise: str | None = None) -> Iterator[None]:
    """Hold the lock `path` for as long as the block lasts. Raises StoreError if another process holds it.

    The file stays; it is the lock on it that counts, so that one of a process that is gone is no obstacle.

    otherwise: what the error says.
    """
    with open(path, "a+b", buffering=0) as file:
        if not system.try_lock(file.fileno()):
            file.seek(0)
            owner = (file.read(32) or b"").decode(errors="replace").strip()
            raise StoreError(
                otherwise
                or f"{path.parent}: a run is at work here{f' (process {owner})' if owner else ''};"
                " wait for it to end, or name another output.path"
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        yield
