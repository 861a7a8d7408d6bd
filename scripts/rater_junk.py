"""Texts that are worth nothing, of known kinds, for raters to learn from: the rated ones have too few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.kernels.traits import SEGMENT

Draw = np.random.Generator
Words = list[str]

_PRINTABLE = "".join(map(chr, range(33, 127)))
_LETTERS, _HEXADECIMAL, _MARKS = "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef", "-=*_.~#+|/\\<>!?:;,'\"()[]{}@$%^&"
_ABROAD = [
    c
    for first, size in ((0x410, 64), (0xC0, 64), (0x3B1, 25), (0x4E00, 256), (0x600, 64))
    for c in range(first, first + size)
]


class Junk(NamedTuple):
    """Some texts of up to SEGMENT characters."""

    texts: list[str]
    scores: npt.NDArray[np.float32]
    """float32[n, 14]: 1 to 5, in DataMan's order."""
    kinds: list[str]


def junk(words: Words, stop_words: Words, each: int, seed: int) -> Junk:
    """`each` texts of every kind, of words as running text has them (common ones often)."""
    draw = np.random.default_rng(seed)
    kinds = [kind for kind in KINDS for _ in range(each)]
    texts = [_cut(KINDS[kind].make(draw, stop_words if "stop word" in kind else words), draw) for kind in kinds]
    return Junk(texts, np.array([KINDS[kind].scores for kind in kinds], np.float32), kinds)


