"""Jobs of a recipe for Slurm: what is submitted, to a stand-in for Slurm; and real processes, without one."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from curate.engine import imports
from tests.engine.corpus import data_bytes, documents, recipe_text, run, write_shards

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts/submit_slurm.py"


def submit(*words: object) -> subprocess.CompletedProcess[str]:
    """Call the script, as a process of its own."""
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def main():
    """The script's own `main`."""
    spec = importlib.util.spec_from_file_location("submit_slurm", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["submit_slurm"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield lambda *words: module.main([str(word) for word in words])
    del sys.modules["submit_slurm"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    root = tmp_path_factory.mktemp("slurm")
    data = write_shards(root / "in", documents(60), 3)
    (root / "r.yaml").write_text(recipe_text(data, root / "out", "  - normalize\n  - exact_dedup\n"))
    return root / "r.yaml"


def test_the_jobs_of_a_recipe(main, recipe, capsys):
    main(recipe, "--shares", 3, "--dry-run", "--set", "stages.exact_dedup.keep=first", "--cpus", 4)
    said = capsys.readouterr().out
    lines = [re.sub(r"/\S*/(python\S*|r\.yaml)", r"\1", line).strip() for line in said.splitlines()]
    heads, commands = lines[::2], lines[1::2]
    names = ["until-pass-1", "pass-1", "until-pass-2", "pass-2", "until-write", "write", "finish"]
    assert [head.split(": ")[1] for head in heads] == names
    assert heads[:2] == ["1  job: until-pass-1", "2  array of 3 after 1: pass-1"]
    begin = "-m curate run r.yaml --set stages.exact_dedup.keep=first --workers 4"
    assert commands[0].endswith(f"{begin} --until 1")
    assert commands[1].endswith(f"{begin} --unit 1/3 --pass 1 … 3/3")
    assert commands[-1].endswith(begin)


def test_lines_are_imported_in_shares_too(main, tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"id": "a", "text": "one"}\n')
    (tmp_path / "r.yaml").write_text(recipe_text(tmp_path / "a.jsonl", tmp_path / "out", "  - normalize\n"))
    main(tmp_path / "r.yaml", "--shares", 3, "--dry-run")
    said = capsys.readouterr().out
    assert "1  job: until-import" in said
    assert "2  array of 1 after 1: import" in said


def test_small_files_that_are_imported_together_are_one_share(main, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(imports, "MANY", 2)
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text(f'{{"id": "{name}", "text": "one"}}\n')
    (tmp_path / "r.yaml").write_text(recipe_text(tmp_path / "*.jsonl", tmp_path / "out", "  - normalize\n"))
    main(tmp_path / "r.yaml", "--shares", 3, "--dry-run")
    assert "2  array of 1 after 1: import" in capsys.readouterr().out


def test_an_option_may_name_a_file_in_a_store(main, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CURATE_WORK", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    system.pipe("/slurm/words/en", b"one\n")
    write_shards(tmp_path / "in", documents(6), 1)
    stages = "  - badwords: {lists: 'memory://slurm/words'}\n"
    (tmp_path / "r.yaml").write_text(recipe_text(tmp_path / "in", tmp_path / "out", stages))
    try:
        main(tmp_path / "r.yaml", "--shares", 2, "--dry-run")
    finally:
        system.rm("/slurm", recursive=True)
    assert "array of 2 after 1: pass-1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shares", "0"], "--shares 0: expected 1 or more"),
        (["--shares", "2", "--slurm", "account"], "--slurm account: expected KEY=VALUE"),
        (["--shares", "2", "--set", "stages.nothing=1"], "nothing"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_submitted(main, recipe, words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(recipe, *words)
    assert message in capsys.readouterr().err + str(ended.value)


SBATCH = """#!{python}
import pathlib, sys
place = pathlib.Path(__file__).parent
number = len(list(place.glob("*.sh"))) + 100
(place / f"{{number}}.sh").write_text(pathlib.Path(sys.argv[-1]).read_text())
print(f"Submitted batch job {{number}}")
"""


@pytest.mark.skipif(os.name != "posix", reason="Slurm is not to be had elsewhere")
def test_what_slurm_is_told(main, recipe, tmp_path, monkeypatch, capsys):
    pytest.importorskip("submitit")
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text(SBATCH.format(python=sys.executable))
        (tmp_path / name).chmod(0o755)
    options = ["--partition", "cpu", "--time", 90, "--cpus", 8, "--mem", 32, "--run-cpus", 16, "--at-once", 2]
    options += ["--slurm", "account=physics", "--setup", "module load python", "--jobs", tmp_path / "jobs"]
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    main(recipe, "--shares", 3, *options)
    assert capsys.readouterr().out.splitlines()[:2] == ["100  until-pass-1: 1 job", "101  pass-1: 3 jobs"]
    told = [(tmp_path / f"{number}.sh").read_text() for number in range(100, 107)]
    for number, script in enumerate(told, 100):
        array = number % 2
        assert ("#SBATCH --array=0-2%2" in script) == bool(array)
        assert f"#SBATCH --cpus-per-task={8 if array else 16}\n" in script
        for line in ("partition=cpu", "time=90", "mem=32GB", "account=physics"):
            assert f"#SBATCH --{line}\n" in script
        assert "\nmodule load python\n" in script
        assert (f"#SBATCH --dependency=afterok:{number - 1}\n" in script) == (number > 100)
        assert ("#SBATCH --kill-on-invalid-dep=yes\n" in script) == (number > 100)


def test_jobs_as_real_processes_write_the_same_bytes(tmp_path):
    pytest.importorskip("submitit")
    data = write_shards(tmp_path / "in", documents(90), 3)
    stages = "  - normalize\n"
    run(recipe_text(data, tmp_path / "whole", stages))
    (tmp_path / "r.yaml").write_text(recipe_text(data, tmp_path / "out", stages))
    done = submit(tmp_path / "r.yaml", "--shares", 2, "--local", "--jobs", tmp_path / "jobs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        "until-pass-1: 1 job",
        "pass-1: 2 jobs",
        "until-write: 1 job",
        "write: 2 jobs",
        "finish: 1 job",
    ]
    assert data_bytes(tmp_path / "out", ("data", "pass-1")) == data_bytes(tmp_path / "whole", ("data", "pass-1"))
    assert json.loads((tmp_path / "out/manifest.json").read_text())["state"] == "done"
    logs = "".join(path.read_text() for path in (tmp_path / "jobs").glob("*.err"))
    assert "share 1/2 of pass 1 of 2: 2 units done" in logs


@pytest.mark.slow
def test_a_job_that_fails_ends_it_all(tmp_path):
    pytest.importorskip("submitit")
    write_shards(tmp_path / "in", documents(6), 1)
    (tmp_path / "r.yaml").write_text(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize\n"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("not a run's")
    done = submit(tmp_path / "r.yaml", "--shares", 2, "--local", "--jobs", tmp_path / "jobs")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["until-pass-1: 1 job"]
    assert "until-pass-1 failed" in done.stderr
    assert "exit code 2" in done.stderr
