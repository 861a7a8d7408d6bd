"""tokens: the estimate is near what a real tokenizer counts, and a tokenizer counts as it does by itself."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from curate.models.token_estimate import figures
from curate.stages.tokens import Tokens
from tests.models.test_tokenizers import ranks, whitespace
from tests.stages.harness import batch_of, run

SHARED = Path(os.environ.get("CURATE_SHARED_DATA") or Path(__file__).parents[2] / "../shared/data")
O200K = {"wiki_en": 4.48, "books_fr": 3.97, "law_de": 3.81, "wiki_ko": 3.69, "rust_rfcs": 4.14, "code_py": 3.62}
"""Bytes for a token of o200k_base, of the first 150 documents, 20,000 characters each: counted by tiktoken 0.14."""


def counted(stage, batch):
    return [*run(stage, [[batch]]).columns["n_tokens"].values()]


def test_figures_are_those_of_a_named_tokenizer():
    known = figures()
    assert known.tokenizer == "o200k_base"
    assert len(known.bytes_per_token) >= 79
    assert 4 < known.bytes_per_token["en"] < 6
    assert 1 < min(known.bytes_per_token.values()) <= known.other <= max(known.bytes_per_token.values()) < 10


@pytest.mark.parametrize("source", O200K)
def test_estimate_is_within_a_tenth_of_what_was_counted(source):
    path = SHARED / f"corpus/{source}.parquet"
    if not path.exists():
        pytest.skip("needs the shared corpus")
    texts = [text[:20_000] for text in pq.read_table(path, columns=["text"])["text"].to_pylist()[:150]]
    size = sum(len(text.encode()) for text in texts)
    assert sum(counted(Tokens(), batch_of(texts))) == pytest.approx(size / O200K[source], rel=0.1)


def test_the_language_of_a_column_counts():
    texts = ["Das ist ein Satz, der ein wenig länger ist als andere."] * 4
    batch = batch_of(texts, lang=pa.array(["de", "hi", "tlh", None]))
    de, hi, other, found = counted(Tokens(language="lang"), batch)
    size, known = len(texts[0].encode()) - 2, figures()
    for count, held in ((de, known.bytes_per_token["de"]), (hi, known.bytes_per_token["hi"]), (other, known.other)):
        assert count == np.rint(size / held + 2 * known.mark)
    assert found == de == counted(Tokens(), batch)[0]


def test_a_text_of_any_kind_has_a_token():
    assert counted(Tokens(), batch_of(["", "a", "\n", "\0", "é"])) == [0, 1, 1, 1, 1]


def test_by_tokenizers(tmp_path):
    batch = batch_of(["one two three one four", "", "one"])
    assert counted(Tokens(tokenizer=str(whitespace(tmp_path / "words.json"))), batch) == [5, 0, 1]
    pytest.importorskip("tiktoken")
    stage = Tokens(tokenizer=str(ranks(tmp_path / "bytes.tiktoken")), encoding="cl100k_base")
    assert counted(stage, batch) == [22, 0, 3]
    assert stage.annotate_one("one") == {"n_tokens": 3}
    assert stage.files() == (tmp_path / "bytes.tiktoken",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "cl100k_base"}, "goes with the path of such a file"),
        ({"tokenizer": "a.json", "encoding": "cl100k_base"}, "goes with the path of such a file"),
        ({"tokenizer": "a.json", "language": "lang"}, "leave language out"),
    ],
)
def test_options_that_contradict_each_other(options, message):
    with pytest.raises(ValidationError, match=message):
        Tokens(**options)


def test_a_column_of_languages_is_one_of_strings():
    with pytest.raises(ValueError, match="language 'n' is int64; take a column of strings"):
        Tokens(language="n").check_columns({"n": pa.int64()})
