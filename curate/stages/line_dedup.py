"""Remove lines or paragraphs that occur again elsewhere in the corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.kernels.ccnet import ccnet, ccnet_one
from curate.kernels.hashing import hash64
from curate.kernels.pieces import (
    WHITE_SPACE,
    Pieces,
    line_pieces,
    line_pieces_one,
    paragraph_pieces,
    paragraph_pieces_one,
)
from curate.kernels.simplify import simplify, simplify_one, squeeze, squeeze_one
from curate.kernels.text import char_counts
from curate.kernels.words import words
from curate.passages import Flags, Left, Numbers, PassageDedup, Passages

_NORMAL_FORMS: dict[str, tuple[Callable[[pa.LargeStringArray], pa.LargeStringArray], Callable[[str], str]]] = {
    "ccnet": (ccnet, ccnet_one),
    "simplified": (simplify, simplify_one),
    "whitespace": (squeeze, squeeze_one),
    "off": (lambda texts: pc.utf8_trim(texts, characters=WHITE_SPACE), str.strip),
}
"""Each for an array, and for one text."""


class LineDedup(PassageDedup):
    """Remove lines or paragraphs that occur again elsewhere in the corpus.

        - line_dedup
        - line_dedup: {keep: none, min_chars: 1}        # as CCNet
        - line_dedup: {min_words: 10, min_chars: 1}     # as FineWeb tried
        - line_dedup: {keep: none, min_repeats: 7}      # as Llama 3

    Menus, licences and cookie notices go, and so do quotations, tables and refrains. CCNet (Wenzek et al. 2020) removes
    all copies within a shard; Llama 3 (2024, from memory) those of lines that occur more than 6 times in 30 million
    documents; FineWeb's ablations (Penedo et al. 2024) found the step harmful over the whole corpus. So look at what
    goes, and think of a higher `min_repeats` or of a `scope`.

    Counts are exact, over the whole corpus, and do not depend on how it is cut into shards; copies within one document
    count too. Lines are the same if the 64-bit XXH64 of their normal forms is: of N different lines, one that is unique
    is taken for a repeat with a chance of N / 2^64.

    What stays is not touched. Blank lines stay; those behind a removed line go with it unless text is directly before
    it, and white space at the end of a text that has lost lines goes as well. A text of which nothing is left is
    dropped as `empty`, one that loses too much as `too_little_left` or `too_much_removed`.

    Adds `line_dedup_removed`, the lines (or paragraphs) that were removed, and `line_dedup_removed_chars`, the
    characters by which the text got shorter.
    """

    unit: Literal["line", "paragraph"] = "line"
    """What is compared and removed: a `line`, between newlines; or a `paragraph`, the lines between blank ones. What
    Dolma and CCNet call a paragraph is a line."""
    normalize: Literal["ccnet", "simplified", "whitespace", "off"] = "ccnet"
    """What is compared: `ccnet`, in lower case, each digit as 0, without Unicode punctuation (ASCII's stays);
    `simplified`, without case, any punctuation, accents and the values of numbers (datatrove's `simplify_text`);
    `whitespace`, Unicode NFC with each run of white space as one space; `off`, all but white space at the ends."""
    min_chars: int = Field(20, ge=1)
    """Shorter lines are neither counted nor removed. Unit: characters of the normal form. The default spares headings,
    brackets and rows of stars; `All rights reserved.` is long enough."""
    min_words: int = Field(0, ge=0)
    """Lines of fewer words are neither counted nor removed, words of the normal form between white space; 0: any."""
    min_chars_left: int = Field(0, ge=0)
    """A document that loses lines and has fewer characters left is dropped as `too_little_left`."""
    max_removed: Annotated[float, Field(ge=0, le=1)] | None = None
    """A document that loses a greater share of its characters, 0 to 1, is dropped as `too_much_removed`. Null: none."""

    writes: ClassVar[dict[str, pa.DataType]] = {
        "line_dedup_removed": pa.int32(),
        "line_dedup_removed_chars": pa.int64(),
    }
    decides_by: ClassVar[tuple[str, ...]] = ("keep", "min_repeats", "min_chars_left", "max_removed", "index")

    def passages_one(self, text: str) -> dict[int, str]:
        normal = map(_NORMAL_FORMS[self.normalize][1], self._cut_one(text))
        long_enough = ((i, line) for i, line in enumerate(normal) if len(line) >= self.min_chars)
        return {i: line for i, line in long_enough if len(line.split()) >= self.min_words}

    def rebuild_one(self, text: str, repeats: set[int]) -> tuple[str, int]:
        kept: list[str] = []
        no_text_before = False  # before the removed lines that these are directly behind
        for number, line in enumerate(self._cut_one(text)):
            if number in repeats:
                no_text_before = not kept or kept[-1].isspace()
            elif not (line.isspace() and no_text_before):
                kept.append(line)
                no_text_before = False
        return "".join(kept).rstrip(), len(repeats)

    def _cut_one(self, text: str) -> list[str]:
        return line_pieces_one(text) if self.unit == "line" else paragraph_pieces_one(text)

    def cut(self, texts: pa.LargeStringArray) -> Pieces:
        return line_pieces(texts) if self.unit == "line" else paragraph_pieces(texts)

    def passages(self, pieces: Pieces) -> Passages:
        normal = _NORMAL_FORMS[self.normalize][0](pieces.texts)
        least = max(self.min_chars, 2 * self.min_words - 1)  # words of one letter and spaces between them
        long_enough = np.flatnonzero(char_counts(normal) >= least)
        normal = normal.take(pa.array(long_enough))
        if self.min_words:
            found = words(normal, "whitespace")
            many = found.last - found.first >= self.min_words
            normal, long_enough = normal.filter(pa.array(many)), long_enough[many]
        return Passages(hash64(normal), long_enough)

    def mark(self, pieces: Pieces, repeats: Numbers) -> Flags:
        gone = np.zeros(len(pieces.texts), np.bool_)
        gone[repeats] = True
        return gone

    def rebuild(self, pieces: Pieces, gone: Flags) -> pa.LargeStringArray:
        return pc.utf8_rtrim(pieces.without(gone | _stray(pieces, gone)), characters=WHITE_SPACE)

    def broken(self, left: Left) -> dict[str, Flags]:
        most = 1.0 if self.max_removed is None else self.max_removed
        return {
            "too_little_left": left.chars < self.min_chars_left,
            "too_much_removed": left.old_chars - left.chars > most * left.old_chars,
        }


def _stray(pieces: Pieces, gone: Flags) -> Flags:
    """Blank lines directly behind ones that are gone, where what stays before those is blank as well, or nothing."""
    blank, number = pieces.blank(), np.arange(len(gone))
    begin = np.repeat(pieces.first[:-1], np.diff(pieces.first))
    last_text = np.maximum.accumulate(np.where(blank & ~gone, -1, number))  # the last that is no blank line
    last_kept = np.maximum.accumulate(np.where(gone, -1, number))
    behind = blank & (last_text >= begin) & gone[last_text]
    before = np.where(behind, last_kept[last_text], -1)
    return np.asarray(behind & ((before < begin) | blank[before]))
