"""The table of the toxicity model's card about toxic posts that are disguised, and about what has no score.

    python scripts/toxicity_evasions.py [--data ../shared/data]

Of posts of the test part that score above 0.5 as they are, the share that still does so when they are written in
another way, and what `normalize: {unicode: NFKC}` in front of the stage undoes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from toxicity_sources import part, posts

from curate.models.toxicity import load
from curate.stages.normalize import Normalize

_CYRILLIC = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
_DIGITS = str.maketrans("aeios", "43105")
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_BOLD = {ord("a") + i: 0x1D41A + i for i in range(26)} | {ord("A") + i: 0x1D400 + i for i in range(26)}
_WORD = re.compile("[A-Za-z]{3,}")


def _inside(mark: str) -> Callable[[str], str]:
    """Puts the mark behind the second letter of each word."""
    return lambda text: _WORD.sub(lambda word: word[0][:2] + mark + word[0][2:], text)


def _starred(text: str) -> str:
    """The first vowel inside each word as a star."""
    return _WORD.sub(lambda word: word[0][0] + re.sub("[aeiouAEIOU]", "*", word[0][1:], count=1), text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "fullwidth letters": lambda text: text.translate(_WIDE),
    "mathematical bold letters": lambda text: text.translate(_BOLD),
    "Cyrillic letters that look alike": lambda text: text.translate(_CYRILLIC),
    "a star for the first vowel inside each word, f*ck": _starred,
    "digits for letters, sh1t": lambda text: text.translate(_DIGITS),
    "a soft hyphen in each word": _inside("\u00ad"),
    "a zero-width space in each word": _inside("\u200b"),
    "a full stop in each word": _inside("."),
    "letters apart, f u c k": lambda text: _WORD.sub(lambda word: " ".join(word[0]), text),
    "accents on vowels": lambda text: re.sub("([aeiou])", "\\1\u0301", text),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data

    normalize = Normalize(unicode="NFKC")

    def scores(texts: list[str]) -> np.ndarray:
        return load().scores(pa.array(texts, pa.large_string()))

    toxic = list(dict.fromkeys(post.text for post in posts(data) if post.toxic and part(post.key) == "test"))
    found = [text for text, score in zip(toxic, scores(toxic), strict=True) if score > 0.5]
    print(f"{len(found)} of {len(toxic)} toxic posts of the test part are above 0.5; of these, written otherwise:\n")
    print("| disguise | still above 0.5 | after `normalize: {unicode: NFKC}` |\n|---|--:|--:|")
    for name, change in DISGUISES.items():
        texts = [change(text) for text in found]
        plain = [normalize.rewrite_one(text) or "" for text in texts]
        print(f"| {name} | {(scores(texts) > 0.5).mean():.0%} | {(scores(plain) > 0.5).mean():.0%} |")
    table = pq.read_table(data / "lid/sentences.parquet")
    ordinary = scores(table["text"].to_pylist())
    print("\n| sentences of news | below 0.01 | median |\n|---|--:|--:|")
    for name, rows in (("English", np.array(table["lang"]) == "en"), ("78 others", np.array(table["lang"]) != "en")):
        print(f"| {name} ({rows.sum()}) | {(ordinary[rows] < 0.01).mean():.0%} | {np.median(ordinary[rows]):.5f} |")
    print("without words:", scores(["", "…", "1 + 1", "12.5 %", "🙂 ***", "---"]).tolist())


if __name__ == "__main__":
    main()
