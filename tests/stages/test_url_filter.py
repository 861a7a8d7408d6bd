"""url_filter: each rule case by case, its fast form against its plain form, and lists that are of no use."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.stages.url_filter import UrlFilter
from tests.stages.harness import batch_of

BAD = Path(__file__).with_name("bad_addresses")
ALL = UrlFilter(**{name: BAD / name for name in ("domains", "urls", "words", "soft_words", "subwords")})


def said(urls, stage=ALL):
    return stage.judge(batch_of([""] * len(urls), url=pa.array(urls, pa.string()))).to_pylist()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://bad.example/", "bad_domain"),
        ("https://www.Bad.Example:8080/x", "bad_domain"),
        ("http://user:pass@a.b.worse.example", "bad_domain"),
        ("//bad.example/x", "bad_domain"),
        ("bad.example./x", "bad_domain"),
        ("http://10.0.0.1/x", "bad_domain"),
        ("http://notbad.example/", None),
        ("http://example/bad.example", None),
        ("http://fine.example/?to=http://bad.example/", None),
        ("https://fine.example/but/this", "bad_url"),
        ("http://www.fine.example/but/this///", "bad_url"),
        ("http://fine.example/AND?this", "bad_url"),
        ("http://fine.example/but/this/not", None),
        ("http://fine.example/a-DARN-thing", "bad_word"),
        ("http://fine.example/darned", None),
        ("http://fine.example/a_heck_b", "bad_word"),
        ("http://fine.example/casino", None),
        ("http://fine.example/casino/casino", None),
        ("http://casino.example/poker", "soft_words"),
        ("http://fine.example/cut-lass/", "bad_subword"),
        ("http://fine.example/FREE/stuff", "bad_subword"),
        ("http://fine.example/freestuf", None),
        ("", None),
        (None, None),
        ("http://", None),
        ("é", None),
    ],
)
def test_each_rule(url, reason):
    assert said([url]) == [reason] == [ALL.judge_one(url)]


def test_the_first_rule_is_the_reason():
    assert said(["http://bad.example/darn/casino/poker/cutlass"]) == ["bad_domain"]
    assert said(["http://fine.example/darn/casino/poker/cutlass"]) == ["bad_word"]
    assert said(["http://fine.example/casino/poker/cutlass"]) == ["soft_words"]


def test_how_many_soft_words_are_enough():
    urls = ["http://a.b/casino", "http://a.b/casino-bonus", "http://a.b/casino-bonus-poker"]
    for limit, expected in [(1, [True] * 3), (2, [False, True, True]), (3, [False, False, True])]:
        stage = UrlFilter(soft_words=BAD / "soft_words", soft_limit=limit)
        assert [reason is not None for reason in said(urls, stage)] == expected


PARTS = st.sampled_from(
    ["http://", "HTTPS://", "//", "bad.example", "fine.example", "www.", "a.", ".", "/", "/but/this", "and?this", "@",
     ":80", "darn", "heck", "casino", "poker", "cut", "lass", "-", "_", "é", "İ", " ", "?", "#", "\n", "\\", "10.0.0.1"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(st.none() | st.lists(PARTS, max_size=8).map("".join), max_size=6))
def test_fast_form_is_plain_form(urls):
    assert said(urls) == [ALL.judge_one(url) for url in urls]


def test_lists_of_no_use_are_errors(tmp_path):
    empty, latin = tmp_path / "empty", tmp_path / "latin"
    empty.write_text("# nothing\n\n")
    latin.write_bytes("café\n".encode("latin-1"))
    for options, words in [
        ({}, "needs a list: domains, urls"),
        ({"domains": tmp_path / "none"}, "there is no file"),
        ({"words": tmp_path}, "there is no file"),
        ({"words": empty}, "has no entries"),
        ({"urls": latin}, "cannot be read as UTF-8"),
    ]:
        with pytest.raises(ValidationError, match=words):
            UrlFilter(**options)


def test_addresses_are_strings():
    with pytest.raises(ValueError, match="url_column 'url' is int64"):
        ALL.check_columns({"url": pa.int64()})
    assert said([None, None]) == [None, None]
    none = batch_of(["", ""], url=pa.nulls(2))
    assert ALL.judge(none).to_pylist() == [None, None]
