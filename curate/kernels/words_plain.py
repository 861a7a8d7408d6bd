"""spaCy's English word boundaries in plain Python: the specification of the kernel in `spacy_split.py`.

A text is cut at white space. From each chunk, prefixes and suffixes (quotes, brackets, full stops, units) come off
until nothing does; what is left is an exception with cuts of its own (`don't`), a URL, or is cut at infixes
(`well-known`). At last, neighbouring words that together are an exception are joined again (`:` and `)`).

Two things differ from spaCy: words are joined within a chunk only (there, words that look like an exception but
for a space in it can keep its neighbours from being joined), and IPv4 addresses have ASCII digits.
"""

from __future__ import annotations

from functools import cache

from curate.kernels.spacy_rules import CURRENCY, UNITS, exceptions
from curate.kernels.unicode_tables import (
    BEFORE_STOP,
    DIGIT,
    LETTER,
    LOWER,
    PREFIX,
    QUOTE,
    SUFFIX,
    SYMBOL,
    UPPER,
    is_kind,
)
from curate.kernels.urls_plain import is_url

AFTER_DIGIT = frozenset([*UNITS, *CURRENCY, "US$", "C$", "A$"])
LONGEST_UNIT = max(map(len, AFTER_DIGIT))
LONGEST_EXCEPTION = max(map(len, exceptions()))
POSSESSIVE = ("'s", "'S", "’s", "’S")


def split(text: str) -> list[str]:
    """The words of a text."""
    return [word for chunk in text.split() for word in split_chunk(chunk)]


def split_chunk(chunk: str, rules: dict[str, tuple[str, ...]] | None = None) -> list[str]:
    """The words of a chunk without white space; they join to the chunk. `rules` replaces the exceptions."""
    known = exceptions() if rules is None else rules
    low, high = 0, len(chunk)
    front: list[str] = []
    back: list[str] = []
    while low < high and not _known(chunk, low, high, known):
        before = _prefix(chunk, low, high)
        after = _suffix(chunk, low + before, high)
        if before and _known(chunk, low + before, high, known):
            after = 0
        elif after and _known(chunk, low, high - after, known):
            before = 0
        if before:
            front.append(chunk[low : low + before])
        if after:
            back.append(chunk[high - after : high])
        if not before and not after:
            break
        low, high = low + before, high - after
    words = [*front, *_middle(chunk[low:high], known), *reversed(back)]
    return _joined(words) if rules is None else words


def _known(text: str, low: int, high: int, known: dict[str, tuple[str, ...]]) -> bool:
    return 0 < high - low <= LONGEST_EXCEPTION and text[low:high] in known


def _prefix(text: str, low: int, high: int) -> int:
    """Length of what comes off the beginning of `text[low:high]`, 0 if nothing does."""
    if text[low] == ".":
        dots = _dots(text, low, high)
        return dots if dots > 1 else 0
    if text[low] == "+":
        return 0 if low + 1 < high and is_kind(text[low + 1], DIGIT) else 1
    for dollar in ("US$", "C$", "A$"):
        if text.startswith(dollar, low, high):
            return len(dollar)
    return 1 if is_kind(text[low], PREFIX) else 0


def _dots(text: str, low: int, high: int) -> int:
    at = low
    while at < high and text[at] == ".":
        at += 1
    return at - low


def _suffix(text: str, low: int, high: int) -> int:
    """Length of what comes off the end of `text[low:high]`, 0 if nothing does; nothing before `low` is seen."""
    if low >= high:
        return 0
    last = text[high - 1]
    if last == ".":
        return _full_stop(text, low, high)
    if last == "+" and high - 2 >= low and is_kind(text[high - 2], DIGIT):
        return 1
    for length in range(1, min(LONGEST_UNIT, high - low - 1) + 1):
        if is_kind(text[high - length - 1], DIGIT):
            if text[high - length : high] in AFTER_DIGIT:
                return length
            break
    if text[max(low, high - 2) : high] in (*POSSESSIVE, "……"):
        return 2
    return 1 if is_kind(last, SUFFIX) else 0


def _full_stop(text: str, low: int, high: int) -> int:
    """Dots at the end come off if they are several, or if what is before lets one come off (not so in `U.S.`)."""
    at = high
    while at > low and text[at - 1] == ".":
        at -= 1
    if high - at > 1:
        return high - at
    if at > low and is_kind(text[at - 1], BEFORE_STOP):
        return 1
    if at - 1 > low and is_kind(text[at - 1], UPPER) and is_kind(text[at - 2], UPPER):
        return 1
    return 1 if at - 1 > low and text[at - 2] == "°" and text[at - 1] in "FfCcKk" else 0


def _middle(text: str, known: dict[str, tuple[str, ...]]) -> list[str]:
    """The words of what no prefix or suffix comes off."""
    if not text:
        return []
    if text in known:
        return list(known[text])
    if is_url(text):
        return [text]
    words, begin, at = [], 0, 0
    while at < len(text):
        length = _infix(text, at)
        if length and at:  # an infix at the very beginning stays with the word
            words += [text[begin:at], text[at : at + length]] if begin < at else [text[at : at + length]]
            begin = at + length
        at += length or 1
    return [*words, text[begin:]] if begin < len(text) else words


def _infix(text: str, at: int) -> int:
    """Length of the infix that starts at `at`, 0 if none does."""
    char = text[at]
    if char == "." and text[at + 1 : at + 2] == ".":
        return _dots(text, at, len(text))
    if char == "…" or is_kind(char, SYMBOL):
        return 1
    if at == 0 or at + 1 == len(text):
        return 0
    before, after = text[at - 1], text[at + 1]
    if char in "+-*^" and is_kind(before, DIGIT) and (is_kind(after, DIGIT) or after == "-"):
        return 1
    if char == ".":
        return 1 if is_kind(before, LOWER | QUOTE) and is_kind(after, UPPER | QUOTE) else 0
    if char == ",":
        return 1 if is_kind(before, LETTER) and is_kind(after, LETTER) else 0
    if not is_kind(before, LETTER | DIGIT):
        return 0
    if char in ":<>=/":
        return 1 if is_kind(after, LETTER) else 0
    return _hyphens(text, at)


def _hyphens(text: str, at: int) -> int:
    for hyphen in ("-", "–", "—", "--", "---", "——", "~"):
        end = at + len(hyphen)
        if text.startswith(hyphen, at) and end < len(text) and is_kind(text[end], LETTER):
            return len(hyphen)
    return 0


@cache
def joins() -> dict[tuple[str, ...], tuple[str, ...]]:
    """Runs of two or more words that are an exception when they stand together, and the words that they become."""
    parts = {word: tuple(split_chunk(word, {})) for word in exceptions()}
    return {run: exceptions()[word] for word, run in parts.items() if len(run) > 1}


def _joined(words: list[str]) -> list[str]:
    """The words with exceptions joined: the longest runs first, then the leftmost; none inside what was looked at."""
    longest = max(map(len, joins()))
    taken = [False] * len(words)
    becomes: dict[int, tuple[int, tuple[str, ...]]] = {}
    for length in range(min(longest, len(words)), 1, -1):
        for at in range(len(words) - length + 1):
            run = tuple(words[at : at + length])
            if run in joins():
                if not taken[at] and not taken[at + length - 1]:
                    becomes[at] = (length, joins()[run])
                taken[at : at + length] = [True] * length
    result: list[str] = []
    at = 0
    while at < len(words):
        length, new = becomes.get(at, (1, (words[at],)))
        result += new
        at += length
    return result
