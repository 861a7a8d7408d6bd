"""Drop documents that say the same thing again and again: repeated lines, paragraphs and n-grams (Gopher)."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.lines import lines, lines_one
from curate.kernels.refinedweb import alphanumeric_words
from curate.kernels.repetition import N_GRAMS, TOP, duplicates, repeated_n_grams
from curate.kernels.text import char_counts
from curate.kernels.verdicts import first_reason
from curate.kernels.words import words, words_one
from curate.stage import Edit, One, Outcome, Threshold

Share = Annotated[float, Field(ge=0, le=1)]
Ratios = dict[str, npt.NDArray[np.float64]]

_RULES = (
    *("dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac"),
    *(f"top_{n}_gram" if n <= TOP else f"duplicated_{n}_n_grams" for n in N_GRAMS),
)
"""The rules in the order in which they are asked; options, reasons and columns are named after them."""


class GopherRepetition(Edit):
    """Drop documents with too many repeated lines, paragraphs or n-grams of words (Gopher's repetition rules).

    Thresholds are those of table A1 of Rae et al. 2021, arXiv:2112.11446. A document is dropped when a value is greater
    than its threshold; the first rule broken, in the order below, is the reason. Each value stays behind in a float32
    column named `repetition_` and the rule. A text without a character is dropped as `empty`.
    """

    definition: Literal["datatrove", "refinedweb"] = "datatrove"
    """How repetition is measured. `datatrove` (FineWeb's way): the first copy of a piece is free; shares are of all
    characters of the text; lines end at runs of newlines. `refinedweb` (as DCLM reproduces RefinedWeb): all copies
    count; lines and paragraphs are stripped, empty ones do not count, and a single one is never repeated; words that do
    not begin with a letter or digit are left out, and shares are of the characters of the others; n-grams that occur
    once are not repeated. The thresholds are the same, the values are not comparable."""
    words: Literal["spacy", "whitespace"] = "spacy"
    """What a word is: `spacy`, the rules of spaCy's English tokenizer (datatrove's English default), or `whitespace`.
    DCLM itself uses the word boundaries of Unicode (UAX 29), which neither is exactly."""
    dup_para_frac: Share | None = 0.30
    """Largest share of the paragraphs that may be repeated, 0 to 1; null: not tested."""
    dup_para_char_frac: Share | None = 0.20
    """Largest share of the characters that may be in repeated paragraphs, 0 to 1; null: not tested."""
    dup_line_frac: Share | None = 0.30
    """Largest share of the lines that may be repeated, 0 to 1; null: not tested."""
    dup_line_char_frac: Share | None = 0.20
    """Largest share of the characters that may be in repeated lines, 0 to 1; null: not tested."""
    top_2_gram: Share | None = 0.20
    """Largest share of the characters that the most frequent pair of words may take, 0 to 1; null: not tested."""
    top_3_gram: Share | None = 0.18
    """Largest share of the characters that the most frequent 3-gram of words may take, 0 to 1; null: not tested."""
    top_4_gram: Share | None = 0.16
    """Largest share of the characters that the most frequent 4-gram of words may take, 0 to 1; null: not tested."""
    duplicated_5_n_grams: Share | None = 0.15
    """Largest share of the characters that may be in repeated 5-grams of words, 0 to 1; null: not tested."""
    duplicated_6_n_grams: Share | None = 0.14
    """Largest share of the characters that may be in repeated 6-grams of words, 0 to 1; null: not tested."""
    duplicated_7_n_grams: Share | None = 0.13
    """Largest share of the characters that may be in repeated 7-grams of words, 0 to 1; null: not tested."""
    duplicated_8_n_grams: Share | None = 0.12
    """Largest share of the characters that may be in repeated 8-grams of words, 0 to 1; null: not tested."""
    duplicated_9_n_grams: Share | None = 0.11
    """Largest share of the characters that may be in repeated 9-grams of words, 0 to 1; null: not tested."""
    duplicated_10_n_grams: Share | None = 0.10
    """Largest share of the characters that may be in repeated 10-grams of words, 0 to 1; null: not tested."""

    edits_text = False
    writes = {f"repetition_{rule}": pa.float32() for rule in _RULES}
    examples = {
        "Buy now.\nBuy now.\nBuy now.": {"reason": "dup_line_frac", "repetition_dup_line_char_frac": 16 / 26},
        "spam eggs spam eggs spam eggs spam eggs and ham": {"reason": "top_2_gram"},
        "The cat sat on the mat. A dog lay at the door, and nobody in the old house had seen either for weeks.": {
            "reason": None
        },
        "": {"reason": "empty"},
    }

    def thresholds(self) -> tuple[Threshold, ...]:
        limits = {rule: getattr(self, rule) for rule in _RULES}
        return tuple(
            Threshold(rule, f"repetition_{rule}", ">", limit, rule)
            for rule, limit in limits.items()
            if limit is not None
        )

    def edit_one(self, text: str) -> One:
        ratios = _datatrove(text, self.words) if self.definition == "datatrove" else _refinedweb(text, self.words)
        limits = {rule: getattr(self, rule) for rule in _RULES}
        broken = [rule for rule, limit in limits.items() if limit is not None and ratios[rule] > limit]
        pieces = text if self.definition == "datatrove" else text.strip()
        reason = "empty" if not pieces else broken[0] if broken else None
        return One(text, reason, {f"repetition_{rule}": ratios[rule] for rule in _RULES})

    def edit(self, batch: Batch) -> Outcome:
        ratios, empty = self._measure(batch)
        limits = {rule: getattr(self, rule) for rule in _RULES}
        broken = {rule: ratios[rule] > limit for rule, limit in limits.items() if limit is not None}
        columns = {f"repetition_{rule}": pa.array(ratios[rule].astype(np.float32)) for rule in _RULES}
        return Outcome(reason=first_reason({"empty": empty, **broken}, len(batch)), columns=columns)

    def _measure(self, batch: Batch) -> tuple[Ratios, npt.NDArray[np.bool_]]:
        """The value of each rule for each document, float64[n], and which documents are empty."""
        whole, found = batch.once(char_counts), batch.once(words, self.words)
        every = self.definition == "refinedweb"
        paras = batch.once(lines, "paragraphs", every)
        rows = batch.once(lines, "newline" if every else "newlines", every)
        size = whole
        if every:
            found, size = alphanumeric_words(batch[TEXT], found)
        ratios: Ratios = {}
        for name, pieces in (("para", paras), ("line", rows)):
            counts = duplicates(pieces, every_copy=every, keep_empty=not every)
            chars = counts.chars if every else whole
            ratios[f"dup_{name}_frac"] = counts.repeated / np.maximum(counts.pieces, 1)
            ratios[f"dup_{name}_char_frac"] = counts.repeated_chars / np.maximum(chars, 1)
        grams = repeated_n_grams(found, every_copy=every) / np.maximum(size, 1)[:, None]
        ratios |= dict(zip(_RULES[4:], np.ascontiguousarray(grams.T), strict=True))
        return ratios, (counts.pieces if every else whole) == 0


def _datatrove(text: str, definition: Literal["spacy", "whitespace"]) -> dict[str, float]:
    """The specification of `datatrove`: its measures of one text."""
    ratios = dict.fromkeys(_RULES, 0.0)
    if not text:
        return ratios
    for name, pieces in (("para", lines_one(text, "paragraphs")), ("line", lines_one(text, "newlines"))):
        again = Counter(pieces) - Counter(set(pieces))
        ratios[f"dup_{name}_frac"] = again.total() / len(pieces)
        ratios[f"dup_{name}_char_frac"] = sum(len(piece) * count for piece, count in again.items()) / len(text)
    found = words_one(text, definition)
    for n, rule in zip(N_GRAMS, _RULES[4:], strict=True):
        grams = [tuple(found[j : j + n]) for j in range(len(found) - n + 1)]
        if n <= TOP and grams:
            gram, count = Counter(grams).most_common(1)[0]
            ratios[rule] = len(" ".join(gram)) * count / len(text)
        elif n > TOP:
            seen, at, chars = set(), 0, 0
            while at < len(grams):
                hit = grams[at] in seen
                chars += len("".join(grams[at])) if hit else 0
                seen.add(grams[at])
                at += n if hit else 1
            ratios[rule] = chars / len(text)
    return ratios


def _refinedweb(text: str, definition: Literal["spacy", "whitespace"]) -> dict[str, float]:
    """The specification of `refinedweb`: DCLM's measures of one text."""
    ratios = dict.fromkeys(_RULES, 0.0)
    for name, kind in (("para", "paragraphs"), ("line", "newline")):
        pieces = [piece for piece in lines_one(text, kind, strip=True) if piece]  # type: ignore[arg-type]
        again = {piece: count for piece, count in Counter(pieces).items() if count > 1}
        if again:
            ratios[f"dup_{name}_frac"] = sum(again.values()) / len(pieces)
            ratios[f"dup_{name}_char_frac"] = sum(map(len, Counter(again).elements())) / sum(map(len, pieces))
    found = [word for word in words_one(text, definition) if word[0].isalnum()]
    size = sum(map(len, found))
    for n, rule in zip(N_GRAMS, _RULES[4:], strict=True):
        grams = [tuple(found[j : j + n]) for j in range(len(found) - n + 1)]
        counts = Counter(grams)
        most = max(counts.values(), default=0)
        if most < 2:
            continue
        if n <= TOP:
            chars = most * max(len("".join(gram)) for gram, count in counts.items() if count == most)
        else:
            covered = {j + k for j, gram in enumerate(grams) if counts[gram] > 1 for k in range(n)}
            chars = sum(len(found[j]) for j in covered)
        ratios[rule] = chars / size
    return ratios
