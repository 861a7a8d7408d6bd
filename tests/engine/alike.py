"""Corpora with documents that are alike, and what a run of `minhash_dedup` says of them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from curate import catalog
from curate.documents import Batch
from curate.executors import Executor
from curate.kernels.shingles import shingles_one
from curate.kernels.simplify import simplify_one
from curate.stage import Cluster
from curate.store.files import read_json
from tests.engine.corpus import run
from tests.stages import plain_clusters
from tests.stages.harness import batch_of

Rows = dict[str, list[Any]]
"""Columns of a corpus."""


def words(chance: random.Random, n: int) -> list[str]:
    """Words that no two texts have five of in common by chance."""
    return ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(n)]


def edited(text: str, chance: random.Random, share: float) -> str:
    """A text with about so many of its words replaced, moved away or doubled."""
    made = []
    for word in text.split(" "):
        kind = chance.random() / share
        made += words(chance, 1) if kind < 0.6 else [] if kind < 0.8 else [word, word] if kind < 1 else [word]
    return " ".join(made)


def planted(n: int, seed: int = 0, sizes: Sequence[int] = (1, 1, 2, 3, 7)) -> Rows:
    """`n` documents: texts on their own, and groups of texts that were edited a little or not at all; some are short.

    Columns: id, text, n (a number, now and then null), source.
    """
    chance = random.Random(seed)
    texts: list[str] = []
    while len(texts) < n:
        group = [" ".join(words(chance, chance.randint(30, 90)))]
        while len(group) < chance.choice(sizes):
            group.append(edited(chance.choice(group), chance, chance.choice([0.005, 0.01, 0.02, 0.04, 0.08])))
        if chance.random() < 0.1:
            group += [
                chance.choice(["", "one", "two words", "?!", "😀", "😀 😀", "one two three four", group[0].upper()])
            ]
        texts += group
    texts = texts[:n]
    chance.shuffle(texts)
    numbers = [None if chance.random() < 0.1 else chance.randint(0, 50) for _ in texts]
    sources = [chance.choice(["web", "book", "wiki", None]) for _ in texts]
    return {"id": [f"d{i:05d}" for i in range(len(texts))], "text": texts, "n": numbers, "source": sources}


def some(rows: Rows, order: Sequence[int]) -> Rows:
    """These documents, in this order."""
    return {name: [values[i] for i in order] for name, values in rows.items()}


@cache
def shingles(text: str) -> frozenset[str]:
    """By definition: runs of five words of the simplified text."""
    return frozenset(shingles_one(simplify_one(text), 5))


def jaccard(a: str, b: str) -> float:
    """Of the shingles of two texts; of texts without any, whether they are the same."""
    one, other = shingles(a), shingles(b)
    return len(one & other) / len(one | other) if one | other else float(simplify_one(a) == simplify_one(b))


def all_similar(texts: Sequence[str], least: float) -> dict[tuple[int, int], float]:
    """All pairs i < j of texts with shingles in common and at least this similarity, whatever signatures say."""
    where: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        for shingle in shingles(text):
            where[shingle].append(i)
    pairs = {pair for places in where.values() for pair in combinations(places, 2)}
    found = {(i, j): jaccard(texts[i], texts[j]) for i, j in pairs}
    return {pair: similarity for pair, similarity in found.items() if similarity >= least}


class Verdict(NamedTuple):
    """What a run says of a document."""

    dropped_by: str | None
    size: int | None
    like: str | None
    similarity: float | None


@dataclass
class Found:
    """What a run found."""

    out: Path
    verdicts: dict[str, Verdict]

    @property
    def kept(self) -> set[str]:
        return {name for name, verdict in self.verdicts.items() if verdict.dropped_by is None}

    @property
    def summary(self) -> dict[str, Any]:
        return dict(read_json(self.out / "artifacts/minhash_dedup.json"))


def write(folder: Path, rows: Rows, shards: int = 1, group: int = 100_000) -> Path:
    """A corpus in so many Parquet files."""
    folder.mkdir(parents=True)
    kinds = {"id": pa.string(), "text": pa.string(), "source": pa.string(), "n": pa.int64()}
    table = pa.table({name: pa.array(values, kinds.get(name)) for name, values in rows.items()})
    cuts = [table.num_rows * i // shards for i in range(shards + 1)]
    for i in range(shards):
        pq.write_table(table.slice(cuts[i], cuts[i + 1] - cuts[i]), folder / f"{i:03d}.parquet", row_group_size=group)
    return folder


def recipe(data: Path, out: Path, options: dict[str, Any] | None = None) -> str:
    """`minhash_dedup` alone."""
    inner = ", ".join(f"{name}: {value}" for name, value in (options or {}).items())
    return f"input: {data}\noutput: {out}\nstages:\n  - minhash_dedup: {{{inner}}}"


def read(out: Path, number: int = 2) -> Found:
    """The verdicts of a run whose pass `number` applies them."""
    ids = _column(out, 1, ["id"])["id"].to_pylist()
    table = _column(out, number, ["dropped_by", "cluster_size", "near_duplicate_of", "similarity"])
    verdicts = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return Found(out, dict(zip(ids, map(Verdict._make, verdicts), strict=True)))


def _column(out: Path, number: int, names: list[str]) -> pa.Table:
    paths = sorted((out / f"pass-{number}").glob("*.ledger.parquet"))
    return pa.concat_tables([pq.read_table(path, columns=names) for path in paths]).select(names)


def deduplicate(
    folder: Path,
    rows: Rows,
    options: dict[str, Any],
    shards: int = 1,
    executor: Executor | None = None,
    **settings: Any,
) -> Found:
    """Run `minhash_dedup` alone over a corpus, below `folder`, which is new."""
    data = write(folder / "in", rows, shards, settings.pop("group", 100_000))
    run(recipe(data, folder / "out", options), executor, **settings)
    return read(folder / "out")


def batch(rows: Rows) -> Batch:
    """All of a corpus."""
    others = {name: values for name, values in rows.items() if name not in ("id", "text")}
    return batch_of(rows["text"], rows["id"], **others)


def by_definition(rows: Rows, options: dict[str, Any]) -> tuple[dict[str, Verdict], plain_clusters.Decision]:
    """What the engine must say of one shard, and why."""
    stage = catalog.stage_class("minhash_dedup")(**options)
    assert isinstance(stage, Cluster)
    documents = plain_clusters.sketched(stage, [[batch(rows)]])
    decision, likeness = plain_clusters.decide(stage.likeness(), documents), stage.likeness()
    sizes: dict[str, int] = defaultdict(int)
    for document in documents:
        sizes[decision.kept[document.id].id] += document.copies
    found = {}
    for document in documents:
        keeper = decision.kept[document.id]
        if keeper.id == document.id:
            found[document.id] = Verdict(None, sizes[document.id], None, None)
        else:
            alike = plain_clusters.similarity(likeness, document, keeper)
            found[document.id] = Verdict("minhash_dedup/near_duplicate", None, keeper.id, alike)
    return found, decision
