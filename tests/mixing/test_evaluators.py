"""Commands, people and transformers as evaluators."""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest

from curate.errors import CurateError
from curate.executors import Inline
from curate.executors.pool import Pool
from curate.mixing.command import CommandEvaluator, scored
from curate.mixing.options import Command, SearchOptions
from curate.mixing.searching import search
from curate.mixing.waiting import Awaiting
from tests.mixing.corpora import options, write

SIZES = {"a": 60, "b": 60, "c": 30}
PROGRAM = """
import json, sys
job = json.load(open(sys.argv[1]))
assert job["budget"] == 20000 and job["unit"] == "characters" and job["input"]["domain"] == "domain", job
distance = abs(job["weights"]["a"] - 0.7) + abs(job["weights"]["b"] - 0.3) + job["seed"] / 1e6
print("starting")
print(json.dumps({"score": SIGN * distance, "losses": {"mine": distance}}))
"""


def quiet(*_):
    pass


def command(tmp_path, text, **others):
    program = tmp_path / "program.py"
    program.write_text(text)
    return CommandEvaluator(Command(run=[sys.executable, str(program)], **others), tmp_path, {})


def test_a_program_that_knows_the_truth(tmp_path):
    corpus = write(tmp_path / "d.parquet", SIZES)
    (tmp_path / "program.py").write_text(PROGRAM.replace("SIGN", "-1"))
    run = f"{sys.executable} {tmp_path / 'program.py'} {{job}}"
    asked = options(corpus, tmp_path / "out", evaluator={"command": {"run": run, "better": "higher"}}, seeds=1)
    asked = SearchOptions.model_validate({**asked.model_dump(exclude_unset=True), "targets": {}})
    with Pool(2) as pool:
        outcome = search(asked, pool, quiet)
    assert outcome.weights["a"] == pytest.approx(0.7, abs=0.2)
    assert outcome.provenance["score"] == pytest.approx(-outcome.compared["found"].mean, abs=1e-6)
    assert set(outcome.history[0][1].losses) == {"mine"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; print('x', file=sys.stderr); sys.exit(3)", "ended with exit code 3 .* x"),
        ("print('no score')", r"must be a JSON number, .* got 'no score'"),
        ("print('NaN')", "must be a JSON number"),
        ("print('true')", "must be a JSON number"),
        ("print('{\"losses\": {}}')", "must be a JSON number"),
        ("", "got ''"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with signal 11"),
    ],
)
def test_programs_that_fail(tmp_path, text, message):
    with pytest.raises(CurateError, match=message):
        command(tmp_path, text).evaluate({"a": 1.0}, 10, 0)


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(CurateError, match="/no/such: No such file"):
        CommandEvaluator(Command(run="/no/such"), tmp_path, {}).evaluate({"a": 1.0}, 10, 0)


def test_the_score_may_be_in_the_file_that_the_job_names(tmp_path):
    text = "import json, sys; job = json.load(open(sys.argv[1])); open(job['result'], 'w').write('4.5'); print('x')"
    assert command(tmp_path, text).evaluate({"a": 1.0}, 10, 0).loss == 4.5
    assert scored("3", "it") == (3.0, {})


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path):
    text = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    begun = time.monotonic()
    with pytest.raises(CurateError, match="was ended after 2 seconds"):
        command(tmp_path, text, timeout=2).evaluate({"a": 1.0}, 10, 0)
    assert time.monotonic() - begun < 30
    await_end(int((tmp_path / "pid").read_text()))


def await_end(pid):
    deadline = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="a program ends with a worker that is killed on Linux only")
