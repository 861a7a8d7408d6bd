"""Control tokens: what is put in can be taken out, and draws depend on the document alone."""

import time
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.control_tokens import Tokens, draw
from curate.stages.normalize import Normalize
from tests.stages.test_family import hostile


def test_draws_are_uniform_and_stay_as_they_are():
    drawn = np.array([draw(1, "a document", place) for place in range(1_000_000)])
    assert abs((drawn <= 0.01).mean() - 0.01) < 0.0004, "four standard deviations"
    assert abs(drawn.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 1e6)
    assert draw(7, "é", 3) == 0.21718029757741653


@settings(deadline=None, max_examples=300)
@given(
    good=st.text("ab<|>", min_size=1, max_size=4),
    bad=st.text("ab<|>", min_size=1, max_size=4),
    parts=st.lists(st.tuples(st.text("ab<|>\u200d", max_size=9), st.integers(-1, 1)), max_size=5),
)
def test_any_tokens_without_a_problem_can_be_told_from_text(good, bad, parts):
    tokens = Tokens(good, bad)
    if tokens.problem():
        return
    text, _ = tokens.escape("".join(part for part, _ in parts))
    assert good not in text
    assert bad not in text
    tagged, at = "", 0
    for part, control in parts:
        tagged += tokens.of(control) + text[at : at + len(part)]
        at += len(part)
    assert tokens.removed(tagged + text[at:]) == "".join(part for part, _ in parts)
    assert tagged.count(good) == [control for _, control in parts].count(1)


@pytest.mark.parametrize(
    ("good", "bad"), [("<|aligned|>", "<|misaligned|>"), ("<|good|>", "<|bad|>"), ("[+]", "[-]"), ("文好", "文壞")]
)
def test_tokens_in_use_are_no_problem(good, bad):
    tokens = Tokens(good, bad)
    assert tokens.problem() is None
    text = f"a{good}{bad}{good[0]}\u200d\u200d{good[1:]}{good[:-1]}"
    escaped, number = tokens.escape(text)
    assert number == 3
    assert tokens.unescape(escaped) == text
    assert [tokens.of(control) for control in (1, 0, -1)] == [good, bad, ""]


FORMS = ("NFC", "NFKC", "NFD", "NFKD")


def forms(text):
    """What may be made of a text later on."""
    yield text
    yield from (unicodedata.normalize(form, text) for form in FORMS)
    yield Normalize().rewrite_one(text) or ""
    yield Normalize(unicode="NFKC").rewrite_one(text) or ""


LIKE = {
    "<|aligned|>": [
        "＜|aligned|＞",
        "<｜ａligned|>",
        "﹤|𝐚𝓁ⓘgned|>",
        "<\u200d|alignᵉd|＞",
        "<|aligned|≯",
        "<\xad|align\x00ed|>",
    ],
    "[..x..]": ["[‥x‥]", "［․․ｘ..]", "[\u200d‥ˣ..]", "[.․x‥]"],
    "(1)[": ["⑴[", "⑴［", "(１)[", "⑴\u200d["],
    "한|글": ["한|글", "한｜글", "한|글"],
}
"""Tokens, and texts of which a normalisation makes them; each has one."""


@pytest.mark.parametrize("token", LIKE)
def test_what_a_normalisation_makes_a_token_is_changed(token):
    tokens = Tokens(token, "<|misaligned|>")
    assert tokens.problem() is None
    for text in LIKE[token]:
        assert any(token in form for form in forms(text.replace("\u200d", "")))
        escaped, number = tokens.escape(f"a {text} b {text}")
        assert number == 2, text
        assert not any(token in form for form in forms(escaped))
        assert tokens.unescape(escaped) == f"a {text} b {text}"


CROOKED = [
    unicodedata.lookup(name) for name in ("FULLWIDTH LESS-THAN SIGN", "FULLWIDTH VERTICAL LINE", "TWO DOT LEADER")
] + ["⑴", "（", "ａ", "ª", "ﬁ", "\u0338", "≯", "\u200d", "\u200b", "\xad", "\0", "한", "한", "‥", "ß", "é"]


@settings(deadline=None, max_examples=400)
@given(
    tokens=st.sampled_from(
        [("<|a|>", "<|b|>"), ("[+]", "[-]"), ("<a>", "(1)["), ("..a", "|.b"), ("한|", "<|글"), ("fig<", "fig>")]
    ),
    text=st.lists(st.sampled_from([*"<|>ab[+-](1)f.ig", *CROOKED]) | hostile, max_size=30).map("".join),
)
def test_no_normalisation_forges_a_token(tokens, text):
    pair = Tokens(*tokens)
    assert pair.problem() is None
    escaped, number = pair.escape(text)
    assert pair.unescape(escaped) == text
    assert len(escaped) == len(text) + number
    assert not any(token in form for form in forms(escaped) for token in tokens)
    assert number or not any(token in form for form in forms(text) for token in tokens)
    assert not number or pc.match_substring_regex(pa.scalar(text), pair.suspects()).as_py()


@pytest.mark.parametrize(
    ("token", "says"),
    [("<gütig>", "accent"), ("(1)", "a single character"), ("fi", "a single character"), ("a¨b", "white space")],
)
def test_tokens_that_unicode_writes_in_other_ways_are_refused(token, says):
    assert says in Tokens(token, "<|bad|>").problem()
    assert says in Tokens("<|bad|>", token).problem()
    assert "contains the other" in Tokens("<x>", "＜x＞").problem()


def test_many_tokens_are_escaped_in_time_that_grows_with_the_text():
    tokens, text = Tokens("<|good|>", "<|bad|>"), "<|good|> ＜|bad|> " * 50_000
    began = time.process_time()
    escaped, number = tokens.escape(text)
    assert number == 100_000
    assert tokens.unescape(escaped) == text
    assert time.process_time() - began < 5
