"""A worker process: how it is set up, what can be sent to it, what it does, and what it sends back."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from multiprocessing import parent_process, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Literal

from curate.errors import CurateError
from curate.executors import Failure, WorkFailed, one_line, trace_of

SURROUNDINGS = {
    "OMP_NUM_THREADS": "1",  # Arrow's computing threads as well
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "ARROW_IO_THREADS": "2",  # one reads ahead while the other waits
    # Batches come and go in pieces of megabytes: given back to the system at once, they do not pile up as holes in the
    # heap. Measured on a million documents: 430 MB a worker instead of 610.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 20),
}
"""Workers fill the cores by their number. Libraries read these once, when they are loaded, so the driver sets them."""


def check_travels(function: Callable[..., Any] | None) -> None:
    """Raise CurateError unless a worker can find the function: it is sent by name, and the main script is not there."""
    try:
        pickle.dumps(function)
    except Exception as error:
        raise CurateError(
            f"{function!r} cannot be sent to a worker process; expected a module-level function"
        ) from error
    if getattr(function, "__module__", None) == "__main__":
        raise CurateError(f"{function!r} is in the main script, which workers do not load; move it to a module")


@contextlib.contextmanager
def surroundings() -> Iterator[None]:
    """What the processes started within inherit: one thread per library, no Ctrl-C, and not the main script."""
    before = {name: os.environ.get(name) for name in SURROUNDINGS}
    main = sys.modules["__main__"]
    with _interrupt_later():
        os.environ.update(SURROUNDINGS)
        # A spawned process imports the main script first, and a script without `if __name__ == "__main__"` would start
        # the whole run again in there. The work is in modules of its own, so an empty main module is shown instead.
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _interrupt_later() -> Iterator[None]:
    """Hold Ctrl-C back: the driver meets it afterwards, a process started within never does, even while it loads."""
    if sys.platform == "win32":  # there is no such thing: a worker ignores Ctrl-C as soon as it serves
        yield
        return
    resource_tracker.ensure_running()  # else multiprocessing starts it later, and lifts our mask in doing so
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def serve(pipe: Connection) -> None:
    """Say hello, then do one task after the other, until the driver closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches the whole terminal; what it means, the driver says
    threading.Thread(target=_follow_parent, daemon=True).start()
    started: set[Callable[[], None]] = set()
    with contextlib.suppress(EOFError, OSError):
        pipe.send_bytes(b"hello")
        while True:
            pipe.send_bytes(answer(pipe.recv_bytes(), started))


def _follow_parent() -> None:
    """End this process with its parent, even in the middle of a task: nobody would take the result."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def answer(message: bytes, started: set[Callable[[], None]]) -> bytes:
    """Do the task of a message and pack what came of it, whatever that is."""
    try:
        work, start, task = pickle.loads(message)
        if start is not None and start not in started:
            start()
            started.add(start)
        result = work(task)
    except BaseException as error:  # SystemExit is no way to end a task either
        return _pack("raised", _portable(error), one_line(error), trace_of(error))
    try:
        return _pack("result", pickle.dumps(result))
    except Exception as error:
        return _pack("raised", pickle.dumps(WorkFailed(f"the result cannot be pickled: {one_line(error)}")))


def _pack(kind: Literal["result", "raised"], payload: bytes, text: str = "", trace: str = "") -> bytes:
    """The payload is packed by itself, so that the rest arrives even if the driver cannot open it."""
    return pickle.dumps((kind, payload, text, trace))


def unpack(answer: bytes, attempts: int) -> Any | Failure:
    """In the driver: the result of a task, or its Failure."""
    kind, payload, text, trace = pickle.loads(answer)
    try:
        value = pickle.loads(payload)
    except Exception as error:
        text = text or f"the result cannot be read in the driver: {one_line(error)}"
        return Failure(WorkFailed(text), trace or trace_of(error), "raised", attempts)
    return value if kind == "result" else Failure(value, trace, "raised", attempts)


def _portable(error: BaseException) -> bytes:
    """The error, pickled, if it survives that; many with an `__init__` of their own do not, and get a stand-in."""
    with contextlib.suppress(Exception):
        packed = pickle.dumps(error)
        if isinstance(error, Exception) and type(pickle.loads(packed)) is type(error):
            return packed
    return pickle.dumps(WorkFailed(one_line(error)))
