"""Which documents are asked about: a random sample by hashes, the same however the corpus is cut into shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curate.errors import RecipeError
from curate.kernels.hashing import hash64
from curate.store.reading import Reader

_ALL = 2**64 - 1


@dataclass(frozen=True)
class Document:
    """One that was drawn."""

    id: str
    text: str
    """What of it is sent; not empty."""


@dataclass(frozen=True)
class Draw:
    """What was drawn."""

    documents: list[Document]
    """In the order of their hashes, so that the first few are a random sample too."""
    there: int
    """Documents in the input."""


def draw(reader: Reader, count: int, *, seed: int, prepare: Callable[[str], str]) -> Draw:
    """The `count` documents with the smallest XXH64(id, seed), or all if there are fewer.

    So a larger count takes the same documents and some more. Where the input has no ids, the text is hashed in their
    place. Documents of which `prepare` leaves nothing are passed over. Their texts are held in memory, as prepared.

    Raises RecipeError when two that are drawn have one id, but not one text, as answers are known by ids.
    """
    by_id = reader.id in reader.columns
    held: dict[str, tuple[int, str]] = {}
    twice: set[str] = set()
    limit, there = _ALL, 0
    for table in reader.read():
        there += table.num_rows
        ids, texts = table["id"].combine_chunks(), table["text"].combine_chunks()
        hashes = hash64(ids if by_id else texts, seed)
        rows = np.flatnonzero(hashes <= np.uint64(limit))
        for key, id, text in _rows(rows, hashes, ids, texts):
            ready = prepare(text)
            if not ready:
                continue
            if held.setdefault(id, (key, ready)) != (key, ready):
                twice.add(id)
            if len(held) >= 2 * count + 1000:
                limit = _prune(held, count)
    _prune(held, count)
    for id in sorted(twice & held.keys()):
        raise RecipeError(f"the id '{id}' is that of two documents with different texts; ids must be unique: see --id")
    ordered = sorted(held.items(), key=lambda one: (one[1][0], one[0]))
    return Draw([Document(id, text) for id, (_, text) in ordered], there)


def _rows(
    rows: np.ndarray, hashes: np.ndarray, ids: pa.LargeStringArray, texts: pa.LargeStringArray
) -> Iterable[tuple[int, str, str]]:
    at = pa.array(rows)
    return zip(hashes[rows].tolist(), ids.take(at).to_pylist(), texts.take(at).to_pylist(), strict=True)


def _prune(held: dict[str, tuple[int, str]], count: int) -> int:
    """Leave the `count` smallest; the largest hash that is still of interest."""
    if len(held) <= count:
        return _ALL
    order = sorted(held, key=lambda id: (held[id][0], id))
    for id in order[count:]:
        del held[id]
    return held[order[count - 1]][0]
