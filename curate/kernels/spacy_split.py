"""spaCy's English word boundaries as a kernel: cuts a chunk of text without white space into words.

What is done is said readably in `words_plain.py`; this is the same over code points in flat arrays. The words of a chunk
lie side by side, so the result is a list of cuts.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from curate.kernels.spacy_rules import exceptions
from curate.kernels.unicode_tables import (
    BEFORE_STOP,
    DECIMAL,
    DIGIT,
    LETTER,
    LOWER,
    PREFIX,
    QUOTE,
    SUFFIX,
    SYMBOL,
    UPPER,
    WORD,
    classes,
)
from curate.kernels.words_plain import AFTER_DIGIT, LONGEST_UNIT, joins

SEED = np.uint64(0x9E3779B97F4A7C15)
PRIME = np.uint64(0xD6E8FEB86659FD93)
EXCEPTION, UNIT, RUN = np.uint64(0), np.uint64(0x5851F42D4C957F2D), np.uint64(0x14057B7EF767814F)
"""What a key of the table is about: xor-ed to the hash, so that one table serves all three."""
LONGEST_EXCEPTION = np.int32(max(len(word.encode()) for word in exceptions()))  # bytes
LONGEST_RUN = np.int32(max(map(len, joins())))  # words
SLOTS = 1 << 13
_MASK = np.uint64(SLOTS - 1)
_NO_RULE = -1  # in the table, but only as the beginning of a run

_STOP, _COMMA, _PLUS, _HYPHEN, _TILDE, _DOLLAR, _DEGREE = 0x2E, 0x2C, 0x2B, 0x2D, 0x7E, 0x24, 0xB0
_ELLIPSIS, _EN_DASH, _EM_DASH, _APOSTROPHE, _QUOTE = 0x2026, 0x2013, 0x2014, 0x27, 0x2019
_COLON, _LESS, _EQUAL, _GREATER, _SLASH, _STAR, _CARET, _AT = 0x3A, 0x3C, 0x3D, 0x3E, 0x2F, 0x2A, 0x5E, 0x40
_HASH, _QUESTION, _UNDERSCORE = 0x23, 0x3F, 0x5F


class Rules(NamedTuple):
    """What the kernel looks up."""

    classes: npt.NDArray[np.uint32]
    """uint32[0x110000], bits of `unicode_tables`."""
    keys: npt.NDArray[np.uint64]
    """Open addressing: hashes of exceptions, of units, and of runs of words that are joined; 0 is free."""
    values: npt.NDArray[np.int32]
    """Which row of `parts` is meant."""
    parts: npt.NDArray[np.int32]
    """int32[n, 4]: the lengths of an exception's words in code points, then 0."""


class Scratch(NamedTuple):
    """Room for one chunk of text, reused; each array has an element per byte of the longest document, and some."""

    code: npt.NDArray[np.int32]
    at: npt.NDArray[np.int32]
    cuts: npt.NDArray[np.int32]
    back: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]


def scratch_for(offsets: npt.NDArray[np.int64]) -> Scratch:
    """Room to cut any chunk of the documents with these offsets (int64[n + 1])."""
    room = int(np.diff(offsets).max(initial=0)) + 2  # not written, not paid for
    code, at, cuts, back = (np.empty(room, np.int32) for _ in range(4))
    return Scratch(code, at, cuts, back, np.empty(room, np.uint64))


@njit(cache=True, nogil=True)
def hash_bytes(data, begin, end):  # type: ignore[no-untyped-def]
    """The state of the hash after the bytes `data[begin:end]`; `finish` it before it is shown."""
    mixed = SEED
    for i in range(begin, end):
        mixed = (mixed ^ np.uint64(data[i])) * PRIME
    return mixed


@njit(cache=True, nogil=True, inline="always")
def finish(mixed):  # type: ignore[no-untyped-def]
    """The hash of a word: low bits as good as high ones."""
    return mixed ^ (mixed >> np.uint64(32))


@njit(cache=True, nogil=True)
def find(rules, key):  # type: ignore[no-untyped-def]
    """Row of `rules.parts` for a salted hash; -1 for the mere beginning of a run, -2 if unknown."""
    slot = (key ^ (key >> np.uint64(32))) & _MASK
    while rules.keys[slot] != 0:
        if rules.keys[slot] == key:
            return rules.values[slot]
        slot = (slot + np.uint64(1)) & _MASK
    return np.int32(-2)


