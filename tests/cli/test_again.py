"""A finished run asked for again by the same command: the answer at once, and none as soon as anything has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from curate.cli.again import Command, answer
from tests.engine.corpus import documents, write_shards

STAGES = "stages:\n  - normalize\n  - ./own.py\n  - exact_dedup\n"
OWN = '''from curate import Filter


class Own(Filter):
    """Keeps all."""

    def judge_one(self, text):
        return None
'''
HEAVY = ("numpy", "pyarrow", "numba", "polars", "scipy", "sklearn", "lightgbm", "plotly", "datasketch")


def curate(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, and on the last line of what it prints the heavy libraries that it has loaded."""
    script = (
        "import sys\nfrom curate.cli import main\n"
        "try:\n    main()\n"
        f"finally:\n    print('loaded:', *(name for name in {HEAVY} if name in sys.modules))\n"
    )
    command = [sys.executable, "-c", script, "run", "r.yaml", *words]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 3), done.stderr
    return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a recipe that was run, and what that printed."""
    place = tmp_path_factory.mktemp("again")
    data = write_shards(place / "in", documents(60), 3)
    (data / "z.jsonl").write_text('{"id": "z", "text": "a line"}\n{broken\n')
    (place / "own.py").write_text(OWN)
    limits = "on_bad_input: {max_documents: 5}\n"
    (place / "r.yaml").write_text(f"input: in\noutput: {{path: out}}\n{limits}{STAGES}")
    return place, curate(place, "--log-format", "plain")


def told(done: subprocess.CompletedProcess[str]) -> tuple[list[str], list[str]]:
    """(the funnel, what else was said that is the same each time)."""
    lines = [line[9:] for line in done.stderr.splitlines()]
    kept = [line for line in lines if line.startswith(("kept aside", "report:", "1 document could", "warning"))]
    return [line for line in done.stdout.splitlines() if not line.startswith("loaded:")], kept


def test_it_says_the_same_and_loads_nothing(finished):
    place, first = finished
    before = {path: path.stat().st_mtime_ns for path in (place / "out").rglob("*") if path.name != ".lock"}
    second = curate(place, "--log-format", "plain", "--metrics-file", "m.prom")
    assert "this run was finished, and nothing has changed since" in second.stderr
    assert second.stdout.splitlines()[-1] == "loaded:"
    assert told(second) == told(first)
    assert told(second)[1], "what is kept aside is said again"
    assert second.returncode == first.returncode == 3
    assert "curate_last_run_exit_code" in (place / "m.prom").read_text()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def asked(place: Path, monkeypatch, *overrides: str) -> object:
    monkeypatch.chdir(place)
    options = (None, None, None, None, None, None, [])
    return answer(Command(Path("r.yaml"), overrides, options), report=True)


def rewrite(path: Path) -> None:
    """The same bytes at another time."""
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns - 1))


CHANGES = {
    "an input file": lambda place: rewrite(place / "in/s001.parquet"),
    "one that came": lambda place: (place / "in/new.jsonl").write_text('{"text": "new"}\n'),
    "one that went": lambda place: (place / "in/s002.parquet").unlink(),
    "the recipe": lambda place: (place / "r.yaml").write_text((place / "r.yaml").read_text() + "# a remark\n"),
    "a variable": lambda place: (place / "r.yaml").write_text((place / "r.yaml").read_text() + "# ${HOME}\n"),
    "an own stage": lambda place: (place / "own.py").write_text(OWN + "# a remark\n"),
    "an output shard": lambda place: rewrite(place / "out/data/00000.parquet"),
    "a ledger": lambda place: (place / "out/pass-1/00001.ledger.parquet").unlink(),
    "the report": lambda place: (place / "out/report.html").unlink(),
    "the card": lambda place: (place / "out/README.md").write_text("mine\n"),
    "the manifest": lambda place: rewrite(place / "out/manifest.json"),
    "the seal": lambda place: (place / "out/.seal.json").unlink(),
    "a seal cut off": lambda place: (place / "out/.seal.json").write_text("{"),
    "the note": lambda place: (place / "out/.again.json").write_text("[]"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_has_changed(finished, tmp_path, monkeypatch, what):
    place, _ = finished
    copy = tmp_path / "again"
    moved = ["cp", "-a", str(place), str(copy)]
    subprocess.run(moved, check=True)
    os.rename(place, f"{place}-before")  # the note is of a command in that folder
    os.rename(copy, place)
    try:
        assert asked(place, monkeypatch) is not None
        CHANGES[what](place)
        assert asked(place, monkeypatch) is None
    finally:
        subprocess.run(["rm", "-r", str(place)], check=True)
        os.rename(f"{place}-before", place)


def test_another_command(finished, tmp_path, monkeypatch):
    place, _ = finished
    assert asked(place, monkeypatch) is not None
    assert asked(place, monkeypatch, "stages.normalize.form=NFKC") is None
    assert asked(place, monkeypatch, "output.path=elsewhere") is None
    monkeypatch.setattr("curate.__version__", "999")
    assert asked(place, monkeypatch) is None


def test_variables_count(finished, tmp_path, monkeypatch):
    place, _ = finished
    monkeypatch.chdir(place)
    monkeypatch.setenv("WHERE", "there")
    text = (place / "r.yaml").read_text()
    (place / "v.yaml").write_text(text.replace("{path: out}", "${WHERE:-nowhere}/out"))
    command = Command(Path("v.yaml"), (), ())
    assert command.out() == "there/out"
    before = command.hash()
    assert command.hash() == before
    monkeypatch.setenv("WHERE", "elsewhere")
    assert command.hash() != before
    monkeypatch.delenv("WHERE")
    assert command.out() == "nowhere/out"
    monkeypatch.setenv("WHERE", "there")
    assert command.hash() == before
    monkeypatch.setenv("CURATE_MODELS", str(tmp_path))
    assert command.hash() != before


@pytest.mark.parametrize(
    "text",
    [
        "output: out",
        "input: in\noutput: 'out'\n",
        "output: {path: out}",
        'output: {shard_size: 1MB, path: "out", compression: zstd}',
        "output:\n  path: out  # here\nstages: []\n",
        "input: {path: in}\noutput:\n  shard_size: 1MB\n  path: out\n",
    ],
)
def test_where_the_output_is(tmp_path, text):
    (tmp_path / "r.yaml").write_text(text)
    assert Command(tmp_path / "r.yaml", (), ()).out() == "out"
    assert Command(tmp_path / "r.yaml", ("output.path=other", "stages=[]"), ()).out() == "other"


@pytest.mark.parametrize("text", ["", "output: [", "output: {path: 7}", "input: in", "[1, 2]", "output: *nothing"])
def test_recipes_that_are_none(tmp_path, monkeypatch, text):
    """They are the engine's to complain of."""
    (tmp_path / "r.yaml").write_text(text)
    assert asked(tmp_path, monkeypatch) is None
