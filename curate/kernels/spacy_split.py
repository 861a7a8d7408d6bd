"""spaCy's English word boundaries as a kernel: cuts a chunk of text without white space into words.

What is done is said readably in `words_plain.py`; this is the same over code points in flat arrays. The words of a
chunk lie side by side, so the result is a list of cuts. The scratch `s` is explained in `spacy_join.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined
from curate.kernels.scanning import decode
from curate.kernels.spacy_join import AT, BACK, CODE, CUT, KIND, hash_words, join, put_parts
from curate.kernels.spacy_tables import (
    EXCEPTION,
    LONGEST_EXCEPTION,
    UNIT,
    find,
    hash_bytes,
)
from curate.kernels.spacy_urls import is_url
from curate.kernels.unicode_tables import BEFORE_STOP, DIGIT, LETTER, LOWER, PREFIX, QUOTE, SUFFIX, SYMBOL, UPPER
from curate.kernels.words_plain import LONGEST_UNIT

_STOP, _COMMA, _PLUS, _HYPHEN, _TILDE, _DOLLAR, _DEGREE = 0x2E, 0x2C, 0x2B, 0x2D, 0x7E, 0x24, 0xB0
_ELLIPSIS, _EN_DASH, _EM_DASH, _APOSTROPHE, _QUOTE = 0x2026, 0x2013, 0x2014, 0x27, 0x2019
_COLON, _LESS, _EQUAL, _GREATER, _SLASH, _STAR, _CARET = 0x3A, 0x3C, 0x3D, 0x3E, 0x2F, 0x2A, 0x5E


def scratch(offsets: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """Room to cut any chunk of the documents with these offsets (int64[n + 1]): `s`, and the hashes of the words."""
    room = int(np.diff(offsets).max(initial=0)) + 2  # what is not written costs nothing
    return np.empty((8, room), np.int32), np.empty(room, np.uint64)


@helper
def cut(data, begin, end, classes, table, s, hashes):
    """Cuts `data[begin:end]`, which has no white space. Returns the number of words, w.

    Word i ends before character `s[CUT, i]`, and `hashes[i]` is its hash; character j starts at `begin + s[AT, j]`.
    """
    count, where, seen = 0, begin, np.uint32(0)
    while where < end:
        code, size = decode(data, where)
        kind = classes[np.uint32(code)]
        s[CODE, count], s[KIND, count], s[AT, count] = code, kind, where - begin
        seen |= kind
        where += size
        count += 1
    s[AT, count] = end - begin
    low, high, words, behind = np.int64(0), np.int64(count), np.int64(0), np.int64(0)
    while low < high and _exception(data, begin, low, high, table, s) < 0:
        before = _prefix(low, high, s)
        after = _suffix(data, begin, low + before, high, seen & DIGIT, table, s)
        if before and _exception(data, begin, low + before, high, table, s) >= 0:
            after = 0
        elif after and _exception(data, begin, low, high - after, table, s) >= 0:
            before = 0
        if before:
            low += before
            s[CUT, words] = low
            words += 1
        if after:
            s[BACK, behind] = high
            behind += 1
            high -= after
        if not before and not after:
            break
    if low < high:
        words = _middle(data, begin, low, high, words, table, s)
    for i in range(behind - 1, -1, -1):
        s[CUT, words] = s[BACK, i]
        words += 1
    hash_words(data, begin, words, s, hashes)
    return join(data, begin, words, table, s, hashes) if words > 1 else words


@helper
def _exception(data, begin, low, high, table, s):
    first, last = s[AT, low], s[AT, high]
    if first >= last or last - first > LONGEST_EXCEPTION:
        return np.int64(-1)
    return find(table, hash_bytes(data, begin + first, begin + last) ^ EXCEPTION)


@inlined
def _prefix(low, high, s):
    code = s[CODE, low]
    if s[KIND, low] & PREFIX:
        return 1
    if code == _STOP:
        dots = _dots(low, high, s)
        return dots if dots > 1 else 0
    if code == _PLUS:
        return 0 if low + 1 < high and s[KIND, low + 1] & DIGIT else 1
    if (code == 0x41 or code == 0x43) and low + 1 < high and s[CODE, low + 1] == _DOLLAR:  # A$ C$
        return 2
    if code == 0x55 and low + 2 < high and s[CODE, low + 1] == 0x53 and s[CODE, low + 2] == _DOLLAR:  # US$
        return 3
    return 0


@helper
def _dots(low, high, s):
    at = low
    while at < high and s[CODE, at] == _STOP:
        at += 1
    return at - low


@inlined
def _suffix(data, begin, low, high, has_digit, table, s):
    if low >= high:
        return 0
    last, kind = s[CODE, high - 1], s[KIND, high - 1]
    if last == _STOP:
        return _full_stop(low, high, s)
    if kind & DIGIT:
        return 0
    if last == _PLUS:
        return 1 if high - 2 >= low and s[KIND, high - 2] & DIGIT else 0
    for length in range(1, min(LONGEST_UNIT, high - low - 1) + 1 if has_digit else 0):
        if s[KIND, high - length - 1] & DIGIT:
            if find(table, hash_bytes(data, begin + s[AT, high - length], begin + s[AT, high]) ^ UNIT) >= 0:
                return length
            break
    before = s[CODE, high - 2] if high - 2 >= low else 0
    if (last == 0x73 or last == 0x53) and (before == _APOSTROPHE or before == _QUOTE):
        return 2
    if last == _ELLIPSIS and before == _ELLIPSIS:
        return 2
    return 1 if kind & SUFFIX else 0


@helper
def _full_stop(low, high, s):
    at = high
    while at > low and s[CODE, at - 1] == _STOP:
        at -= 1
    if high - at > 1:
        return high - at
    if at == low:
        return 0
    kind = s[KIND, at - 1]
    if kind & BEFORE_STOP:
        return 1
    if at - 2 < low:
        return 0
    if kind & UPPER and s[KIND, at - 2] & UPPER:
        return 1
    letter = s[CODE, at - 1] | 0x20
    return 1 if s[CODE, at - 2] == _DEGREE and (letter == 0x63 or letter == 0x66 or letter == 0x6B) else 0


@helper
def _middle(data, begin, low, high, words, table, s):
    """Appends the cuts of what no prefix or suffix comes off; returns the new number of words."""
    parts = _exception(data, begin, low, high, table, s)
    if parts >= 0:
        return put_parts(parts, low, words, s)
    at = low
    while at < high and s[CODE, at] != _STOP:
        at += 1
    if at < high and is_url(s, low, high):
        s[CUT, words] = high
        return words + 1
    first, at = low, low
    while at < high:
        length = 0 if s[KIND, at] & (LETTER | DIGIT) and not s[KIND, at] & SYMBOL else _infix(low, at, high, s)
        if length and at > low:  # an infix at the very beginning stays with the word
            if first < at:
                s[CUT, words] = at
                words += 1
            s[CUT, words] = at + length
            words += 1
            first = at + length
        at += max(length, 1)
    if first < high:
        s[CUT, words] = high
        words += 1
    return words


@helper
def _infix(low, at, high, s):
    code = s[CODE, at]
    if code == _STOP and at + 1 < high and s[CODE, at + 1] == _STOP:
        return _dots(at, high, s)
    if code == _ELLIPSIS or s[KIND, at] & SYMBOL:
        return 1
    if at == low or at + 1 == high:
        return 0
    before, after = s[KIND, at - 1], s[KIND, at + 1]
    if before & DIGIT and (code == _PLUS or code == _HYPHEN or code == _STAR or code == _CARET):
        if after & DIGIT or s[CODE, at + 1] == _HYPHEN:
            return 1
    if code == _STOP:
        return 1 if before & (LOWER | QUOTE) and after & (UPPER | QUOTE) else 0
    if code == _COMMA:
        return 1 if before & LETTER and after & LETTER else 0
    if not before & (LETTER | DIGIT):
        return 0
    if code == _COLON or code == _LESS or code == _EQUAL or code == _GREATER or code == _SLASH:
        return 1 if after & LETTER else 0
    if code == _HYPHEN or code == _EN_DASH or code == _EM_DASH or code == _TILDE:
        return _hyphens(at, high, s)
    return 0


@helper
def _hyphens(at, high, s):
    code = s[CODE, at]
    most = 3 if code == _HYPHEN else 2 if code == _EM_DASH else 1
    for length in range(1, most + 1):
        if at + length >= high:
            return 0
        if s[KIND, at + length] & LETTER:
            return length
        if s[CODE, at + length] != code:
            return 0
    return 0
