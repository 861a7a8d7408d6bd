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
    DECIMAL,
    DIGIT,
    LETTER,
    LOWER,
    PREFIX,
    QUOTE,
    SUFFIX,
    SYMBOL,
    UPPER,
    WORD,
    classes,
)

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


def _is(char: str, kind: int) -> bool:
    return bool(classes()[ord(char)] & kind)


def _prefix(text: str, low: int, high: int) -> int:
    """Length of what comes off the beginning of `text[low:high]`, 0 if nothing does."""
    if text[low] == ".":
        dots = _dots(text, low, high)
        return dots if dots > 1 else 0
    if text[low] == "+":
        return 0 if low + 1 < high and _is(text[low + 1], DIGIT) else 1
    for dollar in ("US$", "C$", "A$"):
        if text.startswith(dollar, low, high):
            return len(dollar)
    return 1 if _is(text[low], PREFIX) else 0


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
    if last == "+" and high - 2 >= low and _is(text[high - 2], DIGIT):
        return 1
    for length in range(1, min(LONGEST_UNIT, high - low - 1) + 1):
        if _is(text[high - length - 1], DIGIT):
            if text[high - length : high] in AFTER_DIGIT:
                return length
            break
    if text[max(low, high - 2) : high] in (*POSSESSIVE, "……"):
        return 2
    return 1 if _is(last, SUFFIX) else 0


def _full_stop(text: str, low: int, high: int) -> int:
    """Dots at the end come off if they are several, or if what is before lets one come off (not so in `U.S.`)."""
    at = high
    while at > low and text[at - 1] == ".":
        at -= 1
    if high - at > 1:
        return high - at
    if at > low and _is(text[at - 1], BEFORE_STOP):
        return 1
    if at - 1 > low and _is(text[at - 1], UPPER) and _is(text[at - 2], UPPER):
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
    if char == "…" or _is(char, SYMBOL):
        return 1
    if at == 0 or at + 1 == len(text):
        return 0
    before, after = text[at - 1], text[at + 1]
    if char in "+-*^" and _is(before, DIGIT) and (_is(after, DIGIT) or after == "-"):
        return 1
    if char == ".":
        return 1 if _is(before, LOWER | QUOTE) and _is(after, UPPER | QUOTE) else 0
    if char == ",":
        return 1 if _is(before, LETTER) and _is(after, LETTER) else 0
    if not _is(before, LETTER | DIGIT):
        return 0
    if char in ":<>=/":
        return 1 if _is(after, LETTER) else 0
    return _hyphens(text, at)


def _hyphens(text: str, at: int) -> int:
    for hyphen in ("-", "–", "—", "--", "---", "——", "~"):
        end = at + len(hyphen)
        if text.startswith(hyphen, at) and end < len(text) and _is(text[end], LETTER):
            return len(hyphen)
    return 0


def is_url(text: str) -> bool:
    """Whether a text without white space is a URL: an optional scheme and user, a host with a dot, port, path."""
    if "." not in text:
        return False
    starts = [0]
    scheme = text.find("://")
    if scheme >= 2 and all(_is(char, WORD) or char in "+-." for char in text[:scheme]):
        starts.append(scheme + 3)
    starts += [at + 1 for at in range(1, len(text)) if text[at] == "@"]
    return any(_is_host(text, start) for start in starts)


def _is_host(text: str, start: int) -> bool:
    """Whether `text[start:]` is a host name or a public IPv4 address, then a port and a path if any."""
    end = start
    while end < len(text) and text[end] not in ":/?#@":
        end += 1
    after = end
    if text[end : end + 1] == ":":
        after += 1
        while after < len(text) and _is(text[after], DECIMAL):
            after += 1
        if not 2 <= after - end - 1 <= 5:
            return False
    if text[after : after + 1] not in ("", "/", "?", "#"):
        return False
    *labels, top = text[start:end].split(".")
    if len(labels) == 3 and _is_public_ip([*labels, top]):
        return True
    if not labels or not 2 <= len(top) <= 63:
        return False
    return all(_is(char, LOWER) for char in top) and all(map(_is_label, labels))


def _is_label(label: str) -> bool:
    return (
        1 <= len(label) <= 64
        and all(map(_is_host_char, label.replace("-", "a").replace("_", "a")))
        and _is_host_char(label[0])
        and _is_host_char(label[-1])
    )


def _is_host_char(char: str) -> bool:
    return (char.isascii() and char.isalnum()) or "\u00a1" <= char <= "\uffff"


def _is_public_ip(parts: list[str]) -> bool:
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return False
    numbers = [int(part) for part in parts]
    first, second = numbers[0], numbers[1]
    if parts[0][0] == "0" or parts[3][0] == "0" or any(len(part) == 3 and part[0] == "0" for part in parts):
        return False
    if first in (10, 127) or (first, second) in ((169, 254), (192, 168)) or (first == 172 and 16 <= second <= 31):
        return False
    return first <= 223 and second <= 255 and numbers[2] <= 255 and numbers[3] <= 254


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
