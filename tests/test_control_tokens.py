"""Control tokens: what is put in can be taken out, and draws depend on the document alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.control_tokens import Tokens, draw


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
