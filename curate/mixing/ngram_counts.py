"""Which n-grams of the targets each document of the pool has: all that an n-gram model needs to measure a mixture.

The loss on a target depends on how often its own n-grams and their contexts occur in the training text, and on nothing
else there. So they are looked up in each document once; a mixture is then a sum over documents, in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.kernels.text import buffers
from curate.mixing.options import NGram
from curate.mixing.ordering import Hashes, Integers
from curate.mixing.tokens import by_label, pieces, vocabulary_of
from curate.mixing.vocabulary import Offsets, Tokens, Vocabulary
from curate.store import arrow

_ODD, _STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_BEFORE = np.uint64(0xFFFFFFFF)  # what stands before a document
_32 = np.uint64(32)
ENTRIES = pa.schema({"document": pa.int32(), "feature": pa.int32(), "count": pa.int32()})


@dataclass(frozen=True)
class Positions:
    """The n-grams at each place of some documents, as hashes: of ends of n words, for n = 1 to the order."""

    grams: list[Hashes]
    """`grams[n - 1]`: uint64[places], the n-gram that ends there."""
    contexts: list[Hashes]
    """`contexts[n - 2]`: uint64[places], the n - 1 words before."""


def positions(tokens: Tokens, offsets: Offsets, order: int) -> Positions:
    """Of documents with these tokens (as `Vocabulary.encode` gives them), in their order."""
    pad = order - 1
    documents, total = len(offsets) - 1, len(tokens)
    place = np.arange(total) + pad * (1 + np.repeat(np.arange(documents), np.diff(offsets)))
    padded = np.full(total + pad * documents, _BEFORE, np.uint64)
    padded[place] = tokens
    ends, grams, contexts = _mix(padded), [], []
    for n in range(1, order + 1):
        grams.append(ends[place])
        if n < order:
            before = np.concatenate([np.zeros(1, np.uint64), ends[:-1]])
            contexts.append(before[place])
            ends = _mix(before + (padded + np.uint64(1)) * _STEP)
    return Positions(grams, contexts)


def _mix(x: Hashes) -> Hashes:
    x = (x ^ (x >> _32)) * _ODD
    x = (x ^ (x >> np.uint64(29))) * _STEP
    return np.asarray(x ^ (x >> _32))


@dataclass(frozen=True)
class Features:
    """What is counted: the n-grams of the targets, their contexts, and all words. Numbered one kind after the other."""

    kinds: list[Hashes]
    """Grams of 1 … order words, then contexts of 1 … order - 1; each uint64, ascending."""

    @property
    def starts(self) -> Integers:
        """Number of the first feature of each kind, and of the count of all words after them."""
        return np.cumsum([0, *(len(kind) for kind in self.kinds)])

    def find(self, found: Positions, document: Integers) -> tuple[Integers, Integers, Integers]:
        """(document, feature, count), ordered, without what no target has. document: int64[places], ascending."""
        keys = []
        starts, order = self.starts, len(found.grams)
        for number, (kind, hashes) in enumerate(zip(self.kinds, [*found.grams, *found.contexts], strict=True)):
            if number in (0, order):  # of a longer one, only what ends in a known shorter one can be known
                rows = np.arange(len(document))
            at = np.minimum(np.searchsorted(kind, hashes[rows]), len(kind) - 1)
            hit = kind[at] == hashes[rows]
            rows = rows[hit]
            keys.append(document[rows] * np.int64(starts[-1] + 1) + starts[number] + at[hit])
        keys.append(document * np.int64(starts[-1] + 1) + starts[-1])
        distinct, counts = np.unique(np.concatenate(keys), return_counts=True)
        return distinct // (starts[-1] + 1), distinct % (starts[-1] + 1), counts


def write(folder: Path, options: NGram) -> None:
    """Read `pool.arrow` and `targets.arrow`; write `ngram.{targets,pool,entries}.arrow`."""
    pool, targets = arrow.ArrowFile(folder / "pool.arrow"), arrow.ArrowFile(folder / "targets.arrow")
    vocabulary = vocabulary_of(pool, targets, options.vocabulary)
    features = _write_targets(folder, targets, vocabulary, options.order)
    _write_pool(folder, pool, vocabulary, features, options.order)


def _write_targets(folder: Path, file: arrow.ArrowFile, vocabulary: Vocabulary, order: int) -> Features:
    """The places of all targets, equal ones once: numbers of their n-grams and contexts, and how often it is there."""
    found, labels, size = [], [], np.zeros(len(by_label(file)), np.int64)
    for batch in pieces(file):
        tokens, offsets = vocabulary.encode(batch["text"])
        found.append(positions(tokens, offsets, order))
        label = batch["domain"].to_numpy()
        labels.append(np.repeat(label, np.diff(offsets)))
        size += np.bincount(label, np.diff(buffers(batch["text"])[1]), len(size)).astype(np.int64)
    hashes = [np.concatenate([part.grams[n] for part in found]) for n in range(order)]
    hashes += [np.concatenate([part.contexts[n] for part in found]) for n in range(order - 1)]
    features = Features([np.unique(kind) for kind in hashes])
    label = np.concatenate(labels)
    # The longest n-gram says all: its words are the shorter ones, and the contexts.
    _, first, place = np.unique(np.stack([hashes[order - 1], label.astype(np.uint64)]), axis=1, return_index=True,
                                return_inverse=True)  # fmt: skip
    times = np.bincount(place.ravel(), minlength=len(first))
    columns = {
        f"feature_{number}": pa.array(np.searchsorted(kind, one[first]) + start, pa.int32())
        for number, (kind, one, start) in enumerate(zip(features.kinds, hashes, features.starts, strict=False))
    }
    table = pa.table({"target": pa.array(label[first], pa.int32()), "times": pa.array(times), **columns})
    facts = {
        "bytes": size.tolist(),
        "order": order,
        "vocabulary": vocabulary.size,
        "features": int(features.starts[-1]),
    }
    arrow.write(folder / "ngram.targets.arrow", table, facts)
    return features


def _write_pool(folder: Path, file: arrow.ArrowFile, vocabulary: Vocabulary, features: Features, order: int) -> None:
    """The documents, without texts, and what is in them, both ordered by domain and hash."""
    documents = pa.concat_tables([pa.Table.from_batches([batch.drop_columns("text")]) for batch in file])
    rank = np.empty(documents.num_rows, np.int64)
    ordered = np.lexsort((documents["key"].to_numpy(), documents["domain"].to_numpy()))
    rank[ordered] = np.arange(len(rank))
    parts, at = [], 0
    for batch in pieces(file):
        tokens, offsets = vocabulary.encode(batch["text"])
        document = np.repeat(rank[at : at + batch.num_rows], np.diff(offsets))
        order_of = np.argsort(document, kind="stable")
        found = positions(tokens, offsets, order)
        sorted_found = Positions([one[order_of] for one in found.grams], [one[order_of] for one in found.contexts])
        parts.append(np.stack(features.find(sorted_found, document[order_of])).astype(np.int32))
        at += batch.num_rows
    entries = np.concatenate(parts, axis=1)
    entries = entries[:, np.argsort(entries[0], kind="stable")]
    arrow.write(folder / "ngram.pool.arrow", documents.take(pa.array(ordered)), {})
    arrow.write(folder / "ngram.entries.arrow", pa.table(list(entries), schema=ENTRIES), {})
