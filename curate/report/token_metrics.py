"""How a tokenizer does on real documents, by language or any other column: numbers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.kernels.hashing import hash64, hash64_one
from curate.kernels.text import buffers, char_counts
from curate.kernels.words import words
from curate.models.tokenizers import Tokenizer

DRAWS = 1000  # samples of the bootstrap, of which the middle 95 % is shown
WORDS = 20_000  # different words of a group that are encoded by themselves, at most: the most frequent ones


class Interval(NamedTuple):
    """A ratio of sums, and between what the middle 95 % of its bootstrap lies."""

    value: float
    low: float
    high: float


@dataclass
class Group:
    """Documents with one value of a column."""

    name: str
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    pair: list[str | None] = field(default_factory=list)
    """What a document is a translation of."""
    bytes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Of each document; likewise the other three."""
    chars: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    words: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    tokens: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class Metrics:
    """Of one tokenizer on the documents of one group."""

    tokenizer: str
    group: str
    documents: int
    bytes: int
    tokens: int
    bytes_per_token: Interval
    chars_per_token: float
    fertility: Interval
    """Tokens for a word; words as spaCy's blank English tokenizer cuts them."""
    continued_words: float
    """Share of words that take two tokens or more, with the space before them as in the text."""
    unknown: float
    """Share of tokens that stand for what is not in the vocabulary, or for a single byte of it."""
    vocabulary_used: float
    """Share of the vocabulary that occurs."""
    lossy: float
    """Share of documents that decoding does not give back as they were."""
    premium: Interval | None
    """Tokens for a token of the base group, on documents that are translations of each other; None: there are none."""
    byte_premium: float | None
    """Likewise bytes: what the script costs without the tokenizer."""
    pairs: int
    """Documents that have a counterpart in the base group."""
    relative_length: float
    """Tokens for a token of the first tokenizer on the same documents."""


def gather(tables: Iterable[pa.Table], by: str | None, pair: str | None, documents: int) -> list[Group]:
    """The documents of each group with the smallest hashes of their ids, and no more than so many of each.

    Args:
        tables: `id`, `text` and the columns named.
        by: column that groups documents; None: all are one group.
        pair: column with what documents are translations of; those of one group that share a value count as one text.
        documents: of a group; with pairs, different values of that column, the same ones in all groups.
    """
    kept: dict[str, list[tuple[int, str, str, str | None]]] = {}
    for table in tables:
        names = ["all"] * table.num_rows if by is None else table[by].cast(pa.large_string()).to_pylist()
        partners = [None] * table.num_rows if pair is None else table[pair].cast(pa.large_string()).to_pylist()
        ids = table["id"].combine_chunks()
        order = hash64(ids).tolist()
        rows = zip(names, order, table["text"].to_pylist(), ids.to_pylist(), partners, strict=True)
        for name, key, text, id, partner in rows:
            if text:
                rank = hash64_one(partner) if partner is not None else key
                kept.setdefault(str(name), []).append((rank, id, text, partner))
        for name, found in kept.items():
            if len(found) > 4 * documents:
                kept[name] = _fewest(found, documents)
    groups = []
    for name, found in sorted(kept.items()):
        few = _fewest(found, documents)
        groups.append(Group(name, [row[1] for row in few], [row[2] for row in few], [row[3] for row in few]))
    return groups


def _fewest(rows: list[tuple[int, str, str, str | None]], most: int) -> list[tuple[int, str, str, str | None]]:
    return sorted(rows, key=lambda row: row[:2])[:most]


def measure(groups: list[Group], tokenizers: list[Tokenizer], base: str | None = None, seed: int = 0) -> list[Metrics]:
    """Metrics of every tokenizer on every group; base: the group that premiums are to."""
    found: list[Metrics] = []
    first: dict[str, int] = {}
    for tokenizer in tokenizers:
        encoded: dict[str, list[list[int]]] = {}
        for group in groups:
            encoded[group.name] = tokenizer.encode(group.texts)
            _measure(group, encoded[group.name])
        reference = next((group for group in groups if group.name == base), None)
        for group in groups:
            first.setdefault(group.name, int(group.tokens.sum()))
            found.append(_metrics(group, encoded[group.name], tokenizer, reference, first[group.name], seed))
    return found


