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
from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.masks import WIDTH, in_range, lowest
from curate.kernels.memory import load8, move
from curate.kernels.scanning import IS_SPACE, byte_kinds
from curate.kernels.spacy_tables import EXCEPTION, SEED, find, finish, mix, table
from curate.kernels.text import Bytes, Offsets, buffers, strings
from curate.kernels.words import Definition, words_one
from curate.kernels.words import words as words_of
from curate.kernels.xxh32 import SPARE, xxh32

Unit = Literal["words", "characters"]
HashedBy = Literal["xxh32", "xxh64", "sha1_32", "sha1_64"]

_SPACY, _WHITESPACE, _CHARACTERS = 0, 1, 2
LONGEST_LETTERS = (
    16  # bytes; no exception of spaCy's that is made of ASCII letters alone is longer, which a test checks
)
_BEYOND, _ALL = 1 << 62, np.uint64(2**64 - 1)


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
    code = _CHARACTERS if unit == "characters" else _SPACY if words == "spacy" else _WHITESPACE
    odd_at, pieces = _odd_pieces(data, offsets, code)
    odd = words_of(pieces, words)
    size, longest = int(offsets[-1] - offsets[0]), int(np.diff(offsets).max(initial=0))
    text = np.empty(longest + 2 * WIDTH, np.uint8)
    flat = np.empty(2 * longest + 2 + SPARE, np.uint8)  # no more spaces than bytes, and one before
    starts = np.empty(longest + 2, np.int64)
    wide = hashed_by == "xxh64"
    hashes = np.empty((size + 1) * (2 if wide else 1), np.uint32)  # what is not written costs nothing
    bounds = np.zeros(len(texts) + 1, np.int64)
    _shingle(
        data, offsets, code, ngram, wide, table(),
        odd_at, odd.first, odd.last, odd.start, odd.end, text, flat, starts, bounds, hashes,
    )  # fmt: skip
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


def _odd_pieces(data: Bytes, offsets: Offsets, code: int) -> tuple[Offsets, pa.LargeStringArray]:
    """(where they start in the data, int64[m + 1], the last one beyond any; the odd pieces, large_string[m])."""
    size = int(offsets[-1] - offsets[0]) if code != _CHARACTERS else 0
    room = size // 2 + len(offsets) + 1  # pieces of a text have white space between them
    at, bounds = np.empty(room, np.int64), np.zeros(room, np.int64)
    text = np.empty(int(np.diff(offsets).max(initial=0)) + 2 * WIDTH, np.uint8)
    out = np.empty(size, np.uint8)
    count = _find_odd(data, offsets, code == _SPACY, byte_kinds(), text, at, bounds, out) if size else 0
    at[count] = _BEYOND
    return at[: count + 1], strings(out[: bounds[count]], bounds[: count + 1])


@helper
def _load(data, begin, end, text):
    """Puts a document into `text`, from 1 on, with white space around it: then 64 bytes can be read anywhere in it."""
    text[0] = 0x20
    move(text, 1, data, begin, end - begin)
    for j in range(np.uint64(end - begin + 1), np.uint64(end - begin + 1 + WIDTH)):
        text[j] = 0x20


@inlined
def _spaces(text, at):
    """The ASCII white space among 64 bytes."""
    return in_range(text, at, 0x20, 0x20) | in_range(text, at, 9, 13) | in_range(text, at, 28, 31)


@kernel
def _find_odd(data, offsets, spacy, kinds, text, at, bounds, out):
    """Collects the odd pieces: in `at` where they start, in `out[bounds[m]:bounds[m + 1]]` their bytes.

    Of the pieces between ASCII white space nearly all are words at a glance: by spaCy's rules those of ASCII letters
    alone, but for its exceptions, and of digits alone; else all that are ASCII. The others are odd.
    """
    count = 0
    for i in range(len(offsets) - 1):
        base, size = offsets[i], offsets[i + 1] - offsets[i]
        _load(data, base, base + size, text)
        done = np.int64(1)
        for block in range(0, size + 1, WIDTH):
            if spacy:
                plain = _spaces(text, block) | in_range(text, block, 0x61, 0x7A) | in_range(text, block, 0x41, 0x5A)
            else:
                plain = in_range(text, block, 0, 0x7F)
            while ~plain:
                begin = block + lowest(~plain)
                plain |= plain + np.uint64(1)  # sets the lowest bit that is not set
                if begin < done:
                    continue
                digits = spacy
                while not kinds[text[begin - 1]] & IS_SPACE:
                    begin -= 1
                done = begin
                while not kinds[text[done]] & IS_SPACE:
                    digits &= 0x30 <= text[done] <= 0x39
                    done += 1
                if not digits:
                    at[count] = base + begin - 1
                    move(out, bounds[count], text, begin, done - begin)
                    bounds[count + 1] = bounds[count] + done - begin
                    count += 1
    return count


