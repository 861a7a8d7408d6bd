"""The executor on a real Ray cluster of this machine: results, deaths of workers and of a node, the bytes of a run."""

import contextlib
import hashlib
import os

import pytest

from curate.errors import CurateError
from curate.executors import Inline, WorkerDied
from tests.engine.corpus import documents, recipe_text, run, write_shards
from tests.executors import works

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of what Ray leaves open when it ends
    pytest.mark.skipif(os.name != "posix", reason="Ray on Windows is not what it is elsewhere"),
]


@pytest.fixture(scope="module")
def ray():
    from curate.executors.ray import Ray

    with Ray(workers=2) as executor:
        yield executor


def test_each_task_has_exactly_one_result(ray):
    for count in (0, 1, 2, 17):
        assert sorted(ray.run(works.square, range(count))) == [(i, i * i) for i in range(count)]
    assert ray.workers == 2


def test_what_is_raised_is_a_failure_and_the_others_go_on(ray):
    outcomes = dict(ray.run(works.fail, ["fine", "plain", "unpicklable", "exit", "well"]))
    assert (outcomes[0], outcomes[4]) == ("fine", "well")
    assert isinstance(outcomes[1].error, KeyError)
    assert (outcomes[1].kind, outcomes[1].attempts, outcomes[1].message) == ("raised", 1, "KeyError: 'text'")
    assert 'raise KeyError("text")' in outcomes[1].traceback
    assert outcomes[3].message == "SystemExit: 3"


def test_a_worker_killed_once_has_its_task_tried_again(ray, tmp_path):
    said = []
    results = dict(
        ray.run(works.die, [(str(tmp_path), 1, "SIGKILL")], lost=lambda index, how: said.append((index, how)))
    )
    assert results == {0: 1}
    assert said == [(0, "died")]


def test_a_task_that_always_kills_its_worker_fails(ray, tmp_path):
    ((_, failure),) = ray.run(works.die, [(str(tmp_path), 9, "SIGKILL")])
    assert isinstance(failure.error, WorkerDied)
    assert (failure.kind, failure.attempts, failure.message) == ("died", 3, "its worker died; 3 were tried")


def test_memory_of_tasks(ray):
    ((_, without),) = ray.run(works.assigned, ["memory"])
    ((_, given),) = ray.run(works.assigned, ["memory"], memory=3 << 20)
    assert (without, given) == (None, 3 << 20)


def test_closing_early_leaves_the_executor_usable(ray):
    with contextlib.closing(ray.run(works.process_id, range(100))) as results:
        next(results)
    assert sorted(ray.run(works.square, range(3))) == [(0, 0), (1, 1), (2, 4)]


def test_work_that_workers_cannot_find_is_refused(ray):
    with pytest.raises(CurateError, match="module-level function"):
        ray.run(lambda task: task, [1])


STAGES = "  - exact_dedup\n  - minhash_dedup: {threshold: 0.7}\n  - keep_best: {column: n, share: 0.5}\n"


def output(folder):
    files = [path for part in ("data", "artifacts") for path in sorted((folder / part).rglob("*.parquet"))]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_bytes_as_anywhere(ray, tmp_path, monkeypatch):
    write_shards(tmp_path / "in", documents(300), 8)
    monkeypatch.chdir(tmp_path)  # relative paths mean the same in the cluster
    run(recipe_text("in", "inline", STAGES), Inline())
    run(recipe_text("in", "ray", STAGES), ray)
    assert output(tmp_path / "ray") == output(tmp_path / "inline")


def test_no_cluster_there():
    import ray as library

    from curate.executors.ray import Ray

    library.shutdown()
    with pytest.raises(CurateError, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        Ray("127.0.0.1:1")
