"""Nothing of curate needs a POSIX system, a disk that tells capitals apart, or an encoding that somebody else has set.

Nobody has run these on Windows or macOS: `sitecustomize.py` beside this file makes Linux strict where Windows is.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curate.cli import _speak
from tests.engine.corpus import documents, output, recipe_text, write_shards

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "curate").rglob("*.py"))
ONLY_POSIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
STAGES = """  - normalize
  - exact_dedup: {keep: first}
  - minhash_dedup: {threshold: 0.7}
  - keep_best: {column: n, share: 0.8}
"""


def as_on_windows(*words: object, within: Path) -> subprocess.CompletedProcess[str]:
    """`python …` with the rules of Windows for what is open below `within`."""
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path, "CURATE_STRICT_FOLDER": str(within.resolve())}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=environment, cwd=within, process_group=0
    )


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is looked up in /proc")
def test_it_runs_where_windows_is_strict(tmp_path):
    data = write_shards(tmp_path / "in", documents(60), 2)
    recipe = tmp_path / "r.yaml"
    run = ("-m", "curate", "run", recipe, "--log-format", "plain")
    rows = set()
    for share, words in ((0.8, ("--workers", 2)), (0.5, ("--workers", 0)), (0.5, ("--workers", 0, "--fresh"))):
        stages = STAGES.replace("0.8}", f"{share}}}")
        recipe.write_text(recipe_text(data, tmp_path / "out", stages), encoding="utf-8")
        done = as_on_windows(*run, *words, within=tmp_path)
        assert done.returncode == 0, done.stderr
        rows.add(output(tmp_path / "out").num_rows)
    assert len(rows) == 2
    assert not list(tmp_path.rglob("*.part"))


HOLD = """
import subprocess, sys
from pathlib import Path
from curate.store import system
from curate.store.files import sweep, whole
from curate.store.lock import alone
here = Path.cwd()
assert system.OPEN_STAYS
again = "import pathlib, sys; from curate.store.lock import alone\\nwith alone(pathlib.Path(sys.argv[1])): pass"
def other():
    return subprocess.run([sys.executable, "-c", again, str(here / "lock")], capture_output=True, text=True).stderr
with alone(here / "lock"):
    print(other().splitlines()[-1])
assert other() == ""
with whole(here / "file") as part:
    part.write_text("x", encoding="utf-8")
    assert sweep(here) == []
(here / ".left.part").touch()
assert sweep(here) == [here / ".left.part"]
(here / "taken").touch()
with open(here / "taken"):
    try:
        system.PATIENCE = 0.2
        system.move(here / "file", here / "taken")
    except PermissionError:
        print("taken")
system.move(here / "file", here / "taken")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is looked up in /proc")
def test_locks_and_moves_as_on_windows(tmp_path):
    done = as_on_windows("-c", HOLD, within=tmp_path)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert re.fullmatch(r"curate.errors.StoreError: .*: a run is at work here \(process \d+\); wait .*", said[0])
    assert said[1:] == ["taken"]
    assert (tmp_path / "taken").read_text() == "x"


def calls(path: Path):
    """(dotted name or method, names of its keywords, arguments) of every call in a file."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
            yield name, {word.arg for word in node.keywords}, node


def test_only_posix_modules_are_imported_in_one_place():
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {path.relative_to(ROOT).as_posix() for name in names if name.split(".")[0] in ONLY_POSIX}
    assert found == {"curate/store/system.py"}


def test_text_is_written_alike_everywhere():
    """UTF-8 and line feeds, whatever the system's habits; ruff's PLW1514 looks after the encoding."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for name, keywords, node in calls(path)
        if name == "write_text" and "newline" not in keywords
    ]
    assert wrong == []


def test_no_process_is_forked():
    wrong = [
        path
        for path in SOURCES
        if re.search(r"""os\.fork|get_context\((?!"spawn"\))|set_start_method""", path.read_text("utf-8"))
    ]
    assert wrong == []


def test_no_two_files_differ_in_capitals_only_or_have_the_name_of_a_device():
    from curate.stage import DEVICES

    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    files = list(filter(None, files)) or [path.relative_to(ROOT).as_posix() for path in SOURCES]
    assert len({file.casefold() for file in files}) == len(files)
    assert not [file for file in files if re.search(r'[<>:"|?*\\]|[. ](/|$)', file)]
    assert not [file for file in files if DEVICES & {part.split(".")[0].casefold() for part in file.split("/")}]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_no_character_stops_a_command(encoding, tmp_path):
    """`run --help` has an ellipsis, arrows and a frame."""
    environment = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "100"}
    for words in (["--help"], ["stages"], ["stages", "normalize"], ["run", "no → file"]):
        done = subprocess.run(
            [sys.executable, "-m", "curate", *words], capture_output=True, cwd=ROOT, env=environment, timeout=120
        )
        assert b"UnicodeEncodeError" not in done.stderr
        assert done.returncode == (2 if words[0] == "run" else 0), done.stderr


def test_streams_that_are_none_are_no_obstacle(monkeypatch):
    """As in a program without a console."""
    monkeypatch.setattr(sys, "stdout", None)
    _speak()