def test_a_program_ends_with_a_worker_that_is_killed(tmp_path):
    text = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    (tmp_path / "program.py").write_text(text)
    worker = subprocess.Popen(
        [
            sys.executable, "-c",
            "import sys; from pathlib import Path\n"
            "from curate.mixing.command import CommandEvaluator; from curate.mixing.options import Command\n"
            f"run = [sys.executable, {str(tmp_path / 'program.py')!r}]\n"
            f"CommandEvaluator(Command(run=run), Path({str(tmp_path)!r}), {{}}).evaluate({{'a': 1.0}}, 10, 0)",
        ]
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pid = int((tmp_path / "pid").read_text())
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    await_end(pid)


def search_or_wait(asked):
    try:
        return search(asked, Inline(), quiet)
    except Awaiting:
        return None


def test_scores_that_come_later(tmp_path):
    corpus = write(tmp_path / "d.parquet", SIZES)
    out = tmp_path / "out"
    asked = options(corpus, out, evaluator="file", seeds=1)
    rounds, told = 0, {}
    while (outcome := search_or_wait(asked)) is None:
        rounds += 1
        with (out / "asked.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert rows
        told |= {row["key"]: abs(float(row["a"]) - 0.5) + abs(float(row["b"]) - 0.5) for row in rows}
        lines = "".join(f"{key},{score},{score}\n" for key, score in told.items())
        (out / "scores.csv").write_text("key,score,mine\n" + lines)
    assert rounds == 4  # two batches, the predictor's choice, the comparison
    assert outcome.weights["a"] == pytest.approx(0.5, abs=0.2)
    assert outcome.history[0][1].losses == {"mine": outcome.history[0][1].loss}
    (out / "scores.csv").unlink()
    assert search(asked, Inline(), quiet).compared == outcome.compared


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key;score\n", "must name the columns, key and score"),
        ("key,score\nx,good\n", "scores.csv:2: score and losses are numbers; got x, good"),
        ("key,score\nx,nan\n", "must be finite"),
    ],
)
def test_tables_of_scores_that_are_none(tmp_path, text, message):
    corpus = write(tmp_path / "d.parquet", SIZES)
    asked = options(corpus, tmp_path / "out", evaluator="file", seeds=1)
    with pytest.raises(Awaiting):
        search(asked, Inline(), quiet)
    (tmp_path / "out/scores.csv").write_text(text)
    with pytest.raises(CurateError, match=message):
        search(asked, Inline(), quiet)


def test_without_torch_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    corpus = write(tmp_path / "d.parquet", SIZES)
    with pytest.raises(CurateError, match=r"pip install 'curate\[lm\]'"):
        search(options(corpus, tmp_path / "out", evaluator="transformer"), Inline(), quiet)


def test_transformer(tmp_path):
    pytest.importorskip("torch", exc_type=ImportError)
    from curate.mixing.evaluators import evaluator_of

    corpus = write(tmp_path / "d.parquet", SIZES)
    small = {"vocabulary": 200, "width": 32, "heads": 2, "layers": 1, "context": 32, "batch": 8}
    asked = options(
        corpus, tmp_path / "out", evaluator={"transformer": small}, seeds=1, finalists=1,
        method={"climb": {"batches": [8], "predictor": "process"}},
    )  # fmt: skip
    outcome = search(asked, Inline(), quiet)
    proxy = evaluator_of(tmp_path / "out")
    good = proxy.evaluate({"a": 1.0, "b": 0.0, "c": 0.0}, 20_000, 1)
    again = proxy.evaluate({"a": 1.0, "b": 0.0, "c": 0.0}, 20_000, 1)
    bad = proxy.evaluate({"a": 0.0, "b": 1.0, "c": 0.0}, 20_000, 1)
    other = proxy.evaluate({"a": 1.0, "b": 0.0, "c": 0.0}, 20_000, 2)
    assert good == again
    assert good.loss != other.loss
    assert good.loss < bad.loss - 0.2
    assert good.losses == {"a": good.loss}
    assert outcome.weights["a"] > 0.5


def test_the_decoder_sees_only_what_is_before():
    torch = pytest.importorskip("torch", exc_type=ImportError)
    from curate.mixing.options import Transformer
    from curate.mixing.transformer import decoder, schedule

    torch.manual_seed(0)
    model = decoder(torch, Transformer(width=16, heads=2, layers=2, context=8), 50)
    tokens = torch.arange(8)[None]
    changed = tokens.clone()
    changed[0, 5:] += 10
    one, other = model(tokens), model(changed)
    assert one.shape == (1, 8, 50)
    assert torch.equal(one[:, :5], other[:, :5])
    assert not torch.equal(one[:, 5:], other[:, 5:])
    rates = [schedule(step, 100) for step in range(100)]
    assert rates[0] == 0.1
    assert max(rates) == 1.0
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_options_name_one_evaluator():
    given = {"input": {"paths": "x"}, "output": {"path": "o"}, "budget": 1000, "targets": {"t": {"paths": "v"}}}
    assert SearchOptions.model_validate({**given, "evaluator": "transformer"}).evaluator.kind == "transformer"
    with pytest.raises(ValueError, match="an evaluator is one of ngram, transformer, command, file"):
        SearchOptions.model_validate({**given, "evaluator": {"ngram": {}, "file": {}}})
    with pytest.raises(ValueError, match="targets: name at least one"):
        SearchOptions.model_validate({**given, "targets": {}})