def _measure(group: Group, encoded: list[list[int]]) -> None:
    """The lengths of each document in all units."""
    texts = pa.array(group.texts, pa.large_string())
    group.tokens = np.array([len(tokens) for tokens in encoded], np.int64)
    if not len(group.bytes):
        spans = words(texts)
        group.bytes, group.chars = np.diff(buffers(texts)[1]), char_counts(texts)
        group.words = spans.last - spans.first


def _metrics(
    group: Group, encoded: list[list[int]], tokenizer: Tokenizer, base: Group | None, first: int, seed: int
) -> Metrics:
    used = Counter(token for tokens in encoded for token in tokens)
    tokens, unknown = max(int(group.tokens.sum()), 1), tokenizer.unknown()
    lossy = sum(tokenizer.decode(one) != text for one, text in zip(encoded, group.texts, strict=True))
    premium, byte_premium, pairs = _premium(group, base, seed) if base is not None else (None, None, 0)
    return Metrics(
        tokenizer=tokenizer.name,
        group=group.name,
        documents=len(group.texts),
        bytes=int(group.bytes.sum()),
        tokens=int(group.tokens.sum()),
        bytes_per_token=ratio(group.bytes, group.tokens, seed),
        chars_per_token=float(group.chars.sum() / tokens),
        fertility=ratio(group.tokens, group.words, seed),
        continued_words=_continued(group.texts, tokenizer),
        unknown=sum(used[token] for token in unknown) / tokens,
        vocabulary_used=len(used) / tokenizer.vocabulary,
        lossy=lossy / max(len(group.texts), 1),
        premium=premium,
        byte_premium=byte_premium,
        pairs=pairs,
        relative_length=tokens / max(first, 1),
    )


def ratio(above: npt.NDArray[np.int64], below: npt.NDArray[np.int64], seed: int) -> Interval:
    """The ratio of the sums of two columns, int64[n], with the 95 % interval of a bootstrap over documents."""
    n = len(above)
    if not n or not below.sum():
        return Interval(float("nan"), float("nan"), float("nan"))
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), DRAWS)
    sums = (drawn @ above) / np.maximum(drawn @ below, 1)
    low, high = np.quantile(sums, [0.025, 0.975])
    return Interval(float(above.sum() / below.sum()), float(low), float(high))


def _premium(group: Group, base: Group, seed: int) -> tuple[Interval | None, float | None, int]:
    """(premium in tokens, in bytes, pairs): over the texts that both groups have."""
    mine, theirs = _by_partner(group), _by_partner(base)
    both = sorted(mine.keys() & theirs.keys())
    if not both:
        return None, None, 0
    sizes = np.array([[*mine[key], *theirs[key]] for key in both], np.int64)
    return ratio(sizes[:, 0], sizes[:, 2], seed), float(sizes[:, 1].sum() / max(sizes[:, 3].sum(), 1)), len(both)


def _by_partner(group: Group) -> dict[str, tuple[int, int]]:
    """What documents are translations of → (tokens, bytes) of them all."""
    found: dict[str, tuple[int, int]] = {}
    for key, tokens, size in zip(group.pair, group.tokens.tolist(), group.bytes.tolist(), strict=True):
        if key is not None:
            before = found.get(key, (0, 0))
            found[key] = before[0] + tokens, before[1] + size
    return found


def _continued(texts: list[str], tokenizer: Tokenizer) -> float:
    """Share of words that take more than one token, each encoded with the space before it if there is one."""
    spans = words(pa.array(texts, pa.large_string()), "whitespace")
    counts: Counter[str] = Counter()
    for row, text in enumerate(texts):
        data = text.encode()
        for place in range(int(spans.first[row]), int(spans.last[row])):
            start, end = int(spans.start[place]), int(spans.end[place])
            counts[(" " if start else "") + data[start:end].decode()] += 1
    common = counts.most_common(WORDS)
    sizes = [len(tokens) for tokens in tokenizer.encode([word for word, _ in common])]
    total = sum(count for _, count in common)
    return sum(count for (_, count), size in zip(common, sizes, strict=True) if size > 1) / max(total, 1)
