"""`curate fit threshold` behind a run, and `curate check-tokens`, as a user types them."""

import re

import polars as pl
import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import RecipeError
from tests.engine.corpus import documents, recipe_text, run, write_shards


def curate(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_threshold_of_one_run_tags_the_wanted_share_in_the_next(tmp_path):
    data = write_shards(tmp_path / "in", documents(300), 3)
    run(recipe_text(data, tmp_path / "scored", "  - toxicity: {scores: true}"))
    done = curate("fit", "threshold", tmp_path / "scored/data", "--bad-fraction", 0.2, "--source", "n")
    assert done.exit_code == 0
    (line,) = re.findall(r"^toxicity: \{act: tag, threshold: ([0-9.e-]+)\}$", done.output, re.M)
    assert len(done.output.splitlines()) == 304
    tag = f"  - toxicity: {{act: tag, threshold: {line}, drop_token_fraction: 0}}"
    run(recipe_text(data, tmp_path / "tagged", tag))
    both = [pl.read_parquet(tmp_path / name / "data/*.parquet").sort("id") for name in ("scored", "tagged")]
    pieces = [re.split(r"(?=<\|(?:mis)?aligned\|>)", text)[1:] for text in both[1]["text"]]
    sizes = [(len(piece) - (14 if bad else 11), bad) for those in pieces for piece in those
             for bad in [piece.startswith("<|mis")]]  # fmt: skip
    assert sum(size for size, _ in sizes) == both[0]["text"].str.len_chars().sum()
    assert 0.18 < sum(size for size, bad in sizes if bad) / sum(size for size, _ in sizes) <= 0.2


def test_a_column_that_is_not_there(tmp_path):
    data = write_shards(tmp_path / "in", documents(3), 1)
    with pytest.raises(RecipeError, match="no column 'toxicity_scores'"):
        curate("fit", "threshold", data)
    with pytest.raises(RecipeError, match=r"bad fraction 0\.9"):
        curate("fit", "threshold", data, "--column", "n", "--bad-fraction", "0.9")


def test_check_tokens(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE({"<": 0, "|": 1}, [], unk_token="<"))
    made.add_special_tokens(["<|aligned|>", "[ok]"])
    made.save(str(tmp_path / "tokenizer.json"))
    done = curate("check-tokens", tmp_path / "tokenizer.json")
    assert done.exit_code == 1
    assert re.search(r"^<\|aligned\|> +one token, number 2$", done.output, re.M)
    assert re.search(r"^<\|misaligned\|> +it is not in the vocabulary: \d+ pieces", done.output, re.M)
    assert "tokenizer.add_special_tokens(['<|misaligned|>'])" in done.output
    done = curate("check-tokens", tmp_path / "tokenizer.json", "--token", "[ok]", "--token", "<|aligned|>")
    assert done.exit_code == 0, done.output
