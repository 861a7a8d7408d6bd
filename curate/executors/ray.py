"""The executor for many machines: tasks of a Ray cluster. Machines share the file system that the run folder is on."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from curate.errors import CurateError
from curate.executors import Executor, Failure, WorkerDied, one_line
from curate.executors.worker import SURROUNDINGS, answer, check_travels, unpack

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2
"""Tasks handed out for each place of the cluster: one at work, one that waits for it."""


class Ray(Executor):
    """Tasks on a Ray cluster, one CPU each. A task may lose `tries` workers, by their own death or their node's."""

    name = "ray"

    def __init__(
        self, address: str | None = None, *, workers: int | None = None, memory: int | None = None, tries: int = 3
    ) -> None:
        """Connects. Raises CurateError if Ray is not installed, or no cluster answers.

        address: of a running cluster, `HOST:PORT` or `auto`; None: a cluster of this machine, which ends with this.
        workers: tasks at a time, at most; None: as many as the cluster has CPUs. memory: bytes that each task needs;
        Ray starts no more of them on a machine than that allows. None: it does not count.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it tells its makers
        try:
            import ray
        except ImportError:
            raise CurateError("the executor `ray` needs Ray: pip install 'curate[ray]'") from None
        _check_answers(address)
        self._ray = ray
        self._ours = not ray.is_initialized()
        options: dict[str, Any] = {"num_cpus": workers} if address is None else {"address": address}
        try:
            if self._ours:
                ray.init(
                    **options,
                    include_dashboard=False if address is None else None,
                    log_to_driver=False,
                    logging_level="ERROR",
                    runtime_env={"env_vars": SURROUNDINGS},
                )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = f"the Ray cluster at {address} is not to be had" if address else "Ray cannot be started here"
            raise CurateError(f"{where}: {one_line(error)}") from error
        places = int(ray.cluster_resources().get("CPU", 1))
        self.workers = max(1, min(places, workers or places))
        self.tries = tries
        self.memory = memory
        self._task = ray.remote(_on_node)

    def run(
        self,
        work: Callable[[T], R],
        tasks: Sequence[T],
        *,
        start: Callable[[], None] | None = None,
        lost: Callable[[int, str], None] | None = None,
        memory: int | None = None,
    ) -> Generator[tuple[int, R | Failure]]:
        """As any executor. CurateError: work that cannot travel."""
        check_travels(work)
        check_travels(start)
        needed = self.memory if memory is None else memory
        submit = self._task.options(num_cpus=1, max_retries=0, memory=needed)
        return self._results(submit, work, start, tasks, lost or (lambda index, how: None))

    def _results(
        self,
        submit: Any,
        work: Callable[[Any], Any],
        start: Callable[[], None] | None,
        tasks: Sequence[Any],
        lost: Callable[[int, str], None],
    ) -> Generator[tuple[int, Any | Failure]]:
        waiting = deque((index, 1) for index in range(len(tasks)))
        at_work: dict[Any, tuple[int, int]] = {}  # reference → (task, how often it was begun)
        folder = os.getcwd()
        try:
            while waiting or at_work:
                while waiting and len(at_work) < self.workers * _AHEAD:
                    index, attempt = waiting.popleft()
                    message = pickle.dumps((work, start, tasks[index]))
                    at_work[submit.remote(folder, message)] = index, attempt
                ready, _ = self._ray.wait(list(at_work), num_returns=1)
                index, attempt = at_work.pop(ready[0])
                found = self._heard(ready[0], attempt)
                if isinstance(found, str) and attempt < self.tries:
                    lost(index, found)
                    waiting.append((index, attempt + 1))
                elif isinstance(found, str):
                    story = f"its worker {found}; {attempt} were tried"
                    yield index, Failure(WorkerDied(story), "", "died", attempt)
                else:
                    yield index, unpack(found, attempt)
        finally:
            for reference in at_work:
                with contextlib.suppress(Exception):  # gone with its node, or done meanwhile
                    self._ray.cancel(reference, force=True)

    def _heard(self, reference: Any, attempt: int) -> bytes | str:
        """What a task answers; or how its worker was lost."""
        errors = self._ray.exceptions
        try:
            return bytes(self._ray.get(reference))
        except errors.OutOfMemoryError:
            return "was killed, since its machine ran out of memory"
        except (errors.NodeDiedError, errors.ObjectLostError):
            return "was lost with its machine"
        except (errors.WorkerCrashedError, errors.LocalRayletDiedError):
            return "died"
        except errors.RayError as error:
            return f"was lost: {one_line(error)}"

    def close(self) -> None:
        """Leave the cluster; one that was started for this run ends."""
        if self._ours:
            self._ray.shutdown()
            self._ours = False


def _check_answers(address: str | None) -> None:
    """Raise CurateError if nothing listens at `HOST:PORT`; Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise CurateError(
                f"no Ray cluster answers at {address}: {error.strerror or error}; `ray status` tells where one is"
            ) from error


_started: set[Callable[[], None]] = set()


def _on_node(folder: str, message: bytes) -> bytes:
    """In a process of the cluster: do a task, in the driver's folder, so that relative paths mean the same."""
    with contextlib.suppress(OSError):
        os.chdir(folder)
    return answer(message, _started)
