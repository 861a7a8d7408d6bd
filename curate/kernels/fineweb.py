"""What FineWeb's own filter needs to know of a document's lines, in one look at each line's ends."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.jit import kernel
from curate.kernels.octets import space_length
from curate.kernels.repetition import number, number_table
from curate.kernels.scanning import decode
from curate.kernels.text import Spans, buffers

Counts = npt.NDArray[np.int64]


class LineCounts(NamedTuple):
    """Of each document, int64[n] each; `full` lines are those with more than white space."""

    lines: Counts
    stopped: Counts
    """Lines whose last character is a stop character."""
    short: Counts
    full: Counts
    full_stopped: Counts
    full_short: Counts
    repeated_chars: Counts
    """Code points in full lines after the first copy of each."""
    chars: Counts
    """Code points in all lines: the text without its newlines."""


def count_lines(texts: pa.LargeStringArray, lines: Spans, stops: str, short: int) -> LineCounts:
    """Count the lines of each text.

    Args:
        texts: large_string[n] without nulls.
        lines: its lines, split at newlines, not stripped.
        stops: characters that end a line well.
        short: code points up to which a line is short.
    """
    data, offsets = buffers(texts)
    counts = np.zeros((len(texts), len(LineCounts._fields)), np.int64)
    _count(data, offsets, *lines, _table(stops), short, counts, *number_table(lines))
    return LineCounts(*np.ascontiguousarray(counts.T))


@cache
def _table(chars: str) -> npt.NDArray[np.bool_]:
    """bool[0x110000]: which code points are among the characters."""
    table = np.zeros(0x110000, np.bool_)
    table[[ord(char) for char in chars]] = True
    return table


@kernel
def _count(data, offsets, first, last, start, end, chars, hashes, stops, short, counts, slots, given, keys, scratch):
    mine, seen = keys[0], keys[1]
    times, names, sizes = scratch[0], scratch[1], scratch[2]
    for i in range(len(first)):
        full = np.int64(0)  # typed, for numba compiles what it is passed to for a literal 0, too
        stopped, full_stopped, shorts, full_short, total = 0, 0, 0, 0, 0
        for j in range(first[i], last[i]):
            begin, stop = offsets[i] + start[j], offsets[i] + end[j]
            ends_well = False
            if stop > begin:
                lead = stop - 1
                while data[lead] & 0xC0 == 0x80:
                    lead -= 1
                ends_well = stops[decode(data, lead)[0]]
            is_short = chars[j] <= short
            total += chars[j]
            stopped += ends_well
            shorts += is_short
            while begin < stop:
                step = space_length(data, begin)
                if step == 0:
                    break
                begin += step
            if begin < stop:
                full_stopped += ends_well
                full_short += is_short
                mine[full], sizes[full] = hashes[j], chars[j]
                full += 1
        repeated = 0
        if number(mine, full, slots, given, seen, times, names) < full:
            for j in range(full):
                if times[names[j]] < 0:
                    repeated += sizes[j]
                times[names[j]] = -1  # the first copy has been seen
        counts[i, 0], counts[i, 1], counts[i, 2] = last[i] - first[i], stopped, shorts
        counts[i, 3], counts[i, 4], counts[i, 5] = full, full_stopped, full_short
        counts[i, 6], counts[i, 7] = repeated, total
