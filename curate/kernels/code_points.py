"""Rewrites texts code point by code point, by a table; each run of whitespace becomes one space."""

import string
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.masks import WIDTH, in_range, lowest, put_lower
from curate.kernels.text import buffers, strings

# What to do with a code point. Any greater number n: put the n & 15 bytes at n >> 4 of the pool in its place.
COPY, SPACE, DIGIT, CALL_PYTHON, SPLIT_HANGUL, LOWER_SIGMA, DROP = 0, 1, 2, 3, 4, 5, 6
LETTERS, CAPITALS, DIGITS, MARKS, BLANKS = range(5)
MAX_GROWTH = 3  # bytes out for a byte in, at most; reached by Hangul syllables, three letters each
MAX_BYTES = 15  # that can be put in the place of a code point


class Table(NamedTuple):
    """What to do with each code point."""

    ascii: npt.NDArray[np.int16]
    """int16[128]: the byte to write; 256 + the byte if it is whitespace; or 512 + what to do."""
    action: npt.NDArray[np.int32]
    """int32[0x110000]."""
    pool: npt.NDArray[np.uint8]
    """UTF-8 bytes that are put in the place of code points."""
    at_once: npt.NDArray[np.uint64]
    """uint64[5], all ones or zero: whether runs of ASCII letters may be taken at once (LETTERS), capitals among them
    made small (CAPITALS); whether digits and marks end such a run (DIGITS, MARKS), or marks are spaces (BLANKS)."""


def table(action: npt.NDArray[np.int32], pool: bytes) -> Table:
    """A table from the action for each code point (int32[0x110000]) and the pool."""
    direct = np.empty(128, np.int16)
    for byte in range(128):
        what = int(action[byte])
        put = byte if what == COPY else pool[what >> 4] if what > MAX_BYTES and what & MAX_BYTES == 1 else None
        direct[byte] = put if put is not None else 256 + 0x20 if what == SPACE else 512 + what
    return Table(direct, action, np.frombuffer(pool, np.uint8), _at_once(direct))


def _at_once(direct: npt.NDArray[np.int16]) -> npt.NDArray[np.uint64]:
    """What `Table.at_once` says, from what becomes of each ASCII character."""

    def becomes(chars: str, others: str) -> bool:
        return bool((direct[[*map(ord, chars)]] == [*map(ord, others)]).all())

    capitals, small, digits = string.ascii_uppercase, string.ascii_lowercase, string.digits
    spaces = "".join(chr(byte) for byte in range(128) if chr(byte).isspace())
    marks = "".join(chr(byte) for byte in range(128) if chr(byte) not in spaces + capitals + small + digits)
    blank = chr(256 + 0x20)
    lower, blanks = becomes(capitals, small), becomes(marks, blank * len(marks))
    letters = becomes(small, small) and (lower or becomes(capitals, capitals)) and becomes(spaces, blank * len(spaces))
    ends = not becomes(digits, digits), not (blanks or becomes(marks, marks))
    return np.array([2**64 - 1 if yes else 0 for yes in (letters, lower, *ends, blanks)], np.uint64)


def rewrite(texts: pa.LargeStringArray, by: Table, one: Callable[[str], str]) -> pa.LargeStringArray:
    """Each text rewritten by a table; those that the table cannot settle, by `one`."""
    data, offsets = buffers(texts)
    room = int(offsets[-1] - offsets[0]) * MAX_GROWTH + WIDTH  # not touched, hence not in memory, unless it is needed
    out, bounds = np.empty(room, np.uint8), np.zeros(len(texts) + 1, np.int64)
    by_hand = np.zeros(len(texts), np.bool_)
    _rewrite(data, offsets, by.ascii, by.action, by.pool, by.at_once, out, bounds, by_hand)
    rewritten = strings(out[: bounds[-1]], bounds)
    rows = np.flatnonzero(by_hand)
    if not len(rows):
        return rewritten
    others = pa.array([one(texts[row].as_py()) for row in rows.tolist()], pa.large_string())
    order = np.arange(len(texts))
    order[rows] = len(texts) + np.arange(len(rows))
    return pa.concat_arrays([rewritten, others]).take(order)


