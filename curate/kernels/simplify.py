"""Texts reduced to what counts when copies are looked for: letters and words, not case, punctuation or spacing.

One kernel does both reductions: what happens to a code point is read from a table, made from the running Python's own
Unicode data. The few texts whose code points cannot be looked at one by one go through Python, document by document.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from curate.kernels.text import buffers, strings

# What becomes a space, as in datatrove's `simplify_text` (0.10.1): marks of several scripts and control characters, but
# not tab and newline (they are whitespace anyway). The full-width digit one is a slip of the original, without effect.
_MARKS = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
_CONTROLS = (*range(0, 9), *range(11, 13), *range(13, 32), *range(127, 160))
_TO_SPACE = dict.fromkeys([*map(ord, _MARKS), *_CONTROLS], " ")
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

# What to do with a code point. Any other value n: put the n & 15 bytes at n >> 4 of the pool in its place.
_COPY, _SPACE, _DIGIT, _CALL_PYTHON, _SPLIT_HANGUL, _LOWER_SIGMA = 0, 1, 2, 3, 4, 5
_MAX_GROWTH = 3  # bytes out for a byte in, at most; reached by Hangul syllables, three letters each


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


def simplify(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """`simplify_one` of each text."""
    return _reduce(texts, _simplify_table(), simplify_one)


def squeeze(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """`squeeze_one` of each text."""
    return _reduce(texts, _squeeze_table(), squeeze_one)


class _Table(NamedTuple):
    """What the kernel does with each code point."""

    ascii: npt.NDArray[np.int16]
    """int16[128]: the byte to write, or 256 + action."""
    action: npt.NDArray[np.int32]
    """int32[0x110000]: the action, or (place << 4 | length) in `pool`."""
    pool: npt.NDArray[np.uint8]
    """UTF-8 bytes that are put in place of code points."""


def _reduce(texts: pa.LargeStringArray, table: _Table, one: Callable[[str], str]) -> pa.LargeStringArray:
    data, offsets = buffers(texts)
    room = int(offsets[-1] - offsets[0]) * _MAX_GROWTH  # not touched, hence not in memory, unless it is needed
    out, bounds = np.empty(room, np.uint8), np.zeros(len(texts) + 1, np.int64)
    by_hand = np.zeros(len(texts), np.bool_)
    _apply_table(data, offsets, table.ascii, table.action, table.pool, out, bounds, by_hand)
    reduced = strings(out[: bounds[-1]], bounds)
    rows = np.flatnonzero(by_hand)
    if not len(rows):
        return reduced
    others = pa.array([one(texts[row].as_py()) for row in rows.tolist()], pa.large_string())
    order = np.arange(len(texts))
    order[rows] = len(texts) + np.arange(len(rows))
    return pa.concat_arrays([reduced, others]).take(order)


@njit(inline="always")
def _decode(data, at):
    """(code point, its length in bytes) at `at` of valid UTF-8."""
    b = np.int64(data[at])
    if b < 0x80:
        return b, 1
    if b < 0xE0:
        return (b & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    low = (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F)
    if b < 0xF0:
        return (b & 0x0F) << 12 | low, 3
    return (b & 0x07) << 18 | low << 6 | (np.int64(data[at + 3]) & 0x3F), 4


@njit(cache=True, nogil=True)
def _lower_sigma(data, at, start, end):
    """The second byte of what the capital sigma at `at` becomes in lower case, or 0 where that takes Python to say.

    It is final, hence ς, if a letter stands before it and none behind, where some marks do not count. Settled here: a
    Greek letter follows; or a Greek letter stands before it and white space, a comma or the end follows, or a stop and
    one of these.
    """
    after = at + 2
    if after + 1 < end and _is_greek(data, after):
        return 0x83
    if at - 2 < start or not _is_greek(data, at - 2):
        return 0
    if after < end and data[after] == 0x2E:
        after += 1
    if after == end or data[after] == 0x20 or data[after] == 0x0A or data[after] == 0x2C:
        return 0x82
    return 0


@njit(inline="always")
def _is_greek(data, at):
    """Whether a letter from U+0391 to U+03CE stands at `at`."""
    if data[at] == 0xCE:
        return data[at + 1] >= 0x91 and data[at + 1] != 0xA2
    return data[at] == 0xCF and data[at + 1] <= 0x8E


@njit(inline="always")
def _put_gap(out, k, begin):
    """Write the space between two words, but none in front of the document, and say where to go on.

    A mark on its own counts as a word here, and is removed: the two spaces around it both stay, as in the original.
    """
    if k > begin:
        out[k] = 0x20
        return k + 1
    return k


@njit(inline="always")
def _put_jamo(out, k, point):
    """Write a code point of the Hangul letters block, U+1100 to U+11FF: three bytes."""
    out[k] = 0xE1
    out[k + 1] = 0x80 | (point >> 6) & 0x3F
    out[k + 2] = 0x80 | point & 0x3F


@njit(cache=True, nogil=True)
def _apply_table(data, offsets, ascii, action, pool, out, bounds, by_hand):
    """Write the documents, reduced, one after the other: document i is out[bounds[i]:bounds[i + 1]].

    A document that has to be looked at as a whole is left empty here, and by_hand[i] set.
    """
    k = 0
    for i in range(len(by_hand)):
        at, end, begin = offsets[i], offsets[i + 1], k
        seen = gap = False  # anything but whitespace so far; whitespace since
        while at < end:
            b = data[at]
            if b < 0x80:
                what = np.int64(ascii[b])
                size = 1
                if what < 256:
                    if gap:
                        k = _put_gap(out, k, begin)
                        gap = False
                    seen = True
                    out[k] = what
                    k += 1
                    at += 1
                    continue
                what -= 256
            else:
                point, size = _decode(data, at)
                what = np.int64(action[point])
            if what == _SPACE:
                gap = seen
                at += size
                continue
            if what == _LOWER_SIGMA:
                sigma = _lower_sigma(data, at, offsets[i], end)
                if sigma == 0:
                    what = np.int64(_CALL_PYTHON)
            if what == _CALL_PYTHON:
                by_hand[i] = True
                k = begin
                break
            if gap:
                k = _put_gap(out, k, begin)
                gap = False
            seen = True
            if what == _COPY:
                for j in range(size):
                    out[k + j] = data[at + j]
                k += size
                at += size
            elif what == _DIGIT:
                out[k] = 0x30
                k += 1
                at = _end_of_number(data, at, end, action)
            elif what == _SPLIT_HANGUL:
                syllable = point - 0xAC00  # Unicode standard, section 3.12
                _put_jamo(out, k, 0x1100 + syllable // 588)
                _put_jamo(out, k + 3, 0x1161 + syllable % 588 // 28)
                k += 6
                if syllable % 28:
                    _put_jamo(out, k, 0x11A7 + syllable % 28)
                    k += 3
                at += size
            elif what == _LOWER_SIGMA:
                out[k] = 0xCF
                out[k + 1] = sigma
                k += 2
                at += size
            else:
                place, length = what >> 4, int(what & 15)
                for j in range(length):
                    out[k + j] = pool[place + j]
                k += length
                at += size
        while k > begin and out[k - 1] == 0x20:
            k -= 1
        bounds[i + 1] = k


@njit(cache=True, nogil=True)
def _end_of_number(data, at, end, action):
    """Where the number ends that begins at `at`: digits, then at most once a separator and more digits."""
    separators = 0
    while at < end:
        point, size = _decode(data, at)
        if action[point] != _DIGIT:
            if separators or not (
                point == 0x2E or point == 0x2C or point == 0x60C or point == 0x66B or 0x2396 <= point <= 0x2398
            ):
                break
            if at + size >= end or action[_decode(data, at + size)[0]] != _DIGIT:
                break
            separators = 1
        at += size
    return at


def _points() -> Iterable[int]:
    for low, high in _LOOKED_AT:
        yield from range(low, high)


@cache
def _simplify_table() -> _Table:
    """Context-free but for the capital sigma, whose lower case depends on its place in the word, and for the few
    spacing marks that Unicode may reorder: texts with these go through Python. Made on first use, in about 0.1 s.
    """
    action = np.zeros(0x110000, np.int32)
    action[_HANGUL] = _SPLIT_HANGUL
    pool = bytearray(b"\0")
    for point in _points():
        char = chr(point)
        lower = char.lower()
        spaced = lower.translate(_TO_SPACE)
        parts = unicodedata.normalize("NFD", spaced)
        left = "".join(c for c in parts if unicodedata.category(c) != "Mn")
        if char == "Σ":
            action[point] = _LOWER_SIGMA
        elif any(unicodedata.combining(c) for c in left):
            action[point] = _CALL_PYTHON
        elif lower.isdecimal():
            action[point] = _DIGIT
        elif spaced.isspace():
            action[point] = _SPACE
        elif left != char:
            new = left.encode()
            if " " in left or len(new) > min(15, _MAX_GROWTH * len(char.encode())):
                action[point] = _CALL_PYTHON
            else:
                action[point] = len(pool) << 4 | len(new)
                pool += new
    return _with_ascii(action, np.frombuffer(bytes(pool), np.uint8))


@cache
def _squeeze_table() -> _Table:
    """Whitespace becomes a space; all that Unicode's quick check for NFC does not pass goes through Python."""
    action = np.zeros(0x110000, np.int32)
    seconds = set[int]()  # code points that NFC may join to the one before
    for point in _points():
        char = chr(point)
        pair = unicodedata.decomposition(char).split()
        if len(pair) == 2 and not pair[0].startswith("<"):
            seconds.add(int(pair[1], 16))
        if unicodedata.combining(char) or not unicodedata.is_normalized("NFC", char):
            action[point] = _CALL_PYTHON
        elif char.isspace():
            action[point] = _SPACE
    action[[*seconds, *range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]] = _CALL_PYTHON
    return _with_ascii(action, np.zeros(1, np.uint8))


def _with_ascii(action: npt.NDArray[np.int32], pool: npt.NDArray[np.uint8]) -> _Table:
    direct = np.empty(128, np.int16)
    for byte in range(128):
        what = int(action[byte])
        direct[byte] = byte if what == _COPY else pool[what >> 4] if what > 15 else 256 + what
    return _Table(direct, action, pool)
