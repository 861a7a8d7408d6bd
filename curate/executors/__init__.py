"""Executors: `run(work, tasks)` gives each task's result or failure, in any order, blind to what the work is."""

from __future__ import annotations

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from curate.errors import CurateError

T = TypeVar("T")
R = TypeVar("R")


class WorkerDied(CurateError):
    """A worker process was lost, and says no more itself."""


class WorkFailed(CurateError):
    """Stands in for an exception that cannot travel between processes; bears its type and text."""


@dataclass(frozen=True)
class Failure:
    """A task that has no result."""

    error: Exception
    """What `work` raised, or `WorkFailed` with its text if that cannot travel between processes; else `WorkerDied`."""
    traceback: str
    """Where it was raised, as Python prints it; empty for `died`."""
    kind: Literal["raised", "died"]
    """`raised`: by the work itself, so it would be again. `died`: the process was lost, each time it was tried."""
    attempts: int
    """How often the task was begun."""

    @property
    def message(self) -> str:
        """What happened, for a person to read."""
        return str(self.error) if isinstance(self.error, CurateError) else one_line(self.error)


class Executor(ABC):
    """Runs many tasks. The order of results is not part of the contract; that each task has exactly one, is."""

    name: str
    """As in `--executor NAME`."""
    workers: int
    """Processes that do the work; 0 when it is done in this one."""

    @abstractmethod
    def run(
        self,
        work: Callable[[T], R],
        tasks: Sequence[T],
        *,
        start: Callable[[], None] | None = None,
        lost: Callable[[int, str], None] | None = None,
        memory: int | None = None,
    ) -> Generator[tuple[int, R | Failure]]:
        """Yield (index of a task, its result or Failure) until each task has had its turn.

        `work` and `start` are functions of a module that can be imported; tasks and results can be pickled, tasks are
        small. `start` is called once in each process, before the first task that comes with it. What `work` raises is
        not tried again: it would raise again. A process that dies is replaced and its task tried again, a few times;
        each time, `lost(index, how it died)` is called here. Closing the iterator stops all work at once; do so in
        any case, with `contextlib.closing`. One run at a time; processes may be kept for the next one. memory: bytes
        that each task needs, for an executor that must find room for it; None: as that was told when it was made.
        """

    @abstractmethod
    def close(self) -> None:
        """End all processes. Leaving a `with` block does so too."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Inline(Executor):
    """Tasks one after the other, in this process: for small inputs, and the debugger. A crash ends everything."""

    name = "inline"
    workers = 0

    def __init__(self) -> None:
        self._started: set[Any] = set()

    def run(
        self,
        work: Callable[[T], R],
        tasks: Sequence[T],
        *,
        start: Callable[[], None] | None = None,
        lost: Callable[[int, str], None] | None = None,
        memory: int | None = None,
    ) -> Generator[tuple[int, R | Failure]]:
        """As any executor; `lost` is never called. Ctrl-C comes through as KeyboardInterrupt."""
        for index, task in enumerate(tasks):
            yield index, self._one(work, task, start)

    def _one(self, work: Callable[[T], R], task: T, start: Callable[[], None] | None) -> R | Failure:
        try:
            if start is not None and start not in self._started:
                start()
                self._started.add(start)
            return work(task)
        except Exception as error:
            return Failure(error, trace_of(error), "raised", 1)
        except SystemExit as error:  # an exit is no way to end a task, and no task may end the run
            return Failure(WorkFailed(one_line(error)), trace_of(error), "raised", 1)

    def close(self) -> None:
        """Nothing to end."""


def one_line(error: BaseException) -> str:
    """`KeyError: 'text'`: the last line of a traceback, without the notes."""
    return "".join(traceback.TracebackException.from_exception(error).format_exception_only()).splitlines()[0]


def trace_of(error: BaseException) -> str:
    """The traceback as Python prints it, from the work's own frame on."""
    begin = error.__traceback__.tb_next if error.__traceback__ else None
    return "".join(traceback.format_exception(type(error), error, begin))
