"""datatrove's own verdicts on real documents, where the data that nobody ships lies beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

ENGLISH = ("books_en", "jargon_file", "movie_reviews", "peps", "rust_rfcs", "web_samples", "wiki_en")
OTHERS = ("books_fr", "code_py", "law_de", "manuals", "wiki_ko", "wiki_zh")
_DATA = Path(os.environ.get("CURATE_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def judged(name: str, judge: str) -> tuple[list[str], list[str | None]]:
    """(texts of a corpus file, why datatrove's filter `judge` drops each or None); skips the test without the data."""
    oracle = _DATA / "oracle" / "datatrove_verdicts.parquet"
    if not oracle.exists():
        pytest.skip("datatrove's verdicts are not there; CURATE_SHARED_DATA names their folder")
    verdicts = pq.read_table(oracle, columns=["file", "id", judge])
    verdicts = verdicts.filter(pc.equal(verdicts["file"], f"{name}.parquet"))
    corpus = pq.read_table(_DATA / "corpus" / f"{name}.parquet", columns=["id", "text"])
    text = dict(zip(corpus["id"].to_pylist(), corpus["text"].to_pylist(), strict=True))
    return [text[key] for key in verdicts["id"].to_pylist()], verdicts[judge].to_pylist()


def agreement(mine: pa.Array, theirs: list[str | None]) -> float:
    """Share of the documents on which both say keep, or both say drop."""
    return sum((a is None) == (b is None) for a, b in zip(mine.to_pylist(), theirs, strict=True)) / len(theirs)


def twelve_lines() -> list[str]:
    """Ordinary prose that passes Gopher's and FineWeb's filters: 12 lines of 15 words, no noun twice."""
    nouns = (
        "river stone window garden letter market bridge candle forest engine harbour winter kettle ladder meadow "
        "needle orchard pencil quarry ribbon saddle tunnel uncle valley wagon yard acorn barrel castle desert eagle "
        "farmer goat hammer island jacket kitchen lantern mirror nephew ocean parrot queen rabbit sailor teacher "
        "umbrella village whistle anchor basket cousin dragon elbow feather glove helmet insect jungle knight lemon "
        "monkey novel oyster pillow rocket shadow temple violin wizard apple bottle cotton donkey ember finger "
        "guitar horse ivory judge kingdom lizard marble night"
    ).split()
    words = iter(nouns)
    return [
        "The {} of {} and {} have {} with {} to {} near {}.".format(*(next(words) for _ in range(7))) for _ in range(12)
    ]
