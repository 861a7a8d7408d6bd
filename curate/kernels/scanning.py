"""Walking over UTF-8 in kernels: a character, eight bytes, a chunk without white space, a line at a time."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper, inlined
from curate.kernels.memory import load8
from curate.kernels.octets import space_length
from curate.kernels.unicode_tables import SPACE, SUFFIX, UPPER, classes

IS_SPACE, IS_MARK, IS_STOP, IS_UPPER, IS_WIDE, MAY_EXCEPT = 1, 2, 4, 8, 16, 32
"""Kinds of bytes. A mark comes off a word's end whatever is before it; wide bytes belong to characters beyond ASCII;
letters and then one of `.` and `'` may be an exception, letters and another mark are none."""

SIGNS, LOW_BITS = np.uint64(0x8080808080808080), np.uint64(0x7F7F7F7F7F7F7F7F)
_BYTE_NUMBERS = np.uint64(0x0001020304050607)
_FROM_SPACE, FROM_CONTROLS = np.uint64(0x5F5F5F5F5F5F5F5F), np.uint64(0x6060606060606060)
"""Added to the low seven bits of eight bytes, they set the sign bits of those above 0x20, and of those from 0x20 on."""
_LEAD_C2, _LEAD_E2 = 0xC2, 0xE2


def every_byte(char: str) -> np.uint64:
    """Eight times the same ASCII character."""
    return np.uint64(0x0101010101010101 * ord(char))


@cache
def byte_kinds() -> npt.NDArray[np.uint8]:
    """uint8[256]: the kind of a byte, as bits."""
    kinds = np.zeros(256, np.uint8)
    for bits, kind in ((SPACE, IS_SPACE), (SUFFIX, IS_MARK), (UPPER, IS_UPPER)):
        kinds[:128][classes()[:128] & bits != 0] |= kind
    kinds[ord(".")] |= IS_STOP | MAY_EXCEPT
    kinds[ord("'")] |= MAY_EXCEPT
    kinds[128:] = IS_WIDE
    return kinds


@inlined
def first_byte(signs):
    """The number, 0 to 7, of the lowest byte whose sign bit is set."""
    lowest = signs & (~signs + np.uint64(1))
    return np.int64(((lowest >> np.uint64(7)) * _BYTE_NUMBERS) >> np.uint64(56))


@inlined
def zero_bytes(chunk):
    """Sign bits set where a byte of `chunk` is 0 (or 0x80, which is beyond ASCII anyhow)."""
    return ~((chunk & LOW_BITS) + LOW_BITS)


@inlined
def decode(data, at):
    """(code point, bytes) of the character that starts at `at` in valid UTF-8."""
    i = np.uint64(at)
    byte = np.int32(data[i])
    if byte < 0x80:
        return byte, 1
    second = np.int32(data[i + np.uint64(1)] & 0x3F)
    if byte < 0xE0:
        return np.int32((byte & 0x1F) << 6 | second), 2
    third = np.int32(data[i + np.uint64(2)] & 0x3F)
    if byte < 0xF0:
        return np.int32((byte & 0x0F) << 12 | second << 6 | third), 3
    return np.int32((byte & 0x07) << 18 | second << 12 | third << 6 | np.int32(data[i + np.uint64(3)] & 0x3F)), 4


@helper
def _wide_space(data, at):
    return space_length(data, at)


@inlined
def space_at(data, at, kinds):
    """Bytes of the white space character that starts at `at`, 0 if it is none; white space as `str.isspace` has it."""
    kind = kinds[data[np.uint64(at)]]
    if kind & (IS_SPACE | IS_WIDE):
        return 1 if kind & IS_SPACE else _wide_space(data, at)
    return 0


@helper
def chunk_end(data, at, stop, kinds):
    """Where the next white space from `at` on begins, `stop` if there is none."""
    while at < stop:
        if at + 8 <= stop:
            chunk = load8(data, at)
            others = (~((chunk & LOW_BITS) + _FROM_SPACE) | chunk) & SIGNS  # up to 0x20, or beyond ASCII
            if not others:
                at += 8
                continue
            at += first_byte(others)
        if space_at(data, at, kinds):
            return at
        at += 1
    return stop


@inlined
def line_break(data, at, stop):
    """Bytes of the line end that starts at `at`, 0 if there is none; line ends as `str.splitlines` has them."""
    byte = data[np.uint64(at)]
    if byte == 0x0D:
        return 2 if at + 1 < stop and data[at + 1] == 0x0A else 1
    if 0x0A <= byte <= 0x0C or 0x1C <= byte <= 0x1E:
        return 1
    if byte == _LEAD_C2:
        return 2 if data[at + 1] == 0x85 else 0
    if byte == _LEAD_E2 and data[at + 1] == 0x80:
        return 3 if data[at + 2] == 0xA8 or data[at + 2] == 0xA9 else 0
    return 0


@helper
def strip_end(data, begin, end, kinds):
    """Where `data[begin:end]` ends without the white space at its end."""
    while end > begin:
        at = end - 1
        while at > begin and data[at] & 0xC0 == 0x80:
            at -= 1
        if not space_at(data, at, kinds):
            break
        end = at
    return end


@helper
def next_break(data, at, stop):
    """Where the next line end from `at` on begins, `stop` if there is none."""
    while at < stop:
        if at + 8 <= stop:
            chunk = load8(data, at)
            others = (~((chunk & LOW_BITS) + FROM_CONTROLS) | chunk) & SIGNS  # below 0x20, or beyond ASCII
            if not others:
                at += 8
                continue
            at += first_byte(others)
        if line_break(data, at, stop):
            return at
        at += 1
    return stop
