"""The line kernel cuts as its specification does, whatever the text."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.lines import _CODES, lines, lines_one

ENDS = "\n\n\n\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
TEXTS = st.text(st.sampled_from(ENDS + " \t\xa0\u3000\u200baé€😀\0\u0301") | st.characters(codec="utf-8"), max_size=40)


def pieces(texts: pa.Array, definition: str, strip: bool) -> list[list[str]]:
    spans = lines(texts, definition, strip)
    out = []
    for i, text in enumerate(texts.to_pylist()):
        raw = text.encode()
        mine = range(spans.first[i], spans.last[i])
        out.append([raw[spans.start[j] : spans.end[j]].decode() for j in mine])
        assert [spans.chars[j] for j in mine] == [len(piece) for piece in out[-1]]
    return out


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("definition", _CODES)
@settings(deadline=None, max_examples=150)
@given(texts=st.lists(TEXTS, max_size=4))
def test_cuts_as_python_does(definition: str, strip: bool, texts: list[str]) -> None:
    array = pa.array(["skipped", *texts], pa.large_string()).slice(1)
    assert pieces(array, definition, strip) == [lines_one(text, definition, strip) for text in texts]


def test_known_cuts() -> None:
    text = "\n\na\n\nb\r\nc\n"
    assert lines_one(text, "newline") == ["", "", "a", "", "b\r", "c", ""]
    assert lines_one(text, "newlines") == ["", "a", "b\r", "c", ""]
    assert lines_one(text, "paragraphs") == ["a", "b\r\nc"]
    assert lines_one(text, "splitlines") == ["", "", "a", "", "b", "c"]


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
@settings(deadline=None, max_examples=100)
def test_equal_pieces_have_equal_hashes_and_others_do_not(texts: list[str]) -> None:
    spans = lines(pa.array(texts, pa.large_string()), "splitlines")
    found = [piece for text in texts for piece in text.splitlines()]
    assert len(set(zip(found, spans.hash.tolist(), strict=True))) == len(set(found)) == len(np.unique(spans.hash))


def test_one_long_line() -> None:
    spans = lines(pa.array(["é" * 500_000 + "\n"], pa.large_string()))
    assert spans.chars.tolist() == [500_000, 0]
    assert spans.end.tolist() == [1_000_000, 1_000_001]


def test_an_unknown_definition_is_refused() -> None:
    with pytest.raises(ValueError, match="not 'sentence'"):
        lines(pa.array(["a"], pa.large_string()), "sentence")  # type: ignore[arg-type]
