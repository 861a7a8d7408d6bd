"""Drop documents that do not look like prose by counts of words, symbols and lines (Gopher)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.gopher import measure
from curate.kernels.unicode_tables import SYMBOLIC, classes
from curate.kernels.verdicts import first_reason
from curate.kernels.words import words, words_one
from curate.stage import Edit, One, Outcome, Sign, Threshold

Share = Annotated[float, Field(ge=0, le=1)]

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
DATATROVE_REASONS = {
    "too_few_words": "gopher_short_doc",
    "too_many_words": "gopher_long_doc",
    "short_words": "gopher_below_avg_threshold",
    "long_words": "gopher_above_avg_threshold",
    "too_many_hashes": "gopher_too_many_hashes",
    "too_many_ellipses": "gopher_too_many_ellipsis",
    "too_many_bullet_lines": "gopher_too_many_bullets",
    "too_many_ellipsis_lines": "gopher_too_many_end_ellipsis",
    "too_few_alpha_words": "gopher_below_alpha_threshold",
    "too_few_stop_words": "gopher_enough_stop_words",
}
"""Our reasons, in the order of the rules, and what datatrove calls them."""


class GopherQuality(Edit):
    """Drop documents whose words, symbols or lines are not those of prose (Gopher's quality rules).

    Rules and thresholds: Rae et al. 2021, arXiv:2112.11446, section A.1.1, as datatrove 0.10 (FineWeb) carries them
    out. The first rule that is broken, in the order of the options, is the reason. What was measured stays behind in
    columns, so that a threshold can be moved later. Of a text without words or lines, every share is 0.
    """

    words: Literal["spacy", "whitespace"] = "spacy"
    """What a word is, `spacy` or `whitespace`. By spaCy's English rules, punctuation marks are words, so that the limit
    of 0.8 for words with a letter lies in the middle of ordinary prose. They are the default all the same: datatrove
    counts such words, FineWeb's thresholds were used with them, and the verdicts are then the same. With `whitespace`,
    closer to the paper, that rule drops far fewer documents."""
    min_words: int | None = Field(50, ge=0)
    """Fewest words, those of punctuation alone left out; null: not tested. Reason: `too_few_words`."""
    max_words: int | None = Field(100_000, ge=0)
    """Most words, those of punctuation alone left out; null: not tested. Reason: `too_many_words`."""
    min_mean_word_length: float | None = Field(3, ge=0)
    """Least mean length of those words in characters; null: not tested. Reason: `short_words`."""
    max_mean_word_length: float | None = Field(10, ge=0)
    """Greatest mean length of those words in characters; null: not tested. Reason: `long_words`."""
    max_hash_ratio: float | None = Field(0.1, ge=0)
    """Most number signs per word, 0 upwards; null: not tested. Reason: `too_many_hashes`."""
    max_ellipsis_ratio: float | None = Field(0.1, ge=0)
    """Most ellipses (`...` or `…`) per word, 0 upwards; null: not tested. Reason: `too_many_ellipses`."""
    max_bullet_lines: Share | None = 0.9
    """Largest share of lines that begin with `•` or `-`, 0 to 1; null: not tested. Reason: `too_many_bullet_lines`."""
    max_ellipsis_lines: Share | None = 0.3
    """Largest share of lines that end with an ellipsis, 0 to 1; null: not tested. Reason: `too_many_ellipsis_lines`."""
    min_alpha_words: Share | None = 0.8
    """Least share of all words with at least one letter, 0 to 1; null: not tested. Reason: `too_few_alpha_words`."""
    min_stop_words: int | None = Field(2, ge=0)
    """Fewest different stop words that must occur; null: not tested. Reason: `too_few_stop_words`."""
    stop_words: tuple[str, ...] = STOP_WORDS
    """The stop words, compared as they are: `The` is not `the`. Each must be one word by the definition above."""

    edits_text = False
    writes = {
        "gopher_n_words": pa.int32(),
        "gopher_mean_word_length": pa.float32(),
        "gopher_hash_ratio": pa.float32(),
        "gopher_ellipsis_ratio": pa.float32(),
        "gopher_bullet_lines": pa.float32(),
        "gopher_ellipsis_lines": pa.float32(),
        "gopher_alpha_words": pa.float32(),
        "gopher_stop_words": pa.int32(),
    }
    examples = {
        "Too short to be of use.": {"reason": "too_few_words", "gopher_n_words": 6},
        "Nobody knew that the boat would be late with all of them. " * 6: {"reason": None, "gopher_stop_words": 5},
        "NOBODY KNEW THAT THE BOAT WOULD BE LATE WITH ALL OF THEM. " * 6: {"reason": "too_few_stop_words"},
        "- one thing to do\n" * 20: {"reason": "too_many_bullet_lines", "gopher_bullet_lines": 1.0},
        "the 3 of 4 and 5 to 6 " * 10: {"reason": "short_words"},
    }

    def edit_one(self, text: str) -> One:
        found, lines = words_one(text, self.words), text.splitlines()
        table = classes()
        wordy = [word for word in found if not all(table[ord(char)] & SYMBOLIC for char in word)]
        n, n_lines = max(len(found), 1), max(len(lines), 1)
        numbers = {
            "gopher_n_words": len(wordy),
            "gopher_mean_word_length": sum(map(len, wordy)) / max(len(wordy), 1),
            "gopher_hash_ratio": text.count("#") / n,
            "gopher_ellipsis_ratio": (text.count("...") + text.count("…")) / n,
            "gopher_bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in lines) / n_lines,
            "gopher_ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines) / n_lines,
            "gopher_alpha_words": sum(any(char.isalpha() for char in word) for word in found) / n,
            "gopher_stop_words": len(set(self.stop_words) & set(found)),
        }
        broken = [reason for reason, is_broken in self._broken(numbers).items() if is_broken]
        return One(text, broken[0] if broken else None, numbers)

    def edit(self, batch: Batch) -> Outcome:
        counts = measure(batch[TEXT], batch.once(words, self.words), tuple(dict.fromkeys(self.stop_words)))
        n, n_lines = np.maximum(counts.words, 1), np.maximum(counts.lines, 1)
        numbers = {
            "gopher_n_words": counts.wordy,
            "gopher_mean_word_length": counts.chars / np.maximum(counts.wordy, 1),
            "gopher_hash_ratio": counts.hashes / n,
            "gopher_ellipsis_ratio": counts.ellipses / n,
            "gopher_bullet_lines": counts.bullets / n_lines,
            "gopher_ellipsis_lines": counts.trailing / n_lines,
            "gopher_alpha_words": counts.alpha / n,
            "gopher_stop_words": counts.stop_words,
        }
        columns = {name: pa.array(numbers[name].astype(kind.to_pandas_dtype())) for name, kind in self.writes.items()}
        return Outcome(reason=first_reason(self._broken(numbers), len(batch)), columns=columns)

    def thresholds(self) -> tuple[Threshold, ...]:
        rules: tuple[tuple[str, str, str, Sign], ...] = (
            ("min_words", "too_few_words", "gopher_n_words", "<"),
            ("max_words", "too_many_words", "gopher_n_words", ">"),
            ("min_mean_word_length", "short_words", "gopher_mean_word_length", "<"),
            ("max_mean_word_length", "long_words", "gopher_mean_word_length", ">"),
            ("max_hash_ratio", "too_many_hashes", "gopher_hash_ratio", ">"),
            ("max_ellipsis_ratio", "too_many_ellipses", "gopher_ellipsis_ratio", ">"),
            ("max_bullet_lines", "too_many_bullet_lines", "gopher_bullet_lines", ">"),
            ("max_ellipsis_lines", "too_many_ellipsis_lines", "gopher_ellipsis_lines", ">"),
            ("min_alpha_words", "too_few_alpha_words", "gopher_alpha_words", "<"),
            ("min_stop_words", "too_few_stop_words", "gopher_stop_words", "<"),
        )
        limits = ((*rule, getattr(self, rule[0])) for rule in rules)
        return tuple(
            Threshold(option, column, sign, limit, reason)
            for option, reason, column, sign, limit in limits
            if limit is not None
        )

    def _broken(self, numbers: Mapping[str, Any]) -> dict[str, npt.NDArray[np.bool_]]:
        """Which rules are broken, in their order: reason → flags, of numbers of one text or arrays of many."""
        return {
            one.reason: numbers[one.column] < one.limit if one.drops == "<" else numbers[one.column] > one.limit
            for one in self.thresholds()
        }
