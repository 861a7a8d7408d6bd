"""Where systems differ in what they do to files: locks, the sync of folders, files that are open while they are moved.

On Windows a file that somebody has open or mapped can be neither removed nor replaced, a locked byte can be read by
nobody else, and a folder cannot be synced. All other files of curate are the same on all systems.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE = 2.0
"""Seconds for which a file that is to be moved or replaced may be open elsewhere: virus scanners and indexers look at
new files at once, and let go of them soon."""

if sys.platform == "win32":
    import msvcrt

    OPEN_STAYS = True
    """Whether a file that is open can be neither removed nor renamed."""

    _FAR = 1 << 30
    """The byte that is locked, behind all that is in the file: a locked byte could not be read, not even to tell whose
    the lock is."""

    def try_lock(handle: int) -> bool:
        """Lock an open file until it is closed, or its process ends; False if another has it. Raises OSError."""
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

    def is_gone(process: int) -> bool:
        """Whether no process of this machine has this number; False where that cannot be told without harm."""
        return False

    def sync_folder(folder: Path) -> None:
        """Nothing: NTFS keeps a journal of names, and a folder cannot be opened."""

else:
    import fcntl

    OPEN_STAYS = False

    def try_lock(handle: int) -> bool:
        """Lock an open file until it is closed, or its process ends; False if another has it. Raises OSError."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_gone(process: int) -> bool:
        """Whether no process of this machine has this number."""
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            return False
        return False

    def sync_folder(folder: Path) -> None:
        """Have the names in a folder on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync(file: Path) -> None:
    """Have the content of a file on the disk."""
    with file.open("r+b") as opened:  # Windows syncs only what is open for writing
        os.fsync(opened.fileno())


def move(source: Path, target: Path) -> None:
    """Give a file or folder another name, in one step; a file takes the place of one that is there.

    Raises OSError; where it is because another program has it open, after `PATIENCE`.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if not OPEN_STAYS or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def remove_unless_held(file: Path) -> bool:
    """Remove a file if no living process holds it: has it locked or, where open files stay, has it open."""
    if OPEN_STAYS:
        with suppress(OSError):
            file.unlink()
            return True
        return False
    with suppress(OSError), file.open("r+b") as opened:  # gone meanwhile, or not ours
        if try_lock(opened.fileno()):
            file.unlink()
            return True
    return False


def has_no_room(error: OSError) -> bool:
    """Whether it is that the disk is full, read-only, or that a quota or limit is reached."""
    codes = (errno.ENOSPC, errno.EROFS, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    return error.errno in codes
