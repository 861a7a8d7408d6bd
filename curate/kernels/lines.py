"""Line and paragraph boundaries under the definitions that the published filters use."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pyarrow as pa

from curate.kernels.jit import helper, kernel
from curate.kernels.memory import load8
from curate.kernels.octets import count_chars, has_byte, space_length
from curate.kernels.scanning import line_break
from curate.kernels.text import Spans, buffers

Definition = Literal["newline", "newlines", "paragraphs", "splitlines"]

_CODES: dict[Definition, int] = {"newline": 0, "newlines": 1, "paragraphs": 2, "splitlines": 3}
_NEWLINE, _NEWLINES, _PARAGRAPHS, _SPLITLINES = _CODES.values()
_MULTIPLY, _FINISH = np.uint64(0xA0761D6478BD642F), np.uint64(0xE7037ED1A0B428DB)  # odd, bits well mixed
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
        definition: `newline` splits at each \n (FineWeb, RefinedWeb); `newlines` at each run of \n, which leaves an
            empty piece before a leading and after a trailing run (datatrove's Gopher repetition filter); `paragraphs`
            strips the text and splits at runs of two or more \n; `splitlines` is Python's `str.splitlines` (C4, Gopher
            quality).
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


@helper
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


@helper
def _hash(data, begin, stop):
    """A 64-bit hash of `data[begin:stop]`, to tell equal pieces of a text: fast for short ones, and of no standard."""
    mixed = np.uint64(stop - begin) * _MULTIPLY
    at = begin
    while at + 8 <= stop:
        mixed = (mixed ^ load8(data, at)) * _MULTIPLY
        mixed ^= mixed >> np.uint64(32)
        at += 8
    rest = np.uint64(0)
    while at < stop:
        rest = (rest << np.uint64(8)) | np.uint64(data[at])
        at += 1
    mixed = (mixed ^ rest) * _FINISH
    return mixed ^ (mixed >> np.uint64(29))


@kernel
def _count_breaks(data, offsets, code):
    """An upper bound of the line ends in all documents."""
    count = 0
    if code == _SPLITLINES:
        for at in range(np.uint64(offsets[0]), np.uint64(offsets[-1])):  # unsigned, so that it is vectorised
            byte = data[at]
            count += 10 <= byte <= 13 or 28 <= byte <= 30 or byte == 0xC2 or byte == 0xE2
    else:
        for at in range(np.uint64(offsets[0]), np.uint64(offsets[-1])):
            count += data[at] == 10
    return count


@helper
def _next_end(data, at, stop, code):
    """(where the line that goes on at `at` ends, bytes of its end); (stop, 0) if the text ends it."""
    if code == _SPLITLINES:
        while at < stop:
            if data[at] <= 30 or data[at] >= 0xC2:  # no line end begins otherwise
                step = line_break(data, at, stop)
                if step:
                    return at, step
            at += 1
        return stop, 0
    while True:
        while at + 8 <= stop and not has_byte(load8(data, at), _EIGHT_NEWLINES):
            at += 8
        while at < stop and data[at] != 10:
            at += 1
        if at == stop:
            return stop, 0
        step = 1
        if code == _NEWLINE:
            return at, step
        while at + step < stop and data[at + step] == 10:
            step += 1
        if code == _NEWLINES or step > 1:
            return at, step
        at += step


@kernel
def _cut(data, offsets, code, strip, first, last, start, end, chars, hashes):
    """Fill the arrays of a `Spans`; returns the number of pieces."""
    total = 0
    for i in range(len(first)):
        base, begin, stop = offsets[i], offsets[i], offsets[i + 1]
        first[i] = total
        if code == _PARAGRAPHS:
            begin, stop = narrow(data, begin, stop)
        while begin < stop or code != _SPLITLINES:
            at, step = _next_end(data, begin, stop, code)
            left, right = begin, at
            if strip:
                left, right = narrow(data, left, right)
            start[total], end[total] = left - base, right - base
            chars[total] = count_chars(data, left, right)
            hashes[total] = _hash(data, left, right)
            total += 1
            if step == 0:
                break
            begin = at + step
        last[i] = total
    return total
