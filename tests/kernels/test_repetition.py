"""Counting repeated pieces and n-grams, against counting with a dictionary."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import repetition
from curate.kernels.lines import lines
from curate.kernels.repetition import duplicates, number_table, repeated_n_grams
from curate.kernels.text import Spans
from curate.kernels.words import words

pages = st.lists(st.lists(st.sampled_from(["", "a", "é", "long line", "中文"]), max_size=12).map("\n".join), max_size=4)


def spans(texts: list[str]) -> Spans:
    return lines(pa.array(texts, pa.large_string()))


@settings(deadline=None, max_examples=150)
@given(texts=pages, every_copy=st.booleans(), keep_empty=st.booleans())
def test_duplicates_are_those_of_a_dictionary(texts, every_copy, keep_empty):
    found = duplicates(spans(texts), every_copy=every_copy, keep_empty=keep_empty)
    for row, text in enumerate(texts):
        pieces = [piece for piece in text.split("\n") if piece or keep_empty]
        again = {piece: n if every_copy else n - 1 for piece, n in Counter(pieces).items() if n > 1}
        expected = len(pieces), sum(map(len, pieces)), sum(again.values()), sum(len(p) * n for p, n in again.items())
        assert tuple(column[row] for column in found) == expected


@pytest.mark.parametrize("given_so_far", [repetition._ROUNDS_END - 1, repetition._ROUNDS_END + 1])
def test_the_table_is_cleared_before_its_numbers_run_out(given_so_far):
    pieces = spans(["a\nb\na", "b\na", "a\nc\nc\nc"])
    slots, given, keys, scratch = number_table(pieces)
    given[0] = given_so_far
    slots[:] = given_so_far  # what earlier rounds left
    counts = np.zeros((3, 4), np.int64)
    columns = pieces.first, pieces.last, pieces.chars, pieces.hash
    repetition._duplicates(*columns, False, True, counts, slots, given, keys, scratch)
    assert counts[:, 2].tolist() == [1, 0, 2]
    assert given[0] < given_so_far + 7


def test_many_different_n_grams_and_one_that_is_repeated():
    text = " ".join(f"w{i}" for i in range(20_000))
    found = words(pa.array([text, f"{text} {text[:30]}"], pa.large_string()), "whitespace")
    once, twice = repeated_n_grams(found)
    assert once.tolist() == [5, 8, 11, 0, 0, 0, 0, 0, 0]  # the first n-gram, once; none is repeated
    assert twice.tolist() == [10, 16, 22, 2 * 10, 12, 14, 16, 18, 20]  # ten words again: room for two 5-grams
    assert repeated_n_grams(found, every_copy=True)[0].tolist() == [0] * 9


def test_no_documents_and_no_words():
    assert repeated_n_grams(words(pa.array([], pa.large_string()))).shape == (0, 9)
    assert repeated_n_grams(words(pa.array(["", " "], pa.large_string()))).tolist() == [[0] * 9] * 2
    assert duplicates(spans([])).pieces.tolist() == []
