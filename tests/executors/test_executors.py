import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.executors import Failure, Inline, WorkerDied, WorkFailed
from curate.executors.pool import Pool, in_words
from tests.executors import works

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX systems")


@pytest.fixture(scope="module")
def pool():
    with Pool(2) as two:
        yield two


@pytest.fixture(params=["inline", "pool"])
def executor(request):
    return request.getfixturevalue("pool") if request.param == "pool" else Inline()


def alive(pid):
    """Whether a process runs; one that is dead and not yet reaped by its new parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


# --- both executors


@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_each_task_has_exactly_one_result(executor, count):
    assert sorted(executor.run(works.square, range(count))) == [(i, i * i) for i in range(count)]


@pytest.mark.parametrize("value", [None, False, b"", ("result", 1)])
def test_results_come_as_they_are(executor, value):
    assert list(executor.run(works.same, [value])) == [(0, value)]


def test_an_exception_is_a_failure_and_the_others_go_on(executor):
    outcomes = dict(executor.run(works.fail, ["fine", "plain", "well"]))
    assert (outcomes[0], outcomes[2]) == ("fine", "well")
    failure = outcomes[1]
    assert isinstance(failure.error, KeyError)
    assert (failure.kind, failure.attempts, failure.message) == ("raised", 1, "KeyError: 'text'")
    assert 'raise KeyError("text")' in failure.traceback
    assert "curate/executors" not in failure.traceback.replace(os.sep, "/")


def test_an_exit_ends_neither_task_nor_run_unheard(executor):
    outcomes = dict(executor.run(works.fail, ["exit", "fine"]))
    assert isinstance(outcomes[0].error, WorkFailed)
    assert outcomes[0].message == "SystemExit: 3"
    assert outcomes[1] == "fine"


def test_start_is_called_once_in_each_process(executor, tmp_path, monkeypatch):
    if isinstance(executor, Pool):
        executor.close()  # the new workers inherit the new environment
    monkeypatch.setenv("CURATE_TEST_FOLDER", str(tmp_path))
    ids = {pid for _ in range(2) for _, pid in executor.run(works.process_id, range(6), start=works.mark_start)}
    assert {int(path.name): path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(ids, "x")


def test_a_start_that_fails_fails_the_task(executor, monkeypatch):
    monkeypatch.delenv("CURATE_TEST_FOLDER", raising=False)
    if isinstance(executor, Pool):
        executor.close()
    ((_, failure),) = executor.run(works.square, [3], start=works.mark_start)
    assert failure.message == "KeyError: 'CURATE_TEST_FOLDER'"


def test_closing_early_leaves_the_executor_usable(executor):
    with contextlib.closing(executor.run(works.process_id, range(100))) as results:
        next(results)
    assert sorted(executor.run(works.square, range(3))) == [(0, 0), (1, 1), (2, 4)]


# --- the pool alone


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_gives_the_same(workers):
    with Pool(workers) as pool:
        assert sorted(pool.run(works.square, range(40))) == [(i, i * i) for i in range(40)]


def test_no_more_workers_than_tasks():
    with Pool(4) as pool:
        ((_, pid),) = pool.run(works.process_id, ["one"])
        assert pid != os.getpid()
        assert len(pool._staff) == 1


def test_workers_are_kept_for_the_next_run(pool):
    list(pool.run(works.process_id, range(8)))
    staff = {worker.process.pid for worker in pool._staff}
    assert {pid for _, pid in pool.run(works.process_id, range(8))} <= staff


def test_big_results_and_tasks(pool):
    sizes = [1 << 20, 0, 3 << 20, 1]
    assert {i: len(result) for i, result in pool.run(works.big, sizes)} == dict(enumerate(sizes))
    ((_, echo),) = pool.run(works.same, [b"y" * (1 << 20)])
    assert echo == b"y" * (1 << 20)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("unpicklable", "Unpicklable: it holds a lock"),
        ("two", "TwoArguments: salt and pepper"),
        ("result", "result cannot be pickled: TypeError"),
    ],
)
def test_what_cannot_travel_is_told_as_text(pool, how, says):
    ((_, failure),) = pool.run(works.fail, [how])
    assert isinstance(failure.error, WorkFailed)
    assert says in failure.message
    assert (failure.traceback == "") == (how == "result")


@posix
def test_a_worker_killed_once_is_replaced_and_its_task_tried_again(pool, tmp_path):
    lost = []
    tasks = [(str(tmp_path), 1, "SIGKILL"), *((str(tmp_path), 0, "") for _ in range(5))]
    outcomes = dict(pool.run(works.die, tasks, lost=lambda index, how: lost.append((index, how))))
    assert all(outcomes[i] in (0, 1) for i in range(6))
    assert [index for index, _ in lost] == [0]
    assert "SIGKILL" in lost[0][1]


@posix
@pytest.mark.parametrize(("how", "says"), [("SIGKILL", "fewer workers"), ("SIGSEGV", "SIGSEGV"), ("exit", "code 7")])
def test_a_task_that_always_kills_its_worker_fails(tmp_path, how, says):
    lost = []
    with Pool(2) as pool:
        tasks = [(str(tmp_path), 99, how), (str(tmp_path), 0, "")]
        outcomes = dict(pool.run(works.die, tasks, lost=lambda index, story: lost.append(index)))
    failure = outcomes[0]
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, WorkerDied)
    assert (failure.kind, failure.attempts, lost) == ("died", 3, [0, 0])
    assert says in failure.message
    assert isinstance(outcomes[1], int)
    assert len(list(tmp_path.iterdir())) == 3


@posix
def test_a_worker_that_dies_between_runs_is_replaced():
    with Pool(1) as pool:
        ((_, pid),) = pool.run(works.process_id, [0])
        os.kill(pid, signal.SIGKILL)
        assert list(pool.run(works.square, [5])) == [(0, 25)]


@posix
def test_a_dead_worker_is_noticed_though_its_child_holds_the_pipe_open():
    with Pool(1, tries=1) as pool:
        began = time.monotonic()
        ((_, failure),) = pool.run(works.die_with_a_child, [20])
        assert time.monotonic() - began < 10
    assert failure.kind == "died"


@posix
def test_a_worker_leaves_interrupts_to_the_driver(pool):
    assert list(pool.run(works.interrupted, [0])) == [(0, "went on")]


@posix
def test_workers_that_cannot_start_end_the_run(monkeypatch):
    monkeypatch.setattr("curate.executors.pool.serve", os._exit)
    with Pool(2) as pool, pytest.raises(CurateError, match="no worker process can be started: the last one ended"):
        list(pool.run(works.square, [1, 2, 3]))


def test_closing_early_ends_busy_workers_quickly(tmp_path):
    pool = Pool(2)
    while sum(worker.ready for worker in pool._staff) < 2:
        list(pool.run(works.process_id, range(4)))
    paths = [str(tmp_path / name) for name in "ab"]
    results = pool.run(works.report_or_return, [None, *paths])
    assert next(results) == (0, None)
    assert wait_for(lambda: all(Path(path).exists() and Path(path).read_text() for path in paths), 20)
    ids = [int(Path(path).read_text()) for path in paths]
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 2
    assert not any(map(alive, ids))
    assert not pool._staff


def test_one_thread_per_library(pool):
    ((_, counts),) = pool.run(works.threads, [0])
    assert counts == (1, 2, 1, 1)


def test_the_driver_keeps_its_own_environment(pool):
    before = dict(os.environ), sys.modules["__main__"]
    list(pool.run(works.square, [1]))
    assert (dict(os.environ), sys.modules["__main__"]) == before


def test_a_worker_does_not_load_the_main_script(pool):
    assert list(pool.run(works.main_module, [0])) == [(0, None)]


def test_work_that_workers_cannot_find_is_refused(pool):
    def local(task):
        return task

    with pytest.raises(CurateError, match="module-level function"):
        pool.run(local, [1])


def test_a_worker_may_not_start_workers(pool):
    ((_, failure),) = pool.run(works.nested, [2])
    assert "may not start workers" in failure.message


def test_two_runs_at_once_are_refused(pool):
    with contextlib.closing(pool.run(works.square, range(9))) as first:
        next(first)
        with pytest.raises(CurateError, match="at work already"):
            next(pool.run(works.square, [1]))


def test_a_pool_needs_a_worker():
    with pytest.raises(ValueError, match="at least 1"):
        Pool(0)


@posix
def test_how_it_died_in_words():
    assert "memory" in in_words(-9)
    assert "SIGSEGV" in in_words(-11)
    assert "signal 40" in in_words(-40)
    assert "exit code 3" in in_words(3)


# --- the driver as a process


def start_driver(code, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.fixture
def busy(tmp_path):
    """A driver in a session of its own, and its two workers, in the middle of a task."""
    driver = start_driver(
        f"from tests.executors.works import drive; drive({str(tmp_path)!r})",
        start_new_session=True,
    )
    files = [tmp_path / "a", tmp_path / "b"]
    ready = wait_for(lambda: all(file.exists() and file.read_text() for file in files), 30)
    assert ready, driver.stderr.read()
    yield driver, [int(file.read_text()) for file in files]
    if driver.poll() is None:
        os.killpg(driver.pid, signal.SIGKILL)
    driver.communicate()


@posix
def test_no_worker_outlives_a_killed_driver(busy):
    driver, workers = busy
    assert all(map(alive, workers))
    driver.kill()
    assert wait_for(lambda: not any(map(alive, workers)), 3)


@posix
@pytest.mark.parametrize("whole_terminal", [True, False])
def test_ctrl_c_ends_driver_and_workers_with_one_traceback(busy, whole_terminal):
    driver, workers = busy
    (os.killpg if whole_terminal else os.kill)(driver.pid, signal.SIGINT)
    began = time.monotonic()
    _, errors = driver.communicate(timeout=10)
    assert time.monotonic() - began < 3
    assert not any(map(alive, workers))
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    assert "serve" not in errors


def test_a_script_without_a_guard_works(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text("from tests.executors.works import drive_and_print\n\ndrive_and_print()\n")
    done = subprocess.run(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[[0, 0], [1, 1], [2, 4], [3, 9], [4, 16]]", "")


def test_work_in_the_main_script_is_refused():
    done = start_driver("from curate.executors.pool import Pool\ndef work(task): pass\nPool(1).run(work, [1])")
    _, errors = done.communicate(timeout=20)
    assert "is in the main script, which workers do not load; move it to a module" in errors


def test_a_pool_left_open_does_not_keep_python_from_ending():
    imports = "from curate.executors.pool import Pool; from tests.executors.works import square"
    done = start_driver(f"{imports}; pool = Pool(2); print(list(pool.run(square, [3])))")
    out, errors = done.communicate(timeout=20)
    assert (out, errors, done.returncode) == ("[(0, 9)]\n", "", 0)
