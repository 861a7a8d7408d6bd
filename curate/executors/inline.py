"""The executor without processes: tasks one after the other, in this one. For small inputs, and for the debugger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from curate.executors import Failure, WorkFailed, one_line, trace_of

T = TypeVar("T")
R = TypeVar("R")


class Inline:
    """Runs in this process; a crash is a crash of everything."""

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
    ) -> Iterator[tuple[int, R | Failure]]:
        """As the protocol says; `lost` is never called. Ctrl-C comes through as KeyboardInterrupt."""
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
