"""Control tokens in front of the segments of a text, for conditional training: nothing is lost, nothing is forged.

Korbak et al. 2023, "Pretraining Language Models with Human Preferences" (arXiv:2302.08582), as their code has it: each
segment gets the good token or the bad one by its score, and a share of the segments, drawn at random, gets none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise, product

JOINER = "\u200d"
"""Zero-width joiner: put behind the first character of what looks like a token in a text, it makes it none."""
_END = 0x30000  # what Unicode has from here on, no normalisation changes
_UNSEEN = [0xAD, 0x200B, 0x2060, 0xFEFF, *range(9), *range(0x0E, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0)]
"""Characters that the stage `normalize` takes out, so that what stands around them comes together."""


@dataclass(frozen=True)
class Tokens:
    """A good token and a bad one."""

    good: str
    bad: str

    def problem(self) -> str | None:
        """Why tags with these tokens could not be told from the text around them; None if they can."""
        spelled = {token: _spelled(token) for token in (self.good, self.bad)}
        for token, plain in spelled.items():
            if len(token) < 2 or any(char.isspace() or char == JOINER for char in token + plain):
                return f"{token!r} has to have two characters or more, without white space and zero-width joiners"
            if any(map(unicodedata.combining, plain)):
                return f"{token!r} has an accent, which Unicode can write in several ways; take plain letters and signs"
            if any(plain in expansion for expansion in _expansions().values()):
                return f"{token!r} is what Unicode also has as a single character; take a longer one"
        if spelled[self.good] in spelled[self.bad] or spelled[self.bad] in spelled[self.good]:
            return f"one of {self.good!r} and {self.bad!r} contains the other"
        for a, b in product(spelled, repeat=2):
            sizes = range(1, min(len(spelled[a]), len(spelled[b])))
            if any(spelled[a].endswith(spelled[b][:size]) for size in sizes):
                return f"{a!r} ends with what {b!r} begins with, so that the two could overlap"
        return None

    def escape(self, text: str) -> tuple[str, int]:
        """(the text with a joiner in what looks like a token, or like one that was escaped; how many there were).

        What a Unicode normalisation (NFC, NFKC, NFD, NFKD) or the stage `normalize` turns into a token looks like one,
        such as the fullwidth `＜|aligned|＞`, or a token with soft hyphens: neither the text nor what they make of it
        has a token.
        """
        places = self._places(text)
        ends = [0, *(place + 1 for place in places), len(text)]
        return JOINER.join(text[begin:end] for begin, end in pairwise(ends)), len(places)

    def unescape(self, text: str) -> str:
        """What `escape` made the text of."""
        ends = [-1, *(place + 1 for place in self._places(text) if text[place + 1] == JOINER), len(text)]
        return "".join(text[joiner + 1 : end] for joiner, end in pairwise(ends))

    def suspects(self) -> str:
        """A regular expression of RE2 that finds something in each text that `escape` changes."""
        return _suspects(self)

    def _places(self, text: str) -> list[int]:
        """Of each run that looks like a token, its first character; between that and the second may be joiners."""
        parts = [_expansions().get(char, char) for char in text]
        spelled = "".join(parts)
        owner = [at for at, part in enumerate(parts) for _ in part]
        longest = max(map(len, parts), default=1)
        return sorted(
            owner[match.start()]
            for token in map(_spelled, (self.good, self.bad))
            for size in range(1, min(longest + 1, len(token)))
            for match in re.finditer(f"{re.escape(token[:size])}(?={JOINER}*{re.escape(token[size:])})", spelled)
            if owner[match.start()] == owner[match.end() - 1] != owner[match.end()]
        )

    def of(self, control: int) -> str:
        """The token that says so: 1 good, 0 bad, -1 none."""
        return ("", self.bad, self.good)[control + 1]

    def removed(self, tagged: str) -> str:
        """The text that was tagged."""
        return self.unescape(tagged.replace(self.good, "").replace(self.bad, ""))


def _spelled(token: str) -> str:
    """The token as NFKD has it, and all that looks like it."""
    return unicodedata.normalize("NFKD", token)


@lru_cache(1)
def _expansions() -> dict[str, str]:
    """Every character that NFKD changes, or that is taken out → what it becomes."""
    pairs = ((chr(code), _spelled(chr(code))) for code in range(0x80, _END))
    return {char: plain for char, plain in pairs if plain != char} | dict.fromkeys(map(chr, _UNSEEN), "")


@lru_cache(8)
def _suspects(tokens: Tokens) -> str:
    """A character that may end in the beginning of a token, some that are not seen, and one with which it may go on."""
    found = []
    for token in map(_spelled, (tokens.good, tokens.bad)):
        begin, further = {token[0]}, {token[1]}
        for char, plain in _expansions().items():
            ends = [size for size in range(1, len(token)) if plain.endswith(token[:size])]
            begin |= {char} if ends else set()
            further |= {token[size] for size in ends}
        further |= {char for char, plain in _expansions().items() if plain[:1] in further}
        found.append(f"{_class(begin)}{_class({JOINER, *map(chr, _UNSEEN)})}*{_class(further)}")
    return "|".join(dict.fromkeys(found))


def _class(characters: set[str]) -> str:
    return "[" + "".join(f"\\x{{{ord(char):x}}}" for char in sorted(characters)) + "]"


def draw(seed: int, document: str, segment: int) -> float:
    """A number in [0, 1) for a segment of a document, whatever shard it is in."""
    name = seed.to_bytes(8, "little") + segment.to_bytes(8, "little") + document.encode()
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little") / 2**64
