"""Shingles: the hash of every run of n words, or of n characters, of a text. What near-duplicates have in common."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.hashing import xxh64
from curate.kernels.jit import helper, kernel
from curate.kernels.joined_words import NO_PIECES, join_words, odd_pieces, scratch
from curate.kernels.memory import move
from curate.kernels.spacy_tables import table
from curate.kernels.text import buffers
from curate.kernels.words import Definition, words_one
from curate.kernels.xxh32 import xxh32

Unit = Literal["words", "characters"]
HashedBy = Literal["xxh32", "xxh64", "sha1_32", "sha1_64"]


@dataclass(frozen=True)
class Shingles:
    """Hashes of the shingles of n texts, in order of occurrence, repeated ones too."""

    offsets: npt.NDArray[np.int64]
    """int64[n + 1]: text i has the hashes `offsets[i]:offsets[i + 1]`."""
    hashes: npt.NDArray[Any]
    """uint32[total] or uint64[total]."""


def shingles(
    texts: pa.LargeStringArray,
    ngram: int,
    unit: Unit = "words",
    words: Definition = "spacy",
    hashed_by: HashedBy = "xxh32",
    max_chars: int | None = None,
) -> Shingles:
    """Hashes of `shingles_one` of each text, taken of UTF-8 bytes.

    Args:
        texts: large_string[n] without nulls, normalized as the caller wants them to be.
        ngram: words or characters in a shingle, at least 1. A text with fewer has no shingle.
        unit: what a shingle is a run of; `characters` are code points.
        words: what a word is, as in `kernels.words`; of no account for characters.
        hashed_by: XXH32 and XXH64 have seed 0; `sha1_32` and `sha1_64` are the first four or eight bytes of SHA-1 as a
            little-endian number, which datatrove and datasketch use by default: for parity only, they are slow.
        max_chars: of longer texts only the first so many code points are looked at; None: all.

    Raises:
        ValueError: an argument is out of range, or the array has nulls.
    """
    _check(ngram, unit, words, hashed_by, max_chars)
    texts = _capped(texts, max_chars)
    if hashed_by.startswith("sha1"):
        return _sha1_shingles(texts, ngram, unit, words, 4 if hashed_by == "sha1_32" else 8)
    data, offsets = buffers(texts)
    wide, characters = hashed_by == "xxh64", unit == "characters"
    odd = NO_PIECES if characters else odd_pieces(data, offsets, words)
    hashes = np.empty(int(offsets[-1] - offsets[0] + 1) * (2 if wide else 1), np.uint32)  # free where not written to
    bounds = np.zeros(len(texts) + 1, np.int64)
    spacy = words == "spacy"
    _shingle(data, offsets, characters, spacy, ngram, wide, table(), odd, *scratch(offsets), bounds, hashes)
    found = hashes[: bounds[-1] * (2 if wide else 1)]
    return Shingles(bounds, found.view("<u8").astype(np.uint64, copy=False) if wide else found)


def shingles_one(
    text: str, ngram: int, unit: Unit = "words", words: Definition = "spacy", max_chars: int | None = None
) -> list[str]:
    """The specification of `shingles`: runs of n characters, or of n words joined by single spaces, in order."""
    text = text[:max_chars]
    if unit == "characters":
        return [text[at : at + ngram] for at in range(len(text) - ngram + 1)]
    found = words_one(text, words)
    return [" ".join(found[at : at + ngram]) for at in range(len(found) - ngram + 1)]


def _check(ngram: int, unit: str, words: str, hashed_by: str, max_chars: int | None) -> None:
    if ngram < 1:
        raise ValueError(f"a shingle has at least 1 of its units, not {ngram}")
    if max_chars is not None and max_chars < 0:
        raise ValueError(f"max_chars is 0 or more, not {max_chars}")
    for name, value, known in (("unit", unit, Unit), ("words", words, Definition), ("hashed_by", hashed_by, HashedBy)):
        if value not in get_args(known):
            raise ValueError(f"{name} is one of {', '.join(get_args(known))}, not {value!r}")


def _capped(texts: pa.LargeStringArray, max_chars: int | None) -> pa.LargeStringArray:
    """The texts cut to so many code points; Arrow counts these, and the texts are copied only if one is longer."""
    if max_chars is None or not len(texts) or pc.max(pc.binary_length(texts)).as_py() <= max_chars:
        return texts
    return pc.utf8_slice_codeunits(texts, 0, max_chars)


def _sha1_shingles(texts: pa.LargeStringArray, ngram: int, unit: Unit, words: Definition, size: int) -> Shingles:
    each = [shingles_one(text, ngram, unit, words) for text in texts.to_pylist()]
    digests = b"".join(hashlib.sha1(piece.encode()).digest()[:size] for pieces in each for piece in pieces)
    bounds = np.cumsum([0, *map(len, each)], dtype=np.int64)
    return Shingles(bounds, np.frombuffer(digests, f"<u{size}").astype(f"u{size}"))


@helper
def _mark_characters(data, begin, end, flat, starts):
    """Copies a document to `flat`: character c is `flat[starts[c]:starts[c + 1]]`. Returns their number."""
    move(flat, 0, data, begin, end - begin)
    count = 0
    for at in range(end - begin):
        starts[count] = at
        count += (flat[at] & 0xC0) != 0x80
    starts[count] = end - begin
    return count


@kernel
def _shingle(data, offsets, characters, spacy, ngram, wide, table, odd, text, flat, starts, bounds, hashes):
    """Fills `bounds` (int64[n + 1]) and `hashes`; a hash of 64 bits takes two elements, the lower half first."""
    total, piece = 0, np.int64(0)
    for i in range(len(offsets) - 1):
        begin, end, gap = offsets[i], offsets[i + 1], 1
        if characters:
            units, gap = _mark_characters(data, begin, end, flat, starts), 0
        else:
            units, piece = join_words(data, begin, end, spacy, table, odd, piece, text, flat, starts)
        for j in range(units - ngram + 1):
            if wide:
                h = xxh64(flat, starts[j], starts[j + ngram] - gap, np.uint64(0))
                hashes[2 * total] = h & np.uint64(0xFFFFFFFF)
                hashes[2 * total + 1] = h >> np.uint64(32)
            else:
                hashes[total] = xxh32(flat, starts[j], starts[j + ngram] - gap)
            total += 1
        bounds[i + 1] = total
