"""`curate annotate`, as a user types it, against a server on this machine."""

import hashlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console
from rich.progress import Progress as Bar
from typer.testing import CliRunner

from curate.annotation.asking import Progress
from curate.annotation.form import SCORES
from curate.cli import annotating
from curate.cli.app import app
from curate.errors import CurateError, RecipeError
from curate.fit import rater_network
from curate.store import tables
from tests.annotation.server import answer, completion, rated_by_length, serving
from tests.fit.planted import texts, write
from tests.fit.rated import documents

ROOT = Path(__file__).resolve().parents[2]


def words(server, path, out, *more, sample=30):
    return [str(word) for word in ["annotate", path, "--endpoint", server.base, "--model", "m", "--sample", sample,
                                   "--out", out, *more]]  # fmt: skip


def annotate(*arguments, **options):
    result = CliRunner().invoke(app, words(*arguments, **options))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def started(*arguments, env=None, **options):
    """The command, in a process of its own."""
    command = [sys.executable, "-m", "curate", *words(*arguments, **options)]
    environment = {**os.environ, "no_proxy": "*", **(env or {})}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def corpus(tmp_path):
    return write(tmp_path / "in.parquet", texts(True, 60, 1))


def table(out):
    return pq.read_table(out / "annotations.parquet")


def asked(server):
    return [request["messages"][1]["content"] for request in server.requests]


def good(_, body):
    return rated_by_length(body)


