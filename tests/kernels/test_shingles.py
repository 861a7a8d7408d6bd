"""Shingles against their plain specification, hashed by the C library."""

import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.joined_words import LONGEST_LETTERS
from curate.kernels.shingles import shingles, shingles_one
from curate.kernels.spacy_rules import exceptions
from curate.kernels.unicode_tables import PREFIX, SYMBOL, classes
from curate.kernels.words import words_one

HASHES = {
    "xxh32": xxhash.xxh32_intdigest,
    "xxh64": xxhash.xxh64_intdigest,
    "sha1_32": lambda piece: int.from_bytes(hashlib.sha1(piece).digest()[:4], "little"),
    "sha1_64": lambda piece: int.from_bytes(hashlib.sha1(piece).digest()[:8], "little"),
}
UNITS = [("words", "spacy"), ("words", "whitespace"), ("characters", "spacy")]

pieces = st.sampled_from(
    "a the quick cannot dont ill im id gonna shouldntve 0 2019 0km 12am 8) U.S.A. don't Don’t :) e.g. well-known "
    "naïve ß École Ωμέγα 5µg 3км² 한국어 हिंदी 中文 한국 👍 👩‍👩‍👧 e\u0301 \u0301 \0 abcdefgh abcdefghi "
    "supercalifragilisticexpialidocious ಠ︵ಠ".split()
)
spaces = st.sampled_from(
    [" "] * 12 + ["  ", "\n", "\t", "\r\n", "\x1c", "\x85", "\xa0", "\u2003", "\u3000", "\u2028", ""]
)
words = st.lists(st.tuples(pieces, spaces), max_size=40).map(lambda found: "".join(a + b for a, b in found))
hostile = words | st.text(st.characters(codec="utf-8"), max_size=60)


def strings(texts):
    return pa.array(texts, pa.large_string())


def expected(texts, hashed_by, *options):
    return [[HASHES[hashed_by](piece.encode()) for piece in shingles_one(text, *options)] for text in texts]


def as_lists(found):
    return [found.hashes[low:high].tolist() for low, high in pairwise(found.offsets)]


@pytest.mark.parametrize(("unit", "definition"), UNITS)
@settings(deadline=None, max_examples=200)
@given(
    texts=st.lists(hostile, max_size=6),
    ngram=st.integers(1, 14),
    hashed_by=st.sampled_from([*HASHES]),
    max_chars=st.none() | st.integers(0, 80),
)
def test_as_specified(unit, definition, texts, ngram, hashed_by, max_chars):
    found = shingles(strings(texts), ngram, unit, definition, hashed_by, max_chars)
    assert found.hashes.dtype == (np.uint32 if hashed_by.endswith("32") else np.uint64)
    assert found.offsets.dtype == np.int64
    assert as_lists(found) == expected(texts, hashed_by, ngram, unit, definition, max_chars)
    sliced = shingles(strings(["é 1", *texts])[1:], ngram, unit, definition, hashed_by, max_chars)
    assert sliced.offsets.tolist() == found.offsets.tolist()
    assert sliced.hashes.tolist() == found.hashes.tolist()


def test_the_specification():
    assert shingles_one("Don't stop", 2) == ["Do n't", "n't stop"]
    assert shingles_one("Don't stop\n now", 2, words="whitespace") == ["Don't stop", "stop now"]
    assert shingles_one("añb c", 3, "characters") == ["añb", "ñb ", "b c"]
    assert shingles_one("one two three four", 2, max_chars=9) == ["one two", "two t"]
    assert shingles_one("one two", 3) == shingles_one("", 1) == []


@pytest.mark.parametrize("length", [*range(1, 100), 1000])
def test_xxh32_at_every_length(length):
    text = "".join(chr(33 + i % 90) for i in range(length))
    for around in ("", " " * 7, "é"):
        found = shingles(strings([around, text, around]), length, "characters")
        assert as_lists(found)[1] == [xxhash.xxh32_intdigest(text.encode())]


def test_every_exception_of_spacy():
    """Those of letters alone are split at a glance, by a hash of their first 16 bytes."""
    known = sorted(exceptions())
    letters = [word for word in known if word.isascii() and word.isalpha()]
    assert letters
    assert max(map(len, letters)) <= LONGEST_LETTERS
    assert max(len(word.encode()) for word in known if all(map(str.isalpha, word))) <= LONGEST_LETTERS
    texts = [*known, *(f"we {word} and {word.lower()} {word.upper()}" for word in known), " ".join(letters)]
    assert as_lists(shingles(strings(texts), 1)) == expected(texts, "xxh32", 1)


def test_every_code_point_among_letters():
    """Beyond ASCII, a piece of letters alone is a word at a glance."""
    known = classes()
    at = [p for p in range(0x80, 0x20000) if p % 16 == 0 or known[p] != known[p - 1] or known[p] & (PREFIX | SYMBOL)]
    points = [chr(point) for point in at if not 0xD800 <= point < 0xE000]
    texts = [f"b{char}c {char}" for char in points]
    found = shingles(strings(texts), 1)
    counts = [len(words_one(text)) for text in texts]
    assert np.diff(found.offsets).tolist() == counts
    several = [text for text, count in zip(texts, counts, strict=True) if count != 2]
    assert len(several) > 1000
    assert as_lists(shingles(strings(several), 1)) == expected(several, "xxh32", 1)


@settings(deadline=None, max_examples=100)
@given(lengths=st.lists(st.integers(0, 70), max_size=12), gaps=st.lists(st.integers(1, 3), min_size=12, max_size=12))
def test_words_across_blocks_of_64_bytes(lengths, gaps):
    text = "".join("x" * length + " " * gap for length, gap in zip(lengths, gaps, strict=False))
    for stripped in (text, text.rstrip()):
        assert as_lists(shingles(strings([stripped, "y"]), 2)) == expected([stripped, "y"], "xxh32", 2)


@pytest.mark.parametrize(("unit", "definition"), UNITS)
def test_long_and_many_texts(unit, definition):
    texts = ["a" * 1_000_000, " " * 1_000_000, "ab, " * 5000, "字" * 5000, "", *["."] * 1000, *["é."] * 1000]
    most = 50_000 if unit == "characters" else None
    found = shingles(strings(texts), 5, unit, definition, max_chars=most)
    lists, wanted = as_lists(found), expected(texts, "xxh32", 5, unit, definition, most)
    assert [len(each) for each in lists] == [len(each) for each in wanted]
    assert lists == wanted


def test_no_texts():
    found = shingles(strings([]), 5)
    assert found.offsets.tolist() == [0]
    assert found.hashes.tolist() == []


def test_only_long_texts_are_cut():
    texts = ["é" * 10, "é" * 11, "a b"]
    assert as_lists(shingles(strings(texts), 10, "characters", max_chars=10)) == expected(
        ["é" * 10, "é" * 10, "a b"], "xxh32", 10, "characters"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"ngram": 0}, "at least 1"),
        ({"ngram": 5, "unit": "bytes"}, "unit is one of words, characters, not 'bytes'"),
        ({"ngram": 5, "words": "nltk"}, "words is one of spacy, whitespace"),
        ({"ngram": 5, "hashed_by": "md5"}, "hashed_by is one of xxh32, xxh64, sha1_32, sha1_64"),
        ({"ngram": 5, "max_chars": -1}, "max_chars is 0 or more"),
    ],
)
def test_what_is_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        shingles(strings(["a"]), **options)
