"""Drop lines that are not running text, then documents with too little left (C4)."""

from __future__ import annotations

import re
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels import c4_phrases
from curate.kernels.c4 import edit_lines
from curate.kernels.sentences import sentence_count_one, sentence_counts
from curate.kernels.verdicts import first_reason
from curate.stage import Edit, One, Outcome, Threshold

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
_LOREM_IPSUM = re.compile("lorem ipsum", re.IGNORECASE | re.ASCII)
_JAVASCRIPT = re.compile("javascript", re.IGNORECASE | re.ASCII)
_POLICY = re.compile(
    "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies", re.IGNORECASE | re.ASCII
)


class C4(Edit):
    """Drop lines that are not running text, and documents in which few sentences are left (C4's rules).

    The rules of Raffel et al. 2020 (JMLR 21, section 2.2), as datatrove 0.10 carries them out: each line is stripped
    and goes through the options in their order; what is left is joined by newlines. Thresholds are FineWeb's; C4 itself
    had (from memory of its code) five words in a line and three sentences:

        - c4: {terminal_punctuation: true, min_words_per_line: 5, min_sentences: 3}

    A line that goes early cannot drop the document: a curly bracket in a line of two words is not seen. C4's list of
    bad words is not among the rules.
    """

    max_word_length: int | None = Field(1000, ge=1)
    """Longest word of a line in characters, words being what white space parts; a line with a longer one goes. Null:
    not tested."""
    citations: bool = True
    """Whether `[12]`, `[edit]` and `[citation needed]` are cut out of lines."""
    terminal_punctuation: bool = False
    """Whether lines go that do not end with one of `. ? ! " '`, or end with `...`. Off as in FineWeb, whose ablations
    found that it takes 30 % of the text, and that the other rules do nearly as well with 7 %; C4 had it on."""
    min_words_per_line: int | None = Field(3, ge=1)
    """Fewest words of a line, counted before citations are cut out; fewer: the line goes. Null: not tested."""
    lorem_ipsum: bool = True
    """Whether `lorem ipsum` in a line, in capitals or not, drops the document. Reason: `lorem_ipsum`."""
    javascript: bool = True
    """Whether lines with `javascript`, in capitals or not, go."""
    curly_bracket: bool = True
    """Whether `{` in a line drops the document. Reason: `curly_bracket`."""
    policy: bool = True
    """Whether lines about cookies, privacy policies and terms of use go (six phrases, in capitals or not)."""
    min_sentences: int | None = Field(5, ge=1)
    """Fewest sentences in the lines that are left; null: not tested. Reason: `too_few_sentences`."""
    sentences: Literal["spacy", "simple"] = "spacy"
    """What a sentence is: `spacy`, as spaCy's sentencizer finds them (datatrove's way), or `simple`: it ends at white
    space after `.`, `!` or `?`."""

    writes = {"c4_sentences": pa.int32(), "c4_lines": pa.int32(), "c4_dropped_lines": pa.int32()}
    examples = {
        "Home About\nIt rained. It stopped. We went out. The air was clear. Then it rained again.[3]\nShare this": {
            "text": "It rained. It stopped. We went out. The air was clear. Then it rained again.",
            "reason": None,
            "c4_dropped_lines": 2,
        },
        "Just one sentence is left here.": {"reason": "too_few_sentences", "c4_sentences": 1},
        "for (i = 0; i < n; i++) { total += i; }": {"reason": "curly_bracket"},
        "Please enable JavaScript to go on. Lorem ipsum dolor sit amet.": {"reason": "lorem_ipsum"},
        "This site uses cookies to work well.\nYou need JavaScript to read on.": {
            "reason": "too_few_sentences",
            "c4_dropped_lines": 2,
        },
    }

    def thresholds(self) -> tuple[Threshold, ...]:
        if self.min_sentences is None:
            return ()
        return (Threshold("min_sentences", "c4_sentences", "<", self.min_sentences, "too_few_sentences"),)

    def edit_one(self, text: str) -> One:
        kept, verdicts = [], []
        lines = [line.strip() for line in text.splitlines()]
        for line in lines:
            words = line.split()
            if self.max_word_length is not None and any(len(word) > self.max_word_length for word in words):
                continue
            if self.citations:
                line = _CITATION.sub("", line)
            if self.terminal_punctuation and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
                continue
            if self.min_words_per_line is not None and len(words) < self.min_words_per_line:
                continue
            if self.lorem_ipsum and _LOREM_IPSUM.search(line):
                verdicts.append("lorem_ipsum")
            if self.javascript and _JAVASCRIPT.search(line):
                continue
            if self.curly_bracket and "{" in line:
                verdicts.append("curly_bracket")
            if self.policy and _POLICY.search(line):
                continue
            kept.append(line)
        left = "\n".join(kept).strip()
        found = sum(sentence_count_one(line, self.sentences) for line in left.split("\n"))
        if self.min_sentences is not None and found < self.min_sentences:
            verdicts.append("too_few_sentences")
        columns = {"c4_sentences": found, "c4_lines": len(lines), "c4_dropped_lines": len(lines) - len(kept)}
        return One(text, verdicts[0], columns) if verdicts else One(left or None, None, columns)

    def edit(self, batch: Batch) -> Outcome:
        switched = (
            (self.lorem_ipsum, c4_phrases.LOREM_IPSUM),
            (self.curly_bracket, c4_phrases.CURLY_BRACKET),
            (self.javascript, c4_phrases.JAVASCRIPT),
            (self.policy, c4_phrases.POLICY),
            (self.citations, c4_phrases.CITATIONS),
            (self.terminal_punctuation, c4_phrases.TERMINAL_PUNCTUATION),
        )
        edited = edit_lines(
            batch[TEXT],
            rules=sum(rule for on, rule in switched if on),
            min_words=self.min_words_per_line or 0,
            max_word_length=self.max_word_length or 0,
        )
        sentences = sentence_counts(edited.text, self.sentences, True)
        broken = {
            "lorem_ipsum": edited.verdict == c4_phrases.LOREM_IPSUM,
            "curly_bracket": edited.verdict == c4_phrases.CURLY_BRACKET,
            "too_few_sentences": sentences < (self.min_sentences or 0),
        }
        reason = first_reason(broken, len(batch))
        columns = {
            "c4_sentences": pa.array(sentences),
            "c4_lines": pa.array(edited.lines),
            "c4_dropped_lines": pa.array(edited.dropped),
        }
        return Outcome(_settled(batch[TEXT], edited.text, reason), reason, columns)


def _settled(old: pa.Array, new: pa.Array, reason: pa.Array) -> pa.Array | None:
    """The new texts of documents that are kept, null where nothing is left; of those that are dropped, the old ones.

    None if that is what there was.
    """
    kept = pc.is_null(reason)
    emptied = pc.and_(kept, pc.equal(pc.binary_length(new), 0))
    if new is old and not pc.any(emptied).as_py():
        return None
    return pc.case_when(pc.make_struct(emptied, kept), pa.scalar(None, old.type), new, old)