@cache
def rules() -> Rules:
    """The tables, built once per process."""
    entries: list[tuple[int, int]] = []
    words = list(exceptions())
    parts = np.zeros((len(words), 4), np.int32)
    for row, word in enumerate(words):
        lengths = [len(part) for part in exceptions()[word]]
        parts[row, : len(lengths)] = lengths
        entries.append((_hash(word) ^ int(EXCEPTION), row))
    entries += [(_hash(unit) ^ int(UNIT), 0) for unit in AFTER_DIGIT]
    rows = {word: row for row, word in enumerate(words)}
    for run in joins():
        state = 0
        for length, word in enumerate(run, 1):
            state = (state * int(PRIME) + int(finish(np.uint64(_hash(word))))) % 2**64
            entries.append((state ^ int(RUN), rows["".join(run)] if length == len(run) else _NO_RULE))
    keys, values = np.zeros(SLOTS, np.uint64), np.zeros(SLOTS, np.int32)
    for key, value in sorted(entries, key=lambda entry: -entry[1]):  # a run before the beginning of a longer one
        slot = (key ^ (key >> 32)) % SLOTS
        while keys[slot] not in (0, key):
            slot = (slot + 1) % SLOTS
        if keys[slot] == 0:
            keys[slot], values[slot] = key, value
    return Rules(classes(), keys, values, parts)


def _hash(text: str) -> int:
    state = int(SEED)
    for byte in text.encode():
        state = (state ^ byte) * int(PRIME) % 2**64
    return state


@njit(cache=True, nogil=True)
def decode(data, at):  # type: ignore[no-untyped-def]
    """(code point, bytes) of the character that starts at `at` in valid UTF-8."""
    byte = np.int32(data[at])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return ((byte & 0x1F) << 6) | (data[at + 1] & 0x3F), 2
    middle = np.int32(data[at + 1] & 0x3F)
    if byte < 0xF0:
        return ((byte & 0x0F) << 12) | (middle << 6) | (data[at + 2] & 0x3F), 3
    return ((byte & 0x07) << 18) | (middle << 12) | (np.int32(data[at + 2] & 0x3F) << 6) | (data[at + 3] & 0x3F), 4


@njit(cache=True, nogil=True)
def cut(data, begin, end, rules, s):  # type: ignore[no-untyped-def]
    """Cuts `data[begin:end]`, which has no white space. Returns the number of words, w.

    Word i ends before character `s.cuts[i]`; character j starts at byte `begin + s.at[j]`; `s.hashes[i]` is the hash.
    """
    count, where = 0, begin
    while where < end:
        s.at[count] = where - begin
        s.code[count], size = decode(data, where)
        where += size
        count += 1
    s.at[count] = end - begin
    low, high, words, behind = 0, count, 0, 0
    while low < high:
        if _exception(data, begin, low, high, rules, s) >= 0:
            break
        before = _prefix(low, high, rules, s)
        after = _suffix(data, begin, low + before, high, rules, s)
        if before and _exception(data, begin, low + before, high, rules, s) >= 0:
            after = 0
        elif after and _exception(data, begin, low, high - after, rules, s) >= 0:
            before = 0
        if not before and not after:
            break
        if before:
            low += before
            s.cuts[words] = low
            words += 1
        if after:
            s.back[behind] = high
            behind += 1
            high -= after
    words = _middle(data, begin, low, high, words, rules, s)
    for i in range(behind - 1, -1, -1):
        s.cuts[words] = s.back[i]
        words += 1
    first = 0
    for i in range(words):
        s.hashes[i] = finish(hash_bytes(data, begin + s.at[first], begin + s.at[s.cuts[i]]))
        first = s.cuts[i]
    return _join(words, rules, s, data, begin) if words > 1 else words


@njit(cache=True, nogil=True)
def _exception(data, begin, low, high, rules, s):  # type: ignore[no-untyped-def]
    if low >= high or s.at[high] - s.at[low] > LONGEST_EXCEPTION:
        return np.int32(-2)
    return find(rules, hash_bytes(data, begin + s.at[low], begin + s.at[high]) ^ EXCEPTION)


@njit(cache=True, nogil=True)
def _prefix(low, high, rules, s):  # type: ignore[no-untyped-def]
    code = s.code[low]
    if code == _STOP:
        dots = _dots(low, high, s)
        return dots if dots > 1 else 0
    if code == _PLUS:
        return 0 if low + 1 < high and rules.classes[s.code[low + 1]] & DIGIT else 1
    if (code == 0x41 or code == 0x43) and low + 1 < high and s.code[low + 1] == _DOLLAR:  # A$ C$
        return 2
    if code == 0x55 and low + 2 < high and s.code[low + 1] == 0x53 and s.code[low + 2] == _DOLLAR:  # US$
        return 3
    return 1 if rules.classes[code] & PREFIX else 0


@njit(cache=True, nogil=True)
def _dots(low, high, s):  # type: ignore[no-untyped-def]
    at = low
    while at < high and s.code[at] == _STOP:
        at += 1
    return at - low


