"""Executors: `run(work, tasks)` gives each task's result or failure, in any order. What the work is, they never know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Failure:
    """A task that has no result."""

    error: Exception
    """What `work` raised, or a stand-in with its text if it cannot travel between processes; for `died`, the story."""
    traceback: str
    """Where it was raised, as Python prints it; empty for `died`."""
    kind: Literal["raised", "died"]
    """`raised`: by the work itself, so it would be again. `died`: the process was lost, each time it was tried."""
    attempts: int
    """How often the task was begun."""

    @property
    def message(self) -> str:
        """One line: the error's type and text, or how the process died."""
        return str(self.error) if self.kind == "died" else f"{type(self.error).__name__}: {self.error}"


class Executor(Protocol):
    """Runs many tasks. The order of results is not part of the contract; that each task has exactly one, is."""

    name: str
    """As in `--executor NAME`."""
    workers: int
    """Processes that it starts; 0 when the work is done in this one."""

    def run(
        self,
        work: Callable[[T], R],
        tasks: Sequence[T],
        *,
        start: Callable[[], None] | None = None,
        lost: Callable[[int, str], None] | None = None,
    ) -> Iterator[tuple[int, R | Failure]]:
        """Yield (index of a task, its result or Failure) until each task has had its turn.

        `work` is a module-level function, tasks and results are picklable, tasks small. `start` is called once in each
        process before its first task. What `work` raises is not tried again. A process that dies is replaced and its
        task tried again, a few times; each time `lost(index, how it died)` is called here. Closing the iterator stops
        all work at once.
        """
        ...
