"""Words: spaCy's own words as the oracle, and the kernel = the plain form on any text."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels import spacy_tables
from curate.kernels.spacy_rules import exceptions
from curate.kernels.urls_plain import is_url
from curate.kernels.words import words, words_one

SPACY = json.loads(Path(__file__).with_name("spacy_words.json").read_text())
"""[text, words, sentences]: what spaCy 3.8.18 makes of it, `spacy.blank("en")` with its sentencizer; words that are
white space left out. The first texts were thought up, the others put together at random from exceptions and marks."""

PIECES = [
    *("a", "The", "word", "É", "中", "ー", "é", "и", "12", "3.5", "5km", "x_y", "don't", "U.S.", "e.g.", "i.e", "Mr."),
    *(".", "..", "...", "…", "……", ",", ":", ";", "!", "?", "-", "--", "---", "—", "——", "~", "+", "/", "=", "<", ">"),
    *("(", ")", "[", "]", '"', "'", "’", "“", "”", "'s", "’S", "n't", "$", "US$", "€", "%", "°", "°C.", "#", "@", "|"),
    *("http://", "www.", ".com", ".co", ":80", "/x?y", "8.8.8.8", "10.0.0.1", ":)", ":-(", "8)", "(^_^)", "<3", "o.O"),
    *("😀", "☃", "\0", "\u0301", "\u200b", "\ufeff", " ", " ", "  ", "\n", "\t", "\r\n", "\x1c", "\x85", "\u00a0"),
    *("\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\U0002f800", "\U0010ffff"),
]
texts = st.lists(
    st.sampled_from(PIECES) | st.sampled_from(sorted(exceptions())) | st.text(st.characters(codec="utf-8"), max_size=6),
    max_size=24,
).map("".join)


def split(many: list[str], definition: str = "spacy") -> list[list[str]]:
    """The words of each text by the kernel; the other columns of its answer are checked on the way."""
    spans = words(pa.array(many, pa.large_string()), definition)
    answers = []
    for i, text in enumerate(many):
        data, pieces = text.encode(), range(spans.first[i], spans.last[i])
        found = [data[spans.start[j] : spans.end[j]].decode() for j in pieces]
        assert [spans.chars[j] for j in pieces] == [len(word) for word in found]
        assert [int(spans.hash[j]) for j in pieces] == [spacy_tables.hash_text(word) for word in found]
        answers.append(found)
    return answers


def test_plain_words_are_those_of_spacy():
    for text, expected, _ in SPACY:
        assert words_one(text) == expected, text


def test_kernel_words_are_those_of_spacy():
    assert split([text for text, *_ in SPACY]) == [expected for _, expected, _ in SPACY]


@settings(deadline=None, max_examples=300)
@given(st.lists(texts, max_size=4))
def test_kernel_agrees_with_plain_form(many):
    assert split(many) == [words_one(text) for text in many]
    assert split(many, "whitespace") == [words_one(text, "whitespace") for text in many]


@pytest.mark.parametrize(
    "text",
    [
        *("x" * 100_000, "!" * 100_000, "." * 100_000, ":)" * 20_000, "a-" * 20_000, "a@" * 20_000, "1." * 20_000),
        *("中。" * 20_000, "e\u0301" * 20_000, "'" * 30_000, "a.b/" * 10_000, " " * 100_000, "word, " * 10_000),
    ],
    ids=lambda text: repr(text[:6]),
)
def test_long_chunks_take_time_in_proportion(text):
    assert split([text]) == [words_one(text)]


def test_random_bytes_next_to_each_other_do_not_leak():
    chance = random.Random(3)
    many = ["".join(chance.choices("abcdefghij.,'é ", k=chance.randrange(20))) for _ in range(2_000)]
    assert split(many) == [words_one(text) for text in many]


def test_slices_and_taken_rows():
    array = pa.array(["left out", "It's here", "", "and there."], pa.large_string())
    spans = words(array[1:])
    assert (spans.last - spans.first).tolist() == [3, 0, 3]
    taken = spans.take(np.array([2, 0]))
    assert [(taken.start[a], taken.end[b - 1]) for a, b in zip(taken.first, taken.last, strict=True)] == [
        (0, 10),
        (0, 9),
    ]
    assert len(words(array[:0]).start) == 0
    assert words(pa.array(["", ""], pa.large_string())).last.tolist() == [0, 0]


def test_unknown_definitions_and_nulls_are_refused():
    with pytest.raises(ValueError, match="'spacy' or 'whitespace', not 'jieba'"):
        words(pa.array(["a"], pa.large_string()), "jieba")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="without nulls"):
        words(pa.array([None], pa.large_string()))


def test_exceptions_join_to_their_words():
    assert all("".join(parts) == word for word, parts in exceptions().items())
    assert len(exceptions()) == 1343  # spaCy's 1,347 without the four that are white space


def test_the_table_answers_for_every_exception_and_for_nothing_else():
    table = spacy_tables.table()
    keys = table[: 2 * spacy_tables.SLOTS : 2]
    assert {np.uint64(spacy_tables.hash_text(word)) for word in exceptions()} <= set(keys)
    assert np.count_nonzero(keys) < spacy_tables.SLOTS * 0.6
    assert len(set(map(spacy_tables.hash_text, exceptions()))) == len(exceptions())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("www.example.com", True),
        ("http://a.bc:80/d?e#f", True),
        ("user:word@host.org", True),
        ("8.8.8.8", True),
        ("223.255.255.254/x", True),
        *((private, False) for private in ("10.0.0.1", "127.0.0.1", "192.168.0.1", "169.254.0.1", "172.16.0.1")),
        ("224.0.0.1", False),
        ("1.2.3.255", False),
        ("1.2.3", False),
        ("lower.Upper", False),
        ("host.c", False),
        ("-a.com", False),
        ("a" * 64 + ".com", True),
        ("a" * 65 + ".com", False),
        ("a.bc:123456", False),
        ("://a.bc", False),
    ],
)
def test_urls(text, expected):
    assert is_url(text) is expected
    if "." in text:
        assert (split([text + "-x-y"]) == [[text + "-x-y"]]) == is_url(text + "-x-y")
