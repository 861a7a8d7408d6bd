"""`curate mixture`, as a user types it."""

import yaml
from typer.testing import CliRunner

from curate.cli.app import app
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
    assert again.output.replace("/other/", "/out/") == done.output
