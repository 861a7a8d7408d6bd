"""A pass in shares: whoever does which units, in whatever order, the bytes are those of a run at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import recipe as recipes
from curate.engine import driver, shares, sharing
from curate.engine.events import PassStarted, ShareDone, UnitDone, Waiting
from curate.engine.sharing import Share
from curate.errors import RecipeError, StageError, StoreError
from curate.executors import Inline
from curate.store.folder import RunFolder
from curate.store.lock import alone
from tests.engine.corpus import data_bytes, documents, recipe_text, run, write_shards

STAGES = """
  - normalize
  - exact_dedup: {level: whitespace}
  - keep_best: {column: n, share: 0.6}
"""
LAST = 4  # two decisions make three passes; the fourth is the writing
FOLDERS = ("imported", "pass-0", "pass-1", "pass-2", "pass-3", "artifacts", "receipts", "data")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Seven shards and two files of JSON lines, and the bytes that a run at once writes of them."""
    root = tmp_path_factory.mktemp("shares")
    data = write_shards(root / "in", documents(200), 7)
    for name in "yz":
        lines = (f'{{"id": "{name}{i}", "text": "json line {i}", "n": {i}}}\n' for i in range(40))
        (data / f"{name}.jsonl").write_text("".join(lines))
    run(recipe_text(data, root / "whole", STAGES))
    return data, data_bytes(root / "whole", FOLDERS)


def until(text: str, number: int, **settings: object) -> list[object]:
    """`curate run --until …` → what it said."""
    said: list[object] = []
    asked = driver.Settings(**settings)  # type: ignore[arg-type]
    assert driver.run_until(number, recipes.loads(text), Inline(), said.append, asked) is None
    return said


def share(text: str, which: str, number: int | None = None, **settings: object) -> list[object]:
    """`curate run --unit …` → what it said."""
    said: list[object] = []
    asked = driver.Settings(**settings)  # type: ignore[arg-type]
    shares.run(recipes.loads(text), Share.parse(which), Inline(), said.append, asked, number)
    return said


@pytest.mark.parametrize("of", [1, 3, 11])
def test_shares_of_every_pass_give_the_same_bytes(corpus, tmp_path, of):
    data, expected = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    for number in range(LAST + 1):
        waiting = until(text, number)[-1]
        assert isinstance(waiting, Waiting)
        assert waiting.number == number
        done = 0
        for one in reversed(range(1, of + 1)):  # in any order
            event = share(text, f"{one}/{of}", number)[-1]
            assert isinstance(event, ShareDone)
            assert not event.late
            done += event.units
            assert event.missing == waiting.units - done
        assert done == waiting.units
    said: list[object] = []
    driver.run(recipes.loads(text), Inline(), said.append)
    assert not [event for event in said if isinstance(event, UnitDone) and not event.reused]
    assert data_bytes(tmp_path / "out", FOLDERS) == expected
    timings = json.loads((tmp_path / "out/manifest.json").read_text())["timings"]
    assert {name: taken["units"] for name, taken in timings.items()} == {f"pass-{n}": 9 for n in range(1, LAST)}
    assert all(taken["cpu_seconds"] > 0 and taken["steps"] for taken in timings.values())
    assert not [path.name for path in (tmp_path / "out").glob(".share-*")]


def test_the_run_does_what_shares_have_left(corpus, tmp_path):
    data, expected = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    until(text, 1)
    share(text, "2/3")
    until(text, 3)
    share(text, "1/2")
    run(text)
    assert data_bytes(tmp_path / "out", FOLDERS) == expected


def test_what_an_earlier_run_with_other_options_left_is_missing(corpus, tmp_path):
    data, _ = corpus
    run(recipe_text(data, tmp_path / "out", "  - exact_dedup\n"))
    text = recipe_text(data, tmp_path / "out", STAGES)
    until(text, 1)
    event = share(text, "1/3")[-1]
    assert (event.units, event.missing) == (3, 6)  # type: ignore[attr-defined]


