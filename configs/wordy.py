"""Drop documents with a word that is too long to be one."""

import pyarrow as pa
from pydantic import Field

from curate import Edit, One, Threshold


class Wordy(Edit):
    """Drop documents with a word that is too long to be one."""

    max_word: int = Field(40, ge=1)
    """Longest word, in characters."""

    edits_text = False
    writes = {"longest_word": pa.int32()}
    examples = {"a b": {"reason": None, "longest_word": 1}, "x" * 41: {"reason": "long_word", "longest_word": 41}}

    def edit_one(self, text: str) -> One:
        longest = max(map(len, text.split()), default=0)
        return One(text, "long_word" if longest > self.max_word else None, {"longest_word": longest})

    def thresholds(self) -> tuple[Threshold, ...]:
        return (Threshold("max_word", "longest_word", ">", self.max_word, "long_word"),)
