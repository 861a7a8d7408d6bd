"""Names for groups of documents: the words that tell each from the others."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.terms import Terms

WORDS = 10  # listed for each group
IN_NAME = 3
LEAST = 2  # documents of the group that a word must be in
_OF_LETTERS = r"^[\p{L}\p{M}]+$"
_DAMAGED = r"[\x{a1}-\x{ff}]{3}"  # text of another encoding that was read as Latin-1
STOP_WORDS = Path(__file__).with_name("stop_words.txt")


def telling_words(texts: pa.LargeStringArray, group: npt.NDArray[np.int64], groups: int) -> list[list[str]]:
    """The words that tell each group from the others, the most telling first; ten at most.

    A class TF-IDF (after Grootendorst 2022, "BERTopic") over documents: the share of the group's documents that have a
    word, times the logarithm of how much larger that is than the mean of all groups' shares. Stop words of sixteen
    languages are left out, and what is no readable word: with digits in it, or with three Latin-1 letters beyond
    ASCII side by side, as in text of another encoding that was read as Latin-1.

    Args:
        texts: large_string[n], the distinct words of each document with spaces between.
        group: int64[n], 0 to groups - 1.
        groups: how many there are.
    """
    if not groups:
        return []
    found = Terms.parted(texts)
    every = found.words.dictionary_encode()
    telling = _is_telling(every.dictionary)[every.indices.to_numpy()]
    codes = found.words.filter(pa.array(telling)).dictionary_encode()
    vocabulary, size = codes.dictionary, max(len(codes.dictionary), 1)
    place = group[found.document[telling]] * size + codes.indices.to_numpy()
    counts = np.bincount(place, minlength=groups * size).reshape(groups, size)
    shares = counts / np.maximum(np.bincount(group, minlength=groups), 1)[:, None]
    usual = np.maximum(shares.mean(0), 1e-12)
    return [_best(vocabulary, of, share, usual) for of, share in zip(counts, shares, strict=True)]


def _is_telling(words: pa.Array) -> npt.NDArray[np.bool_]:
    stop = pc.is_in(words, stop_words())
    readable = pc.and_not(pc.match_substring_regex(words, _OF_LETTERS), pc.match_substring_regex(words, _DAMAGED))
    return np.asarray(pc.and_not(readable, stop).to_numpy(zero_copy_only=False), np.bool_)


def _best(
    vocabulary: pa.Array, counts: npt.NDArray[np.int64], share: npt.NDArray[np.float64], usual: npt.NDArray[np.float64]
) -> list[str]:
    """The most telling words of one group; of equal ones, the first in the alphabet."""
    mine = np.flatnonzero(counts >= max(min(LEAST, counts.max(initial=0)), 1))
    score = share[mine] * np.log(share[mine] / usual[mine])
    few = np.argsort(-score, kind="stable")[: 20 * WORDS]
    ranked = sorted(zip((-score[few]).tolist(), vocabulary.take(pa.array(mine[few])).to_pylist(), strict=True))
    return _unlike([word for _, word in ranked])[:WORDS]


def names(words: list[list[str]]) -> list[str]:
    """A name for each group: its first three words, with as many more as it takes to differ from those before it."""
    found: list[str] = []
    for number, mine in enumerate(words):
        sizes = range(min(IN_NAME, len(mine)), len(mine) + 1) if mine else ()
        choices = ("-".join(mine[:size]) for size in sizes)
        found.append(next((choice for choice in choices if choice not in found), f"domain-{number}"))
    return found


@lru_cache(maxsize=1)
def stop_words() -> pa.LargeStringArray:
    """Words of three characters or more that say nothing of what a text is about, of all languages that we know."""
    lines = STOP_WORDS.read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()[1:]}
    return pa.array(sorted(words), pa.large_string())


def _unlike(words: list[str]) -> list[str]:
    """The words without those that are but another form of one before: they differ in their last two letters."""
    found: list[str] = []
    for word in words:
        stem = word[: max(len(word) - 2, 4)]
        if not any(stem.startswith(other[: max(len(other) - 2, 4)]) or other.startswith(stem) for other in found):
            found.append(word)
    return found