def test_from_documents_to_a_table(corpus, tmp_path):
    with serving(good) as server:
        done = annotate(server, corpus, tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "30 documents: 30 rated" in done.output
    assert "30 requests for 30 documents, 3,000 tokens in, 870 out" in done.output
    found = table(tmp_path / "out")
    assert [str(found.schema.field(name).type) for name in SCORES] == ["int8"] * 14
    assert found["application_domain"].null_count == found["overall_score"].null_count == 0
    assert found["reason"].null_count == 30
    for row in found.to_pylist():
        assert row["answer"].split("\n") == [row["application_domain"], *(str(row[name]) for name in SCORES)]
    facts = tables.facts(tmp_path / "out/annotations.parquet")
    assert facts["model"] == "m"
    assert facts["counts"] == {"rated": 30, "not_asked": 0}


def test_goes_on_and_takes_more_of_the_same_sample(corpus, tmp_path):
    out = tmp_path / "out"
    with serving(good) as server:
        annotate(server, corpus, out, sample=20)
        again = annotate(server, corpus, out, sample=20)
        assert "20 documents, 20 of them by earlier runs: 20 rated" in again.output
        assert len(server.requests) == 20
        before = table(out)
        annotate(server, corpus, out, sample=35)
    assert len(server.requests) == len(set(asked(server))) == 35
    assert table(out).slice(0, 20) == before


@pytest.mark.parametrize(
    ("more", "what"),
    [(["--model", "other"], "model"), (["--seed", "3"], "seed"), (["--template", "t.txt"], "question"),
     (["--extra", '{"top_p": 1}'], "extra"), (["--text-tokens", "50"], "text_tokens")],
)  # fmt: skip
def test_answers_to_other_questions_are_not_mixed(corpus, tmp_path, monkeypatch, more, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("Rate {text}")
    with serving(good) as server:
        annotate(server, corpus, tmp_path / "out", sample=3)
        with pytest.raises(RecipeError, match=f"annotations with another {what}: .*; take another folder"):
            annotate(server, corpus, tmp_path / "out", *more, sample=3)
        assert annotate(server, corpus, tmp_path / "out2", *more, sample=3).exit_code == 0
    assert len(server.requests) == 6


def test_another_text_of_the_same_id_is_asked_about_anew(tmp_path):
    with serving(good) as server:
        annotate(server, write(tmp_path / "a.parquet", ["one", "two"]), tmp_path / "out")
        annotate(server, write(tmp_path / "a.parquet", ["one", "changed"]), tmp_path / "out")
    assert len(server.requests) == 3


def test_useless_answers_are_told_and_asked_for_again_on_demand(corpus, tmp_path):
    out, healed = tmp_path / "out", []

    def reply(_, body):
        odd = len(body["messages"][1]["content"]) % 2 and not healed
        return completion("I would rather not.") if odd else rated_by_length(body)

    with serving(reply) as server:
        done = annotate(server, corpus, out, "--attempts", "2")
        assert done.exit_code == 3
        found = [row for row in table(out).to_pylist() if row["reason"]]
        assert f"{30 - len(found)} rated, {len(found)} malformed" in done.output
        assert {(row["reason"], row["answer"], row["overall_score"], row["requests"]) for row in found} == {
            ("malformed", "I would rather not.", None, 2)
        }
        count = len(server.requests)
        assert annotate(server, corpus, out, "--attempts", "2").exit_code == 3
        assert len(server.requests) == count
        healed.append(True)
        assert annotate(server, corpus, out, "--again").exit_code == 0
        assert len(server.requests) == count + len(found)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_in_the_middle_it_asks_only_for_the_rest(corpus, tmp_path, how):
    out = tmp_path / "out"

    def slow(_, body):
        time.sleep(0.05)
        return rated_by_length(body)

    with serving(slow) as server:
        process = started(server, corpus, out, "--parallel", "2")
        while len(server.requests) < 12:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(how)
        _, told = process.communicate(timeout=60)
        seen = len(server.requests)
        assert seen < 30
        if how == signal.SIGINT:
            assert process.returncode == 130, told
            assert f"stopped. What is done is kept in {out}" in told
            assert "Traceback" not in told
            assert len(table(out)) >= seen - 4
        else:
            assert not (out / "annotations.parquet").exists()
        lines = (out / "_journal.jsonl").read_bytes().splitlines()
        assert len(lines) >= seen - 4
        (out / "_journal.jsonl").write_bytes(b"\n".join(lines)[:-3])  # and torn, as by a power cut
        assert annotate(server, corpus, out).exit_code == 0
        assert len(server.requests) <= 30 + 6
        assert len(set(asked(server))) == 30
        assert len(table(out)) == 30


def test_what_is_done_is_kept_when_the_server_refuses(corpus, tmp_path):
    def reply(number, body):
        return rated_by_length(body) if number < 7 else (402, '{"error": {"message": "You have no credit"}}')

    out = tmp_path / "out"
    with serving(reply) as server:
        with pytest.raises(CurateError, match=r"402: You have no credit\n  what is done is kept in .*/out; the same"):
            annotate(server, corpus, out, "--parallel", "1")
    assert len(server.requests) == 8
    assert len(table(out)) == 7


def test_the_key_is_in_no_file_and_no_message(corpus, tmp_path):
    secret = "sk-very-secret-4711"

    def reply(number, body):
        if number == 0:
            return completion(f"Your key is {secret}!")
        return rated_by_length(body) if number < 9 else (401, json.dumps({"error": {"message": f"bad key {secret}"}}))

    out = tmp_path / "out"
    with serving(reply) as server:
        more = ["--key-env", "SOME_KEY", "--attempts", "1", "--parallel", "1"]
        process = started(server, corpus, out, *more, env={"SOME_KEY": f"{secret}\n"})
        said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "bad key ***" in said[1]
    assert secret not in "".join(said)
    assert server.headers[0]["Authorization"] == f"Bearer {secret}"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert table(out)["answer"][0].as_py() == "Your key is ***!"


def test_two_at_a_time_in_a_folder_are_refused(corpus, tmp_path):
    go_on = threading.Event()

    def wait(_, body):
        assert go_on.wait(60)
        return rated_by_length(body)

    with serving(wait) as server:
        process = started(server, corpus, tmp_path / "out", "--parallel", "1", sample=6)
        while not server.requests:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        with pytest.raises(CurateError, match="another curate annotate is at work here"):
            annotate(server, corpus, tmp_path / "out", sample=6)
        go_on.set()
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_dry_run_asks_nobody_and_writes_nothing(corpus, tmp_path):
    with serving([]) as server:
        done = annotate(server, corpus, tmp_path / "out", "--dry-run", sample=1000)
    assert done.exit_code == 0
    assert "[14]Overall Score:_/5" in done.output
    assert f"60 requests to {server.base}/chat/completions, model m, of 60 documents in the input" in done.output
    assert "1,740 out; nothing was sent" in done.output
    assert server.requests == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--key-env", "NO_SUCH_VARIABLE"], "there is no such environment variable, or it is empty"),
        (["--extra", "{"], "--extra: it is not JSON"),
        (["--extra", "[1]"], "expected a JSON object"),
        (["--template", "none.txt"], "--template none.txt: "),
        (["--text", "body"], "the input has no column 'body'"),
    ],
)
def test_refuses(corpus, tmp_path, more, message):
    with serving([]) as server, pytest.raises(RecipeError, match=message):
        annotate(server, corpus, tmp_path / "out", *more)


