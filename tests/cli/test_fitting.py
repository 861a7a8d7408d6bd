"""`curate fit`, as a user types it."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import RecipeError
from tests.fit.planted import losses, texts, write

pytest.importorskip("fasttext")  # these train

QUICK = ["--dim", "16", "--buckets", "5000"]


def fit(*words):
    result = CliRunner().invoke(app, ["fit", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_classifier_from_files_and_from_a_column(tmp_path):
    good = write(tmp_path / "good.parquet", texts(True, 200, 1), q=[5] * 200)
    rest = write(tmp_path / "rest.parquet", texts(False, 200, 2), q=[1] * 199 + [None])
    done = fit("classifier", "--positive", good, "--negative", rest, "--out", tmp_path / "a.bin", *QUICK)
    assert done.exit_code == 0, done.output
    assert "ROC-AUC 1.0000" in done.output
    facts = json.loads((tmp_path / "a.json").read_text())
    digest = hashlib.sha256((tmp_path / "good.parquet").read_bytes()).hexdigest()
    (positives,) = facts["data"]["positives"]
    assert positives == {"path": good, "bytes": (tmp_path / "good.parquet").stat().st_size, "sha256": digest}
    card = (tmp_path / "a.md").read_text()
    assert f"- positives:\n  - `{good}`, {positives['bytes']:,} bytes, SHA-256 `{digest}`" in card
    assert f"score >= {facts['threshold']['value']!r} keeps" in done.output
    options = ["--input", good, "--input", rest, "--column", "q", "--at-least", "4", "--pool", rest, "--share", "0.3"]
    done = fit("classifier", *options, "--out", tmp_path / "b.bin", *QUICK)
    assert "left out, without a value: 1" in done.output
    assert "- left out, without a value: 1" in (tmp_path / "b.md").read_text()
    assert json.loads((tmp_path / "b.json").read_text())["threshold"]["share"] == 0.3


def test_documents_without_a_text_are_told_of(tmp_path):
    good = write(tmp_path / "good.parquet", [*texts(True, 100, 1), None, None])
    rest = write(tmp_path / "rest.parquet", [*texts(False, 100, 2), None])
    pool = write(tmp_path / "pool.parquet", [*texts(False, 100, 3), *texts(True, 100, 4), None])
    done = fit("classifier", "--positive", good, "--negative", rest, "--pool", pool, "-o", tmp_path / "m.bin", *QUICK)
    for told in ("left out, without a text: 3", "left out, of the pool, without a text: 1"):
        assert told in done.output
        assert f"- {told}" in (tmp_path / "m.md").read_text()


def test_preselect(tmp_path):
    seed = write(
        tmp_path / "s.parquet", texts(True, 150, 1) + texts(False, 150, 2), **losses([True] * 150 + [False] * 150, 4, 3)
    )
    models = {f"m{i}": {"benchmark": i, "loss": f"loss{i}"} for i in range(4)}
    (tmp_path / "models.json").write_text(json.dumps({"benchmark": "toys", "models": models}))
    done = fit("preselect", "--documents", seed, "--models", tmp_path / "models.json", "-o", tmp_path / "m.bin", *QUICK)
    assert done.exit_code == 0, done.output
    assert "150 of 300 documents agree with the order of all 4 models, 12.0 times as many as by chance" in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["classifier", "-o", "m.bin"], "give --positive and --negative"),
        (["classifier", "-o", "m.bin", "--positive", "x"], "give --positive and --negative"),
        (["classifier", "-o", "m.bin", "--input", "x", "--column", "q"], "with one of --at-least and --equals"),
        (["classifier", "-o", "m.ftz", "--positive", "x", "--negative", "y"], "ends in .bin"),
        (["classifier", "-o", "m.bin", "--positive", "x", "--negative", "y", "--share", "1"], "between 0 and 1"),
        (["preselect", "-o", "m.bin", "--documents", "x", "--models", "m", "--missing", "keep"], "expected one of"),
    ],
)
def test_refuses(words, message):
    with pytest.raises(RecipeError, match=message):
        fit(*words)