def _cut(text: str, draw: Draw) -> str:
    """Most of them as long as a segment."""
    size = SEGMENT if draw.random() < 0.6 else int(draw.integers(20, SEGMENT))
    return (text * (SEGMENT // max(len(text), 1) + 1))[:size] if len(text) < 40 else text[:size]


def _pick(draw: Draw, some: Words | str, count: int) -> Words:
    return [some[i] for i in draw.integers(0, len(some), count)]


def _one_word(draw: Draw, words: Words) -> str:
    word = str(draw.choice(_pick(draw, words, 3)))
    word = [word, word.capitalize(), word.upper()][draw.integers(3)]
    return (word + _gap(draw)) * SEGMENT


def _gap(draw: Draw) -> str:
    return [" ", " ", ", ", ". ", "\n"][draw.integers(5)]


def _one_string(draw: Draw, words: Words) -> str:
    return "".join(_pick(draw, _PRINTABLE, int(draw.integers(1, 5)))) * SEGMENT


def _letter(draw: Draw, words: Words) -> str:
    return _pick(draw, _LETTERS + _LETTERS.upper(), 1)[0] * SEGMENT


def _few_words(draw: Draw, words: Words) -> str:
    few, gap = _pick(draw, words, int(draw.integers(2, 16))), _gap(draw)
    return gap.join(_pick(draw, few, SEGMENT))


def _soup(draw: Draw, words: Words) -> str:
    found = _pick(draw, words, SEGMENT)
    if draw.random() < 0.5:  # as sentences
        at = 0
        while at < len(found):
            stop = at + int(draw.integers(4, 25))
            found[at:stop] = [found[at].capitalize(), *found[at + 1 : stop]]
            found[min(stop, len(found)) - 1] += "."
            at = stop
    return " ".join(found)


def _shuffled(draw: Draw, words: Words) -> str:
    """The words of a text in any order."""
    first = int(draw.integers(0, max(1, len(words) - 400)))
    found = words[first : first + 400]
    return " ".join(found[i] for i in draw.permutation(len(found)))


def _phrase(draw: Draw, words: Words) -> str:
    """The same words again and again, as a sentence, a line, or a paragraph."""
    phrase = " ".join(_pick(draw, words, int(draw.integers(2, 20))))
    end = [" ", ". ", ".\n", "\n", "! "][draw.integers(5)]
    return ((phrase.capitalize() if "." in end else phrase) + end) * SEGMENT


def _random_letters(draw: Draw, words: Words) -> str:
    sizes = draw.integers(1, 12, SEGMENT // 3)
    return " ".join("".join(_pick(draw, _LETTERS, int(size))) for size in sizes)


def _random_characters(draw: Draw, words: Words) -> str:
    blanks = " " * int(draw.integers(0, 20))
    return "".join(_pick(draw, _PRINTABLE + blanks, SEGMENT))


def _long_token(draw: Draw, words: Words) -> str:
    alphabet = [_HEXADECIMAL, _LETTERS + _LETTERS.upper() + "0123456789+/", _LETTERS, "01"][draw.integers(4)]
    return "".join(_pick(draw, alphabet, SEGMENT))


def _numbers(draw: Draw, words: Words) -> str:
    top = 10 ** int(draw.integers(1, 9))
    gap = [" ", ", ", "\n", "\t", ";"][draw.integers(5)]
    return gap.join(str(number) for number in draw.integers(0, top, SEGMENT))


def _marks(draw: Draw, words: Words) -> str:
    """Signs; of every other text, with a word here and there."""
    few = _pick(draw, _MARKS, int(draw.integers(1, 12)))
    signs = _pick(draw, [*few, " ", "\n"], SEGMENT)
    if draw.random() < 0.5:
        for place in draw.integers(0, SEGMENT, int(draw.integers(1, 12))):
            signs[place] = f" {_pick(draw, words, 1)[0]} "
    return "".join(signs)


def _blanks(draw: Draw, words: Words) -> str:
    """White space with a word here and there."""
    blank = [" ", "\n", "\t", " \n"][draw.integers(4)]
    return "".join(word + blank * int(draw.integers(20, 400)) for word in _pick(draw, words, 60))


def _abroad(draw: Draw, words: Words) -> str:
    """Letters of no language, and of several alphabets."""
    first = int(draw.integers(0, len(_ABROAD) - 30))
    some = [chr(c) for c in (_ABROAD[first : first + 30] if draw.random() < 0.5 else _ABROAD)]
    return "".join(_pick(draw, [*some, *" " * 5], SEGMENT))


def _interleaved(draw: Draw, words: Words) -> str:
    """Text of two bytes a character, read as of one; or letters apart."""
    gap = "\0" if draw.random() < 0.5 else " "
    return gap.join(" ".join(_pick(draw, words, SEGMENT // 2)))


class _Kind(NamedTuple):
    make: Callable[[Draw, Words], str]
    scores: tuple[int, ...]
    """As the annotator rated what is like it."""


#          accuracy, coherence, language, density, novelty, topic, creativity, professional, style, grammar, structure,
#          originality, sensitivity, overall
_REPEATED = (2, 1, 5, 1, 1, 2, 1, 1, 2, 1, 1, 1, 5, 1)
_SOUP = (1, 1, 4, 1, 1, 1, 1, 1, 1, 1, 1, 3, 5, 1)
_SHUFFLED = (1, 1, 4, 2, 2, 4, 1, 2, 2, 1, 1, 3, 5, 1)
_NOISE = (1, 1, 3, 1, 1, 1, 1, 1, 2, 1, 1, 2, 5, 1)
KINDS = {
    "one word": _Kind(_one_word, _REPEATED),
    "one string": _Kind(_one_string, _REPEATED),
    "one letter": _Kind(_letter, _REPEATED),
    "stop words": _Kind(_soup, _SOUP),
    "one stop word": _Kind(_one_word, _REPEATED),
    "word soup": _Kind(_soup, _SOUP),
    "shuffled words": _Kind(_shuffled, _SHUFFLED),
    "few words": _Kind(_few_words, _REPEATED),
    "one phrase": _Kind(_phrase, _REPEATED),
    "random letters": _Kind(_random_letters, _NOISE),
    "random characters": _Kind(_random_characters, _NOISE),
    "one long token": _Kind(_long_token, _NOISE),
    "numbers": _Kind(_numbers, _NOISE),
    "punctuation": _Kind(_marks, _NOISE),
    "blanks": _Kind(_blanks, _NOISE),
    "letters of no language": _Kind(_abroad, _NOISE),
    "letters apart": _Kind(_interleaved, _NOISE),
}
"""Every kind of junk, its name, and what it deserves, 1 to 5 on DataMan's criteria."""
