"""The commands as a user types them, in processes of their own where exit codes matter."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate import recipe as recipes
from curate.cli.app import app
from curate.cli.failures import ADVICE, advice
from curate.engine import driver
from curate.executors import Inline
from tests.engine.corpus import documents, recipe_text, write_shards

ROOT = Path(__file__).resolve().parents[2]


def curate(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `curate …`."""
    command = [sys.executable, "-m", "curate", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run over 60 documents → (recipe file, output folder, what `run` printed)."""
    root = tmp_path_factory.mktemp("cli")
    data = write_shards(root / "in", documents(60), 2)
    recipe = root / "r.yaml"
    recipe.write_text(recipe_text(data, root / "out", "  - normalize\n  - exact_dedup: {keep: first}\n"))
    done = curate("run", recipe, "--workers", 0)
    assert done.returncode == 0, done.stderr
    return recipe, root / "out", done


def test_help_does_not_wait_for_heavy_imports():
    code = (
        "import sys, curate.cli.app; print([m for m in ('pyarrow', 'numba', 'numpy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
    page = curate("--help").stdout
    for command in (
        "run",
        "check",
        "plan",
        "schema",
        "stages",
        "why",
        "dups",
        "inspect",
        "funnel",
        "debug",
        "init",
        "recipes",
        "fetch",
    ):
        assert f" {command} " in page
    assert "Exit codes" in page


def test_run_prints_the_funnel(finished):
    _, _, done = finished
    assert "exact_dedup" in done.stdout
    assert "duplicate" in done.stdout


def test_why_and_inspect_and_funnel(finished):
    _, out, _ = finished
    found = curate("inspect", out, "--dropped-by", "exact_dedup/duplicate", "-n", 2, "--json")
    dropped = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(dropped) == 2
    why = curate("why", out, dropped[0]["id"])
    assert why.returncode == 0
    assert f"dropped by exact_dedup: duplicate of {dropped[0]['columns']['duplicate_of']}\n" in why.stdout
    assert f"duplicate_of: {dropped[0]['columns']['duplicate_of']}" in why.stdout
    assert "kept" in curate("why", out, dropped[0]["columns"]["duplicate_of"]).stdout
    unknown = curate("why", out, "nobody")
    assert unknown.returncode == 1
    assert "look like: d000" in unknown.stderr
    nothing = curate("inspect", out, "--dropped-by", "exact_dedup/nothing")
    assert nothing.returncode == 1
    assert "exact_dedup/duplicate: " in nothing.stderr
    rows = json.loads(curate("funnel", out, "--json").stdout)
    assert [row["label"] for row in rows] == ["normalize", "exact_dedup"]
    assert "exact_dedup" in curate("funnel", out).stdout


def test_debug_works_from_any_directory(tmp_path, monkeypatch):
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    driver.run(recipes.loads("input: in.jsonl\noutput: out\nstages: [normalize]"), Inline())
    monkeypatch.chdir(tmp_path / "other")
    done = CliRunner().invoke(app, ["debug", str(tmp_path / "out"), "--pass", "1", "--shard", "00000"])
    assert done.exit_code == 0, done.output
    assert "normalize: 2 in, 0 dropped" in done.output


def test_debug_does_a_unit_again(finished):
    _, out, _ = finished
    done = curate("debug", out, "--pass", 1, "--shard", "00001.parquet")
    assert done.returncode == 0, done.stderr
    assert "normalize: 30 in, 0 dropped" in done.stdout
    wrong = curate("debug", out, "--pass", 7, "--shard", "00001")
    assert wrong.returncode == 2
    assert "passes 1 to 2" in wrong.stderr


def test_debug_shows_the_traceback_of_a_stage(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    (tmp_path / "boom.py").write_text(
        "from curate import Filter\n\n\nclass Boom(Filter):\n"
        '    """Fails."""\n\n    def judge_one(self, text):\n        return {}[text]\n'
    )
    (tmp_path / "r.yaml").write_text("input: in.jsonl\noutput: out\nstages: [./boom.py]\n")
    assert curate("run", "r.yaml", cwd=tmp_path).returncode == 1
    done = curate("debug", "out", "--pass", 1, "--shard", "00000", "--allow-code", "boom.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback (most recent call last):" in done.stderr
    assert "return {}[text]" in done.stderr
    assert "at id in.jsonl#1: KeyError: 'one'" in done.stderr


def test_plan_reads_no_text(finished):
    recipe, _, _ = finished
    done = curate("plan", recipe)
    assert done.returncode == 0
    assert "60 documents" in done.stdout
    assert "exact_dedup" in done.stdout


def test_check_puts_documents_through_all_stages(finished):
    recipe, out, _ = finished
    before = sorted(path.stat().st_mtime_ns for path in out.rglob("*"))
    done = curate("check", recipe, "--documents", 20)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 documents" in done.stdout
    assert "normalize" in done.stdout
    assert "ready" in done.stdout
    assert before == sorted(path.stat().st_mtime_ns for path in out.rglob("*"))


def test_check_of_broken_input_says_so(tmp_path):
    data = write_shards(tmp_path / "in", documents(10), 1)
    (data / "b.parquet").write_bytes(b"not parquet at all")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe_text(data, tmp_path / "out", "  - normalize\n"))
    done = curate("check", recipe)
    assert done.returncode == 3
    assert "b.parquet" in done.stdout
    assert curate("run", recipe).returncode == 1


def test_exit_code_2_for_a_wrong_recipe_and_a_wrong_command_line(finished, tmp_path):
    recipe, _, _ = finished
    (tmp_path / "r.yaml").write_text(recipe.read_text().replace("normalize", "normalise"))
    done = curate("run", tmp_path / "r.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{tmp_path / 'r.yaml'}:")
    assert "did you mean 'normalize'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert curate("run", recipe, "--wrokers", 3).returncode == 2
    assert curate("run", recipe, "--executor", "spark").returncode == 2
    assert curate("run", recipe, "--set", "stages.9.keep=first").returncode == 2


def test_exit_code_3_when_something_is_in_quarantine(tmp_path):
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"text": f"line {i}"}) for i in range(20)]
    (tmp_path / "in/a.jsonl").write_text("\n".join([*lines, "{broken"]))
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize\n", "on_bad_input: {max_documents: 1}")
    )
    done = curate("run", recipe)
    assert done.returncode == 3, done.stderr
    assert "a.jsonl" in done.stderr
    assert "broken_json" in done.stderr
    strict = curate("run", recipe, "--set", "on_bad_input.max_documents=0")
    assert strict.returncode == 1
    assert "1 of 21 documents" in strict.stderr
    shown = curate("inspect", tmp_path / "out", "--dropped-by", "quarantine")
    assert "a.jsonl, line 21" in shown.stdout


def test_set_limit_sample_and_log_format(finished, tmp_path):
    recipe, _, _ = finished
    out = tmp_path / "out"
    done = curate(
        "run", recipe, "--set", f"output.path={out}", "--limit", 40, "--sample", "50%", "--log-format", "json"
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert len(events) > 3
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["accounting"]["documents_in"] == 40
    assert manifest["accounting"]["by_reason"]["sampled/not_sampled"] > 5


def test_schema_covers_every_stage():
    schema = json.loads(curate("schema").stdout)
    text = json.dumps(schema)
    for stage in Path(ROOT / "curate/stages").glob("[a-z]*.py"):
        assert f'"{stage.stem}"' in text


def test_stages_lists_and_explains():
    listed = curate("stages").stdout
    assert "exact_dedup" in listed
    one = curate("stages", "sample").stdout
    assert "share" in one
    assert "seed" in one
    assert curate("stages", "sampel").returncode == 2
    assert "max_upper" in curate("stages", "configs/shouting.py").stdout


def test_init_writes_a_recipe_that_plans(tmp_path):
    write_shards(tmp_path / "data", documents(10), 1)
    assert curate("init", cwd=tmp_path).returncode == 0
    planned = curate("plan", "recipe.yaml", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    again = curate("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "already there" in again.stderr


def test_init_looks_at_its_input(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text('{"url": "u", "content": "Some text."}\n')
    made = curate("init", "a.yaml", "--input", "in/", cwd=tmp_path)
    assert made.returncode == 0
    assert "'content' is taken for the texts" in made.stdout
    assert curate("plan", "a.yaml", cwd=tmp_path).returncode == 0
    (tmp_path / "in/a.jsonl").write_text('{"url": "u", "words": "Some text."}\n')
    made = curate("init", "b.yaml", "--input", "in/", cwd=tmp_path)
    assert "input.text: it has no column 'text'; it has: url, words" in made.stderr
    assert recipes.load(tmp_path / "b.yaml").input.text == "text"
    made = curate("init", "c.yaml", "--input", "nowhere/", cwd=tmp_path)
    assert made.returncode == 0
    assert "there is no 'nowhere/'" in made.stderr
    assert (tmp_path / "c.yaml").exists()


def test_init_gives_other_names_to_columns_that_the_input_has(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text(
        '{"text": "Some text.", "language": "en", "language_score": 1, "duplicate_of": ""}\n'
    )
    made = curate("init", "a.yaml", "--input", "in/", cwd=tmp_path)
    assert "the input has language, language_score already: language is called language_2" in made.stdout
    planned = curate("plan", "a.yaml", cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert "language_2_language" in planned.stdout


def test_version():
    assert curate("--version").stdout.strip()[0].isdigit()


def test_names_with_brackets_and_escapes_are_shown_as_they_are(tmp_path):
    data = write_shards(tmp_path / "in", documents(10), 1)
    for name in ("a[red].parquet", "b:red_circle:.parquet", "c\x1b[31m.parquet"):
        (data / name).write_bytes(b"not parquet at all")
    (data / "d[red].txt").write_text("no documents")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe_text(data, tmp_path / "out", "  - normalize\n"))
    told = curate("check", recipe).stdout
    for name in ("a[red].parquet", "b:red_circle:.parquet", r"c\x1b[31m.parquet"):
        assert f"cannot be read {name}: not_parquet" in told
    assert "d[red].txt" in told
    assert "\x1b" not in told + curate("plan", recipe).stderr
    run = curate("run", recipe, "--log-format", "plain")
    assert "a[red].parquet" in run.stderr
    assert "\x1b" not in run.stderr


def test_check_ends_with_the_command_that_runs_it(finished, tmp_path):
    recipe, _, _ = finished
    spaced = tmp_path / "my recipe.yaml"
    spaced.write_text(recipe.read_text())
    change = f"output.path={tmp_path / 'o'}"
    told = curate("check", spaced, "--set", change, "--documents", 5).stdout
    command = shlex.split(told.splitlines()[-1].removeprefix("ready: "))
    assert command == ["curate", "run", str(spaced), "--set", change]


FAILING = """
import errno, os, sys
from curate.cli import main
from curate.engine import driver

def fail(*words):
    raise {error}

driver.run = fail
sys.argv = ["curate", "run", sys.argv[1], "--workers", "0"]
main()
"""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_what_the_disk_refuses_comes_with_advice(number):
    assert advice(OSError(number, "", "/x/out")) == f"/x/out: {ADVICE[number]}"
    assert advice(OSError(number, "")) == ADVICE[number]
    assert advice(OSError("no number")) is advice(OSError(errno.EIO, "")) is None


def test_what_the_disk_refuses_is_one_line(finished):
    recipe, _, _ = finished
    code = FAILING.format(error="OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), '/x/out')")
    done = subprocess.run([sys.executable, "-c", code, recipe], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "failed: /x/out: " in line
    assert line.endswith("then run again: what is done is kept")


@pytest.mark.parametrize("error", ["ZeroDivisionError('unexpected')", "OSError(errno.EIO, 'unexpected')"])
def test_what_nobody_expected_comes_with_its_traceback(finished, error):
    recipe, _, _ = finished
    code = FAILING.format(error=error)
    done = subprocess.run([sys.executable, "-c", code, recipe], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "unexpected" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    done = curate("init", tmp_path / "closed/r.yaml")
    assert done.returncode == 1
    assert done.stderr == f"curate: {tmp_path}/closed/r.yaml: {ADVICE[errno.EACCES]}\n"


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.4])
def test_an_early_ctrl_c_is_one_line(finished, seconds):
    recipe, _, _ = finished
    process = subprocess.Popen(
        [sys.executable, "-c", "import curate.cli; print('ready', flush=True); curate.cli.main()", "plan", recipe],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode in (0, 130)
    assert told == ("curate: stopped\n" if process.returncode else "")


def test_ctrl_c_tells_the_whole_command_but_what_forgets(finished):
    recipe, _, _ = finished
    code = FAILING.format(error="KeyboardInterrupt").replace('"--workers", "0"', '"--fresh", "--set", "workers=1 "')
    done = subprocess.run([sys.executable, "-c", code, recipe], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 130
    assert done.stderr.endswith(f"to go on: curate run {recipe} --set 'workers=1 '\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number": 1}, "--pass says which pass a share is of: it needs --unit"),
        ({"unit": "1/2", "until": 1}, "--until and --fresh are for the run that comes before it"),
        ({"unit": "1/2", "fresh": True}, "--until and --fresh are for the run that comes before it"),
        ({"unit": "2"}, "expected K/N"),
        ({"until": 1, "incremental": "{}"}, "a generation is made by one run"),
        ({"unit": "1/2", "incremental": "{}"}, "a generation is made by one run"),
    ],
)
def test_options_of_shares_that_do_not_go_together(options, message, tmp_path):
    from curate.cli.running import share_of
    from curate.errors import RecipeError
    from curate.recipe import loads

    extra = f"incremental: {options.pop('incremental')}\n" if "incremental" in options else ""
    recipe = loads(recipe_text(tmp_path, tmp_path / "out", "  - normalize\n", extra))
    given = {"unit": None, "number": None, "until": None, "fresh": False, **options}
    with pytest.raises(RecipeError, match=message):
        share_of(recipe, **given)


def test_memory_of_steps(tmp_path):
    from curate.cli.running import choose_executor, memory_of
    from curate.errors import RecipeError
    from curate.recipe import loads

    recipe = loads(recipe_text(tmp_path, tmp_path / "out", "  - normalize\n  - exact_dedup\n"))
    assert memory_of(recipe, ["2GB", "exact_dedup=8MiB"]) == {"": 2_000_000_000, "exact_dedup": 8 << 20}
    for wrong, message in (
        ("minhash=1GB", "no step is named 'minhash'; there are"),
        ("normalize=much", "it must be a size"),
    ):
        with pytest.raises(RecipeError, match=f"--task-memory {wrong}: .*{message}"):
            memory_of(recipe, [wrong])
    with pytest.raises(RecipeError, match="are for --executor ray"):
        choose_executor(recipe, "pool", 1, memory={"": 1})
