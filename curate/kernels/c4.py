"""C4's line rules: which lines of a text stay, and what is cut out of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.c4_phrases import (
    CITATIONS,
    CURLY_BRACKET,
    JAVASCRIPT,
    LOREM_IPSUM,
    POLICY,
    TERMINAL_PUNCTUATION,
    cut_citations,
    look,
    triggers,
)
from curate.kernels.jit import helper, kernel
from curate.kernels.memory import move
from curate.kernels.octets import count_chars
from curate.kernels.scanning import byte_kinds, chunk_end, line_break, next_break, space_at, strip_end
from curate.kernels.text import buffers, strings
from curate.kernels.unicode_tables import classes


class Edited(NamedTuple):
    """What the rules make of n documents."""

    text: pa.LargeStringArray
    """The lines that stay, joined by newlines, stripped; the very array that was given if nothing has changed."""
    verdict: npt.NDArray[np.int32]
    """int32[n]: LOREM_IPSUM or CURLY_BRACKET, whichever comes first in the text; 0 for neither."""
    lines: npt.NDArray[np.int32]
    """int32[n]: lines, as `str.splitlines` has them."""
    dropped: npt.NDArray[np.int32]
    """int32[n]: lines that go."""


def edit_lines(texts: pa.LargeStringArray, rules: int, min_words: int, max_word_length: int) -> Edited:
    """Applies the rules whose bits are set in `rules` to the lines of each text.

    Args:
        texts: large_string[n] without nulls.
        rules: bits of the rules to apply.
        min_words: lines with fewer words go; 0 turns it off.
        max_word_length: lines with a longer word (code points) go; 0 turns it off.
    """
    data, offsets = buffers(texts)
    n = len(texts)
    out, bounds = np.empty(max(int(offsets[-1] - offsets[0]), 1), np.uint8), np.zeros(n + 1, np.int64)
    written = out.view()
    written.flags.writeable = False  # of the same type as `data`, so that kernels compile once for both
    numbers = np.zeros((3, n), np.int32)
    changed = len(data) > 0 and _edit_all(
        data,
        offsets,
        rules,
        min_words,
        max_word_length,
        byte_kinds(),
        triggers(),
        classes(),
        out,
        written,
        bounds,
        numbers,
    )
    return Edited(strings(out[: bounds[-1]], bounds) if changed else texts, *numbers)


@kernel
def _edit_all(
    data, offsets, rules, min_words, max_word_length, kinds, triggers, classes, out, written, bounds, numbers
):  # fmt: skip
    """Writes the new texts to `out` and where they end to `bounds`; returns whether one differs from the old.

    Lines that stay as they are and follow each other are copied together: `run` to `run_end` is still to be copied.
    """
    to, changed = np.int64(0), False
    for i in range(len(bounds) - 1):
        begin, stop, base = offsets[i], offsets[i + 1], to
        run, run_end, lines, kept, verdict = begin, begin, 0, 0, 0
        at = begin
        while at < stop:
            low, high = at, next_break(data, at, stop)
            at = high + (line_break(data, high, stop) if high < stop else 0)
            high = strip_end(data, low, high, kinds)
            low = _strip_begin(data, low, high, kinds)
            lines += 1
            if max_word_length and _has_long_word(data, low, high, max_word_length, kinds):
                continue
            if min_words and not _has_words(data, low, high, min_words, kinds):
                continue
            line, edited = data, False
            marks = look(data, low, high, triggers)
            if marks & CITATIONS & rules:
                # Written where it will stay if it does: behind what is still to be copied, and a newline.
                place = to + (run_end - run) + (kept > 0)
                size = cut_citations(data, low, high, out, place, classes)
                if size < high - low:
                    line, edited, low, high = written, True, place, place + size
                    marks = look(line, low, high, triggers)
            if rules & TERMINAL_PUNCTUATION and not _ends_well(line, low, high):
                continue
            if not verdict:
                verdict = marks & rules & LOREM_IPSUM
            if marks & rules & JAVASCRIPT:
                continue
            if not verdict:
                verdict = marks & rules & CURLY_BRACKET
            if marks & rules & POLICY:
                continue
            if edited or not kept or low != run_end + 1 or data[run_end] != 10:
                to = _copy(data, run, run_end, out, to)
                if kept:
                    out[to] = 10
                    to += 1
                run = low
            if edited:
                to, run, run_end = high, stop, stop
            else:
                run_end = high
            kept += 1
        changed |= run != begin or run_end != stop
        to = _strip(written, base, _copy(data, run, run_end, out, to), out, kinds)
        bounds[i + 1] = to
        numbers[0, i], numbers[1, i], numbers[2, i] = verdict, lines, lines - kept
    return changed


@helper
def _copy(data, begin, end, out, to):
    """Copies `data[begin:end]` to `out[to:]`; returns where that ends."""
    move(out, to, data, begin, end - begin)
    return to + end - begin


@helper
def _strip_begin(data, begin, end, kinds):
    """Where `data[begin:end]` begins without the white space at its beginning."""
    while begin < end:
        space = space_at(data, begin, kinds)
        if not space:
            break
        begin += space
    return begin


@helper
def _strip(written, begin, end, out, kinds):
    """Strips white space off `written[begin:end]`, which is `out`; returns its new end."""
    end = strip_end(written, begin, end, kinds)
    first = _strip_begin(written, begin, end, kinds)
    return _copy(written, first, end, out, begin) if first > begin else end


@helper
def _has_long_word(data, at, end, longest, kinds):
    while end - at > longest:
        space = space_at(data, at, kinds)
        if space:
            at += space
            continue
        stop = chunk_end(data, at, end, kinds)
        if stop - at > longest and count_chars(data, at, stop) > longest:
            return True
        at = stop
    return False


@helper
def _has_words(data, at, end, enough, kinds):
    words = 0
    while at < end and words < enough:
        space = space_at(data, at, kinds)
        if space:
            at += space
        else:
            words += 1
            at = chunk_end(data, at, end, kinds)
    return words >= enough


@helper
def _ends_well(data, begin, end):
    """Whether a line ends with one of `. ? ! " '`, but not with `...`."""
    if begin == end:
        return False
    last = data[end - 1]
    if last == 0x2E:
        return not (end - begin >= 3 and data[end - 2] == 0x2E and data[end - 3] == 0x2E)
    return last == 0x3F or last == 0x21 or last == 0x22 or last == 0x27
