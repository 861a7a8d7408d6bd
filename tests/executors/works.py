"""Work for executors to do, in a module that workers can load, and drivers to be run as scripts."""

import json
import os
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

from curate.executors import Failure
from curate.executors.pool import Pool


class Unpicklable(Exception):
    def __init__(self, lock):
        super().__init__("it holds a lock")
        self.lock = lock


class TwoArguments(Exception):
    """Pickles, but cannot be unpickled: its `args` do not fit its `__init__`."""

    def __init__(self, left, right):
        super().__init__(f"{left} and {right}")


def square(number):
    return number * number


def big(size):
    return b"x" * size


def same(value):
    return value


def fail(how):
    if how == "plain":
        raise KeyError("text")
    if how == "unpicklable":
        raise Unpicklable(threading.Lock())
    if how == "two":
        raise TwoArguments("salt", "pepper")
    if how == "exit":
        sys.exit(3)
    if how == "result":
        return threading.Lock()
    return how


def die(task):
    """Die as told until the task's folder holds so many files, one for each try."""
    folder, times, how = task
    tries = len(os.listdir(folder))
    if tries < times:
        (Path(folder) / str(tries)).touch()
        if how == "exit":
            os._exit(7)
        os.kill(os.getpid(), getattr(signal, how))
        time.sleep(60)
    return tries


def die_with_a_child(seconds):
    """Die, and leave a forked process that holds all that was open."""
    if os.fork() == 0:
        time.sleep(seconds)
    os._exit(1)


def interrupted(_):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    return "went on"


def mark_start():
    with (Path(os.environ["CURATE_TEST_FOLDER"]) / f"{os.getpid()}").open("a") as file:
        file.write("x")


def process_id(_):
    time.sleep(0.05)
    return os.getpid()


def threads(_):
    import numba
    import polars
    import pyarrow

    return pyarrow.cpu_count(), pyarrow.io_thread_count(), polars.thread_pool_size(), numba.config.NUMBA_NUM_THREADS


def main_module(_):
    return getattr(sys.modules["__main__"], "__file__", None)


def nested(workers):
    with Pool(workers) as pool:
        return list(pool.run(square, [1, 2]))


def report_and_spin(path):
    """Write the worker's process id, then keep the processor busy for a minute."""
    Path(path).write_text(str(os.getpid()))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


def report_or_return(path):
    return None if path is None else report_and_spin(path)


def drive(folder):
    """A driver whose workers are busy for a minute."""
    with Pool(2) as pool, closing(pool.run(report_and_spin, [f"{folder}/a", f"{folder}/b"])) as results:
        for _ in results:
            pass


def drive_and_print():
    with Pool(2) as pool:
        outcomes = sorted(pool.run(square, range(5)))
    assert not any(isinstance(outcome, Failure) for _, outcome in outcomes)
    sys.stdout.write(json.dumps(outcomes))


def assigned(resource):
    """What Ray gives to this task of a resource; None: it does not count."""
    import ray

    return ray.get_runtime_context().get_assigned_resources().get(resource)