@kernel
def _rewrite(data, offsets, ascii, action, pool, at_once, out, bounds, by_hand):
    """Write the documents one after the other: document i is out[bounds[i]:bounds[i + 1]].

    A document that has to be looked at as a whole is left empty here, and by_hand[i] set.
    """
    k = np.int64(0)
    for i in range(len(by_hand)):
        at, end, begin = offsets[i], offsets[i + 1], k
        blank = np.int64(1)  # whether whitespace, or nothing at all, was written last: then no more of it is
        while at < end:
            b = data[at]
            if 0x61 <= b | 0x20 <= 0x7A and at + WIDTH <= len(data) and at_once[LETTERS]:
                size, left, blank = _take_letters(data, at, end, at_once, out, k)
                k += size
                at += size + left
                continue
            if b < 0x80:
                point, size = np.int64(b), 1
                what = np.int64(ascii[b])
                if what < 512:  # nearly all of English goes this way, so no branch asks what is a space
                    out[k] = what & 0xFF
                    k += 1 - (what >> 8 & blank)
                    blank = what >> 8
                    at += 1
                    continue
                what -= 512
            else:
                point, size = _decode(data, at)
                what = np.int64(action[point])
            if what == SPACE:
                out[k] = 0x20
                k += 1 - blank
                blank = np.int64(1)
                at += size
                continue
            if what == DROP:
                at += size
                continue
            sigma = _lower_sigma(data, at, offsets[i], end) if what == LOWER_SIGMA else np.int64(0)
            if what == CALL_PYTHON or (what == LOWER_SIGMA and sigma == 0):
                by_hand[i] = True
                k = begin
                break
            if what == DIGIT:
                out[k] = 0x30
                k += 1
                at = _end_of_number(data, at, end, action)
            else:
                if what == LOWER_SIGMA:
                    out[k] = 0xCF
                    out[k + 1] = sigma
                    k += 2
                elif what == SPLIT_HANGUL:
                    k = _put_hangul(out, k, point - 0xAC00)
                elif what == COPY:
                    k = _put(out, k, data, at, size)
                else:
                    k = _put(out, k, pool, what >> 4, what & 15)
                at += size
            # A mark that stands alone is a word, then removed: the two spaces around it both stay, as in datatrove.
            blank = np.int64(k == begin)
        while k > begin and out[k - 1] == 0x20:
            k -= 1
        bounds[i + 1] = k


@inlined
def _take_letters(data, at, end, at_once, out, k):
    """Writes what begins with an ASCII letter, to the end of 64 bytes or to the first that is more than a letter or a
    space. Returns how many bytes it wrote, how many spaces it leaves out after them, and whether the last was a space.
    """
    capitals, digits = in_range(data, at, 0x41, 0x5A), in_range(data, at, 0x30, 0x39)
    letters = capitals | in_range(data, at, 0x61, 0x7A)
    wide = in_range(data, at, 0x80, 0xFF)
    spaces = in_range(data, at, 0x20, 0x20) | in_range(data, at, 0x09, 0x0D) | in_range(data, at, 0x1C, 0x1F)
    marks = ~(letters | digits | wide | spaces)
    blanks = spaces | (marks & at_once[BLANKS])
    ends = wide | (digits & at_once[DIGITS]) | (marks & at_once[MARKS]) | (blanks & (blanks << np.uint64(1)))
    put_lower(out, k, data, at, capitals & at_once[CAPITALS], blanks)
    size = min(lowest(ends), end - at)
    after = blanks >> np.uint64(size - 1)
    return size, min(lowest(~(after >> np.uint64(1))), end - at - size), np.int64(after & np.uint64(1))


@inlined
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


@inlined
def _put(out, k, source, at, size):
    """Copy `size` bytes, and say where to go on."""
    for j in range(size):
        out[k + j] = source[at + j]
    return k + size


@helper
def _put_hangul(out, k, syllable):
    """Write the two or three letters of a syllable, counted from U+AC00 (Unicode standard, section 3.12)."""
    letters = (0x1100 + syllable // 588, 0x1161 + syllable % 588 // 28, 0x11A7 + syllable % 28)
    for letter in letters:
        if letter != 0x11A7:  # no third letter
            out[k] = 0xE1
            out[k + 1] = 0x80 | (letter >> 6) & 0x3F
            out[k + 2] = 0x80 | letter & 0x3F
            k += 3
    return k


@helper
def _end_of_number(data, at, end, action):
    """Where the number ends that begins at `at`: digits, then at most once a separator and more digits."""
    separators = 0
    while at < end:
        point, size = _decode(data, at)
        if action[point] != DIGIT:
            if separators or not (
                point == 0x2E or point == 0x2C or point == 0x60C or point == 0x66B or 0x2396 <= point <= 0x2398
            ):
                break
            if at + size >= end or action[_decode(data, at + size)[0]] != DIGIT:
                break
            separators = 1
        at += size
    return at


@helper
def _lower_sigma(data, at, start, end):
    """The second byte of what the capital sigma at `at` becomes in lower case, or 0 where that takes Python to say.

    It is final, hence ς, if a letter stands before it and none behind, where some marks do not count. Settled here: a
    Greek letter follows; or nothing, a space or a bracket stands before it; or a Greek letter does, and white space, a
    comma or the end follows, or a stop and one of these.
    """
    after = at + 2
    if after + 1 < end and _is_greek(data, after):
        return 0x83
    if at == start or data[at - 1] == 0x20 or data[at - 1] == 0x0A or data[at - 1] == 0x28:
        return 0x83
    if at - 2 < start or not _is_greek(data, at - 2):
        return 0
    if after < end and data[after] == 0x2E:
        after += 1
    if after == end or data[after] == 0x20 or data[after] == 0x0A or data[after] == 0x2C:
        return 0x82
    return 0


@inlined
def _is_greek(data, at):
    """Whether a letter from U+0391 to U+03CE stands at `at`."""
    if data[at] == 0xCE:
        return data[at + 1] >= 0x91 and data[at + 1] != 0xA2
    return data[at] == 0xCF and data[at + 1] <= 0x8E
