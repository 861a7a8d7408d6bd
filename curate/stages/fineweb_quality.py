"""Drop lists, menus and pages of repeated lines: the filter that FineWeb adds to those of Gopher and C4."""

from __future__ import annotations

from collections import Counter
from operator import ge, gt, le, lt
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.fineweb import count_lines
from curate.kernels.lines import lines
from curate.kernels.spacy_rules import code_points
from curate.kernels.unicode_tables import TERMINAL_MARKS
from curate.kernels.verdicts import first_reason
from curate.kernels.words import words, words_one
from curate.stage import Edit, One, Outcome, Sign, Threshold

Share = Annotated[float, Field(ge=0, le=1)]
Ratios = dict[str, npt.NDArray[np.float64]]

_RULES = ("line_punct_ratio", "short_line_ratio", "char_dup_ratio", "list_ratio")
"""The rules in the order in which they are asked; options, reasons and columns are named after them."""
_TERMINAL = "".join(chr(code) for codes in code_points(TERMINAL_MARKS) for code in codes)
_STOPS = {"v1": ".'\"!?", "v2": _TERMINAL}


class FinewebQuality(Edit):
    """Drop documents of lines that do not end as sentences do, are short, repeat, or hold few words (FineWeb).

    Method and thresholds: Penedo et al. 2024, arXiv:2406.17557, as datatrove's code has them. Lines are
    split at newlines and not stripped. The first rule broken, in the order below, is the reason; each value stays
    behind in a float32 column named `fineweb_` and the rule. A text without a line that has more than white space is
    dropped as `empty`.
    """

    edition: Literal["v2", "v1"] = "v2"
    """`v2`: datatrove since December 2024: lines may end in any of 159 sentence-final marks of all scripts, but not in
    quotation marks; blank lines do not count; a value on the threshold passes. `v1`: as FineWeb was made in 2024
    (partly from memory): lines end well in `. ' " ! ?`, blank lines count as lines, and a value on the threshold drops,
    `list_ratio` aside."""
    words: Literal["spacy", "whitespace"] = "spacy"
    """What a word is: `spacy`, the rules of spaCy's English tokenizer (datatrove's English default), or `whitespace`.
    FineWeb v1 itself used NLTK's words, to which `spacy` comes nearer."""
    line_punct_ratio: Share | None = 0.12
    """Smallest share of the lines that must end in a stop character, 0 to 1; null: not tested."""
    line_punct_exclude_zero: bool = False
    """Let documents pass in which no line at all ends in a stop character."""
    stop_chars: str | None = None
    """The characters that end a line well, such as `.!?`; null: those of the edition."""
    short_line_ratio: Share | None = 0.67
    """Largest share of the lines that may be short, 0 to 1; null: not tested."""
    short_line_length: int = Field(30, ge=0)
    """Longest line, in characters (code points), that is short."""
    char_dup_ratio: Share | None = 0.01
    """Largest share of the characters, newlines aside, that may be in repeated lines, 0 to 1; the first copy is free;
    null: not tested. The paper's text says 0.1; its table of ablations and the code that made FineWeb say 0.01."""
    list_ratio: float | None = Field(0.3, ge=0)
    """Largest number of newlines per word; null: not tested."""

    edits_text = False
    writes = {f"fineweb_{rule}": pa.float32() for rule in _RULES}
    examples = {
        "It rained all day, and nobody came to the door.\nWe read by the fire until the lamp went out.": {
            "reason": None
        },
        "Home\nAbout us\nContact": {"reason": "line_punct_ratio", "fineweb_short_line_ratio": 1.0},
        "One.\nTwo.\nThree.": {"reason": "short_line_ratio", "fineweb_line_punct_ratio": 1.0},
        " \n": {"reason": "empty"},
    }

    def thresholds(self) -> tuple[Threshold, ...]:
        low: Sign = "<=" if self.edition == "v1" else "<"
        high: Sign = ">=" if self.edition == "v1" else ">"
        signs = {"line_punct_ratio": low, "short_line_ratio": high, "char_dup_ratio": high}
        limits = {rule: getattr(self, rule) for rule in _RULES}
        if self.line_punct_exclude_zero:  # then it is more than a limit
            del limits["line_punct_ratio"]
        return tuple(
            Threshold(rule, f"fineweb_{rule}", signs.get(rule, ">"), limit, rule)
            for rule, limit in limits.items()
            if limit is not None
        )

    def edit_one(self, text: str) -> One:
        old = self.edition == "v1"
        every = text.split("\n")
        full = [line for line in every if line.strip()]
        if not full:
            return One(text, "empty", {f"fineweb_{rule}": 0.0 for rule in _RULES})
        tested = every if old else full
        stops = tuple(_STOPS[self.edition] if self.stop_chars is None else self.stop_chars)
        again = Counter(full) - Counter(set(full))
        ratios = {
            "line_punct_ratio": sum(line.endswith(stops) for line in tested) / len(tested),
            "short_line_ratio": sum(len(line) <= self.short_line_length for line in tested) / len(tested),
            "char_dup_ratio": sum(len(line) * count for line, count in again.items()) / sum(map(len, every)),
            "list_ratio": text.count("\n") / max(len(words_one(text, self.words)), 1),
        }
        broken = self._broken({rule: np.array([ratio]) for rule, ratio in ratios.items()})
        reason = next((rule for rule, flags in broken.items() if flags[0]), None)
        return One(text, reason, {f"fineweb_{rule}": ratio for rule, ratio in ratios.items()})

    def edit(self, batch: Batch) -> Outcome:
        texts, pieces, found = batch[TEXT], batch.once(lines, "newline"), batch.once(words, self.words)
        stops = _STOPS[self.edition] if self.stop_chars is None else self.stop_chars
        count = count_lines(texts, pieces, stops, self.short_line_length)
        old, empty = self.edition == "v1", count.full == 0
        tested = np.maximum(count.lines if old else count.full, 1)
        ratios = {
            "line_punct_ratio": (count.stopped if old else count.full_stopped) / tested,
            "short_line_ratio": (count.short if old else count.full_short) / tested,
            "char_dup_ratio": count.repeated_chars / np.maximum(count.chars, 1),
            "list_ratio": (count.lines - 1) / np.maximum(found.last - found.first, 1),
        }
        for values in ratios.values():
            values[empty] = 0
        columns = {f"fineweb_{rule}": pa.array(ratios[rule].astype(np.float32)) for rule in _RULES}
        return Outcome(reason=first_reason({"empty": empty, **self._broken(ratios)}, len(batch)), columns=columns)

    def _broken(self, ratios: Ratios) -> dict[str, npt.NDArray[np.bool_]]:
        """Which documents break which rule; rules that are off are left out."""
        low, high = (le, ge) if self.edition == "v1" else (lt, gt)
        worse = {"line_punct_ratio": low, "short_line_ratio": high, "char_dup_ratio": high, "list_ratio": gt}
        limits = {rule: getattr(self, rule) for rule in _RULES}
        broken = {rule: worse[rule](ratios[rule], limit) for rule, limit in limits.items() if limit is not None}
        if self.line_punct_exclude_zero and "line_punct_ratio" in broken:
            broken["line_punct_ratio"] &= ratios["line_punct_ratio"] != 0
        return broken
