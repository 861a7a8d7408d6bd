"""The file for Prometheus."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.cli.metrics import write_metrics
from curate.engine.events import FunnelRow, RunDone
from tests.engine.corpus import documents, recipe_text, write_shards

SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\} (\S+)')


def samples(path):
    """(name, labels) → value; every line is checked against the format."""
    found, helped = {}, set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            helped.add(line.split()[2])
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        assert name in helped
        assert (name, labels) not in found
        found[name, labels] = float(value)
    return found


def value(found, name, *labels):
    [one] = [
        v for (n, of), v in found.items() if n == f"curate_last_run_{name}" and all(label in of for label in labels)
    ]
    return one


def test_a_run_is_counted(tmp_path):
    write_shards(tmp_path / "in", documents(100), 2)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe_text(tmp_path / "in", tmp_path / "out", "  - exact_dedup\n"), encoding="utf-8")
    metrics = tmp_path / "curate.prom"
    answer = CliRunner().invoke(app, ["run", str(recipe), "--metrics-file", str(metrics), "--log-format", "plain"])
    assert answer.exit_code == 0, answer.output
    found = samples(metrics)
    dropped = value(found, "dropped_documents", 'step="exact_dedup"', 'reason="duplicate"')
    assert dropped > 0
    assert value(found, "documents", 'state="in"') == 100
    assert value(found, "documents", 'state="kept"') == 100 - dropped
    assert value(found, "characters", 'state="in"') > value(found, "characters", 'state="kept"') > 0
    assert value(found, "success") == 1
    assert value(found, "timestamp_seconds") > 1.7e9


def test_a_run_that_fails_is_told(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe_text(tmp_path / "absent", tmp_path / "out", "  - exact_dedup\n"), encoding="utf-8")
    metrics = tmp_path / "curate.prom"
    answer = CliRunner().invoke(app, ["run", str(recipe), "--workers", "0", "--metrics-file", str(metrics)])
    assert answer.exit_code == 2
    found = samples(metrics)
    assert value(found, "success") == 0
    assert value(found, "exit_code") == 2
    assert not any("documents" in name for name, _ in found)


def test_labels_are_escaped(tmp_path):
    funnel = (FunnelRow('a "b"\n\\c', 3, 2, reasons={"x": (1, None)}),)
    write_metrics(Path(tmp_path / "m.prom"), 'r"\\.yaml', 1.5, 0, RunDone(funnel, 1.0, "out", 0))
    found = samples(tmp_path / "m.prom")
    assert value(found, "dropped_documents", r'step="a \"b\"\n\\c"', r'recipe="r\"\\.yaml"') == 1


def test_a_recipe_that_is_none_is_told(tmp_path):
    (tmp_path / "recipe.yaml").write_text("input: [", encoding="utf-8")
    metrics = tmp_path / "curate.prom"
    answer = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--metrics-file", str(metrics)])
    assert answer.exit_code != 0
    assert value(samples(metrics), "exit_code") == 2


def test_files_that_are_broken_are_counted(tmp_path):
    write_shards(tmp_path / "in", documents(100), 2)
    whole = sorted((tmp_path / "in").iterdir())[0]
    whole.write_bytes(whole.read_bytes()[:-100])
    limits = "on_bad_input: {max_shards: 1}\n"
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe_text(tmp_path / "in", tmp_path / "out", "  - exact_dedup\n") + limits, encoding="utf-8")
    metrics = tmp_path / "curate.prom"
    answer = CliRunner().invoke(app, ["run", str(recipe), "--workers", "0", "--metrics-file", str(metrics)])
    assert answer.exit_code == 3, answer.output
    assert value(samples(metrics), "broken_files") == 1


def test_a_folder_is_no_file_for_metrics(tmp_path):
    answer = CliRunner().invoke(app, ["run", "recipe.yaml", "--metrics-file", str(tmp_path)])
    assert answer.exit_code == 2
    assert "--metrics-file" in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.skipif(os.name != "posix", reason="systems without SIGTERM")
def test_sigterm_stops_as_ctrl_c_does(tmp_path):
    write_shards(tmp_path / "in", documents(40), 1)
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time\nfrom curate import Filter\n\n\nclass Slow(Filter):\n"
        '    """Waits."""\n\n    def judge_one(self, text):\n'
        "        open('waiting', 'w').close()\n        time.sleep(60)\n"
    )
    text = recipe_text(tmp_path / "in", tmp_path / "out", "  - ./slow.py\n")
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    words = ["run", "recipe.yaml", "--workers", "1", "--metrics-file", "curate.prom", "--log-format", "plain"]
    told = (tmp_path / "told").open("w")
    process = subprocess.Popen([sys.executable, "-m", "curate", *words], cwd=tmp_path, stdout=told, stderr=told)
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "waiting").exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
        told.close()
    assert "stopped. What is done is kept" in (tmp_path / "told").read_text()
    assert value(samples(tmp_path / "curate.prom"), "exit_code") == 130
