"""What RefinedWeb's line-wise corrections need to know of a line, and the text made of the lines that stay."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.jit import helper, kernel
from curate.kernels.lines import lines, narrow
from curate.kernels.memory import move
from curate.kernels.octets import space_length
from curate.kernels.scanning import decode
from curate.kernels.text import Spans, buffers

KEEP, DROP, ASK = 0, 1, 2
"""What becomes of a line: stays as it is, goes, or must be read by the rules that edit or match words."""

_ALNUM, _WORD, _DECIMAL, _DIGIT, _UPPER = 1, 2, 4, 8, 16
_ANYWHERE = np.frombuffer(b"items in cart", np.uint8)
_SUFFIX = np.frombuffer(b"read more", np.uint8)
_PREFIX = np.frombuffer(b"sign-in", np.uint8)
_LAST_LETTER = 0x40000  # no letter or digit has a code point beyond it (Unicode 17)


class Rules(NamedTuple):
    """The rules that the kernel decides or prepares; a number below 0 turns its rule off."""

    max_upper: float
    digits: bool
    min_words: int
    counters: bool
    phrase_words: int


class Verdicts(NamedTuple):
    """What is known of the lines of a batch, each of them in one place of the arrays."""

    lines: Spans
    """Split at newlines."""
    verdict: npt.NDArray[np.uint8]
    words: npt.NDArray[np.int32]
    """Words that begin with a letter or digit."""


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """uint8[0x110000]: what Python's `str` methods and regular expressions say of each code point."""
    kinds = np.zeros(0x110000, np.uint8)
    for code in range(_LAST_LETTER):
        char = chr(code)
        if char.isalnum():
            kinds[code] = (
                _ALNUM | _WORD | _DECIMAL * char.isdecimal() | _DIGIT * char.isdigit() | _UPPER * char.isupper()
            )
        elif char.isupper():  # circled capitals
            kinds[code] = _UPPER
    kinds[ord("_")] = _WORD
    return kinds


def judge_lines(texts: pa.LargeStringArray, rules: Rules) -> Verdicts:
    """Say of each line whether it stays. texts: large_string[n] without nulls."""
    data, offsets = buffers(texts)
    found = lines(texts)
    verdict, words = np.empty(len(found.start), np.uint8), np.empty(len(found.start), np.int32)
    _judge(data, offsets, found.first, found.start, found.end, _kinds(), *rules, verdict, words)
    return Verdicts(found, verdict, words)


def keep_lines(
    texts: pa.LargeStringArray, found: Spans, verdict: npt.NDArray[np.uint8], new: pa.LargeStringArray
) -> pa.LargeStringArray:
    """The texts, stripped, without the lines of verdict `DROP`; those of verdict `ASK` are replaced by `new`'s."""
    data, offsets = buffers(texts)
    fresh, bounds = buffers(new)
    out = np.empty(int(offsets[-1] - offsets[0]) + len(found.start) + int(bounds[-1] - bounds[0]), np.uint8)
    ends = np.zeros(len(texts) + 1, np.int64)
    _keep(data, offsets, found.first, found.last, found.start, found.end, verdict, fresh, bounds, out, ends)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]]))


def alphanumeric_words(texts: pa.LargeStringArray, words: Spans) -> tuple[Spans, npt.NDArray[np.int64]]:
    """(the words that begin with a letter or digit, their code points in each document int64[n])."""
    data, offsets = buffers(texts)
    size, n = int((words.last - words.first).sum()), len(texts)
    first, last, total = np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.int64)
    kept = np.empty(size, np.int64)
    count = _alphanumeric(
        data, offsets, words.first, words.last, words.start, words.chars, _kinds(), first, last, total, kept
    )
    kept = kept[:count]
    return Spans(first, last, words.start[kept], words.end[kept], words.chars[kept], words.hash[kept]), total


@kernel
def _alphanumeric(data, offsets, first, last, start, chars, kinds, new_first, new_last, total, kept):
    count = 0
    for i in range(len(first)):
        new_first[i] = count
        for j in range(first[i], last[i]):
            if kinds[decode(data, offsets[i] + start[j])[0]] & _ALNUM:
                kept[count] = j
                total[i] += chars[j]
                count += 1
        new_last[i] = count
    return count


@helper
def _found(data, begin, stop, phrase):
    """Whether the phrase (ASCII, small letters) is in `data[begin:stop]`, in letters of any size."""
    for at in range(begin, stop - len(phrase) + 1):
        k = 0
        while k < len(phrase):
            byte = data[at + k]
            if (byte | 0x20 if 65 <= byte <= 90 else byte) != phrase[k]:
                break
            k += 1
        if k == len(phrase):
            return True
    return False


@kernel
def _judge(
    data, offsets, first, start, end, kinds, max_upper, digits, min_words, counters, phrase_words, verdict, words
):
    document = -1
    for j in range(len(start)):
        while document + 1 < len(first) and first[document + 1] <= j:
            document += 1
        begin, stop = offsets[document] + start[j], offsets[document] + end[j]
        size, upper, digit, pieces, counted = 0, 0, 0, 0, 0
        first_word, last_word = np.uint8(0), np.uint32(0)  # kind of the first, code of the last character of \w
        at, apart = begin, True
        while at < stop:
            size += 1
            code, step = decode(data, at)
            kind = kinds[code]
            if kind:
                upper += (kind & _UPPER) != 0
                digit += (kind & _DIGIT) != 0
                if kind & _WORD:
                    last_word = code
                    first_word = first_word if first_word else kind
            elif space_length(data, at):
                apart = True
                at += step
                continue
            if apart:
                pieces += 1
                counted += (kind & _ALNUM) != 0
                apart = False
            at += step
        words[j] = counted
        result = KEEP
        if size > 0:
            if (max_upper >= 0 and upper / size > max_upper) or (digits and digit == size) or pieces < min_words:
                result = DROP
            elif counters and first_word & _DECIMAL and (last_word == 115 or last_word == 83):  # they all end in s
                result = ASK
            elif pieces <= phrase_words and (
                _found(data, begin, min(stop, begin + len(_PREFIX)), _PREFIX)
                or _found(data, begin, stop, _SUFFIX)
                or _found(data, begin, stop, _ANYWHERE)
            ):
                result = ASK
        verdict[j] = result


@kernel
def _keep(data, offsets, first, last, start, end, verdict, fresh, bounds, out, ends):
    size, asked = np.int64(0), 0  # typed, for numba compiles what it is passed to for a literal 0, too
    for i in range(len(first)):
        begin, kept = size, 0
        for j in range(first[i], last[i]):
            if verdict[j] == DROP:
                continue
            if kept:
                out[size] = 10
                size += 1
            kept += 1
            source, low, high = data, offsets[i] + start[j], offsets[i] + end[j]
            if verdict[j] == ASK:
                source, low, high = fresh, bounds[asked], bounds[asked + 1]
                asked += 1
            move(out, size, source, low, high - low)
            size += high - low
        left, right = narrow(out, begin, size)
        if left > begin:
            move(out, begin, out, left, right - left)
        size = begin + right - left
        ends[i + 1] = size
