"""What of a text is sent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.annotation.excerpt import CHINESE, ENGLISH, excerpt, limits_of, token_spans
from tests.stages.test_family import HOSTILE


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Plain.", "Plain."),
        ('"..." and so on', "and so on"),
        ("“…” and so on", "and so on"),
        ('He said "..." twice', 'He said "..." twice'),
        ("... no quotes", "... no quotes"),
        ("![](a.png)\nText ![](b.png) inline\n![](c.png)\r\nend", "Text ![](b.png) inline\nend"),
        ("![alt](a.png)\nText", "![alt](a.png)\nText"),
        ("  \n ", ""),
        ("", ""),
        ("![](a.png)\n", ""),
    ],
)
def test_small_things_that_go(text, sent):
    assert excerpt(text) == sent


def test_the_middle_of_a_long_text_goes():
    words = [f"w{i}" for i in range(5000)]
    sent = excerpt(" ".join(words))
    head, tail = sent.split("...")
    assert " ".join(words).startswith(head)
    assert " ".join(words).endswith(tail)
    for half in (head, tail):
        assert len(token_spans(half)) == ENGLISH.tokens // 2
    assert excerpt("a b c d e f", tokens=4) == "a b... e f"
    assert excerpt("a b c d", tokens=4) == "a b c d"


def test_a_very_long_text_is_cut_by_characters_first():
    text = "x" * 9_999 + " HEAD" + " middle" * 5000 + " TAIL " + "y" * 9_000
    sent = excerpt(text, tokens=10**6)
    assert len(sent) == ENGLISH.characters
    assert sent == text[:10_000] + text[-10_000:]


def test_chinese_has_limits_of_its_own():
    assert limits_of("中文" * 30) == CHINESE
    assert limits_of("English with 中文") == ENGLISH
    sent = excerpt("中" * 40_000)
    assert len(sent) == CHINESE.tokens + 3


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=300), st.sampled_from(HOSTILE)), st.integers(2, 50))
def test_tokens_are_the_text_and_limits_hold(text, tokens):
    spans = token_spans(text)
    assert "".join(text[a:b] for a, b in spans) == text
    sent = excerpt(text, tokens=tokens)
    assert sent == sent.strip()
    parts = sent.split("...")
    assert len(parts) > 1 or len(token_spans(sent)) <= tokens
    assert len(token_spans(sent)) <= tokens + 3