@njit(cache=True, nogil=True)
def _suffix(data, begin, low, high, rules, s):  # type: ignore[no-untyped-def]
    if low >= high:
        return 0
    last = s.code[high - 1]
    if last == _STOP:
        return _full_stop(low, high, rules, s)
    if last == _PLUS and high - 2 >= low and rules.classes[s.code[high - 2]] & DIGIT:
        return 1
    if not rules.classes[last] & DIGIT:
        for length in range(1, min(LONGEST_UNIT, high - low - 1) + 1):
            if rules.classes[s.code[high - length - 1]] & DIGIT:
                key = hash_bytes(data, begin + s.at[high - length], begin + s.at[high]) ^ UNIT
                if find(rules, key) >= 0:
                    return length
                break
    if high - 2 >= low:
        before = s.code[high - 2]
        if (last == 0x73 or last == 0x53) and (before == _APOSTROPHE or before == _QUOTE):
            return 2
        if last == _ELLIPSIS and before == _ELLIPSIS:
            return 2
    return 1 if rules.classes[last] & SUFFIX else 0


@njit(cache=True, nogil=True)
def _full_stop(low, high, rules, s):  # type: ignore[no-untyped-def]
    at = high
    while at > low and s.code[at - 1] == _STOP:
        at -= 1
    if high - at > 1:
        return high - at
    if at == low:
        return 0
    kind = rules.classes[s.code[at - 1]]
    if kind & BEFORE_STOP:
        return 1
    if at - 2 < low:
        return 0
    if kind & UPPER and rules.classes[s.code[at - 2]] & UPPER:
        return 1
    letter = s.code[at - 1] | 0x20
    return 1 if s.code[at - 2] == _DEGREE and (letter == 0x63 or letter == 0x66 or letter == 0x6B) else 0


@njit(cache=True, nogil=True)
def _middle(data, begin, low, high, words, rules, s):  # type: ignore[no-untyped-def]
    """Appends the cuts of what no prefix or suffix comes off; returns the new number of words."""
    if low >= high:
        return words
    row = _exception(data, begin, low, high, rules, s)
    if row >= 0:
        return _put_parts(row, low, words, rules, s)
    has_stop = False
    for i in range(low, high):
        has_stop |= s.code[i] == _STOP
    if has_stop and _is_url(low, high, rules, s):
        s.cuts[words] = high
        return words + 1
    first, at = low, low
    while at < high:
        length = _infix(low, at, high, rules, s)
        if length and at > low:  # an infix at the very beginning stays with the word
            if first < at:
                s.cuts[words] = at
                words += 1
            s.cuts[words] = at + length
            words += 1
            first = at + length
        at += max(length, 1)
    if first < high:
        s.cuts[words] = high
        words += 1
    return words


@njit(cache=True, nogil=True)
def _put_parts(row, first, words, rules, s):  # type: ignore[no-untyped-def]
    for i in range(4):
        if rules.parts[row, i] == 0:
            break
        first += rules.parts[row, i]
        s.cuts[words] = first
        words += 1
    return words


@njit(cache=True, nogil=True)
def _infix(low, at, high, rules, s):  # type: ignore[no-untyped-def]
    code = s.code[at]
    kind = rules.classes[code]
    if code == _STOP and at + 1 < high and s.code[at + 1] == _STOP:
        return _dots(at, high, s)
    if code == _ELLIPSIS or kind & SYMBOL:
        return 1
    if kind & (LETTER | DIGIT) or at == low or at + 1 == high:
        return 0
    before, after = rules.classes[s.code[at - 1]], rules.classes[s.code[at + 1]]
    if before & DIGIT and (code == _PLUS or code == _HYPHEN or code == _STAR or code == _CARET):
        if after & DIGIT or s.code[at + 1] == _HYPHEN:
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
        return _hyphens(at, high, rules, s)
    return 0


@njit(cache=True, nogil=True)
def _hyphens(at, high, rules, s):  # type: ignore[no-untyped-def]
    code = s.code[at]
    most = 3 if code == _HYPHEN else 2 if code == _EM_DASH else 1
    for length in range(1, most + 1):
        if at + length >= high:
            return 0
        if rules.classes[s.code[at + length]] & LETTER:
            return length
        if s.code[at + length] != code:
            return 0
    return 0


@njit(cache=True, nogil=True)
def _is_url(low, high, rules, s):  # type: ignore[no-untyped-def]
    if _is_host(low, high, rules, s):
        return True
    at = low
    while at < high and (rules.classes[s.code[at]] & WORD or 0x2D <= s.code[at] <= 0x2E or s.code[at] == _PLUS):
        at += 1
    if at - low >= 2 and at + 2 < high and s.code[at] == _COLON:
        if s.code[at + 1] == _SLASH and s.code[at + 2] == _SLASH and _is_host(at + 3, high, rules, s):
            return True
    for at in range(low + 1, high):
        if s.code[at] == _AT and _is_host(at + 1, high, rules, s):
            return True
    return False


