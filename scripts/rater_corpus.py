"""The texts that raters are trained on: rated segments, in groups that share text, and unrated ones."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.kernels.traits import SEGMENT

RUNNING = {
    "wiki_en": 2500, "books_en": 120, "manuals": 500, "peps": 100, "rust_rfcs": 120, "movie_reviews": 500,
    "web_samples": 451, "jargon_file": 100,
}  # fmt: skip
"""English running text, for the costs of characters and of pieces: documents of each file."""
SHARED_WORDS = 10  # in a row: texts that share them are of one group, or not used


def rated(data: Path) -> pl.DataFrame:
    """The rated segments, with `fold`: 0 to 9, the same for all segments that share twelve words in a row."""
    table = pl.read_parquet(data / "quality/rated.parquet")
    leader = list(range(len(table)))

    def root(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    seen: dict[str, int] = {}
    for row, text in enumerate(table["text"]):
        for run in _runs(re.sub(r"[^\w ]", "", text.lower()), 12) or {text}:
            leader[root(row)] = root(seen.setdefault(run, row))
    ids = table["id"].to_list()
    names: dict[int, str] = {}
    for row in range(len(table)):
        names[root(row)] = min(names.get(root(row), ids[row]), ids[row])
    folds = [int(hashlib.sha256(names[root(row)].encode()).hexdigest(), 16) % 10 for row in range(len(table))]
    return table.with_columns(pl.Series("fold", folds))


def running_text(data: Path, known: set[str], seed: int) -> list[str]:
    """English documents that share no run of words with the rated segments."""
    found = []
    for name, count in RUNNING.items():
        table = pl.read_parquet(data / f"corpus/{name}.parquet").filter(pl.col("lang").fill_null("en") == "en")
        texts = table["text"].sample(min(count, len(table)), seed=seed, shuffle=True)
        found += [text for text in texts if not known & _runs(text.lower(), SHARED_WORDS)]
    return found


def unrated(data: Path, known: set[str], seed: int) -> list[str]:
    """Segments of all kinds of documents, likewise."""
    draw = np.random.default_rng(seed)
    found = []
    for path in [*sorted(data.glob("corpus/*.parquet")), *sorted(data.glob("sample/*.parquet"))]:
        many = path.stem in ("wiki_en", "books_en", "manuals")
        texts = pl.read_parquet(path)["text"]
        count = 1200 if many else 120 if path.parent.name == "sample" else 400
        for text in texts.sample(min(count, len(texts)), seed=seed, shuffle=True):
            for _ in range(1 if (many and path.stem != "books_en") or len(text) < SEGMENT else 2):
                first = 0 if draw.random() < 0.4 else int(draw.integers(0, max(1, len(text) - 1000)))
                part = text[first : first + int(draw.choice([SEGMENT, SEGMENT, SEGMENT, 600]))]
                if len(part) >= 60 and not known & _runs(part.lower(), SHARED_WORDS):
                    found.append(part)
    return found


def known_runs(table: pl.DataFrame) -> set[str]:
    """Every run of SHARED_WORDS words of the rated segments."""
    return set().union(*(_runs(text.lower(), SHARED_WORDS) for text in table["text"]))


def _runs(text: str, size: int) -> set[str]:
    words = text.split()
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


def targets(table: pl.DataFrame) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(the fourteen scores float32[n, 14], the domain int64[n]) as the annotator gave them."""
    from curate.models.raters import CRITERIA

    names = [*CRITERIA[:-1], "overall_score"]
    return table.select(names).to_numpy().astype(np.float32), np.array([ord(x) - ord("A") for x in table["domain"]])
