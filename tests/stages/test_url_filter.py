"""url_filter: each rule case by case, its fast form against its plain form, and lists that are of no use."""

import tempfile
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
     ":80", "darn", "heck", "casino", "poker", "cut", "lass", "-", "_", "é", "İ", " ", "?", "#", "\n", "\\", "10.0.0.1",
     "http:", "\t", "bad。example", "ｂａｄ.example", "%62ad.example", "%", "%2f", "bücher.example",
     "xn--bcher-kva.example"]
)  # fmt: skip
ODD = st.sampled_from(
    ["http://", "https://", "/", "www.", "///", "||", "*.", "^", ".", "@", "0.0.0.0 ", "!", "#", " ", "é a", "порно",
     "-"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(st.none() | st.lists(PARTS, max_size=8).map("".join), max_size=6))
def test_fast_form_is_plain_form(urls):
    assert said(urls) == [ALL.judge_one(url) for url in urls]


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["domains", "urls", "words", "soft_words", "subwords"]),
    st.lists(st.lists(PARTS | ODD, min_size=1, max_size=3).map("".join), min_size=1, max_size=3),
    st.lists(st.lists(PARTS, max_size=6).map("".join), max_size=6),
)
def test_any_list_is_refused_or_the_same_in_both_forms(name, entries, urls):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        path.write_text("\n".join(entries), "utf-8")
        try:
            stage = UrlFilter(**{name: path}, soft_limit=1)
        except ValidationError as error:
            refusal = str(error)
        else:
            refusal = None
        if refusal is not None:
            assert f"{name}: {path}" in refusal
            return
        assert said(urls, stage) == [stage.judge_one(url) for url in urls]
        assert said([None, "", " ", "//"], stage) == [None] * 4


@pytest.mark.parametrize(
    "url",
    ["http:////bad.example/x", "http:/bad.example/x", "http:bad.example", "http:\\\\bad.example/x", "\\\\bad.example",
     "http://ba\td.exam\r\nple/x", "ht\ntp://bad.example", "http://ＢＡＤ.ｅｘａｍｐｌｅ/", "http://bad。example", "http://bad．example",
     "http://bad｡example:80", "http://%62ad.example/", "http://%42AD%2eexample/", "http://u@%EF%BD%82ad.example",
     "http://ba\u00add.example/", "http://é..bad.example", "http://" + 300 * "é." + "bad.example"],
)  # fmt: skip
def test_hosts_are_read_as_browsers_read_them(url):
    assert said([url]) == ["bad_domain"] == [ALL.judge_one(url)]


@pytest.mark.parametrize(
    "url", ["http:////fine.example/but/this", "http:/www.fine.example/but/this", "http://ｆine。example/but/this"]
)
def test_hosts_of_pages_too(url):
    assert said([url]) == ["bad_url"] == [ALL.judge_one(url)]


def one_list(folder, name, text):
    path = folder / f"{name}{len(list(folder.iterdir()))}"
    path.write_text(text, "utf-8")
    return UrlFilter(**{name: path})


def test_names_in_other_scripts_equal_their_ascii_form(tmp_path):
    urls = [
        "http://bücher.example/",
        "http://www.xn--bcher-kva.example",
        "http://B%C3%BCcher.example",
        "http://bucher.example",
    ]
    for entry in ("bücher.example", "xn--bcher-kva.example", "BÜCHER。example"):
        stage = one_list(tmp_path, "domains", entry)
        assert said(urls, stage) == [*["bad_domain"] * 3, None] == [stage.judge_one(url) for url in urls]


def test_domains_in_the_usual_formats(tmp_path):
    formats = ["http://evil.com/", "https://evil.com", "//evil.com", "*.evil.com", ".evil.com", "evil.com.",
               "||evil.com^", "0.0.0.0 evil.com",
               "127.0.0.1\tother.org Evil.com  # both", "::1 evil.com", "fe80::1%lo0 evil.com",
               "evil.com # why", "[Adblock Plus]\n! of today\n||evil.com^"]  # fmt: skip
    urls = [
        "http://evil.com/x",
        "http://a.evil.com",
        "http://good.com/evil.com",
        "http://notevil.com",
        "http://0.0.0.0/",
    ]
    for text in formats:
        stage = one_list(tmp_path, "domains", text)
        assert said(urls, stage) == ["bad_domain", "bad_domain", None, None, None], text


@pytest.mark.parametrize(
    ("name", "entry"),
    [("subwords", "é a"), ("subwords", "café"), ("subwords", "порно"), ("subwords", "--"), ("words", "foo-bar"),
     ("words", "порно"), ("soft_words", "two words"), ("soft_words", "_"), ("urls", "http://"), ("urls", "https://"),
     ("urls", "/"), ("urls", "www."), ("urls", "https://www./"), ("domains", "evil.com/page"), ("domains", "http://"),
     ("domains", "evil.com:80"), ("domains", "evil.*"), ("domains", "@@||evil.com^"), ("domains", "||evil.com^$image"),
     ("domains", "two words"), ("domains", "."), ("domains", "a." * 40 + "com")],
)  # fmt: skip
def test_entries_that_match_nothing_are_errors(tmp_path, name, entry):
    with pytest.raises(
        ValidationError, match=f"{name}: .*{name}0:3: no address matches '(.*)'; expected .*, such as "
    ) as error:
        one_list(tmp_path, name, f"# a list\nfine\n{entry}\n{entry}2\n")
    assert f"'{entry.lower()[:80]}" in str(error.value)


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
