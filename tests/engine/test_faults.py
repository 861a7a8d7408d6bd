"""Faults of disks, inputs, memory and people, with real processes: one clear sentence, what to do, and nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.corpus import data_bytes, documents, output, recipe_text, run, write_shards
from tests.engine.test_crash import FOLDERS, SLOW, STAGES, children, log_of, start, wait_for

resource = pytest.importorskip("resource")  # limits of a process: POSIX

MEDDLE = '''import os
import time
from pathlib import Path

from curate import Filter


class Meddle(Filter):
    """Does something to a file while the run is at work."""

    path: str
    """The file."""
    how: str
    """What to do."""

    def judge_one(self, text):
        path = Path(self.path)
        if self.how == "truncate" and path.exists():
            os.truncate(path, path.stat().st_size // 2)
        if self.how == "vanish":
            path.unlink(missing_ok=True)
        if self.how == "eat":
            self.__dict__.setdefault("kept", []).append(bytearray(200 << 20))
        return None
'''


def curate(recipe: Path, *words: str, limits: dict[int, int] | None = None) -> subprocess.CompletedProcess[str]:
    """`curate run`, to its end, within limits of the system."""

    def limit() -> None:
        for what, most in (limits or {}).items():
            resource.setrlimit(what, (most, most))

    command = [sys.executable, "-m", "curate", "run", str(recipe), "--no-report", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, preexec_fn=limit, env=environment)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The run failed with a message that has these words, and without a traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    [said] = [line for line in done.stderr.splitlines() if " failed: " in line]
    for word in words:
        assert word in said, said


@contextlib.contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own in memory; the test is skipped where this user may not have one."""
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        made = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("this user may not mount file systems")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four shards, and the bytes that an undisturbed run writes."""
    root = tmp_path_factory.mktemp("faults")
    data = write_shards(root / "in", documents(400), 4)
    run(recipe_text(data, root / "whole", "  - normalize\n  - exact_dedup"))
    return data, data_bytes(root / "whole", FOLDERS)


def write(place: Path, data: Path, out: Path, stages: str = "  - normalize\n  - exact_dedup") -> Path:
    (place / "r.yaml").write_text(recipe_text(data, out, stages))
    (place / "meddle.py").write_text(MEDDLE)
    return place / "r.yaml"


def test_a_disk_that_is_full(corpus, tmp_path):
    data, expected = corpus
    with small_disk(tmp_path / "disk", "size=120k") as disk:
        recipe = write(tmp_path, data, disk / "out")
        refused(curate(recipe, "--workers", "2"), "No space left on device", "make room and run again")
        assert not list(disk.rglob("*.part"))
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        done = curate(recipe, "--workers", "2")
        assert done.returncode == 0, done.stderr
        assert data_bytes(disk / "out", FOLDERS) == expected


def test_files_that_may_not_grow(corpus, tmp_path):
    data, _ = corpus
    recipe = write(tmp_path, data, tmp_path / "out")
    refused(curate(recipe, limits={resource.RLIMIT_FSIZE: 8000}), "File too large", "run again")


def test_an_output_that_is_read_only(corpus, tmp_path):
    data, _ = corpus
    with small_disk(tmp_path / "disk", "size=1m,ro") as disk:
        refused(curate(write(tmp_path, data, disk / "out")), "Read-only file system", "output.path")


@pytest.mark.parametrize(
    ("workers", "how", "says"), [("0", "truncate", "its size changed from"), ("2", "vanish", "it is gone")]
)
def test_an_input_that_changes_during_the_run(tmp_path, how, says, workers):
    data = write_shards(tmp_path / "in", documents(400), 4)
    victim = data / "s003.parquet"
    whole = victim.read_bytes()
    stages = f"  - ./meddle.py: {{path: {victim}, how: {how}}}\n  - exact_dedup"
    recipe = write(tmp_path, data, tmp_path / "out", stages)
    refused(curate(recipe, "--workers", workers), "s003.parquet", says)
    assert not list((tmp_path / "out").rglob("data/*.parquet"))
    victim.write_bytes(whole)
    (tmp_path / "meddle.py").write_text(MEDDLE.replace('how == "', 'how == "not '))
    done = curate(recipe, "--workers", workers)
    assert done.returncode == 0, done.stderr


def test_a_worker_that_has_no_memory_left(corpus, tmp_path):
    data, _ = corpus
    stages = f"  - ./meddle.py: {{path: {tmp_path / 'x'}, how: eat}}"
    recipe = write(tmp_path, data, tmp_path / "out", stages)
    done = curate(recipe, "--workers", "1", limits={resource.RLIMIT_AS: 6 << 30})
    refused(done, "no memory", "workers")


def test_two_runs_at_once(tmp_path):
    data = write_shards(tmp_path / "in", documents(2000), 4)
    (tmp_path / "slow.py").write_text(SLOW)
    out = tmp_path / "out"
    first = start(tmp_path, data, out)
    wait_for(first, (out / "pass-1").exists)
    second = curate(tmp_path / "out.yaml")
    assert first.poll() is None
    refused(second, f"a run is at work here (process {first.pid})", "wait for it to end, or name another output.path")
    first.kill()
    first.wait()
    assert curate(tmp_path / "out.yaml", "--set", "stages=[normalize]").returncode == 0


def test_times_from_a_clock_that_jumps(tmp_path):
    """Files from the future and from 1970: a run and its resumption ask only whether a time is the same."""
    data = write_shards(tmp_path / "in", documents(100), 2)
    for path, when in zip(sorted(data.iterdir()), (4102444800, 1), strict=True):
        os.utime(path, (when, when))
    text = recipe_text(data, tmp_path / "out", "  - normalize\n  - exact_dedup")
    run(text)
    before = data_bytes(tmp_path / "out", FOLDERS)
    for path in (tmp_path / "out").rglob("*.ledger.parquet"):
        os.utime(path, (4102444800, 4102444800))
    run(text)
    assert data_bytes(tmp_path / "out", FOLDERS) == before


BACKWARDS = """import time

