"""Sentences: spaCy's own counts as the oracle, and the kernel = the plain form on any text."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.sentences import sentence_count_one, sentence_counts
from tests.kernels.test_words import SPACY, texts

ENDS = st.lists(
    st.sampled_from(
        ["One", "two", ".", "!", "?", "...", "…", ")", '."', " ", "  ", "\n", "。", "।", "Dr.", "a.b", "$", ":)"]
    ),
    max_size=20,
).map("".join)


def counts(many: list[str], definition: str = "spacy") -> list[int]:
    return sentence_counts(pa.array(many, pa.large_string()), definition).tolist()


def test_counts_are_those_of_spacy():
    many, expected = [text for text, *_ in SPACY], [sentences for *_, sentences in SPACY]
    assert [sentence_count_one(text) for text in many] == expected
    assert counts(many) == expected


@settings(deadline=None, max_examples=300)
@given(st.lists(texts | ENDS, max_size=4))
def test_kernel_agrees_with_plain_form(many):
    assert counts(many) == [sentence_count_one(text) for text in many]
    assert counts(many, "simple") == [sentence_count_one(text, "simple") for text in many]


def test_definitions_differ():
    text = "Dr. Smith came. He left... No wonder.Really?) Yes!  "
    assert counts([text], "simple") == [4], "Dr. | Smith came. | He left... | No wonder.Really?) Yes!"
    assert counts([text], "spacy") == [5], "Dr. Smith came. | He left... No wonder. | Really?) | Yes! | two spaces"
    assert counts(["Dr. Smith"], "simple") == [2]
    assert counts(["Dr. Smith"], "spacy") == [1]
    assert counts(["One.Two."], "simple") == [1]
    assert counts(["One.Two."], "spacy") == [2]
    assert counts(["", " ", "\n"], "simple") == [0, 0, 0]


@pytest.mark.parametrize("text", ["x" * 200_000 + ".", ".x" * 20_000, "。" * 50_000, ". " * 20_000, "a.\n" * 20_000])
def test_long_texts(text):
    assert counts([text]) == [sentence_count_one(text)]
    assert counts([text], "simple") == [sentence_count_one(text, "simple")]


def test_unknown_definitions_are_refused():
    with pytest.raises(ValueError, match="'spacy' or 'simple', not 'punkt'"):
        counts(["a"], "punkt")
