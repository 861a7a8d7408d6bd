"""The table of code points agrees with Python's `str`, and with what is known of the published lists."""

import re
import unicodedata

import numpy as np
import pytest

from curate.kernels import unicode_tables as tables

EVERY = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


@pytest.mark.parametrize(
    ("bit", "told"),
    [
        (tables.SPACE, str.isspace),
        (tables.ALPHA, str.isalpha),
        (tables.DECIMAL, str.isdecimal),
        (tables.WORD, lambda char: re.match(r"\w", char) is not None),
        (tables.PUNCTUATION, lambda char: unicodedata.category(char)[0] == "P"),
        (tables.DIGIT, lambda char: char in "0123456789"),
    ],
    ids=["space", "alpha", "decimal", "word", "punctuation", "digit"],
)
def test_agrees_with_python(bit, told):
    assert [code for code in EVERY if told(chr(code))] == np.flatnonzero(tables.classes() & bit).tolist()


def test_sizes_of_the_published_sets():
    sizes = {
        bit: np.count_nonzero(tables.classes() & bit) for bit in (tables.TERMINAL, tables.SENTENCE_END, tables.SYMBOLIC)
    }
    assert sizes == {tables.TERMINAL: 159, tables.SENTENCE_END: 128, tables.SYMBOLIC: 281}


def test_spacy_classes():
    kinds = tables.classes()
    for chars, bit, expected in (
        ("aZéЖ中ー", tables.LETTER, True),
        ("1-_ạ̈"[:3], tables.LETTER, False),
        ("aéж中", tables.LOWER, True),
        ("AÉЖ中", tables.UPPER, True),
        ("aéж", tables.UPPER, False),
        ("😀©°☃", tables.SYMBOL, True),
        ("“'«（", tables.QUOTE, True),
        ("$€§%=(", tables.PREFIX, True),
        ("$€§%=+-/", tables.SUFFIX, False),
        (")!…—", tables.SUFFIX, True),
    ):
        for char in chars:
            assert bool(kinds[ord(char)] & bit) is expected, (char, bit)
