"""`curate mixture`, as a user types it."""

import json
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest
import yaml
from typer.testing import CliRunner

from curate.cli.app import app
from curate.cli.mixing import Progress
from curate.errors import RecipeError
from curate.mixing.trials import Measured, Trial
from curate.mixtures import read_weights
from tests.mixing.corpora import write

SEARCH = """
input: {{paths: {corpus}, domain: domain}}
output: {out}
targets: {{a: {{domains: a, held_out: 20%}}}}
budget: 20_000
method: {{climb: {{batches: [16, 8], predictor: process}}}}
max_epochs: 8
seeds: 2
workers: 0
"""


def mixture(*words):
    result = CliRunner().invoke(app, ["mixture", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_search_writes_weights(tmp_path):
    corpus = write(tmp_path / "d.parquet", {"a": 60, "b": 60, "c": 30})
    asked = tmp_path / "search.yaml"
    asked.write_text(SEARCH.format(corpus=corpus, out=tmp_path / "out"))
    done = mixture("search", asked)
    assert done.exit_code == 0, done.output
    answer = yaml.safe_load((tmp_path / "out/weights.yaml").read_text())
    assert set(answer["weights"]) == {"a", "b", "c"}
    assert abs(sum(answer["weights"].values()) - 1) < 1e-9
    assert next(iter(answer["weights"])) == "a"
    assert answer["provenance"]["domain"] == "domain"
    again = mixture("search", asked, "--set", f"output={tmp_path / 'other'}")
    assert again.stdout.replace("/other/", "/out/").split("evaluations,")[0] == done.stdout.split("evaluations,")[0]


def test_the_report(tmp_path):
    corpus = write(tmp_path / "d.parquet", {"a|<b>": 60, "b": 60, "c": 30})
    asked = tmp_path / "search.yaml"
    asked.write_text(SEARCH.format(corpus=corpus, out=tmp_path / "out").replace("domains: a,", 'domains: "a|<b>",'))
    done = mixture("search", asked)
    assert "rank correlation of the predictor" in done.output
    assert "An n-gram model measured this" in done.output
    assert "batch 1: 16 measured, best" in done.stderr
    facts = json.loads((tmp_path / "out/report.json").read_text())
    weights = read_weights(tmp_path / "out/weights.yaml")
    assert {one["name"]: one["weight"] for one in facts["domains"]} == weights
    assert facts["progress"][-1]["label"] == "choice"
    assert len(facts["progress"]) == 25
    assert facts["compared"]["found"]["mean"] == min(one["mean"] for one in facts["compared"].values())
    page = (tmp_path / "out/report.html").read_text()
    assert "a|&lt;b&gt;" in page
    assert "<b>" not in page
    ElementTree.fromstring(page.split("</head>")[1].removesuffix("</html>\n"))  # well-formed
    told = (tmp_path / "out/report.md").read_text()
    assert "| a\\|&lt;b> |" in told


def test_stopped_by_a_kill_it_goes_on(tmp_path):
    """kill -9 in the middle; run again, the answer is that of a search that was not stopped."""
    corpus = write(tmp_path / "d.parquet", {"a": 60, "b": 60, "c": 30})
    program = tmp_path / "slow.py"
    program.write_text(
        "import json, sys, time; job = json.load(open(sys.argv[1])); time.sleep(0.02)\n"
        "print(abs(job['weights']['a'] - 0.6))"
    )
    asked = tmp_path / "search.yaml"
    text = SEARCH.replace("targets: {{a: {{domains: a, held_out: 20%}}}}", "evaluator: {{command: {{run: {run}}}}}")
    run = json.dumps(f"{sys.executable} {program}")
    asked.write_text(text.format(corpus=corpus, out=tmp_path / "out", run=run).replace("seeds: 2", "seeds: 1"))
    command = [sys.executable, "-m", "curate", "mixture", "search", str(asked)]
    stopped = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    evaluations = tmp_path / "out/evaluations"
    deadline = time.monotonic() + 120
    while not evaluations.exists() or len(list(evaluations.glob("*.json"))) < 5:
        assert time.monotonic() < deadline
        assert stopped.poll() is None
        time.sleep(0.01)
    stopped.kill()
    stopped.wait()
    done = {path.name: path.read_bytes() for path in evaluations.glob("*.json")}
    resumed = mixture("search", asked)
    assert all((evaluations / name).read_bytes() == content for name, content in done.items())
    assert not list(evaluations.glob(".*.part"))
    whole = mixture("search", asked, "--workers", "2", "--set", f"output={tmp_path / 'whole'}")
    trimmed = [line for line in whole.stdout.replace("/whole/", "/out/").splitlines() if "s of work" not in line]
    assert [line for line in resumed.stdout.splitlines() if "s of work" not in line] == trimmed


def test_people_are_waited_for(tmp_path):
    corpus = write(tmp_path / "d.parquet", {"a": 60, "b": 60})
    asked = tmp_path / "search.yaml"
    text = SEARCH.replace("targets: {{a: {{domains: a, held_out: 20%}}}}", "evaluator: file")
    asked.write_text(text.format(corpus=corpus, out=tmp_path / "out"))
    done = mixture("search", asked)
    assert done.exit_code == 4
    assert "16 mixtures wait for their scores" in done.output


@pytest.mark.parametrize(("sign", "told"), [(1.0, "-2.5000"), (-1.0, "2.5000")])
def test_progress_tells_scores_with_their_sign(capsys, sign, told):
    """A log-likelihood below 0, say; where higher is better, the loss that is made small is the score, negated."""
    progress = Progress(sign)
    for loss in (3.0, -2.5):
        progress(Trial((1_000_000,), 1, 0, "batch 1"), Measured(loss), False)
    progress.close()
    assert capsys.readouterr().err == f"batch 1: 2 measured, best {told}\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("method=climbb", "there is no 'climbb'; did you mean 'climb'"),
        ("evaluator=gpt", "there is no 'gpt'; there are ngram, transformer, command, file"),
        ("budget=lots", "search.yaml|--set budget=lots.*budget"),
        ("evaluator={ngram: {}, file: {}}", "an evaluator is one of"),
        ("input.domain=domains", "did you mean 'domain'"),
        ("targets.a.held_out=10", "held_out"),
        ("method.climb.batches=[4]", "the first has 4 mixtures; a predictor takes 8 or more"),
    ],
)
def test_refuses(tmp_path, change, message):
    corpus = write(tmp_path / "d.parquet", {"a": 60, "b": 60})
    asked = tmp_path / "search.yaml"
    asked.write_text(SEARCH.format(corpus=corpus, out=tmp_path / "out"))
    with pytest.raises(RecipeError, match=message):
        mixture("search", asked, "--set", change)


