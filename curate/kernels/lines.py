"""Line and paragraph boundaries under the definitions that the published filters use."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pyarrow as pa
from numba import njit

from curate.kernels.octets import count_chars, has_byte, hash_bytes, load64, space_length
from curate.kernels.text import Spans, buffers

Definition = Literal["newline", "newlines", "paragraphs", "splitlines"]

_CODES: dict[Definition, int] = {"newline": 0, "newlines": 1, "paragraphs": 2, "splitlines": 3}
_NEWLINES, _PARAGRAPHS, _SPLITLINES = 1, 2, 3  # what the kernel tests; 0 needs no test
_EIGHT_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)


def lines_one(text: str, definition: Definition = "newline", strip: bool = False) -> list[str]:
    """The lines of one text, in plain Python: the specification of `lines`."""
    match definition:
        case "newline":
            pieces = text.split("\n")
        case "newlines":
            pieces = re.split(r"\n+", text)
        case "paragraphs":
            pieces = re.split(r"\n{2,}", text.strip())
        case "splitlines":
            pieces = text.splitlines()
    return [piece.strip() for piece in pieces] if strip else pieces


def lines(texts: pa.LargeStringArray, definition: Definition = "newline", strip: bool = False) -> Spans:
    r"""The lines of each text, in order, without their ends; empty ones included.

    Args:
        texts: large_string[n] without nulls.
        definition: `newline` splits at each \n (FineWeb, RefinedWeb); `newlines` at each run of \n, which leaves an empty
            piece before a leading and after a trailing run (datatrove's Gopher repetition filter); `paragraphs` strips
            the text and splits at runs of two or more \n; `splitlines` is Python's `str.splitlines` (C4, Gopher quality).
        strip: narrow every piece as `str.strip` does.

    Raises:
        ValueError: the definition is unknown, or the array has nulls.
    """
    if definition not in _CODES:
        raise ValueError(f"lines are defined as one of {', '.join(_CODES)}, not {definition!r}")
    data, offsets = buffers(texts)
    n, code = len(texts), _CODES[definition]
    room = _count_breaks(data, offsets, code) + n
    first, last = np.empty(n, np.int64), np.empty(n, np.int64)
    start, end, chars = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    hashes = np.empty(room, np.uint64)
    total = _cut(data, offsets, code, strip, first, last, start, end, chars, hashes)
    return Spans(first, last, start[:total], end[:total], chars[:total], hashes[:total])


@njit(cache=True, nogil=True)
def narrow(data, begin, stop):
    """(begin, stop) of `data[begin:stop]` without the white space at its ends, as `str.strip` has it."""
    while begin < stop:
        step = space_length(data, begin)
        if step == 0:
            break
        begin += step
    while begin < stop:
        lead = stop - 1
        while lead > begin and data[lead] & 0xC0 == 0x80:
            lead -= 1
        if space_length(data, lead) == 0:
            break
        stop = lead
    return begin, stop


@njit(inline="always")
def _break_length(data, at, stop):
    r"""Bytes of the line end (in the sense of `str.splitlines`) at `at`, 0 if there is none; \r\n is one."""
    byte = data[at]
    if byte == 13:
        return 2 if at + 1 < stop and data[at + 1] == 10 else 1
    if 10 <= byte <= 12 or 28 <= byte <= 30:
        return 1
    if byte == 0xC2:
        return 2 if data[at + 1] == 0x85 else 0
    if byte == 0xE2 and data[at + 1] == 0x80 and (data[at + 2] == 0xA8 or data[at + 2] == 0xA9):
        return 3
    return 0


@njit(cache=True, nogil=True)
def _count_breaks(data, offsets, code):
    """An upper bound of the line ends in all documents."""
    count = 0
    if code == _SPLITLINES:
        for at in range(np.uint64(offsets[0]), np.uint64(offsets[-1])):
            byte = data[at]
            count += 10 <= byte <= 13 or 28 <= byte <= 30 or byte == 0xC2 or byte == 0xE2
    else:
        for at in range(np.uint64(offsets[0]), np.uint64(offsets[-1])):
            count += data[at] == 10
    return count


@njit(cache=True, nogil=True)
def _cut(data, offsets, code, strip, first, last, start, end, chars, hashes):
    """Fill the arrays of a `Spans`; returns the number of pieces."""
    total = 0
    for i in range(len(first)):
        base, at, stop = offsets[i], offsets[i], offsets[i + 1]
        first[i] = total
        if code == _PARAGRAPHS:
            at, stop = narrow(data, at, stop)
        begin, step = at, 0
        while at < stop or (at == stop and code != _SPLITLINES):
            # to the next line end, `step` bytes long; the end of the text ends the last line
            if code == _SPLITLINES:
                step = 0
                while at < stop:
                    while at < stop and 30 < data[at] < 0xC2:  # no line end begins so
                        at += 1
                    if at == stop:
                        break
                    step = _break_length(data, at, stop)
                    if step:
                        break
                    at += 1
            else:
                while at + 8 <= stop and not has_byte(load64(data, at), _EIGHT_NEWLINES):
                    at += 8
                while at < stop and data[at] != 10:
                    at += 1
                step = 1
                if code != 0:
                    while at + step < stop and data[at + step] == 10:
                        step += 1
                    if code == _PARAGRAPHS and step == 1 and at < stop:
                        at += 1
                        continue
            left, right = begin, at
            if strip:
                left, right = narrow(data, left, right)
            start[total], end[total] = left - base, right - base
            chars[total] = count_chars(data, left, right)
            hashes[total] = hash_bytes(data, left, right)
            total += 1
            at += max(step, 1)
            begin = at
        last[i] = total
    return total