@inlined
def _exception(text, begin, length, table):
    """The parts of a piece of ASCII letters or digits that is one of spaCy's exceptions, -1 if it is none.

    The hash is that of `hash_bytes`, of at most 16 bytes, without a branch that depends on their number.
    """
    if length > LONGEST_LETTERS:
        return np.int64(-1)
    state = mix(SEED, load8(text, begin) & (_ALL >> np.uint64(64 - 8 * min(length, 8))))
    more = mix(state, load8(text, begin + 8) & (_ALL >> np.uint64(64 - 8 * max(length - 8, 1))))
    return find(table, finish(more if length > 8 else state, length) ^ EXCEPTION)


@inlined
def _follow(text, flat, begin, last, run, to):
    """(run, to): a word begins at `begin`, the one before ended at `last`.

    Words that lie one space apart are one run, `text[run:last]`, which is copied to `flat[to:]` when it is over.
    """
    if begin != last + 1 or text[last] != 0x20:
        move(flat, to, text, run, last - run)
        to += last - run
        flat[to] = 0x20
        return begin, to + 1
    return run, to


@helper
def _join_words(text, size, spacy, table, base, odd, odd_at, odd_first, odd_last, odd_start, odd_end, flat, starts):
    """Puts the words of a document into `flat`, a space before each: word w is `flat[starts[w]:starts[w + 1] - 1]`.

    Returns their number, and that of the next odd piece.
    """
    count, begin, last, run, to = np.int64(0), np.int64(1), np.int64(0), np.int64(0), np.int64(0)
    next_odd = odd_at[odd] - base + 1
    for block in range(0, size + 2, WIDTH):
        spaces = _spaces(text, block)
        while spaces:
            end = block + lowest(spaces)
            spaces &= spaces - np.uint64(1)
            if begin < end:
                is_odd = begin == next_odd
                parts = _exception(text, begin, end - begin, table) if spacy and not is_odd else np.int64(-1)
                if parts < 0 and not is_odd:
                    run, to = _follow(text, flat, begin, last, run, to)
                    starts[count] = to + begin - run
                    last = end
                    count += 1
                else:
                    first, final = (odd_first[odd], odd_last[odd]) if is_odd else (np.int64(0), np.int64(8))
                    left = begin
                    for j in range(first, final):
                        if is_odd:
                            left, right = begin + odd_start[j], begin + odd_end[j]
                        elif parts:
                            right = left + (parts & 0xFF)
                            parts >>= 8
                        else:
                            break
                        run, to = _follow(text, flat, left, last, run, to)
                        starts[count] = to + left - run
                        left = last = right
                        count += 1
                    if is_odd:
                        odd += 1
                        next_odd = odd_at[odd] - base + 1
            begin = end + 1
    move(flat, to, text, run, last - run)
    starts[count] = to + last - run + 1
    return count, odd


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
def _shingle(
    data, offsets, code, ngram, wide, table,
    odd_at, odd_first, odd_last, odd_start, odd_end, text, flat, starts, bounds, hashes,
):  # fmt: skip
    """Fills `bounds` (int64[n + 1]) and `hashes`; a hash of 64 bits takes two elements, the lower half first."""
    total, odd = 0, np.int64(0)
    for i in range(len(offsets) - 1):
        base, size, gap = offsets[i], offsets[i + 1] - offsets[i], 1
        if code == _CHARACTERS:
            units, gap = _mark_characters(data, base, base + size, flat, starts), 0
        else:
            _load(data, base, base + size, text)
            units, odd = _join_words(
                text, size, code == _SPACY, table, base, odd, odd_at, odd_first, odd_last, odd_start, odd_end,
                flat, starts,
            )  # fmt: skip
        for j in range(units - ngram + 1):
            if wide:
                h = xxh64(flat, starts[j], starts[j + ngram] - gap, np.uint64(0))
                hashes[2 * total] = h & np.uint64(0xFFFFFFFF)
                hashes[2 * total + 1] = h >> np.uint64(32)
            else:
                hashes[total] = xxh32(flat, starts[j], starts[j + ngram] - gap)
            total += 1
        bounds[i + 1] = total
