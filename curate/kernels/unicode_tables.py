"""One table that tells kernels what a code point is: white space, letter, punctuation, what spaCy's rules need.

Letters, digits, white space and punctuation are those of Python's own Unicode tables, so that kernels agree with `str`
methods of the Python that runs them.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from curate.kernels import spacy_rules
from curate.kernels.spacy_rules import code_points

SPACE, ALPHA, WORD, DECIMAL, DIGIT = 1, 2, 4, 8, 16
"""`str.isspace`; `str.isalpha`; `\\w` of regular expressions; `str.isdecimal`; 0 to 9."""
PUNCTUATION, SYMBOLIC, TERMINAL, SENTENCE_END = 32, 64, 128, 256
"""Category P; datatrove's punctuation set; sentence-final marks of all scripts; those where spaCy ends a sentence."""
PREFIX, SUFFIX, BEFORE_STOP = 512, 1024, 2048
"""spaCy: comes off a word's beginning; off its end; lets a full stop after it come off."""
LETTER, LOWER, UPPER, QUOTE, SYMBOL = 4096, 8192, 16384, 32768, 65536
"""spaCy: letters of the scripts it knows; which count as small, as capital; quotation marks; dingbats and emoji."""

TERMINAL_MARKS = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d6 "
    "17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e 1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 "
    "2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb "
    "fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 "
    "111c5-111c6 111cd 111de-111df 11238-11239 1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 "
    "1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 "
    "16b37-16b38 16b44 16e98 1bc9f 1da88"
)
"""The 159 sentence-final marks (Unicode's Sentence_Terminal and some more), as datatrove has them."""
NOT_SENTENCE_ENDS = (
    "61d-61e 837 839 83d-83e 17d4-17d6 17d9-17da 1b7d-1b7e 2e53-2e54 10f55-10f59 10f86-10f89 11944 11946 11ef7-11ef8 "
    "11f43-11f44 16e98"
)
"""Terminal marks that spaCy's `sentencizer` does not know."""
SYMBOLIC_MARKS = (
    "0-8 b-1f 22-2d 2f 3a-3e 40 5b-60 7b-9f ab b4 bb 2013-2014 2019 201c-201e 2026 2236 2501 25ba 3001 3008-300d "
    "3010-3011 ff05 ff08-ff09 ff0c ff11 ff1a-ff1b ff5e"
)
"""datatrove's list of punctuation beside the terminal marks (CCNet's list; the full-width 1 is an old slip)."""
LAST_ASSIGNED = 0x323B0
"""Above it are no letters, marks or white space (Unicode 16)."""


def _mark(table: npt.NDArray[np.uint32], ranges: str, bits: int) -> None:
    for codes in code_points(ranges):
        table[codes.start : codes.stop] |= bits


@cache
def classes() -> npt.NDArray[np.uint32]:
    """uint32[0x110000]: the classes of every code point, as bits."""
    table = np.zeros(0x110000, np.uint32)
    for code in range(LAST_ASSIGNED):
        char = chr(code)
        category = unicodedata.category(char)
        bits = PUNCTUATION if category[0] == "P" else 0
        if category[0] == "L":
            bits |= ALPHA | WORD
        elif char.isalnum() or char == "_":
            bits |= WORD | (DECIMAL if char.isdecimal() else 0)
        elif char.isspace():
            bits |= SPACE
        table[code] = bits
    _mark(table, "30-39", DIGIT)
    _mark(table, TERMINAL_MARKS, TERMINAL | SENTENCE_END | SYMBOLIC)
    for codes in code_points(NOT_SENTENCE_ENDS):
        table[codes.start : codes.stop] &= ~np.uint32(SENTENCE_END)
    _mark(table, SYMBOLIC_MARKS, SYMBOLIC)
    _mark_spacy(table)
    table.flags.writeable = False
    return table


def is_kind(char: str, kind: int) -> bool:
    """Whether a character is of one of the kinds whose bits are set."""
    return bool(classes()[ord(char)] & kind)


def _mark_spacy(table: npt.NDArray[np.uint32]) -> None:
    _mark(table, spacy_rules.UNCASED, LETTER | LOWER | UPPER)
    for codes in code_points(spacy_rules.CASED):
        for code in codes:
            category = "Ll" if code == 0x294 else unicodedata.category(chr(code))  # the glottal stop counts as small
            table[code] |= LETTER | {"Ll": LOWER, "Lu": UPPER}.get(category, 0)
    _mark(table, spacy_rules.SYMBOLS, SYMBOL | PREFIX | SUFFIX)
    for chars, bits in (
        (spacy_rules.MARKS, PREFIX | SUFFIX | BEFORE_STOP),
        (spacy_rules.QUOTES, PREFIX | SUFFIX | BEFORE_STOP | QUOTE),
        ("—–", PREFIX | SUFFIX),
        (spacy_rules.CURRENCY + spacy_rules.ONLY_PREFIX, PREFIX),
        ("0123456789%²-+|(?:)", BEFORE_STOP),
    ):
        for char in chars:
            table[ord(char)] |= bits
    table[(table & LOWER) != 0] |= BEFORE_STOP