@njit(cache=True, nogil=True)
def _is_host(low, high, rules, s):  # type: ignore[no-untyped-def]
    labels, begin, at, good, small = 0, low, low, True, True
    while at < high:
        code = s.code[at]
        if code == _COLON or code == _SLASH or code == _QUESTION or code == _HASH or code == _AT:
            break
        if code == _STOP:
            if not good or at == begin or at - begin > 64 or _edge(s.code[begin]) or _edge(s.code[at - 1]):
                return False
            labels, begin, good, small = labels + 1, at + 1, True, True
        else:
            kind = rules.classes[code]
            good &= _edge(code) or 0xA1 <= code <= 0xFFFF or (code < 0x80 and kind & (LETTER | DIGIT) != 0)
            small &= kind & LOWER != 0
            if not good and not small:
                return False
        at += 1
    end = at
    if at < high and s.code[at] == _COLON:
        at += 1
        while at < high and rules.classes[s.code[at]] & DECIMAL:
            at += 1
        if at - end < 3 or at - end > 6:
            return False
    if at < high and s.code[at] != _SLASH and s.code[at] != _QUESTION and s.code[at] != _HASH:
        return False
    if labels and small and 2 <= end - begin <= 63:
        return True
    return labels == 3 and _is_public_ip(low, end, s)


@njit(cache=True, nogil=True, inline="always")
def _edge(code):  # type: ignore[no-untyped-def]
    return code == _HYPHEN or code == _UNDERSCORE  # allowed in a host's label, but neither first nor last


@njit(cache=True, nogil=True)
def _is_public_ip(low, high, s):  # type: ignore[no-untyped-def]
    """Whether three full stops part numbers that make a public IPv4 address."""
    part, value, digits, first, second = 0, 0, 0, 0, 0
    for i in range(low, high + 1):
        code = _STOP if i == high else s.code[i]
        if code == _STOP:
            zero = s.code[i - digits] == 0x30
            if digits == 0 or digits > 3 or (zero and (digits == 3 or part == 0 or part == 3)):
                return False
            if value > (223 if part == 0 else 254 if part == 3 else 255):
                return False
            first = value if part == 0 else first
            second = value if part == 1 else second
            part, value, digits = part + 1, 0, 0
        elif 0x30 <= code <= 0x39 and digits < 3:
            value = value * 10 + code - 0x30
            digits += 1
        else:
            return False
    private = first == 10 or first == 127 or (first == 172 and 16 <= second <= 31)
    return not (private or (first == 169 and second == 254) or (first == 192 and second == 168))


@njit(cache=True, nogil=True)
def _join(words, rules, s, data, begin):  # type: ignore[no-untyped-def]
    """Joins runs of words that are exceptions; returns the new number of words."""
    longest = 0
    for i in range(words - 1):
        state = np.uint64(0)
        for length in range(1, min(LONGEST_RUN, words - i) + 1):
            state = state * PRIME + s.hashes[i + length - 1]
            row = find(rules, state ^ RUN)
            if row == -2:
                break
            if row >= 0:
                longest = max(longest, length)
    return _rejoin(words, longest, rules, s, data, begin) if longest else words


@njit(cache=True, nogil=True)
def _rejoin(words, longest, rules, s, data, begin):  # type: ignore[no-untyped-def]
    """The longest runs first, then the leftmost; none that begins or ends inside one that was looked at."""
    taken, becomes, old = np.zeros(words, np.bool_), np.full(words, -1, np.int32), s.cuts[:words].copy()
    lengths = np.ones(words, np.int32)
    for length in range(longest, 1, -1):
        for i in range(words - length + 1):
            state = np.uint64(0)
            for j in range(length):
                state = state * PRIME + s.hashes[i + j]
            row = find(rules, state ^ RUN)
            if row >= 0:
                if not taken[i] and not taken[i + length - 1]:
                    becomes[i], lengths[i] = row, length
                taken[i : i + length] = True
    new, first, i = 0, 0, 0
    while i < words:
        if becomes[i] >= 0:
            new = _put_parts(becomes[i], first, new, rules, s)
        else:
            s.cuts[new] = old[i]
            new += 1
        i += lengths[i]
        first = old[i - 1]
    first = 0
    for i in range(new):
        s.hashes[i] = finish(hash_bytes(data, begin + s.at[first], begin + s.at[s.cuts[i]]))
        first = s.cuts[i]
    return new
