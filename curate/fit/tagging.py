"""The threshold above which a wanted share of the segments of a corpus is bad, for control tokens.

Korbak et al. 2023 give thresholds for scores of theirs (0.00056 for toxicity), and not how they were found; a share can
be asked of any score. The quantile is weighted by characters, which is what a model reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError, RecipeError
from curate.kernels.ordering import falling_floats, float_of
from curate.kernels.segments import segments
from curate.kernels.text import char_counts

LEAST, MOST = 0.001, 0.5
"""A share of bad segments that can be asked for. With fewer, the model would hardly ever see the token."""
_SHIFT = 42
"""Of keys, for bins of numbers that differ by less than 1/1024 of themselves: 4 M bins, 32 MiB, however many scores."""
_TINY = 1e-300  # in one bin with zero
_DIGITS = Context(prec=6, rounding=ROUND_CEILING)

Tables = Callable[[], Iterable[pa.Table]]
"""Reads tables of `text`, the scores and the source anew."""


@dataclass
class Tally:
    """Segments and what they weigh, of all and of the bad ones."""

    segments: int = 0
    chars: int = 0
    bad_segments: int = 0
    bad_chars: int = 0

    def add(self, chars: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_]) -> None:
        """Some more segments."""
        self.segments += len(chars)
        self.chars += int(chars.sum())
        self.bad_segments += int(bad.sum())
        self.bad_chars += int(chars[bad].sum())


@dataclass
class Found:
    """A threshold, and what it makes of the corpus that it was chosen for."""

    threshold: float
    """Six digits. What scores higher is bad."""
    whole: Tally = field(default_factory=Tally)
    by_source: dict[str | None, Tally] = field(default_factory=dict)
    """Of each value of the column of sources, in the order in which they were met; empty without such a column."""


def threshold(tables: Tables, column: str, bad_fraction: float, source: str | None = None) -> Found:
    """The least threshold with which no more than `bad_fraction` of the characters are in bad segments.

    `column`: a list of scores, one for each segment of the text as the stage toxicity cuts it; or a number, of the
    whole text. Higher is worse. The corpus is read twice; the result does not depend on its order. Raises RecipeError
    for a share that is not to be had, CurateError if scores are missing or not of this text.
    """
    if not LEAST <= bad_fraction <= MOST:
        raise RecipeError(f"bad fraction {bad_fraction}: it is a share of the characters, {LEAST} to {MOST}")
    weights = np.zeros(1 << (64 - _SHIFT), np.int64)
    for table in tables():
        scores, chars, _ = _segments(table, column)
        np.add.at(weights, (falling_floats(scores) >> np.uint64(_SHIFT)).astype(np.int64), chars)
    total = int(weights.sum())
    if not total:
        raise CurateError("there are no characters to choose a threshold by")
    bound = int(Fraction(repr(bad_fraction)) * total)
    place = int(np.searchsorted(np.cumsum(weights), bound, side="right"))
    greatest = float_of(place << _SHIFT)  # of the numbers in that bin
    found = Found(0.0 if 0 < greatest < _TINY else float(_DIGITS.create_decimal(Decimal(greatest))))
    for table in tables():
        scores, chars, row = _segments(table, column)
        bad = scores > found.threshold
        found.whole.add(chars, bad)
        if source is not None:
            names = table[source].cast(pa.large_string()).combine_chunks().dictionary_encode()
            which = pc.fill_null(names.indices, -1).to_numpy()[row]
            for index in dict.fromkeys(which.tolist()):
                name = None if index < 0 else names.dictionary[index].as_py()
                found.by_source.setdefault(name, Tally()).add(chars[which == index], bad[which == index])
    return found


def _segments(
    table: pa.Table, column: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(score, characters, row of the table) of each segment."""
    texts, scores = table["text"].combine_chunks(), table[column].combine_chunks()
    if scores.null_count:
        raise CurateError(f"{_where(table, scores.is_null())} has no {column}")
    row = np.arange(len(texts))
    if pa.types.is_list(scores.type) or pa.types.is_large_list(scores.type):
        pieces, counts = segments(texts), pc.list_value_length(scores).to_numpy()
        differ = counts != np.diff(pieces.first)
        if differ.any():
            at = int(differ.argmax())
            raise CurateError(
                f"{_where(table, pa.array(differ))} has {counts[at]} scores in {column} and {np.diff(pieces.first)[at]}"
                " sentences: its text was changed since, or these are scores of something else"
            )
        texts, scores, row = pieces.texts, pc.list_flatten(scores), pieces.row()
    values = _numbers(scores, column)
    if np.isnan(values).any():
        raise CurateError(
            f"{_where(table.take(pa.array(row)), pa.array(np.isnan(values)))} has a {column} without value"
        )
    return values, char_counts(texts).astype(np.int64), row


def _numbers(scores: pa.Array, column: str) -> npt.NDArray[np.float64]:
    kind = scores.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise RecipeError(f"column '{column}' has values of type {kind}; scores are numbers, or lists of numbers")
    return np.asarray(scores.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _where(table: pa.Table, wrong: pa.Array) -> str:
    """The first document where something is wrong, for a message."""
    return f"document {table['id'][pc.index(wrong, True).as_py()].as_py()!r}"
