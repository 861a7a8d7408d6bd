"""Stages that keep one document of each group: of those that share a key, and of those that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import Batch
from curate.stage.corpus import Global


@dataclass(frozen=True)
class Keys:
    """Document `row[j]` of a batch has key `key[j]`, checked by `check[j]`: 128 bits, so chance equality is out."""

    key: npt.NDArray[np.uint64]
    check: npt.NDArray[np.uint64]
    row: npt.NDArray[np.int64]


class Match(Global):
    """Finds documents that share a key and keeps one of each group: write `keys`."""

    has_rows: ClassVar[bool] = True

    def keys(self, batch: Batch) -> Keys:
        """The keys of a batch's documents: none, one or several for each."""
        raise NotImplementedError

    def resolve_range(self, evidence: pa.Table) -> pa.Table:
        """The evidence of a range of keys, sorted by (key, document) → rows for `apply`, with a uint64 `document`.

        Documents from `curate.documents.EARLIER` on are of earlier runs: what is said of them goes nowhere.
        """
        raise NotImplementedError

    def remembered(self, evidence: pa.Table) -> pa.Table:
        """Of the evidence of a range of keys, the rows of this run that later runs are to see."""
        raise NotImplementedError


@dataclass(frozen=True)
class Sketch:
    """What is needed of the n documents of a batch to find those that are alike."""

    keys: pa.RecordBatch
    """Evidence of the schema `Cluster.evidence`."""
    documents: pa.RecordBatch
    """One row for each document, in order, of the schema that `Cluster.documents` gives."""


@dataclass(frozen=True)
class Likeness:
    """When documents are alike, and what follows from it."""

    threshold: float
    """Jaccard similarity of sets of shingles, 0 to 1."""
    verify: bool
    """Whether two documents that share a key are compared, or taken for alike."""
    compares: Literal["shingles", "signatures"]
    """What `values` are: a set, or numbers of which the share of equal ones estimates the similarity."""
    method: Literal["components", "greedy"]
    """Of all that are connected one is kept; or each that is not like one kept before it."""


class Cluster(Global):
    """Finds groups of documents that are alike, and keeps one of each: write `sketch`.

    Documents that share a key are candidates. The engine compares their sets of shingles, finds the groups and chooses
    by (`source`, `prefer`, `tie`, address), the smallest first. Rows for `apply`: `row`; `kept` bool; `size` int64, the
    sum of the group's `copies` (1 for what an earlier run kept); `similarity` float32, `like` large_string (id), both
    of the document kept in place of this one, null if it is kept; `earlier` int32, if that one is of an earlier run the
    number of that run in the index, else null.
    """

    evidence: ClassVar[pa.Schema] = pa.schema({"key": pa.uint64(), "row": pa.int64(), "twin": pa.uint64()})
    """`key`: of a band; its lowest bit is 0. Documents with equal twins have all keys in common, and are compared as
    one. With 1 as its lowest bit, a key with its twin is the hash of the whole document: equal ones are the same."""
    has_rows: ClassVar[bool] = True

    def documents(self) -> pa.Schema:
        """`id` large_string, `source` uint32, `prefer` and `tie` uint64, `copies` int64, the documents that this one
        stands for; and `values`, a large_list of uint32 or uint64: the set of shingles, sorted, or the signature.
        """
        raise NotImplementedError

    def sketch(self, batch: Batch) -> Sketch:
        """Pure: depends on the batch's documents alone."""
        raise NotImplementedError

    def likeness(self) -> Likeness:
        """When documents are alike."""
        raise NotImplementedError

    def observe(self, batch: Batch) -> pa.RecordBatch:
        return self.sketch(batch).keys
