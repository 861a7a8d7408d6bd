"""Texts reduced to what counts when copies are looked for: letters and words, not case, punctuation or spacing.

The reductions are tables for the kernel in `code_points`, made from the running Python's own Unicode data. The few
texts whose code points cannot be looked at one by one go through the plain form, document by document.
"""

import re
import string
import unicodedata
from collections.abc import Iterable
from functools import cache

import numpy as np
import pyarrow as pa

from curate.kernels.code_points import (
    CALL_PYTHON,
    DIGIT,
    DROP,
    LOWER_SIGMA,
    MAX_BYTES,
    MAX_GROWTH,
    SPACE,
    SPLIT_HANGUL,
    Table,
    rewrite,
    table,
)

# What becomes a space, as in datatrove's `simplify_text` (0.10.1): marks of several scripts and control characters, but
# not tab and newline (they are whitespace anyway). The full-width digit one is a slip of the original, without effect.
_MARKS = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
_CONTROLS = (*range(0, 9), *range(11, 13), *range(13, 32), *range(127, 160))
_TO_SPACE = dict.fromkeys([*map(ord, _MARKS), *_CONTROLS], " ")
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_SEPARATORS = ".,،٫⎖⎗⎘"  # one of these may stand inside a number
_NUMBER = re.compile(rf"\d+(?:[{re.escape(_SEPARATORS)}]\d+)?")

# Where code points are that are not plain: everywhere else stand ideographs, Hangul syllables and private use.
_LOOKED_AT = (
    (0, 0x3400),
    (0xA000, 0xAC00),
    (0xD7A4, 0xD800),
    (0xF900, 0x20000),
    (0x2F800, 0x2FA20),
    (0xE0000, 0xE0200),
)
_HANGUL = slice(0xAC00, 0xD7A4)


def simplify_one(text: str) -> str:
    """The specification of `simplify`: datatrove's `simplify_text` with its default settings, in this order.

    Lower case; each number (digits of any script, with at most one separator inside) becomes 0; punctuation and control
    characters become spaces; runs of whitespace become one space; accents and other non-spacing marks are removed.
    The last step merges words of scripts that write vowels as such marks, among them Thai, Devanagari and Arabic.
    """
    text = _NUMBER.sub("0", text.lower()).translate(_TO_SPACE)
    text = " ".join(text.split())
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn").strip()


def squeeze_one(text: str) -> str:
    """The specification of `squeeze`: Unicode NFC, each run of whitespace one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def plain_one(text: str) -> str:
    """The specification of `plain`: lower case, ASCII punctuation removed, each run of whitespace one space, none at
    the ends. It is what SlimPajama takes character n-grams of.
    """
    return " ".join(text.lower().translate(_NO_PUNCTUATION).split())


def simplify(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """`simplify_one` of each text."""
    return rewrite(texts, _simplify_table(), simplify_one)


def squeeze(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """`squeeze_one` of each text."""
    return rewrite(texts, _squeeze_table(), squeeze_one)


def plain(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """`plain_one` of each text."""
    return rewrite(texts, _plain_table(), plain_one)


def _points() -> Iterable[int]:
    for low, high in _LOOKED_AT:
        yield from range(low, high)


@cache
def _simplify_table() -> Table:
    """What becomes of a code point does not depend on its neighbours, but for the capital sigma, whose lower case does,
    and for the few spacing marks that Unicode may reorder: their texts go through Python. Made in about 0.1 s.
    """
    action = np.zeros(0x110000, np.int32)
    action[_HANGUL] = SPLIT_HANGUL
    pool = bytearray(b"\0")
    for point in _points():
        char = chr(point)
        lower = char.lower()
        spaced = lower.translate(_TO_SPACE)
        parts = unicodedata.normalize("NFD", spaced)
        left = "".join(c for c in parts if unicodedata.category(c) != "Mn")
        if char == "Σ":
            action[point] = LOWER_SIGMA
        elif any(unicodedata.combining(c) for c in left):
            action[point] = CALL_PYTHON
        elif lower.isdecimal():
            action[point] = DIGIT
        elif spaced.isspace():
            action[point] = SPACE
        elif left != char:
            new = left.encode()
            if " " in left or len(new) > min(MAX_BYTES, MAX_GROWTH * len(char.encode())):
                action[point] = CALL_PYTHON
            else:
                action[point] = len(pool) << 4 | len(new)
                pool += new
    return table(action, bytes(pool))


@cache
def _squeeze_table() -> Table:
    """Whitespace becomes a space; all that Unicode's quick check for NFC does not pass goes through Python."""
    action = np.zeros(0x110000, np.int32)
    seconds = set[int]()  # code points that NFC may join to the one before
    for point in _points():
        char = chr(point)
        pair = unicodedata.decomposition(char).split()
        if len(pair) == 2 and not pair[0].startswith("<"):
            seconds.add(int(pair[1], 16))
        if unicodedata.combining(char) or not unicodedata.is_normalized("NFC", char):
            action[point] = CALL_PYTHON
        elif char.isspace():
            action[point] = SPACE
    action[[*seconds, *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]] = CALL_PYTHON
    return table(action, b"\0")


@cache
def _plain_table() -> Table:
    """Lower case depends on neighbours for the capital sigma alone."""
    action = np.zeros(0x110000, np.int32)
    pool = bytearray(b"\0")
    for point in _points():
        char = chr(point)
        lower = char.lower()
        if char == "Σ":
            action[point] = LOWER_SIGMA
        elif point in _NO_PUNCTUATION:
            action[point] = DROP
        elif char.isspace():
            action[point] = SPACE
        elif lower != char:
            action[point] = len(pool) << 4 | len(lower.encode())
            pool += lower.encode()
    return table(action, bytes(pool))