def test_it_writes_to_no_folder_of_others(tmp_path):
    corpus = write(tmp_path / "d.parquet", {"a": 60, "b": 60})
    asked = tmp_path / "search.yaml"
    asked.write_text(SEARCH.format(corpus=corpus, out=tmp_path))
    with pytest.raises(RecipeError, match="has other files"):
        mixture("search", asked)


@pytest.mark.parametrize("option", ["--tolerance", "--at"])
@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1"])
def test_cmr_refuses_what_is_no_number_above_0(tmp_path, option, value):
    with pytest.raises(RecipeError, match=rf"{option} {value}: .* above 0"):
        mixture("cmr", tmp_path / "losses.csv", f"{option}={value}")


def test_cmr(tmp_path):
    rows = ["ratio,tokens,general,domain", "0.5,0,2.0,3.0"]
    for ratio in (0.1, 0.2, 0.4, 0.8):
        for tokens in (1e9, 2e9, 4e9, 8e9, 16e9):
            rows.append(f"{ratio},{tokens},{2 + 0.2 * ratio * (tokens / 1e9) ** -0.3},{3 - ratio}")
    path = tmp_path / "losses.csv"
    path.write_text("\n".join(rows))
    done = mixture("cmr", path, "--at", "3e9")
    assert done.exit_code == 0, done.output
    table = [line.split() for line in done.output.splitlines() if line.strip()[:1].isdigit()]
    known = {float(line[0]): float(line[1]) for line in table}
    for tokens in (1e9, 2e9, 3e9):
        assert known[tokens] == pytest.approx(0.25 * (tokens / 1e9) ** 0.3, abs=0.02)
    assert "ratio = " in done.output
    with pytest.raises(RecipeError, match="there is no such file"):
        mixture("cmr", tmp_path / "none.csv")
