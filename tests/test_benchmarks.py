"""The benchmark page is what its figures say, and every peer has the tasks that it is asked for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from bench_page import number  # noqa: E402
from bench_peers import describe, kept, write_corpus  # noqa: E402
from peers import PEERS, TASKS  # noqa: E402

linux = pytest.mark.skipif(sys.platform != "linux", reason="what processes cost is read from /proc")


def test_the_page_is_what_its_figures_say():
    command = [sys.executable, str(SCRIPTS / "bench_page.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_figures_are_of_the_tasks_and_the_versions_that_there_are():
    said = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    assert {row["task"] for row in said["rows"]} <= set(TASKS)
    assert said["peers"] == {name: peer.version for name, peer in PEERS.items()}


@pytest.mark.parametrize("name", sorted(PEERS))
def test_a_peer_can_do_the_tasks_that_it_is_asked_for(name):
    script = (SCRIPTS / f"bench_{name}.py").read_text(encoding="utf-8")
    wanted = {task for task, of in TASKS.items() if name in of.peers}
    found = set(re.findall(r'"(\w+)": (?:lambda work|[a-z]+[,}])', script[script.index("__main__") :]))
    assert found - {"stages"} == wanted  # which is for no peer beside others


def test_what_is_kept_is_compared_with_what_was_planted():
    clusters = {"a": 0, "b": 0, "c": -1, "d": 3, "e": 3, "f": -1, "g": 0}
    # of cluster 0 two stay; c, and both of cluster 3, are lost
    found = describe({"a": 10, "b": 7, "f": 5}, None, clusters)
    assert found == {"kept": 3, "kept_bytes": 22, "copies_left": 1, "lost": 2}


def test_a_corpus_is_the_same_in_both_forms(tmp_path):
    texts = ["Ein Satz.", "línea\nuna\tdos", "三", ""]
    table = pa.table({"id": ["a", "b", "c", "d"], "text": pa.array(texts, pa.large_string())})
    write_corpus(tmp_path, table)
    sizes = dict(zip("abcd", (len(text.encode()) for text in texts), strict=True))
    assert kept(tmp_path / "parquet") == kept(tmp_path / "json.gz") == sizes


def test_what_is_kept_is_compared_with_ours():
    assert describe({"a": 10, "f": 5}, {"a": 10, "c": 1}, {}) == {"kept": 2, "kept_bytes": 15, "kept_by_both": 1}


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.1234, "0.12"), (1.26, "1.3"), (12.6, "13"), (1234.5, "1,234"), (0.001, "0.00")]
)
def test_numbers_have_two_digits(value, shown):
    assert number(value) == shown


@linux
def test_costs_are_those_of_all_processes_even_detached_ones():
    busy = "import os, time\nos.fork() or (os.setsid(), [0 for _ in iter(lambda: time.process_time() > 1, True)])"
    hold = f"held = bytearray(200_000_000)\n{busy}"
    command = [sys.executable, str(SCRIPTS / "cost.py"), "--cores", "1", "--", sys.executable, "-c", hold]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 1 <= found["cpu"] < 4
    assert found["wall"] >= 1
    assert 200e6 < found["largest"] < 300e6
    # parent and child share the pages that neither has written to
    assert 200e6 < found["together"] < 300e6


@linux
def test_a_command_that_fails_is_said():
    command = [sys.executable, str(SCRIPTS / "cost.py"), "--", sys.executable, "-c", "raise SystemExit('no disk')"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "no disk" in done.stderr