def test_shares_with_a_limit(corpus, tmp_path):
    data, _ = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    until(text, 1, limit=60)
    with pytest.raises(RecipeError, match="another recipe"):
        share(text, "1/2")
    share(text, "1/2", limit=60)
    run(text, limit=60)
    run(recipe_text(data, tmp_path / "whole", STAGES), limit=60)
    assert data_bytes(tmp_path / "out") == data_bytes(tmp_path / "whole")


def test_a_share_does_again_only_what_is_not_done(corpus, tmp_path):
    data, _ = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    until(text, 1)
    share(text, "1/2")
    (tmp_path / "out/pass-1/00002.ledger.parquet").unlink()
    said = share(text, "1/2")
    assert [event.units for event in said if isinstance(event, PassStarted)] == [1]
    assert isinstance(said[-1], ShareDone)
    assert said[-1].missing == 4


def test_a_share_that_is_late_has_nothing_to_do(corpus, tmp_path):
    data, _ = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    until(text, 2)
    assert share(text, "1/2", 1)[-1].late  # type: ignore[attr-defined]
    run(text)
    assert share(text, "1/2", 2)[-1].late  # type: ignore[attr-defined]
    assert share(text, "1/2")[-1].late  # type: ignore[attr-defined]


def test_shares_that_have_no_business_there(corpus, tmp_path):
    data, _ = corpus
    own = write_shards(tmp_path / "in", documents(20), 2)
    text = recipe_text(own, tmp_path / "out", STAGES)
    with pytest.raises(StoreError, match=r"no run waits here .*--until 1"):
        share(text, "1/2")
    assert not (tmp_path / "out").exists()
    with pytest.raises(RecipeError, match=r"--until 5: expected 0 \(the import\) to 4 \(the writing\)"):
        until(text, 5)
    until(text, 1)
    with pytest.raises(RecipeError, match=r"--pass 2: the run in .* waits for pass 1;"):
        share(text, "1/2", 2)
    with pytest.raises(RecipeError, match="waits for shares of another recipe"):
        share(recipe_text(own, tmp_path / "out", STAGES.replace("0.6", "0.5")), "1/2")
    with pytest.raises(RecipeError, match="waits for shares of another recipe"):
        share(recipe_text(data, tmp_path / "out", STAGES), "1/2")
    os.utime(own / "s001.parquet", ns=(1, 1))
    with pytest.raises(RecipeError, match="or the input, a model or a program of it has changed since"):
        share(text, "1/2")
    until(text, 1)
    share(text, "1/2")


def test_one_at_a_time(corpus, tmp_path):
    data, _ = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    folder = RunFolder(tmp_path / "out")
    until(text, 1)
    with sharing.divided(folder, Share(1, 2)) as mark:
        assert mark is not None
        with pytest.raises(StoreError, match="share 1/2 is at work already"):
            share(text, "1/2")
        with pytest.raises(StoreError, match="share 1/2 of a pass is at work here; wait for it to end"):
            run(text)
        share(text, "2/2")  # neither has harmed the other shares
    with sharing.undivided(folder), pytest.raises(StoreError, match=r"a run is at work here \(process \d+\)"):
        share(text, "1/2")
    with pytest.raises(StoreError, match="no run waits here"):  # that run has ended, and has not said where
        share(text, "1/2")
    until(text, 1)
    share(text, "1/2")


def test_a_share_that_begins_between_two_looks_is_seen(corpus, tmp_path, monkeypatch):
    data, _ = corpus
    text = recipe_text(data, tmp_path / "out", STAGES)
    folder = RunFolder(tmp_path / "out")
    until(text, 1)
    look, begun = sharing._check_no_share_is_alive, contextlib.ExitStack()

    def look_then_begin(folder):
        look(folder)
        begun.enter_context(alone(folder.share_lock("2-of-2")))

    monkeypatch.setattr(sharing, "_check_no_share_is_alive", look_then_begin)
    with begun, pytest.raises(StoreError, match="at work"):
        run(text)
    monkeypatch.undo()
    assert sharing.read_mark(folder) is not None, "the mark is there again, for the shares to come"
    share(text, "1/2")


