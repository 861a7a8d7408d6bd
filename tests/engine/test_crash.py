"""`kill -9` of a worker or of the driver, at many moments: the next run goes on, and writes the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine.corpus import data_bytes, documents, recipe_text, run, write_shards

FOLDERS = ("data", "pass-1", "pass-2", "artifacts")
STAGES = """
  - ./slow.py
  - normalize
  - exact_dedup: {level: whitespace}
  - sample: {share: 0.9}
"""
SLOW = '''import time

from curate import Filter


class Slow(Filter):
    """Takes its time, so that there is a moment to be killed at."""

    def judge_one(self, text):
        time.sleep(0.001)
        return None
'''


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eight shards, a JSONL file, and the bytes that an undisturbed run writes."""
    root = tmp_path_factory.mktemp("crash")
    (root / "slow.py").write_text(SLOW)
    data = write_shards(root / "in", documents(320), 8)
    (data / "z.jsonl").write_text("".join(f'{{"id": "z{i}", "text": "json line {i}"}}\n' for i in range(50)))
    run(recipe_text(data, root / "whole", STAGES), source=root / "r.yaml")
    return root, data, data_bytes(root / "whole", FOLDERS)


def start(root: Path, data: Path, out: Path) -> subprocess.Popen[bytes]:
    """`curate run` with two workers, as a process of its own."""
    recipe = root / f"{out.name}.yaml"
    recipe.write_text(recipe_text(data, out, STAGES))
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--workers", "2"]
    with open(log_of(out), "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def log_of(out: Path) -> Path:
    """What the process printed."""
    return out.parent / f"{out.name}.log"


def wait_for(process: subprocess.Popen[bytes], found) -> None:
    """Until something is there, or the process has ended."""
    end = time.monotonic() + 60
    while not found() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)


MOMENTS = {
    "at the start": "recipe.yaml",
    "during the import": "imported",
    "when the ids were looked at": "pass-0/00004.ids.evidence.arrow",
    "in the first pass": "pass-1/00002.ledger.parquet",
    "late in the first pass": "pass-1/00006.ledger.parquet",
    "at the decision": "artifacts/exact_dedup",
    "in the second pass": "pass-2/00001.ledger.parquet",
    "while survivors are written": "receipts/00000.json",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_driver_killed(corpus, tmp_path, moment):
    root, data, expected = corpus
    out = tmp_path / "killed"
    process = start(root, data, out)
    wait_for(process, (out / MOMENTS[moment]).exists)
    process.kill()
    process.wait()
    process = start(root, data, out)
    assert process.wait(120) == 0, log_of(out).read_text()
    assert data_bytes(out, FOLDERS) == expected
    assert not [path for path in out.rglob(".*.part")]


def children(pid: int) -> list[int]:
    """Processes started by one, that do work (not the helper that watches semaphores)."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            line = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"resource_tracker" not in line:
                found.append(int(child))
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the workers")
@pytest.mark.parametrize("moment", ["in the first pass", "in the second pass"])
def test_worker_killed(corpus, tmp_path, moment):
    root, data, expected = corpus
    out = tmp_path / "out"
    process = start(root, data, out)
    wait_for(process, (out / MOMENTS[moment]).exists)
    workers = children(process.pid)
    assert workers
    os.kill(workers[0], signal.SIGKILL)
    assert process.wait(120) == 0, log_of(out).read_text()
    assert data_bytes(out, FOLDERS) == expected


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(corpus, tmp_path):
    root, data, expected = corpus
    out = tmp_path / "out"
    process = start(root, data, out)
    wait_for(process, (out / MOMENTS["in the first pass"]).exists)
    workers = children(process.pid) if Path("/proc/self/task").exists() else []
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, log_of(out).read_text()
    assert time.monotonic() - began < 10
    text = log_of(out).read_text()
    assert "to go on: curate run" in text
    assert "Traceback" not in text
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    process = start(root, data, out)
    assert process.wait(120) == 0
    assert data_bytes(out, FOLDERS) == expected