def test_nothing_to_ask_about(tmp_path):
    with serving([]) as server, pytest.raises(CurateError, match="none of the 2 documents of the input has a text"):
        annotate(server, write(tmp_path / "a.parquet", ["", " "]), tmp_path / "out")


def test_the_commands_of_the_manual(tmp_path, monkeypatch):
    """From documents to raters to a run that uses them, as docs/training.md has it."""
    manual = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    section = manual[manual.index("## Raters to one's own taste") : manual.index("## What is held")]
    console = re.findall(r"^\$ curate (.*)$", section, re.MULTILINE)
    recipe = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1]
    assert [line.split()[0] for line in console] == ["annotate", "annotate", "fit", "run"]
    (tmp_path / "corpus").mkdir()
    texts, scores, letters = documents(220, seed=5)
    write(tmp_path / "corpus/a.parquet", texts)
    ratings = {text: answer(letter, row) for text, row, letter in zip(texts, scores.tolist(), letters, strict=True)}
    (tmp_path / "rated.yaml").write_text(recipe, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rater_network, "EPOCHS", 6)

    def rate(_, body):
        question = body["messages"][1]["content"]
        return completion(ratings[question[question.index("Text: ") + 6 : question.index("\nDomain:_")]])

    with serving(rate) as server:
        for line in console:
            line = line.replace("http://localhost:8000/v1", server.base).replace("--sample 5000", "--sample 200")
            done = CliRunner().invoke(app, shlex.split(line))
            assert done.exit_code == 0, (line, done.output, done.exception)
    assert len(server.requests) == 200
    card = (tmp_path / "mine.md").read_text()
    assert "held out" in card
    digest = hashlib.sha256((tmp_path / "corpus/a.parquet").read_bytes()).hexdigest()
    assert f"- documents:\n  - `corpus/a.parquet`, {(tmp_path / 'corpus/a.parquet').stat().st_size:,} bytes" in card
    assert digest in card
    kept = pq.read_table(tmp_path / "rated/data")
    assert 50 < len(kept) < 80
    assert set(kept["quality_domain"].to_pylist()) <= {"coding", "retail"}


LONG = "the server answers 500: " + "<p>\n" * 100


def test_progress_in_lines(monkeypatch):
    monkeypatch.setattr(annotating, "EVERY", 0.0)
    stream = io.StringIO()
    show = annotating._Lines(stream, 5)
    show(Progress(10, rated=2))
    show(Progress(10, rated=3, useless=1, failed=2, waiting="the server answers 500: \x1b[2J\n; again in 2 s"))
    assert stream.getvalue().splitlines() == [
        "7 of 15 documents",
        "11 of 15 documents, 1 useless, 2 failed, the server answers 500: \\x1b[2J\\n; again in 2 s",
    ]


def test_a_bar_keeps_its_room_whatever_a_server_says():
    stream = io.StringIO()
    with Bar(*annotating.columns(), console=Console(file=stream, force_terminal=True, width=100)) as bar:
        annotating._Bars(bar, 5)(Progress(10, rated=3, waiting=LONG))
    shown = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    (line,) = (line for line in re.split("[\r\n]+", shown) if "8/15" in line)
    assert line.count("━") > 20
    assert "the server answers 500: <p>" in line
    assert "…" in line
