"""Texts cut without a rest into the segments that are scored: sentences, and long ones cut at white space."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from curate.kernels.pieces import Pieces
from curate.kernels.sentences import sentence_starts, sentences_one
from curate.kernels.text import buffers, strings

MAX_CHARS = 2000
"""Code points of a segment: what has no full stops (code, tables, chats) would else be one sentence."""
_SPLIT = re.compile(r".{1,1999}\s|.{1,2000}", re.DOTALL)  # the longest that ends with white space, else what fits


def segments(texts: pa.LargeStringArray) -> Pieces:
    """The segments of texts (large_string[n] without nulls); they are never empty, and an empty text has none."""
    data, offsets = buffers(texts)
    starts, first = sentence_starts(texts)
    bounds = np.append(starts, offsets[-1:])
    counts = np.ones(len(starts), np.int64)
    inner = []
    for long in np.flatnonzero(np.diff(bounds) > MAX_CHARS).tolist():  # bytes: no fewer than code points
        sizes = [len(part.encode()) for part in _parts(bytes(data[bounds[long] : bounds[long + 1]]).decode())]
        counts[long] = len(sizes)
        inner.append(bounds[long] + np.cumsum(sizes[:-1], dtype=np.int64))
    if inner:
        bounds = np.sort(np.concatenate([bounds, *inner]))
        first = np.concatenate([[0], np.cumsum(counts)])[first]
    return Pieces(strings(data, bounds), first)


def segments_one(text: str) -> list[str]:
    """The segments of one text, in plain Python: the specification of `segments`. Joined, they are the text."""
    return [part for sentence in sentences_one(text) for part in _parts(sentence)]


def _parts(sentence: str) -> list[str]:
    """A sentence in parts of up to `MAX_CHARS` code points, which end with white space where there is any."""
    return _SPLIT.findall(sentence) if len(sentence) > MAX_CHARS else [sentence]


def masked_one(pieces: Sequence[str], gone: Sequence[bool], mask: str) -> str:
    """The pieces joined, with a mask in place of each that is gone; the white space at its ends stays."""
    return "".join(_masked(piece, mask) if going else piece for piece, going in zip(pieces, gone, strict=True))


def _masked(piece: str, mask: str) -> str:
    bare = piece.strip()
    return piece.replace(bare, mask, 1) if bare else piece


def without_one(pieces: Sequence[str], gone: Sequence[bool]) -> str:
    """The pieces joined without those that are gone, stripped.

    Of all the white space that comes to lie around a cut, one stays: that with most newlines, else the longest.
    """
    parts, between, cut = list[str](), list[str](), False
    for piece, going in zip(pieces, gone, strict=True):
        bare = piece.strip()
        if bare:
            before, behind = piece.split(bare, 1)
            between.append(before)
        if bare and not going:
            parts += [max(between, key=_size_of_space) if cut else "".join(between), bare]
            between, cut = [], False
        between.append(behind if bare else piece)
        cut |= going
    return "".join(parts).strip()


def _size_of_space(space: str) -> tuple[int, int]:
    return space.count("\n"), len(space)
