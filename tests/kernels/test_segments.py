"""Segments: nothing is lost, none is too long, and the fast form = the plain form."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.segments import MAX_CHARS, masked_one, segments, segments_one, without_one
from tests.stages.test_family import HOSTILE, HUGE, hostile

long = st.tuples(st.sampled_from(["word ", "é ", "中\n", "x" * 99 + " ", "a. "]), st.integers(1, 900))
texts = st.lists(hostile | long.map(lambda pair: pair[0] * pair[1]), max_size=4)


def fast(many: list[str]) -> list[list[str]]:
    pieces = segments(pa.array(["in front", *many], pa.large_string())[1:])
    found = pieces.texts.to_pylist()
    return [found[a:b] for a, b in zip(pieces.first[:-1], pieces.first[1:], strict=True)]


@settings(deadline=None, max_examples=40)
@given(many=texts)
def test_fast_form_is_plain_form(many):
    assert fast(many) == [segments_one(text) for text in many]


def test_nothing_is_lost_and_none_is_too_long():
    for text, found in zip([*HOSTILE, *HUGE], fast([*HOSTILE, *HUGE]), strict=True):
        assert "".join(found) == text
        assert all(0 < len(piece) <= MAX_CHARS for piece in found)


def test_long_sentences_are_cut_behind_white_space():
    text = "word " * 401 + "x" * 2001
    found = segments_one(text)
    assert found == ["word " * 400, "word ", "x" * 2000, "x"]
    assert segments_one("One came. Two came.\n\nThree came.") == ["One came. ", "Two came.", "\n\nThree came."]


@given(pieces=st.lists(st.tuples(st.text("ab \n", min_size=1, max_size=5), st.booleans()), max_size=8))
def test_of_cut_pieces_nothing_stays_but_white_space(pieces):
    parts, gone = [part for part, _ in pieces], [going for _, going in pieces]
    left = without_one(parts, gone)
    kept = "".join(part for part, going in pieces if not going)
    assert "".join(left.split()) == "".join(kept.split())
    assert left == left.strip()
    if not any(gone):
        assert left == kept.strip()


def test_of_the_white_space_around_a_cut_the_larger_stays():
    assert without_one(["A. ", "B.\n\n", "C."], [False, True, False]) == "A.\n\nC."
    assert without_one(["A.", "\n\nB. ", "C."], [False, True, False]) == "A.\n\nC."
    assert without_one(["A.\n", " B. ", "  C."], [False, True, False]) == "A.\nC."
    assert without_one(["A. ", "B. ", "\n", "C. ", "D."], [False, True, False, True, False]) == "A.\nD."
    assert without_one(["B. ", "A.\n"], [True, False]) == "A."
    assert masked_one(["A. ", " B.\n", " \n"], [False, True, True], "*") == "A.  *\n \n"
