"""`kill -9` while near-duplicates are decided, and while an index is added to: the next run goes on to the same end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.engine.alike import planted, recipe, write
from tests.engine.corpus import data_bytes, run

FOLDERS = ("data", "pass-1", "pass-2", "artifacts")

# Runs a recipe, and ends as by `kill -9` at the time that a file would take its place, or when it has just done so.
DRIVER = """
import os, signal, sys
from pathlib import Path

text, moment, after = Path(sys.argv[1]).read_text(), sys.argv[2], sys.argv[3] == "after"
import curate.store.files as files

replace = os.replace

def replace_or_die(source, target):
    hit = moment in str(target)
    if hit and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
    if hit:
        os.kill(os.getpid(), signal.SIGKILL)

files.os.replace = replace_or_die
from tests.engine.corpus import run

run(text)
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Shards, and the bytes that an undisturbed run writes."""
    root = tmp_path_factory.mktemp("crash")
    data = write(root / "in", planted(400), 4)
    run(recipe(data, root / "whole"))
    return data, data_bytes(root / "whole", FOLDERS)


def killed(text, folder, moment, when="before"):
    """Run a recipe until a file whose path contains `moment` is about to take its place, or has."""
    (folder / "r.yaml").write_text(text)
    command = [sys.executable, "-c", DRIVER, str(folder / "r.yaml"), moment, when]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=os.getcwd())
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("moment", "when"),
    [
        ("minhash_dedup/pairs-000.arrow", "before"),
        ("minhash_dedup/edges-000.arrow", "after"),
        ("minhash_dedup/groups-000.arrow", "after"),
        ("minhash_dedup/000.parquet", "after"),
    ],
)
def test_killed_while_it_decides(corpus, tmp_path, moment, when):
    data, expected = corpus
    out = tmp_path / "out"
    killed(recipe(data, out), tmp_path, moment, when)
    assert json.loads((out / "manifest.json").read_text())["state"] == "running"
    run(recipe(data, out))
    assert data_bytes(out, FOLDERS) == expected
    assert not list(out.rglob(".*.part"))


@pytest.mark.parametrize(
    ("moment", "when"),
    [
        ("/sketches.arrow", "after"),
        ("index.json", "before"),
        ("index.json", "after"),
    ],
)
def test_killed_while_the_index_is_added_to(corpus, tmp_path, moment, when):
    data, expected = corpus
    out, index = tmp_path / "out", tmp_path / "index"
    killed(recipe(data, out, {"index": index}), tmp_path, moment, when)
    assert (index / "index.json").exists() == (moment == "index.json" and when == "after")
    run(recipe(data, out, {"index": index}))
    assert data_bytes(out) == {name: found for name, found in expected.items() if name.startswith("data/")}
    again = tmp_path / "again"
    run(recipe(data, again, {"index": index}))
    assert json.loads((again / "manifest.json").read_text())["accounting"]["documents_out"] == 0
    assert not list(index.rglob(".*.part"))
    header = json.loads((index / "index.json").read_text())
    folders = {entry.name for entry in index.iterdir() if entry.is_dir()}
    assert folders == {one["folder"] for one in header["runs"]}
    assert [one["output"] for one in header["runs"]] == [str(out), str(again)]
