"""Vectors of texts from the static table that the raters ship: sums over pieces of words, 128 numbers."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.piece_sums import add_pieces
from curate.kernels.text import buffers, char_counts
from curate.kernels.traits import SEGMENT
from curate.kernels.vectors import Floats, unit
from curate.models import raters
from curate.models.traits import segments, starts
from curate.models.traits_plain import TOKEN, pieces_of, symbols_of

DIMENSIONS = 128


def vectors(texts: pa.LargeStringArray) -> tuple[Floats, npt.NDArray[np.int64]]:
    """(float32[m, 128] of length 1 each, rows int64[m]) of those texts that have pieces that the table knows.

    Of a long text eight stretches of 1,500 characters are read, evenly spread. Sums are of integers, so exact.
    """
    tables = raters.load().tables
    data, offsets = buffers(texts)
    cut = segments(char_counts(texts))
    totals = np.zeros((len(texts), tables.vectors.shape[1]), np.int32)
    room = np.empty(SEGMENT, np.uint8), np.empty(SEGMENT, np.int32)
    add_pieces(data, starts(data, offsets, cut), cut.chars, cut.document, tables, *room, totals)
    return unit(totals)


@lru_cache(maxsize=1)
def digest() -> str:
    """12 hexadecimal digits that tell this table from another one."""
    known = raters.load()
    parts = ["\n".join(known.pieces).encode(), known.tables.vectors.tobytes(), known.tables.shift.tobytes()]
    return hashlib.blake2b(b"".join(parts), digest_size=6).hexdigest()


def vector_one(text: str) -> Floats | None:
    """The specification of `vectors`, for one text: float32[128], or None."""
    known = raters.load()
    total = np.zeros(known.tables.vectors.shape[1], np.int64)
    cut = segments(np.array([len(text)]))
    for first, size in zip(cut.first.tolist(), cut.chars.tolist(), strict=True):
        for match in TOKEN.finditer(symbols_of(text[first : first + size], known.tables.fold)):
            for piece in pieces_of(match[0], known.vocabulary):
                total += known.tables.vectors[piece].astype(np.int64) << int(known.tables.shift[piece])
    found, _ = unit(total[None, :])
    return found[0] if len(found) else None
