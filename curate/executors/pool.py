"""The executor with processes: spawned, one pipe each; the dead are replaced, and none outlives the driver."""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from multiprocessing import current_process, get_context
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

from curate.errors import CurateError
from curate.executors import Executor, Failure, WorkerDied
from curate.executors.worker import check_travels, serve, surroundings, unpack

T = TypeVar("T")
R = TypeVar("R")

NAME = "curate-worker"
MOST_WORKERS = 30 if sys.platform == "win32" else 1024  # Windows waits for 63 things at once, and a worker is two


@dataclass(eq=False)
class _Worker:
    """A process as the driver sees it."""

    process: SpawnProcess
    pipe: Any
    """A `Connection`; on Windows, a `PipeConnection`."""
    ready: bool = False
    """It has said hello."""
    task: int | None = None
    """What it is at work on."""


@dataclass
class _Round:
    """One call of `run`: what is asked, what waits for a worker, how many tasks have no answer yet."""

    work: Callable[[Any], Any]
    start: Callable[[], None] | None
    tasks: Sequence[Any]
    lost: Callable[[int, str], None]
    waiting: deque[int]
    left: int
    deaths: Counter[int] = field(default_factory=Counter)
    """By task."""
    stillborn: int = 0
    """Processes that died before they said hello, since the last one that did."""

    def message(self, index: int) -> bytes:
        """What a worker needs for one task."""
        return pickle.dumps((self.work, self.start, self.tasks[index]))


class Pool(Executor):
    """Up to `workers` processes, started when first needed and kept until `close`. A task may lose `tries` of them."""

    name = "pool"

    def __init__(self, workers: int, *, tries: int = 3) -> None:
        """Starts nothing yet."""
        if workers < 1 or tries < 1:
            raise ValueError(f"workers = {workers}, tries = {tries}: a pool needs at least 1 of each")
        self.workers = min(workers, MOST_WORKERS)
        self.tries = tries
        self._staff: list[_Worker] = []
        self._hired = 0
        self._running = False

    def run(
        self,
        work: Callable[[T], R],
        tasks: Sequence[T],
        *,
        start: Callable[[], None] | None = None,
        lost: Callable[[int, str], None] | None = None,
        memory: int | None = None,
    ) -> Generator[tuple[int, R | Failure]]:
        """As any executor. CurateError: called in a worker, work that cannot travel, no worker can be started."""
        if current_process().name.startswith(NAME):
            raise CurateError("a worker may not start workers of its own; use the inline executor there")
        check_travels(work)
        check_travels(start)
        waiting = deque(range(len(tasks)))
        return self._results(_Round(work, start, tasks, lost or (lambda index, how: None), waiting, len(tasks)))

    def _results(self, this: _Round) -> Generator[tuple[int, Any | Failure]]:
        if self._running:
            raise CurateError("this pool is at work already; end that run first, or use a second pool")
        self._running = True
        try:
            while this.left:
                self._hand_out(this)
                for worker in self._heard_of():
                    settled = self._settle(worker, this)
                    if settled is not None:
                        this.left -= 1
                        self._hand_out(this)  # first, so that nobody waits for what the driver does with the result
                        yield settled
        finally:
            self._running = False
            self._dismiss([worker for worker in self._staff if worker.task is not None or not worker.ready], patience=0)

    def _hand_out(self, this: _Round) -> None:
        """Give a task to every worker that is free, and have as many workers as there is work for."""
        while len(self._staff) < min(self.workers, this.left):
            self._hire()
        for worker in self._staff:
            if this.waiting and worker.ready and worker.task is None:
                message = this.message(this.waiting[0])
                worker.task = this.waiting.popleft()
                with contextlib.suppress(OSError):  # it died while idle, which a look at its pipe will tell
                    worker.pipe.send_bytes(message)

    def _hire(self) -> None:
        self._hired += 1
        spawn = get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=serve, args=(theirs,), name=f"{NAME}-{self._hired}", daemon=True)
        with surroundings():
            process.start()
        theirs.close()  # the worker has the only other end: when it dies, ours says so
        self._staff.append(_Worker(process, ours))

    def _heard_of(self) -> list[_Worker]:
        """Wait for workers that have sent something or died; at least one."""
        by_handle: dict[Any, _Worker] = {}
        for worker in self._staff:
            by_handle[worker.pipe] = by_handle[worker.process.sentinel] = worker
        while True:
            heard = wait(list(by_handle), timeout=1)
            if heard:
                return list(dict.fromkeys(by_handle[handle] for handle in heard))
            # A process that a worker has forked off holds pipe and sentinel open, so look after the worker itself too.
            dead = [worker for worker in self._staff if worker.process.exitcode is not None]
            if dead:
                return dead

    def _settle(self, worker: _Worker, this: _Round) -> tuple[int, Any | Failure] | None:
        """Hear a worker, or bury it; a task's number and outcome, if that decides one."""
        index = worker.task
        try:
            # No answer without a wait means that it is dead, whoever else may hold its pipe open.
            answer = worker.pipe.recv_bytes() if worker.pipe.poll() else None
        except (EOFError, OSError):
            answer = None
        if answer is None:
            return self._bury(worker, this)
        worker.ready, worker.task, this.stillborn = True, None, 0
        return None if index is None else (index, unpack(answer, this.deaths[index] + 1))

    def _bury(self, worker: _Worker, this: _Round) -> tuple[int, Failure] | None:
        """Forget a dead worker, and have its task tried again unless it died of that too often."""
        worker.process.join(1)
        how = in_words(worker.process.exitcode)
        self._dismiss([worker], patience=0)
        index = worker.task
        if index is None:
            this.stillborn += not worker.ready
            if this.stillborn >= self.tries:
                raise CurateError(f"no worker process can be started: the last one {how}")
            return None
        this.deaths[index] += 1
        times = this.deaths[index]
        if times < self.tries:
            this.waiting.append(index)  # at the end, when less else is at work and more memory is free
            this.lost(index, f"it {how}")
            return None
        story = f"its worker process {how}" + (
            f"; so did the {times - 1} before, at the same task" if times > 1 else ""
        )
        return index, Failure(WorkerDied(story), "", "died", times)

    def _dismiss(self, workers: list[_Worker], *, patience: float) -> None:
        """End processes, by force those that do not leave by themselves within `patience` seconds."""
        self._staff = [worker for worker in self._staff if worker not in workers]
        for worker in workers:
            worker.pipe.close()  # an idle worker leaves when it sees that
        for seconds, force in ((patience, SpawnProcess.terminate), (1, SpawnProcess.kill), (1, SpawnProcess.join)):
            deadline = time.monotonic() + seconds
            for worker in workers:
                worker.process.join(max(0, deadline - time.monotonic()))
            for worker in workers:
                if worker.process.exitcode is None:
                    force(worker.process)
        for worker in workers:
            worker.process.close()

    def close(self) -> None:
        """End all processes."""
        self._dismiss(list(self._staff), patience=1)


def in_words(code: int | None) -> str:
    """How a process ended, from its exit code: `was killed by SIGKILL; …`."""
    if code is None:
        return "no longer answers"
    try:
        name = signal.Signals(-code).name if code < 0 else ""
    except ValueError:  # a real-time signal
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "was killed by SIGKILL; if nobody did that, the system ran out of memory: use fewer workers"
    if name == "SIGTERM":
        return "was told to end by SIGTERM"
    if name:
        return f"crashed with {name}, most likely in native code"
    return f"ended by itself with exit code {code}"
