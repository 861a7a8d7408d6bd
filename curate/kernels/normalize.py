"""Line ends, control characters and white space put in order in one pass, and who needs Unicode normalization."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.lines import narrow
from curate.kernels.memory import load8, move
from curate.kernels.octets import has_byte, space_length
from curate.kernels.scanning import decode
from curate.kernels.text import buffers

Form = Literal["NFC", "NFKC"]

_HIGH = np.uint64(0x8080808080808080)
_SPACES = np.uint64(0x2020202020202020)
_DELETES = np.uint64(0x7F7F7F7F7F7F7F7F)
_PLANES = (range(0x20000), range(0x2F800, 0x2FA20), range(0xE0000, 0xE0200))
"""Where characters are that normalization touches: the first two planes, CJK compatibility, tags."""


class Cleaning(NamedTuple):
    """What the kernel does; see the options of the stage `normalize`. A `max_blank` below 0 is no limit."""

    line_ends: bool
    controls: bool
    zero_width: bool
    trailing: bool
    inner: bool
    max_blank: int
    strip: bool


def clean(texts: pa.LargeStringArray, cleaning: Cleaning) -> pa.LargeStringArray:
    """The texts, cleaned; null where nothing but white space is left. texts: large_string[n] without nulls."""
    data, offsets = buffers(texts)
    n = len(texts)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    ends, left = np.zeros(n + 1, np.int64), np.empty(n, np.bool_)
    _clean(data, offsets, *cleaning, _special(), out, ends, left)
    if not left.all():
        bits = pa.py_buffer(np.packbits(left, bitorder="little"))
        return pa.LargeStringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(out), bits)
    return pa.LargeStringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(out))


def may_change(texts: pa.LargeStringArray, form: Form) -> npt.NDArray[np.bool_]:
    """bool[n]: false where a text is surely in the normal form already (the quick check of UAX 15, section 9)."""
    data, offsets = buffers(texts)
    out = np.zeros(len(texts), np.bool_)
    _may_change(data, offsets, _touched(form), out)
    return out


@cache
def _touched(form: Form) -> npt.NDArray[np.bool_]:
    """bool[0x110000]: code points that are not their own normal form, may join the one before, or may change places."""
    table = np.zeros(0x110000, np.bool_)
    for codes in _PLANES:
        for code in codes:
            char = chr(code)
            if unicodedata.combining(char) or not unicodedata.is_normalized(form, char):
                table[code] = True
            parts = unicodedata.decomposition(char)
            if parts and parts[0] != "<" and " " in parts:
                table[int(parts.split()[1], 16)] = True
    table[0x1161:0x1176] = table[0x11A8:0x11C3] = True  # Hangul vowels and finals
    return table


@cache
def _special() -> npt.NDArray[np.bool_]:
    """bool[256]: bytes with which a character may begin that the kernel must look at."""
    special = np.zeros(256, np.bool_)
    special[:32] = special[[0x7F, 0xC2, 0xE2, 0xEF]] = True
    special[ord("\t")] = False
    return special


@kernel
def _may_change(data, offsets, touched, out):
    for i in range(len(out)):
        at, stop = offsets[i], offsets[i + 1]
        while at < stop:
            if at + 8 <= stop and load8(data, at) & _HIGH == 0:
                at += 8
                continue
            code, step = decode(data, at)
            if touched[code]:
                out[i] = True
                break
            at += step


@inlined
def _blank_length(data, at):
    """Bytes of the white space character at `at`, 0 if there is none or it ends a line."""
    byte = data[at]
    if 10 <= byte <= 13 or (byte == 0xC2 and data[at + 1] == 0x85):
        return 0
    if byte == 0xE2 and data[at + 1] == 0x80 and (data[at + 2] == 0xA8 or data[at + 2] == 0xA9):
        return 0
    return space_length(data, at)


@helper
def _without_trailing(out, begin, stop):
    """The end of `out[begin:stop]` without the white space there."""
    while begin < stop:
        lead = stop - 1
        while lead > begin and out[lead] & 0xC0 == 0x80:
            lead -= 1
        if _blank_length(out, lead) == 0:
            break
        stop = lead
    return stop


@helper
def _squeeze(out, begin, stop):
    """Make each run of white space in `out[begin:stop]`, its indentation aside, one space; returns the new end."""
    at = begin
    while at < stop and _blank_length(out, at):
        at += _blank_length(out, at)
    size = at
    while at < stop:
        byte = out[at]
        if 32 < byte < 0xC2:
            out[size] = byte
            at, size = at + 1, size + 1
            continue
        run, count = at, 0
        while at < stop:
            step = _blank_length(out, at)
            if step == 0:
                break
            at, count = at + step, count + 1
        if count > 1:
            out[size] = 32
            size, run = size + 1, at
        elif count == 0:
            at += 1
        while run < at:
            out[size] = out[run]
            size, run = size + 1, run + 1
    return size


@helper
def _finish_line(out, line, size, trailing, inner, max_blank, blanks):
    """(new end, blank lines in a row) when the line `out[line:size]` is complete; -1 for the end: drop it."""
    solid = _without_trailing(out, line, size)
    if solid == line:
        blanks += 1
        if 0 <= max_blank < blanks:
            return np.int64(-1), blanks
        return (line if trailing else size), blanks
    if inner:
        squeezed = _squeeze(out, line, solid)
        move(out, squeezed, out, solid, size - solid)
        size, solid = squeezed + size - solid, squeezed
    return (solid if trailing else size), 0


@kernel
def _clean(data, offsets, line_ends, controls, zero_width, trailing, inner, max_blank, strip, special, out, ends, left):
    size = np.int64(0)  # typed, for numba compiles what it is passed to for a literal 0, too
    for i in range(len(left)):
        begin, line, blanks = size, size, np.int64(0)
        at, stop = offsets[i], offsets[i + 1]
        while True:
            run = at
            while at < stop:
                limit = min(stop, at + 8)
                if limit == at + 8:
                    word = load8(data, at)
                    if (word | (word - _SPACES)) & _HIGH == 0 and not has_byte(word, _DELETES):
                        at = limit
                        continue
                while at < limit and not special[data[at]]:
                    at += 1
                if at < limit:
                    break
            move(out, size, data, run, at - run)
            size += at - run
            if at == stop:
                break
            code, step = decode(data, at)
            ends_line = code == 10
            if 11 <= code <= 13 or code == 0x85 or code == 0x2028 or code == 0x2029:
                ends_line = line_ends
                if line_ends and code == 13 and at + 1 < stop and data[at + 1] == 10:
                    step = 2
            elif code < 32 or 127 <= code <= 159:
                if controls and not ends_line:
                    at += step
                    continue
            elif zero_width and (code == 0xAD or code == 0x200B or code == 0x2060 or code == 0xFEFF):
                at += step
                continue
            if ends_line:
                size, blanks = _finish_line(out, line, size, trailing, inner, max_blank, blanks)
                if size < 0:
                    size = line
                else:
                    out[size] = 10
                    size += 1
                line = size
            else:
                move(out, size, data, at, step)
                size += step
            at += step
        size, blanks = _finish_line(out, line, size, trailing, inner, max_blank, blanks)
        if size < 0:
            size = line
        first, last = narrow(out, begin, size)
        left[i] = first < last
        if not left[i]:
            size = begin
        elif strip:
            if first > begin:
                move(out, begin, out, first, last - first)
            size = begin + last - first
        ends[i + 1] = size
