"""The word diff: put together it gives both texts again, whatever they are, and it is not slow on odd ones."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from curate.report.differences import differences

words = st.lists(st.sampled_from(["a", "the", "cat", "中", "文", "é", "\n", " ", "\u2028", "x,"]), max_size=30)
texts = st.builds(lambda parts, sep: sep.join(parts), words, st.sampled_from(["", " ", "\n"])) | st.text(max_size=40)


def of(found, *which):
    return [word.rstrip() for run in found.runs if run.which in which for word in run.words]


@given(texts, texts)
def test_both_texts_are_in_it(first, second):
    found = differences(first, second)
    alone = differences(first, first), differences(second, second)
    assert of(found, "both", "first") == of(alone[0], "both")
    assert of(found, "both", "second") == of(alone[1], "both")
    assert found.equal == (of(alone[0], "both") == of(alone[1], "both"))
    assert all(run.words for run in found.runs)
    assert "".join(of(alone[0], "both")) == "".join(first.split())


def test_what_is_in_place_of_what():
    found = differences("On 2015-07-27 the cat  sat", "On 2016-01-01 the cat sat down")
    assert [(run.which, run.words) for run in found.runs] == [
        ("both", ("On ",)),
        ("first", ("2015-07-27 ",)),
        ("second", ("2016-01-01 ",)),
        ("both", ("the ", "cat ", "sat ")),
        ("second", ("down",)),
    ]
    assert differences("a b\nc", "a  b c").equal


def test_scripts_without_spaces_are_compared_by_characters():
    found = differences("今天天气很好", "今天天气不好")
    assert [(run.which, "".join(run.words)) for run in found.runs] == [
        ("both", "今天天气"), ("first", "很"), ("second", "不"), ("both", "好"),
    ]  # fmt: skip


def test_long_texts_are_compared_at_their_beginning():
    found = differences("a b c d e", "a b x y z w", most=3)
    assert found.rest == (len("d e"), len("y z w"))
    assert not found.equal
    same = differences("a b c d e", "a x c d e", most=3)
    assert same.rest == (0, 0)
    assert not differences("a b c d e", "a b c d f", most=3).equal


def test_texts_of_few_different_words_take_no_minutes():
    began = time.perf_counter()
    differences("a b " * 3000, "b c a " * 2000)
    differences("x " * 5000 + "y", "z " + "x " * 4000)
    assert time.perf_counter() - began < 10
