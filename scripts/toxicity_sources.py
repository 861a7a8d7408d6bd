"""What the toxicity model is trained on: posts that people have labelled, and sentences of ordinary text."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from curate.kernels.sentences import sentence_starts
from curate.kernels.text import buffers

PER_SOURCE = 12_000  # sentences of ordinary text of one source, the first by hash
GROUPS = (
    "gay|lesbian|bisexual|transgender|queer|homosexual|muslim|jewish|jews?|christian|buddhist|hindu|black|white|asian|"
    "african|african american|arab|mexican|hispanic|latino|immigrants?|refugees?|women|feminist|deaf|blind|disabled"
)
IDENTITY = re.compile(rf"\b(?:{GROUPS})\b", re.IGNORECASE)
IDENTITY_WEIGHT = 8.0  # of ordinary sentences about groups of people, so that to name one is not taken for an insult
_HANDLES = re.compile(r"\bRT\b|@\w+:?|https?://\S+|#(?=\w)")
# Sources in which a listed word may well be an insult; there, sentences with one are not taken for clean in training.
UNSURE = {"movie_reviews", "web_samples", "jargon_file", "books_en"}
NEWS = "news"
SOURCES = {
    "wiki_en": "encyclopedia",
    "books_en": "novels",
    "movie_reviews": "film reviews",
    "web_samples": "web pages",
    "manuals": "manuals",
    "peps": "manuals",
    "rust_rfcs": "manuals",
    "jargon_file": "jargon file",
    "code_py": "code",
    "books_fr": "other languages",
    "law_de": "other languages",
    "wiki_ko": "other languages",
    "wiki_zh": "other languages",
}


class Piece(NamedTuple):
    """A sentence or a post."""

    text: str
    source: str
    key: str
    """What is alike in pieces that must be in the same part."""
    toxic: bool
    weight: float = 1.0


def part(key: str) -> str:
    """Which part a document or post is in."""
    number = hashlib.blake2b(key.encode(), digest_size=8).digest()[0]
    return "train" if number < 205 else "calibration" if number < 230 else "test"


def posts(data: Path) -> Iterator[Piece]:
    """Labelled posts, without what tells only that they are tweets."""
    for row in pq.read_table(data / "toxicity/train.parquet").to_pylist():
        text = " ".join(_HANDLES.sub(" ", html.unescape(row["text"])).split())
        key = re.sub("[^a-z]", "", text.lower())
        yield Piece(text, row["label"], key, row["toxic"])


def clean(data: Path) -> Iterator[Piece]:
    """Sentences of ordinary text."""
    listed = _listed(data)
    for name, source in SOURCES.items():
        table = pq.read_table(data / f"corpus/{name}.parquet", columns=["id", "text"])
        yield from _ordinary(name, source, table, listed)
    yield from _ordinary(NEWS, NEWS, pq.read_table(data / "neardup/articles_1000.parquet"), listed)
    for row in pq.read_table(data / "lid/sentences.parquet").to_pylist():
        source = "news" if row["lang"] == "en" else "other languages"
        yield Piece(row["text"], source, row["text"], False, _weight(row["text"]))


def _ordinary(name: str, source: str, table: pa.Table, listed: re.Pattern[str]) -> Iterator[Piece]:
    texts = table["text"].combine_chunks().cast(pa.large_string())
    data, offsets = buffers(texts)
    starts, first = sentence_starts(texts)
    raw, bounds = bytes(data), [*starts.tolist(), int(offsets[-1])]
    found = []
    for document, key in enumerate(table["id"].to_pylist()):
        for number in range(first[document], first[document + 1]):
            text = raw[bounds[number] : bounds[number + 1]].decode().strip()
            if 10 <= len(text) <= 1000 and not (name in UNSURE and listed.search(text)):
                found.append(Piece(text, source, f"{name}/{key}", False, _weight(text)))
    found.sort(key=lambda piece: hashlib.blake2b(piece.text.encode(), digest_size=8).digest())
    yield from found[:PER_SOURCE]


def _weight(text: str) -> float:
    return IDENTITY_WEIGHT if IDENTITY.search(text) else 1.0


def _listed(data: Path) -> re.Pattern[str]:
    words = [row for row in pq.read_table(data / "toxicity/ldnoobw.parquet").to_pylist() if row["lang"] == "en"]
    return re.compile(r"\b(?:" + "|".join(re.escape(row["word"]) for row in words) + r")\b", re.IGNORECASE)
