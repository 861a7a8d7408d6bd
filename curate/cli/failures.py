"""Ends of a command that are no defects: Ctrl-C, and errors of the system that a person can mend."""

from __future__ import annotations

import errno
import signal
import threading
from types import FrameType

ADVICE = {
    errno.ENOSPC: "the disk is full; make room",
    getattr(errno, "EDQUOT", -1): "the disk quota is used up; make room",  # Windows has none
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EACCES: "permission denied; choose another place, or have the permissions changed",
}
"""Errors that say nothing against the program: a traceback would be of no help."""


class Stopped(Exception):
    """Ctrl-C, of which the person has been told."""


def end_by_sigterm_as_by_ctrl_c() -> None:
    """Have SIGTERM, by which systemd and batch systems end what they started, stop this process as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():  # Python lets no other one choose
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def advice(error: OSError) -> str | None:
    """Where, what and what to do; None if it is an error of another kind, which deserves its traceback."""
    known = ADVICE.get(error.errno or 0)
    if known is None:
        return None
    return f"{error.filename}: {known}" if error.filename else known