def test_a_failing_unit_ends_its_share_and_is_done_again(corpus, tmp_path):
    data, _ = corpus
    (tmp_path / "touchy.py").write_text(
        "from pathlib import Path\n\nfrom curate import Filter\n\n\nclass Touchy(Filter):\n"
        '    """Fails while a file is there."""\n\n    def judge_one(self, text):\n'
        f"        assert not Path({str(tmp_path / 'now')!r}).exists()\n        return None\n"
    )
    text = recipe_text(data, tmp_path / "out", f"  - {tmp_path}/touchy.py\n  - exact_dedup\n")
    asked = recipes.loads(text, source=tmp_path / "r.yaml")
    driver.run_until(1, asked, Inline())
    (tmp_path / "now").touch()
    with pytest.raises(StageError, match="stage 'touchy' failed in process"):
        shares.run(asked, Share(1, 2), Inline())
    (tmp_path / "now").unlink()
    shares.run(asked, Share(1, 2), Inline())
    assert len(list((tmp_path / "out/pass-1").glob("*.ledger.parquet"))) == 5


SLOW = """
import time

from curate import Filter


class Slow(Filter):
    \"\"\"Takes its time, so that there is a moment to be killed at.\"\"\"

    def judge_one(self, text):
        time.sleep(0.005)
        return None
"""


def start(recipe: Path, *words: object) -> subprocess.Popen[bytes]:
    """`curate run`, as a process of its own."""
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--workers", "0", *map(str, words)]
    with open(recipe.with_suffix(".log"), "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_processes_side_by_side_one_of_them_killed(corpus, tmp_path):
    data, _ = corpus
    (tmp_path / "slow.py").write_text(SLOW)
    stages = "  - ./slow.py\n  - exact_dedup\n"
    run(recipe_text(data, tmp_path / "whole", stages), source=tmp_path / "r.yaml")
    recipe, out = tmp_path / "r.yaml", tmp_path / "out"
    recipe.write_text(recipe_text(data, out, stages))
    driver.run_until(1, recipes.load(recipe), Inline())
    first, second = start(recipe, "--unit", "1/2", "--pass", 1), start(recipe, "--unit", "2/2", "--pass", 1)
    end = time.monotonic() + 60
    while not (out / "pass-1/00000.ledger.parquet").exists():
        assert time.monotonic() < end, recipe.with_suffix(".log").read_text()
        time.sleep(0.01)
    first.kill()
    first.wait()
    done = len(list((out / "pass-1").glob("*.ledger.parquet")))
    assert done < 9
    first = start(recipe, "--unit", "1/2", "--pass", 1)
    log = recipe.with_suffix(".log")
    assert (first.wait(120), second.wait(120)) == (0, 0), log.read_text()
    assert "no unit is missing" in log.read_text()
    said: list[object] = []
    driver.run(recipes.load(recipe), Inline(), said.append)
    assert all(event.reused for event in said if isinstance(event, UnitDone) and event.pass_number == 1)
    folders = ("imported", "pass-1", "pass-2", "artifacts", "data")
    assert data_bytes(out, folders) == data_bytes(tmp_path / "whole", folders)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1.0/2", "²/3"])
def test_what_is_no_share(text):
    with pytest.raises(RecipeError, match=r"expected K/N, the share K of N, counted from 1"):
        Share.parse(text)


@given(of=st.integers(1, 60), tasks=st.integers(0, 200))
def test_each_task_is_of_one_share(of, tasks):
    every = [Share.parse(f"{number}/{of}") for number in range(1, of + 1)]
    taken = [[index for index in range(tasks) if one.takes(index)] for one in every]
    assert sorted(index for indexes in taken for index in indexes) == list(range(tasks))
    assert max(map(len, taken)) - min(map(len, taken)) <= 1
