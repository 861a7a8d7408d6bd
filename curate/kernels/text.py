"""The one doorway between Arrow string arrays and the flat numpy buffers that kernels read and write."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.jit import kernel

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


def buffers(texts: pa.LargeStringArray) -> tuple[Bytes, Offsets]:
    """(data uint8, offsets int64[n + 1]) of a null-free large_string array, without a copy.

    Document i is `data[offsets[i]:offsets[i + 1]]`, UTF-8. Offsets need not start at 0 (slices).
    """
    n = len(texts)
    if texts.null_count:
        raise ValueError("kernels read arrays without nulls")
    if n == 0:
        return _read_only(np.zeros(0, np.uint8)), _read_only(np.zeros(1, np.int64))
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64, n + 1, texts.offset * 8)
    flat = np.zeros(0, np.uint8) if data is None or data.size == 0 else np.frombuffer(data, np.uint8)
    return _read_only(flat), _read_only(bounds)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, so that numba sees one type and compiles once, whether Arrow's buffer may be written to or not."""
    array.flags.writeable = False
    return array


def strings(data: Bytes, offsets: Offsets) -> pa.LargeStringArray:
    """A large_string array over kernel output: data uint8, offsets int64[n + 1] from 0; no copy, no UTF-8 check."""
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))


class Spans(NamedTuple):
    """Pieces (words, lines, sentences) of each document of a batch, in flat arrays.

    Document i owns the pieces `first[i]:last[i]` (int64[n]). Piece j is the bytes `start[j]:end[j]` (int32) of its
    document, and `chars[j]` (int32) code points long. Documents need not lie next to each other: taking rows copies
    only `first` and `last`.
    """

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    start: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    chars: npt.NDArray[np.int32]
    hash: npt.NDArray[np.uint64]
    """A 64-bit hash of the piece's bytes; equal pieces have equal hashes."""

    def take(self, rows: npt.NDArray[np.int64]) -> Spans:
        """The pieces of the documents `rows`, in that order."""
        return self._replace(first=self.first[rows], last=self.last[rows])


@kernel
def _count_chars(data, offsets, out):
    for i in range(len(out)):
        n = 0
        for j in range(offsets[i], offsets[i + 1]):
            n += (data[j] & 0xC0) != 0x80
        out[i] = n


def char_counts(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Unicode code points of each document, int64[n]."""
    data, offsets = buffers(texts)
    out = np.empty(len(texts), np.int64)
    _count_chars(data, offsets, out)
    return out
