"""`curate tokens`, as a user types it."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import RecipeError
from tests.models.test_tokenizers import whitespace


def tokens(*words):
    result = CliRunner().invoke(app, ["tokens", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def corpus(tmp_path):
    texts = ["one two", "one two three", "three one"]
    rows = {"id": ["a", "b", "c"], "text": texts, "lang": ["en", "xx", "en"], "page": ["p", "p", "q"]}
    pq.write_table(pa.table(rows), tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_a_table_and_json(tmp_path, corpus):
    made = whitespace(tmp_path / "words.json")
    done = tokens(corpus, "-t", made, "--by", "lang", "--pair", "page")
    assert done.exit_code == 0, done.output
    assert [line.split()[0] for line in done.output.splitlines()] == [
        "group",
        "─" * len(done.output.splitlines()[1].strip()),
        "en",
        "xx",
    ]
    assert "1.50 ±0.00" in done.output
    done = tokens(corpus, "-t", made, "-t", made, "--json")
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [row["tokens"] for row in rows] == [7, 7]
    assert rows[0]["fertility"][0] == 1


def test_questions_that_make_no_sense(tmp_path, corpus):
    made = whitespace(tmp_path / "words.json")
    with pytest.raises(RecipeError, match="say which column tells them apart, --by"):
        tokens(corpus, "-t", made, "--pair", "page")
    with pytest.raises(RecipeError, match="--base de: lang has en, xx"):
        tokens(corpus, "-t", made, "--by", "lang", "--pair", "page", "--base", "de")
    with pytest.raises(RecipeError, match="no column 'lag'; did you mean 'lang'"):
        tokens(corpus, "-t", made, "--by", "lag")
