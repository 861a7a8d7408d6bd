"""Control tokens in front of the segments of a text, for conditional training: nothing is lost, nothing is forged.

Korbak et al. 2023, "Pretraining Language Models with Human Preferences" (arXiv:2302.08582), as their code has it: each
segment gets the good token or the bad one by its score, and a share of the segments, drawn at random, gets none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from itertools import product

JOINER = "\u200d"
"""Zero-width joiner: put behind the first character of what looks like a token in a text, it makes it none."""


@dataclass(frozen=True)
class Tokens:
    """A good token and a bad one."""

    good: str
    bad: str

    def problem(self) -> str | None:
        """Why tags with these tokens could not be told from the text around them; None if they can."""
        for token in (self.good, self.bad):
            if len(token) < 2 or any(char.isspace() or char == JOINER for char in token):
                return f"{token!r} has to have two characters or more, without white space and zero-width joiners"
        if self.good in self.bad or self.bad in self.good:
            return f"one of {self.good!r} and {self.bad!r} contains the other"
        for a, b in product((self.good, self.bad), repeat=2):
            if any(a.endswith(b[:size]) for size in range(1, min(len(a), len(b)))):
                return f"{a!r} ends with what {b!r} begins with, so that the two could overlap"
        return None

    def escape(self, text: str) -> tuple[str, int]:
        """(the text with a joiner in what looks like a token, or like one that was escaped; how many there were)."""
        found = 0
        for token in (self.good, self.bad):
            first, rest = re.escape(token[0]), re.escape(token[1:])
            text, number = re.subn(f"{first}(?={JOINER}*{rest})", token[0] + JOINER, text)
            found += number
        return text, found

    def unescape(self, text: str) -> str:
        """What `escape` made the text of."""
        for token in (self.good, self.bad):
            first, rest = re.escape(token[0]), re.escape(token[1:])
            text = re.sub(f"{first}{JOINER}(?={JOINER}*{rest})", token[0], text)
        return text

    def of(self, control: int) -> str:
        """The token that says so: 1 good, 0 bad, -1 none."""
        return ("", self.bad, self.good)[control + 1]

    def removed(self, tagged: str) -> str:
        """The text that was tagged."""
        return self.unescape(tagged.replace(self.good, "").replace(self.bad, ""))


def draw(seed: int, document: str, segment: int) -> float:
    """A number in [0, 1) for a segment of a document, whatever shard it is in."""
    name = seed.to_bytes(8, "little") + segment.to_bytes(8, "little") + document.encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little") / 2**64
