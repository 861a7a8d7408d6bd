"""Which documents a `Cluster` stage keeps, by its definition: sets, and loops over pairs. The engine must say the same.

Slow, and for small corpora: nothing here is taken from the engine or from its kernels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from curate.documents import Batch, address
from curate.stage import Cluster, Likeness

MOST, HUBS = 64, 8  # of more different texts in a bucket each is compared with the first so many

ARTIFACT = pa.schema(
    {
        "document": pa.uint64(),
        "kept": pa.bool_(),
        "size": pa.int64(),
        "similarity": pa.float32(),
        "like": pa.large_string(),
        "earlier": pa.int32(),
    }
)


@dataclass
class Sketched:
    """A document as its stage describes it."""

    rank: tuple[int, ...]
    """Smaller for what is rather kept; ends with the address."""
    id: str
    copies: int
    values: tuple[int, ...]
    keys: dict[int, int] = field(default_factory=dict)
    """Key of a band → twin."""
    text: tuple[int, int] = (0, 0)
    """Equal for the same text."""


@dataclass
class Text:
    """Documents of the same text: they stand and fall together."""

    documents: list[Sketched]
    """The one that is rather kept first."""

    @property
    def head(self) -> Sketched:
        return self.documents[0]


@dataclass
class Decision:
    """What becomes of the documents of a stage."""

    texts: list[Text]
    pairs: set[tuple[int, int]]
    """Candidates, by their place in `texts`."""
    alike: set[tuple[int, int]]
    """Of them, those that are alike."""
    kept: dict[str, Sketched]
    """Id → the document that is kept in its place."""


def sketched(stage: Cluster, units: Sequence[Sequence[Batch]]) -> list[Sketched]:
    """The documents of units, each a list of batches."""
    found: list[Sketched] = []
    for number, batches in enumerate(units):
        start = 0
        for batch in batches:
            sketch = stage.sketch(batch)
            assert sketch.keys.schema == stage.evidence
            assert sketch.documents.schema == stage.documents()
            assert sketch.documents.num_rows == len(batch)
            places = address(number, np.arange(start, start + len(batch))).tolist()
            here = []
            for place, row in zip(places, sketch.documents.to_pylist(), strict=True):
                rank = (row["source"], row["prefer"], row["tie"], place)
                here.append(Sketched(rank, row["id"], row["copies"], tuple(row["values"])))
            for key, row, twin in zip(*(column.to_pylist() for column in sketch.keys.columns), strict=True):
                if key & 1:
                    assert here[row].text == (0, 0), "a document has one text"
                    here[row].text = key, twin
                else:
                    assert here[row].keys.setdefault(key, twin) == twin
            found += here
            start += len(batch)
    return found


def decide(likeness: Likeness, documents: Sequence[Sketched]) -> Decision:
    """Groups, and who is kept."""
    by_text: dict[tuple[int, int], list[Sketched]] = defaultdict(list)
    for document in documents:
        by_text[document.text].append(document)
    texts = [Text(sorted(members, key=lambda document: document.rank)) for members in by_text.values()]
    texts.sort(key=lambda text: text.head.rank)
    pairs = set(_candidates(texts, likeness.method == "greedy"))
    alike = {
        (i, j) for i, j in pairs if not likeness.verify or _jaccard(texts[i].head, texts[j].head) >= likeness.threshold
    }
    choose = _components if likeness.method == "components" else _greedy
    keepers = choose(len(texts), alike)
    kept = {
        document.id: texts[keeper].head
        for text, keeper in zip(texts, keepers, strict=True)
        for document in text.documents
    }
    return Decision(texts, pairs, alike, kept)


def _candidates(texts: Sequence[Text], by_rank: bool) -> Iterator[tuple[int, int]]:
    """Texts that share a key; in large buckets the first ones are those rather kept, or those with the least twins."""
    buckets: dict[int, dict[int, int]] = defaultdict(dict)
    for number, text in enumerate(texts):
        for key, twin in text.head.keys.items():
            buckets[key][twin] = number
    for bucket in buckets.values():
        members = sorted(bucket.values()) if by_rank else [number for _, number in sorted(bucket.items())]
        for i, j in combinations(range(len(members)), 2):
            if len(members) <= MOST or i < HUBS:
                yield min(members[i], members[j]), max(members[i], members[j])


def _components(n: int, pairs: set[tuple[int, int]]) -> list[int]:
    """The first of all that are connected with each one."""
    near = _neighbours(pairs)
    found = [-1] * n
    for start in range(n):
        reached = [start] if found[start] < 0 else []
        while reached:
            node = reached.pop()
            if found[node] < 0:
                found[node] = start
                reached += near[node]
    return found


def _greedy(n: int, pairs: set[tuple[int, int]]) -> list[int]:
    """The first of those that are kept and like each one; itself if there is none."""
    near = _neighbours(pairs)
    found: list[int] = []
    for node in range(n):
        found.append(min((other for other in near[node] if other < node and found[other] == other), default=node))
    return found


def _neighbours(pairs: set[tuple[int, int]]) -> dict[int, list[int]]:
    near: dict[int, list[int]] = defaultdict(list)
    for a, b in pairs:
        near[a].append(b)
        near[b].append(a)
    return near


def _jaccard(a: Sketched, b: Sketched) -> float:
    one, other = set(a.values), set(b.values)
    return len(one & other) / len(one | other) if one | other else 1.0


def similarity(likeness: Likeness, a: Sketched, b: Sketched) -> float:
    """As it is shown beside a document that is dropped."""
    if likeness.compares == "shingles":
        return _jaccard(a, b)
    return sum(x == y for x, y in zip(a.values, b.values, strict=True)) / len(a.values) if a.values else 1.0


def artifact(stage: Cluster, units: Sequence[Sequence[Batch]]) -> pa.Table:
    """What the engine gives to `apply`: of the documents that are kept for others, and of those that are dropped."""
    likeness, documents = stage.likeness(), sketched(stage, units)
    kept = decide(likeness, documents).kept
    sizes: dict[str, int] = defaultdict(int)
    for document in documents:
        sizes[kept[document.id].id] += document.copies
    rows: list[dict[str, Any]] = []
    for document in documents:
        keeper = kept[document.id]
        own = keeper.id == document.id
        if own and sizes[document.id] == document.copies:
            continue
        rows.append(
            {
                "document": document.rank[-1],
                "kept": own,
                "size": sizes[keeper.id],
                "similarity": None if own else similarity(likeness, document, keeper),
                "like": None if own else keeper.id,
                "earlier": None,
            }
        )
    return pa.Table.from_pylist(rows, schema=ARTIFACT)
