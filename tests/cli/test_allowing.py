"""`--allow-code` through whole runs: in this process and in workers, and in commands about the run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli.app import app
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


@pytest.fixture(scope="module")
def received(tmp_path_factory):
    """A run folder whose recipe names a program that lies in the folder itself, and leaves a mark when it is run."""
    root = tmp_path_factory.mktemp("received")
    write_shards(root / "in", documents(40), 1)
    text = recipe_text(root / "in", root / "out", "  - normalize\n  - exact_dedup\n")
    (root / "r.yaml").write_text(text)
    assert curate("run", root / "r.yaml", "--no-report").returncode == 0
    mark = f"from pathlib import Path\nPath({str(root / 'mark')!r}).touch()\n"
    (root / "out/long.py").write_text(mark + STAGE)
    kept = (root / "out/recipe.yaml").read_text()
    (root / "out/recipe.yaml").write_text(kept.replace("- normalize", "- ./long.py: {}\n  - normalize", 1))
    assert "long.py" in (root / "out/recipe.yaml").read_text()
    return root


@pytest.mark.parametrize(
    "words",
    ["report OUT", "why OUT d3", "dups OUT d3", "dups OUT", "inspect OUT", "tune OUT", "debug OUT --shard 00000"],
)
def test_a_received_folder_has_nothing_run(received, words):
    CliRunner().invoke(app, [str(received / "out") if word == "OUT" else word for word in words.split()])
    assert not (received / "mark").exists()


def test_only_the_careful_reader_opens_the_recipe_of_a_run_folder():
    calls = [
        (path, ast.unparse(node.func))
        for path in (ROOT / "curate").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call) and any("folder.recipe" in ast.unparse(word) for word in node.args)
    ]
    readers = {name for _, name in calls if "load" in name}
    assert {name.rpartition(".")[2] for name in readers} == {"load_kept"}


def test_tuning_its_run_needs_it_too(place):
    """The folder of a run may be somebody else's: it permits nothing."""
    allowed = ("--allow-code", place / "stages")
    assert curate("run", place / "recipes/r.yaml", *allowed, "--no-report").returncode == 0
    move = ("tune", place / "out", "--try", "exact_dedup.level=raw")
    assert "--allow-code" in curate(*move).stderr
    assert "--allow-code" not in curate(*move, *allowed).stderr
