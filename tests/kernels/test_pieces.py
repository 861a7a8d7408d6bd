"""Texts cut into lines, paragraphs and sentences: nothing is lost, and the fast form = the plain form."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.pieces import (
    WHITE_SPACE,
    line_pieces,
    line_pieces_one,
    paragraph_pieces,
    paragraph_pieces_one,
    sentence_pieces,
    sentence_pieces_one,
)
from tests.stages.test_family import HOSTILE, hostile

FORMS = {
    "lines": (line_pieces, line_pieces_one),
    "paragraphs": (paragraph_pieces, paragraph_pieces_one),
    "sentences": (sentence_pieces, sentence_pieces_one),
}
BITS = (
    "One|two.|Three!|(Four|***FIVE***|…|...|!|?|。|Dr.|e.g.|a.B|:)| |  |\n|\n\n|\t|\x1c|\u2028|\u3000|\x85|\0|é".split(
        "|"
    )
)
texts = st.lists(hostile | st.lists(st.sampled_from(BITS), max_size=20).map("".join), max_size=4)
per_form = pytest.mark.parametrize(("fast", "one"), FORMS.values(), ids=FORMS.keys())


def array(many: list[str]) -> pa.LargeStringArray:
    return pa.array(["in front", *many], pa.large_string())[1:]  # offsets do not start at 0


@per_form
@settings(deadline=None, max_examples=150)
@given(many=texts, data=st.data())
def test_fast_form_is_the_plain_form(fast, one, many, data):
    pieces = fast(array(many))
    expected = [one(text) for text in many]
    assert ["".join(parts) for parts in expected] == many
    assert pieces.texts.to_pylist() == [piece for parts in expected for piece in parts]
    assert np.diff(pieces.first).tolist() == [len(parts) for parts in expected]
    assert pieces.row().tolist() == [i for i, parts in enumerate(expected) for _ in parts]
    assert pieces.place().tolist() == [j for parts in expected for j in range(len(parts))]
    assert pieces.blank().tolist() == [not piece.strip() for parts in expected for piece in parts]
    gone = data.draw(st.lists(st.booleans(), min_size=len(pieces.texts), max_size=len(pieces.texts)))
    flags, left = np.array(gone, np.bool_), iter(gone)
    assert pieces.sums(flags).tolist() == [
        sum(flags[a:b].tolist()) for a, b in zip(pieces.first[:-1], pieces.first[1:], strict=True)
    ]
    kept = pieces.without(flags)
    kept.validate(full=True)
    assert kept.to_pylist() == ["".join(piece for piece in parts if not next(left)) for parts in expected]


@per_form
def test_hostile_texts(fast, one):
    assert fast(array(HOSTILE)).texts.to_pylist() == [piece for text in HOSTILE for piece in one(text)]


def test_examples():
    assert line_pieces_one("a\n\nb\r\nc") == ["a\n", "\n", "b\r\n", "c"]
    assert line_pieces_one("a\n") == ["a\n"]
    assert line_pieces_one("") == []
    assert paragraph_pieces_one(" \na\nb\n \n\nc\n") == [" \n", "a\nb\n \n\n", "c\n"]
    assert sentence_pieces_one(" Dr. No came.  He left (so what?) now.\n") == [
        " Dr. No came.",
        "  He left (so what?)",
        " now.\n",
    ]
    assert sentence_pieces_one("\n\t ") == ["\n\t "]


def test_white_space_is_that_of_python():
    assert set(WHITE_SPACE) == {chr(point) for point in range(0x110000) if chr(point).isspace()}
