"""`curate tune`, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.test_commands import curate
from tests.engine.corpus import documents, recipe_text, write_shards


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A run over 200 documents."""
    root = tmp_path_factory.mktemp("tune")
    data = write_shards(root / "in", documents(200), 2)
    recipe = root / "r.yaml"
    recipe.write_text(recipe_text(data, root / "out", "  - normalize\n  - drop: {column: n, below: 20}\n"))
    assert curate("run", recipe, "--workers", 0, "--no-report").returncode == 0
    return root / "out"


def test_a_threshold_is_moved_and_the_recipe_written(out, tmp_path):
    new = tmp_path / "new.yaml"
    done = curate("tune", out, "--set", "drop.below=150", "-o", new)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "drop.below: 20 → 150"
    assert "180" in next(line for line in lines if line.startswith("the run kept"))
    assert "50" in next(line for line in lines if line.startswith("it would keep"))
    assert any(line.startswith("would be lost: d000") for line in lines)
    assert lines[-1] == f"wrote {new}; now: curate run {new}"
    again = curate("run", new, "--workers", 0, "--no-report")
    assert again.returncode == 0, again.stderr
    assert json.loads(curate("funnel", out, "--json").stdout)[-1]["documents_out"] == 50
    assert curate("run", new, "--set", "stages.drop.below=20", "--workers", 0, "--no-report").returncode == 0
    refused = curate("tune", out, "--set", "drop.below=3", "-o", new)
    assert refused.returncode == 2
    assert "it is already there" in refused.stderr


def test_the_recipe_is_written_though_nobody_reads_what_is_said(out, tmp_path):
    new = tmp_path / "new.yaml"
    command = [sys.executable, "-m", "curate", "tune", str(out), "--set", "drop.below=150", "-o", str(new)]
    reader, writer = os.pipe()
    os.close(reader)
    subprocess.run(command, stdout=writer, stderr=subprocess.DEVNULL, timeout=120, check=False)
    os.close(writer)
    assert "below: 150" in new.read_text()


def test_numbers_that_are_no_bounds_are_called_so(tmp_path):
    data = write_shards(tmp_path / "in", documents(60), 1)
    stages = (
        "  - drop: {column: n, below: 20}\n  - sample: {share: 0.9}\n  - expression: {column: m, expression: n * 2}\n"
    )
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe_text(data, tmp_path / "out", stages + "  - keep_best: {column: m, share: 0.5}\n"))
    assert curate("run", recipe, "--workers", 0, "--no-report").returncode == 0
    said = "would find another threshold: so neither number is a bound"
    assert f"keep_best {said}" in curate("tune", tmp_path / "out", "--set", "drop.below=5").stdout
    assert said not in curate("tune", tmp_path / "out", "--set", "drop.below=30").stdout


def test_tables_of_values_and_of_a_column(out):
    done = curate("tune", out, "--try", "drop.below=50,100,199", "--column", "n", "--json")
    found = json.loads(done.stdout)
    assert [(one["value"], one["sure"]["documents"]) for one in found["tried"]] == [
        ("50", 150),
        ("100", 100),
        ("199", 1),
    ]
    assert found["levels"][0]["left"]["documents"] == 180
    shown = curate("tune", out, "--try", "stages.drop.below=50,10", "--column", "n").stdout
    assert "documents kept" in shown
    assert "perhaps also" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say what to move"),
        (["--set", "normalize.unicode=NFKC"], "must be looked at anew"),
        (["--try", "drop.below"], "it must be STEP.OPTION=V1,V2,…"),
        (["--column", "m"], "there is no column 'm' of numbers in this run; there are: n"),
        (["--set", "drop.below=x"], "compares strings"),
    ],
)
def test_what_cannot_be_done_is_said(out, words, told):
    done = curate("tune", out, *words)
    assert done.returncode == 2
    assert told in done.stderr
