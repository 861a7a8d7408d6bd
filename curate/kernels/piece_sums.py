"""Sums of the vectors of the pieces of words in stretches of text: what a static embedding adds up."""

from __future__ import annotations

import numpy as np

from curate.kernels.jit import helper, kernel
from curate.kernels.traits import FOREIGN, fold, split


@helper
def _pieces(symbols, tables, pieces):
    """Writes the pieces of a stretch. Returns how many. As `traits` finds them: a test compares."""
    m, at, n = len(symbols), 0, 0
    while at < m:
        c = symbols[at]
        start = at
        if 97 <= c | 0x20 <= 122 and c < FOREIGN:
            while at < m and 97 <= symbols[at] | 0x20 <= 122 and symbols[at] < FOREIGN:
                at += 1
        elif 48 <= c <= 57:
            while at < m and 48 <= symbols[at] <= 57:
                at += 1
        else:
            at += 1
        if 32 < c < 127:
            n = split(symbols, start, at, tables, pieces, n)
    return n


@kernel
def add_pieces(data, starts, sizes, document, tables, symbols, pieces, totals):
    """Adds the vectors of the pieces of stretches to those of their documents; what is unknown counts for nothing.

    Stretch i: `sizes[i]` code points from byte `starts[i]` of data on, of document `document[i]`. Adds to totals
    int32[n, dim]. To work in: symbols uint8[longest stretch], pieces int32[likewise].
    """
    vectors, shift = tables.vectors, tables.shift
    for i in range(len(starts)):
        fold(data, starts[i], sizes[i], tables, symbols)
        n = _pieces(symbols[: sizes[i]], tables, pieces)
        total = totals[document[i]]
        for j in range(n):
            row = vectors[pieces[j]]
            by = np.int32(1) << np.int32(shift[pieces[j]])
            for d in range(len(total)):
                total[d] += row[d] * by
