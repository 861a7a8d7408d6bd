"""`--allow-code` through whole runs: in this process and in workers, and in commands about the run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.corpus import documents, output, recipe_text, write_shards

ROOT = Path(__file__).parents[2]
STAGE = """from curate import Filter


class Long(Filter):
    \"\"\"Drops long texts.\"\"\"

    def judge_one(self, text):
        return "long" if len(text) > 300 else None
"""


def curate(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A recipe whose stage lies in another folder."""
    root = tmp_path_factory.mktemp("allow")
    (root / "stages").mkdir()
    (root / "stages/long.py").write_text(STAGE)
    write_shards(root / "in", documents(40), 4)
    (root / "recipes").mkdir()
    text = recipe_text(root / "in", root / "out", "  - ../stages/long.py\n  - exact_dedup\n")
    (root / "recipes/r.yaml").write_text(text)
    return root


def test_refused_without(place):
    for command in ("run", "check", "plan"):
        done = curate(command, place / "recipes/r.yaml")
        assert done.returncode == 2
        assert f"--allow-code {place.resolve()}/stages/long.py" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (place / "out").exists()


def test_runs_with_it_in_workers_and_in_this_process(place):
    allowed = ("--allow-code", place / "stages")
    assert curate("plan", place / "recipes/r.yaml", *allowed).returncode == 0
    kept = []
    for workers in ("0", "2"):
        done = curate("run", place / "recipes/r.yaml", *allowed, "--workers", workers, "--fresh", "--no-report")
        assert done.returncode == 0, done.stderr
        kept.append(output(place / "out").num_rows)
    assert kept[0] == kept[1] < 40
    assert curate("debug", place / "out", "--pass", "1", "--shard", "00000").returncode == 2
    assert curate("debug", place / "out", "--pass", "1", "--shard", "00000", *allowed).returncode == 0
