"""What `make_corpus.py` makes documents of: the words of real texts, and numbers that look random."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MIN_GROUP = 10_000  # words; a language with fewer would repeat itself
MAX_CHARS = 40  # longer "words" are URLs and rulers: several words for a deduplicator, always with the same neighbours
# A word is a CJK character, or what stands between spaces, with the whitespace behind it.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]\s*|[^\s{_CJK}]+\s*")
_PUNCTUATION = re.compile(r"(?<=\w)[^\w\s]+(?=\s|$)|^[^\w\s]+(?=\w)")


def draws(key, number):
    """uint64 for each key and number (broadcast): splitmix64 without its state, so that any part can be made alone."""
    step = np.atleast_1d(np.asarray(number)).astype(np.uint64) + np.uint64(1)
    x = np.asarray(key, np.uint64) + step * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def purpose(seed: int, name: str) -> np.uint64:
    """The key for one use of the numbers."""
    key = np.array([seed], np.uint64)
    for letter in name.encode():
        key = draws(key, letter)
    return key[0]


def shares(bits):
    """Numbers in [0, 1) from uint64."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(bits, bound):
    """Integers in [0, bound) from the high half of uint64; bound < 2^32."""
    return (((bits >> np.uint64(32)) * np.asarray(bound).astype(np.uint64)) >> np.uint64(32)).astype(np.int64)


def spans(starts, lengths):
    """starts[0], starts[0] + 1, … (lengths[0] of them), starts[1], …; int64."""
    firsts = np.cumsum(lengths) - lengths
    result = np.repeat(starts - firsts, lengths)
    result += np.arange(len(result))
    return result


@dataclass(frozen=True)
class Words:
    """The words of all source texts in their order, language after language."""

    sequence: np.ndarray
    """The texts, as numbers of distinct words, int32."""
    table: pa.LargeStringArray
    """The distinct words: as they are, then all in lower case, then all without punctuation at their ends."""
    languages: list[str]
    low: np.ndarray
    """Where each language begins in `sequence`."""
    size: np.ndarray
    """Words of each language."""
    word_bytes: np.ndarray
    """Mean length of a word of each language, with the whitespace behind it."""

    @property
    def distinct(self) -> int:
        return len(self.table) // 3


def read_words(sources: Sequence[str]) -> Words:
    """The words of Parquet files with a `text` and maybe a `lang` column. Raises SystemExit if they are too few."""
    groups: dict[str, list[str]] = {}
    for source in sources:
        table = pq.read_table(source)
        languages = table["lang"].to_pylist() if "lang" in table.column_names else [""] * len(table)
        for language, text in zip(languages, table["text"].to_pylist(), strict=True):
            words = groups.setdefault(language or "", [])
            words += [word for word in _WORD.findall(f"{text}\n") if len(word) < MAX_CHARS]
    groups = {language: groups[language] for language in sorted(groups) if len(groups[language]) >= MIN_GROUP}
    if not groups:
        raise SystemExit(f"the texts have fewer than {MIN_GROUP:,} words in every language: name more with --from")
    encoded = pa.array([word for words in groups.values() for word in words], pa.large_string()).dictionary_encode()
    distinct = [_tidy(word) for word in encoded.dictionary.to_pylist()]
    variants = [*distinct, *map(str.lower, distinct), *(_PUNCTUATION.sub("", word) for word in distinct)]
    size = np.array([len(words) for words in groups.values()])
    low = np.cumsum(size) - size
    sequence = encoded.indices.to_numpy()
    lengths = np.array([len(word.encode()) for word in distinct])[sequence]
    return Words(
        sequence, pa.array(variants, pa.large_string()), list(groups), low, size, np.add.reduceat(lengths, low) / size
    )


def _tidy(word: str) -> str:
    """One space behind a word, or one or two line breaks: manuals are full of columns."""
    bare = word.rstrip()
    gap = word[len(bare) :]
    return bare + ("\n" * min(gap.count("\n"), 2) or " " * bool(gap))
