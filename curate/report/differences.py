"""What words two texts do not have in common, in the order in which they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

MOST_WORDS = 5_000  # of each text that are compared: the time grows with their square
MOST_PAIRS = 2_000_000  # pairs of equal words that are looked at: about a second; above, frequent words are no anchors

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts that put no spaces between words (Thai to Khmer, kana, Han): each character counts as a word."""
_WORD = re.compile(rf"([{_UNSPACED}]|[^\s{_UNSPACED}]+)\s*")


@dataclass(frozen=True)
class Run:
    """Words that follow each other."""

    which: Literal["both", "first", "second"]
    """The texts that have them."""
    words: tuple[str, ...]
    """Each with the white space that follows it (for both: in the second text)."""


@dataclass(frozen=True)
class Differences:
    """The second text, with what the first one has in its place. The runs together are all that was compared."""

    runs: tuple[Run, ...]
    rest: tuple[int, int]
    """Characters of each text that were not compared, as they are behind the first `MOST_WORDS` words."""

    @property
    def equal(self) -> bool:
        """Whether all words are the same, so that the texts differ in white space at most."""
        return self.rest == (0, 0) and all(run.which == "both" for run in self.runs)


def differences(first: str, second: str, most: int = MOST_WORDS) -> Differences:
    """Compare two texts word by word; of long ones, the first `most` words of each."""
    (a, rest_a), (b, rest_b) = _words(first, most), _words(second, most)
    if rest_a == rest_b and first[len(first) - rest_a :] == second[len(second) - rest_b :]:
        rest_a = rest_b = 0
    return Differences(tuple(_runs(a, b)), (rest_a, rest_b))


def _words(text: str, most: int) -> tuple[list[str], int]:
    """The first words with the white space behind them, and the number of characters behind these."""
    words: list[str] = []
    end = 0
    for found in _WORD.finditer(text):
        if len(words) == most:
            return words, len(text) - end
        words.append(found[0])
        end = found.end()
    return words, 0


def _runs(a: Sequence[str], b: Sequence[str]) -> Iterator[Run]:
    first, second = [word.rstrip() for word in a], [word.rstrip() for word in b]
    same = _same_at_start(first, second)
    tail = _same_at_start(first[same:][::-1], second[same:][::-1])
    ends = len(a) - tail, len(b) - tail
    if same:
        yield Run("both", tuple(b[:same]))
    for kind, low_a, high_a, low_b, high_b in _compare(first[same : ends[0]], second[same : ends[1]]):
        if kind == "equal":
            yield Run("both", tuple(b[same + low_b : same + high_b]))
            continue
        if low_a < high_a:
            yield Run("first", tuple(a[same + low_a : same + high_a]))
        if low_b < high_b:
            yield Run("second", tuple(b[same + low_b : same + high_b]))
    if tail:
        yield Run("both", tuple(b[ends[1] :]))


def _same_at_start(a: Sequence[str], b: Sequence[str]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _compare(a: list[str], b: list[str]) -> list[tuple[str, int, int, int, int]]:
    often = Counter(a)
    pairs = sum(often[word] * count for word, count in Counter(b).items())
    return list(SequenceMatcher(None, a, b, autojunk=pairs > MOST_PAIRS).get_opcodes())
