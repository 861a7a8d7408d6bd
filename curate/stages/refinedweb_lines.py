"""RefinedWeb's line-wise corrections: lines that are no prose go, and so does a page that loses much by it."""

from __future__ import annotations

import re
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.refinedweb import ASK, DROP, Rules, judge_lines, keep_lines
from curate.kernels.text import buffers
from curate.kernels.verdicts import first_reason
from curate.stage import Edit, One, Outcome, Threshold

Share = Annotated[float, Field(ge=0, le=1)]

_COUNTER = re.compile(
    r"\W*\d[\d.,]*[kmb]?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|"
    r"followers)\W*"
)
_ANYWHERE = re.compile(r"\s?(?ai:items in cart)")
_SUFFIX = re.compile(r"\s?(?ai:read more\.\.\.)\Z")
_SUFFIX_COMPAT = re.compile(r"\s?(?ai:read more)...\Z", re.DOTALL)
_PREFIX = re.compile(r"\A(?ai:sign-in)\s?")


class RefinedwebLines(Edit):
    """Remove lines of capitals, digits, counters and button texts; drop a page that loses many of its words.

    Method and figures: RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix), as DCLM's code spells it out. Lines
    are split at newlines and tested as they stand, in the order of the options; empty lines stay, and the text is
    stripped. A text with nothing left is dropped as `empty`.
    """

    max_upper: Share | None = 0.5
    """Remove a line when a greater share of its characters are capitals, 0 to 1; null: not tested."""
    digit_lines: bool = True
    """Remove lines of nothing but digits."""
    counter_lines: bool = True
    """Remove lines that only count something on a page, such as `3 likes` or `12k followers`."""
    min_words: int | None = Field(2, ge=0)
    """Remove a line with fewer words (between white space); a line of white space alone has none; null: not tested."""
    phrases: bool = True
    """In short lines, delete `items in cart` anywhere, `Read more...` at the end and `Sign-in` at the beginning; a line
    left blank is removed."""
    phrase_max_words: int = Field(10, ge=0)
    """Longest line, in words, that `phrases` looks at."""
    compat: bool = False
    """Read `Read more...` as DCLM's code does, where the dots are not escaped and stand for any three characters: `read
    more ok` at the end of a line then goes too."""
    max_removed_words: Share | None = 0.05
    """Drop the document when a greater share of its words was removed, 0 to 1; null: never. Words stand between white
    space and begin with a letter or digit, as in DCLM. Reason: `removed_words`."""

    writes = {"refinedweb_removed_words": pa.float32(), "refinedweb_removed_lines": pa.int32()}
    examples = {
        "The talk was long.\n1,234 Views\nIt went on.": {"reason": "removed_words"},
        "Sign-in to reply.\nNobody knew why the clock had stopped at noon, or who had wound it every day but one.": {
            "reason": None,
            "text": "to reply.\nNobody knew why the clock had stopped at noon, or who had wound it every day but one.",
            "refinedweb_removed_words": 1 / 21,
        },
        "OUR SALE IS ON": {"reason": "removed_words", "text": None},
    }

    def thresholds(self) -> tuple[Threshold, ...]:
        limit = self.max_removed_words
        if limit is None:
            return ()
        return (Threshold("max_removed_words", "refinedweb_removed_words", ">", limit, "removed_words"),)

    def edit_one(self, text: str) -> One:
        old = text.split("\n")
        new = [kept for line in old if (kept := self._correct(line)) is not None]
        before = sum(map(_words, old))
        removed = (before - sum(map(_words, new))) / max(before, 1)
        reason = "removed_words" if self.max_removed_words is not None and removed > self.max_removed_words else None
        columns = {"refinedweb_removed_words": removed, "refinedweb_removed_lines": len(old) - len(new)}
        return One("\n".join(new).strip() or None, reason, columns)

    def _correct(self, line: str) -> str | None:
        """The line as it stays; None when it is removed."""
        if not line:
            return line
        if self.max_upper is not None and sum(map(str.isupper, line)) / len(line) > self.max_upper:
            return None
        if self.digit_lines and line.isdigit():
            return None
        if self.counter_lines and _COUNTER.fullmatch(line.lower()):
            return None
        if self.min_words is not None and len(line.split()) < self.min_words:
            return None
        if not self.phrases:
            return line
        for pattern in (_ANYWHERE, _SUFFIX_COMPAT if self.compat else _SUFFIX, _PREFIX):
            if line and len(line.split()) <= self.phrase_max_words:
                line, before = pattern.sub("", line), line
                if line != before and not line.strip():
                    return None
        return line

    def edit(self, batch: Batch) -> Outcome:
        texts = batch[TEXT]
        data, offsets = buffers(texts)
        lines, verdict, words = judge_lines(texts, self._rules())
        before = _sums(words, lines.first, lines.last)
        asked, new = np.flatnonzero(verdict == ASK), []
        documents = np.searchsorted(lines.last, asked, "right")
        for line, document in zip(asked.tolist(), documents.tolist(), strict=True):
            base = int(offsets[document])
            kept = self._correct(bytes(data[base + lines.start[line] : base + lines.end[line]]).decode())
            verdict[line] = DROP if kept is None else ASK
            if kept is not None:
                words[line] = _words(kept)
                new.append(kept)
        words[verdict == DROP] = 0
        removed = (before - _sums(words, lines.first, lines.last)) / np.maximum(before, 1)
        fewer = _sums((verdict == DROP).astype(np.int32), lines.first, lines.last)
        edited = keep_lines(texts, lines, verdict, pa.array(new, pa.large_string()))
        blank = np.diff(np.frombuffer(edited.buffers()[1], np.int64, len(texts) + 1)) == 0
        broken = {} if self.max_removed_words is None else {"removed_words": removed > self.max_removed_words}
        return Outcome(
            text=pc.if_else(pa.array(blank), pa.scalar(None, pa.large_string()), edited) if blank.any() else edited,
            reason=first_reason(broken, len(batch)),
            columns={
                "refinedweb_removed_words": pa.array(removed.astype(np.float32)),
                "refinedweb_removed_lines": pa.array(fewer.astype(np.int32)),
            },
        )

    def _rules(self) -> Rules:
        return Rules(
            max_upper=-1.0 if self.max_upper is None else self.max_upper,
            digits=self.digit_lines,
            min_words=-1 if self.min_words is None else self.min_words,
            counters=self.counter_lines,
            phrase_words=self.phrase_max_words if self.phrases else -1,
        )


def _words(line: str) -> int:
    return sum(word[0].isalnum() for word in line.split())


def _sums(
    values: npt.NDArray[np.int32], first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Sum over the lines of each document, int64[n]."""
    running: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    return np.subtract(running[last], running[first])
