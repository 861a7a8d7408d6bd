"""Tasks of a run, given to an executor: results as they come; the first failure ends the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from curate.engine.events import Show, Warned
from curate.errors import CurateError, StageError
from curate.executors import Executor, Failure

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """`each`, by one executor."""

    def __call__(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[int, R]]: ...


def each(
    executor: Executor,
    work: Callable[[T], R],
    tasks: Sequence[T],
    show: Show,
    start: Callable[[], None],
    memory: int | None = None,
) -> Iterator[tuple[int, R]]:
    """(index of a task, its result), in the order in which they are done. Raises what a task has failed with.

    start: called once in each process, before its first task. memory: bytes that each task needs, if that is known.
    """

    def lost(index: int, how: str) -> None:
        show(Warned(f"a worker was lost ({how}); its unit is tried again"))

    if not tasks:
        return
    results = executor.run(work, tasks, start=start, lost=lost, memory=memory)
    try:
        for index, result in results:
            if isinstance(result, Failure):
                if isinstance(result.error, CurateError):
                    raise result.error
                raise StageError(f"{result.message}\n{result.traceback}".rstrip())
            yield index, result
    finally:
        results.close()