began = time.monotonic()
now = time.time() + 86400 * 365
time.time = lambda: now - 3600 * (time.monotonic() - began)
time.time_ns = lambda: int(time.time() * 1e9)
"""
"""A year ahead, and an hour back each second: in the driver and in each worker."""


def test_a_clock_that_runs_backwards(tmp_path):
    """The bytes are the same, a run goes on and is found to be finished, and no duration is below nothing."""
    data = write_shards(tmp_path / "in", documents(400), 4)
    for path, when in zip(sorted(data.iterdir()), (4102444800, 1, 0, 2000000000), strict=True):
        os.utime(path, (when, when))
    run(recipe_text(data, tmp_path / "whole", "  - normalize\n  - exact_dedup"))
    expected = data_bytes(tmp_path / "whole", FOLDERS)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(BACKWARDS)
    paths = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    out, metrics = tmp_path / "out", tmp_path / "m.prom"
    recipe = write(tmp_path, data, out)
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--no-report", "--workers", "2"]
    command += ["--metrics-file", str(metrics), "--log-format", "plain"]
    with open(log_of(out), "ab") as log:
        first = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    wait_for(first, (out / "pass-1/00001.ledger.parquet").exists)
    first.kill()
    first.wait()
    for is_last in (False, True):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        assert data_bytes(out, FOLDERS) == expected
        assert ("nothing has changed since" in done.stderr) == is_last
        [seconds] = re.findall(r"duration_seconds{.*} (.*)", metrics.read_text())
        assert 0 < float(seconds) < 300
        assert not re.search(r" in -|-\d+:\d\d", done.stderr)
    timings = json.loads((out / "manifest.json").read_bytes())["timings"]
    assert all(one["seconds"] >= 0 and one["cpu_seconds"] >= 0 for one in timings.values())


def one_long(folder: Path, size: int) -> Path:
    """A document of so many bytes between two short ones."""
    folder.mkdir()
    line = "A line of prose that is as long as most lines are, and ends with a full stop.\n"
    texts = ["A short one.", line * (size // len(line)), "Another short one."]
    pq.write_table(pa.table({"id": ["a", "long", "b"], "text": texts}), folder / "a.parquet")
    return folder


EVERYTHING = """
  - normalize
  - language: {keep: [en], min_score: 0}
  - gopher_quality: {max_words: 100_000_000, min_words: 0}
  - exact_dedup
  - minhash_dedup
"""


def test_a_long_document(tmp_path):
    data = one_long(tmp_path / "in", 5 << 20)
    done = curate(write(tmp_path, data, tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert output(tmp_path / "out").num_rows == 3


@pytest.mark.slow
def test_a_document_of_200_megabytes(tmp_path):
    data = one_long(tmp_path / "in", 200 << 20)
    done = curate(write(tmp_path, data, tmp_path / "out", EVERYTHING), "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "long" in output(tmp_path / "out").column("id").to_pylist() or "gopher_quality" in done.stdout


@pytest.mark.slow
def test_very_many_tiny_files(tmp_path):
    """They are taken together: neither the run folder nor the driver's memory is of the size of their number."""
    count, folder, out = 100_000, tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(count):
        lines = (f'{{"text": "This is document {number}.{line}, and it is short."}}\n' for line in range(3))
        (folder / f"{number:06d}.jsonl").write_text("".join(lines))
    recipe = write(tmp_path, folder, out, "  - normalize\n  - exact_dedup")
    script = (  # VmHWM and not getrusage, which counts what this process held when it began the other
        "from pathlib import Path\n"
        "from curate.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(Path('/proc/self/status').read_text().partition('VmHWM:')[2])\n"
    )
    command = [sys.executable, "-c", script, "run", str(recipe), "--no-report", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert output(out).num_rows == 3 * count
    assert sum(1 for path in out.rglob("*") if path.is_file()) < 1500
    assert int(done.stdout.split(" kB\n")[0].split()[-1]) < 500 << 10


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
def test_killed_fifty_times_in_a_row(tmp_path):
    """Driver or worker, at any moment: each start goes on from what is there, to the same bytes."""
    chance = random.Random(7)
    (tmp_path / "slow.py").write_text(SLOW)
    data = write_shards(tmp_path / "in", documents(4000), 40)
    run(recipe_text(data, tmp_path / "whole", STAGES), source=tmp_path / "r.yaml")
    expected = data_bytes(tmp_path / "whole", FOLDERS)
    kills, out = 0, tmp_path / "out"
    process = start(tmp_path, data, out)
    while kills < 50:
        time.sleep(chance.uniform(0.1, 3.0))
        if process.poll() is not None:  # it came to its end: from the beginning again
            assert process.returncode == 0, log_of(out).read_text()
            assert data_bytes(out, FOLDERS) == expected
            subprocess.run(["rm", "-r", str(out)], check=True)
            process = start(tmp_path, data, out)
            continue
        workers = children(process.pid)
        if workers and chance.random() < 0.4:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)
        else:
            process.kill()
            process.wait()
            process = start(tmp_path, data, out)
        kills += 1
    if process.wait(300):  # a task that lost three workers in a row ends a run, and the next one goes on
        process = start(tmp_path, data, out)
        assert process.wait(300) == 0, log_of(out).read_text()
    assert data_bytes(out, FOLDERS) == expected
    assert not list(out.rglob(".*.part"))
