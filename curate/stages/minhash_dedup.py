"""Keep one of each group of documents that are nearly the same, by MinHash and LSH."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.banding import MOST_HASHES, settled
from curate.documents import ID, TEXT, Batch
from curate.errors import StageError
from curate.keeping import Keeping
from curate.kernels.hashing import hash128
from curate.kernels.minhash import band_keys, lsh_probability
from curate.kernels.overlap import distinct
from curate.kernels.shingles import Shingles
from curate.remembering import Remembering
from curate.shingling import Shingling
from curate.stage import ID_BYTES, Cluster, Column, Grouping, Likeness, Outcome, Sketch

_EXACT, _BAND = np.uint64(1), np.uint64(2**64 - 2)  # the lowest bit of a key
_EMPTY_SEED = 0x656D707479  # "empty"
_SAMPLE = 256
"""Values of a signature that similarities are estimated by, at most: all 9,000 of `like: refinedweb` would take 36 kB a
document."""
_SHOWN = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class MinhashDedup(Keeping, Shingling, Remembering, Cluster):
    """Keep one of each group of documents that are nearly the same, by MinHash and LSH.

        - minhash_dedup
        - minhash_dedup: {like: fineweb, scope: crawl}
        - minhash_dedup: {threshold: 0.7, bands: 20, rows: 5, keep: longest, index: /data/index}

    Two documents are alike if the Jaccard similarity of their sets of shingles reaches the threshold. Candidates are
    found by locality-sensitive hashing: those that agree in all `rows` values of one of the `bands` of their MinHash
    signatures. A pair of similarity s is found with a probability of 1 - (1 - s^rows)^bands, which the plan prints.
    Candidates are then compared by their shingles, so that nothing is dropped that is not alike; the shingles are held
    as hashes of 32 bits, which changes a similarity by less than 0.0001 for documents of up to 100,000 words.

    Documents of the same text in normal form are alike too, without comparison, and also when they are too short for a
    shingle; no document is dropped for being short. Where more than 64 different documents share a band, as with
    boilerplate, each is compared with 8 of them in place of all, with 16 where there is an `index`, and the summary of
    the run says so.

    Adds `cluster_size`, the documents that a kept one stands for, itself among them, null for what is dropped;
    `near_duplicate_of`, the id of the document that was kept in place of this one; and `similarity`, the Jaccard
    similarity of these two. With `verify: false` that is an estimate by the first 256 values of the signatures, or all
    n if there are fewer; its standard error is sqrt(J (1 - J) / n), so 0.04 for FineWeb's 112 at J = 0.8, and 0.025 for
    256. Reasons: `near_duplicate`, and `in_index` for what an earlier run kept.
    """

    like: Literal["fineweb", "refinedweb", "slimpajama", "nemo", "olmo3"] | None = None
    """Options as this corpus or tool has them, but for those that are given beside it: what "0.8" means differs widely.
    A `threshold` given beside it switches `verify` on. FineWeb deduplicates each crawl by itself (`scope`);
    RefinedWeb's normal form is not published, FineWeb's stands in; OLMo 3 has shingles of 5 tokens, for which words
    stand in, and keeps the newest (`keep: newest`)."""
    threshold: float | None = Field(0.8, gt=0, le=1)
    """Jaccard similarity, 0 to 1, from which documents are alike. Given without `bands`, `rows` and `like` it also
    chooses bands and rows, as datasketch does: then of pairs right at the threshold only a third to a half are found.
    With `verify: false` that is all it does, and it is null when that is done."""
    bands: int = Field(14, ge=1, le=2000)
    """Bands of a signature: the more, the more is found."""
    rows: int = Field(8, ge=1, le=500)
    """Values of a signature in each band: the fewer, the more is found. FineWeb has 14 bands of 8 rows."""
    hashes: int | None = Field(None, ge=2, le=MOST_HASHES)
    """Values of a signature that a `threshold` without `bands` and `rows` is made into bands of, 112 unless given; null
    when that is done."""
    verify: bool = True
    """Whether candidates are compared by their true Jaccard similarity. Without, as in FineWeb, all that share a band
    are alike, whatever the threshold: of what 14 bands of 8 rows drop, a tenth to a third is less alike than 0.8."""
    method: Literal["components", "greedy"] = "components"
    """`components`: one document is kept of all that are connected by pairs that are alike, be it over others.
    `greedy`: in the order of `keep` a document is dropped if it is like one that was kept, so that every document that
    is dropped has one that is like it, and more are kept."""
    copies_column: Column | None = None
    """Column with the documents that each one stands for, such as `exact_dedup_copies`: `cluster_size` is their sum."""

    writes: ClassVar[dict[str, pa.DataType]] = {
        "cluster_size": pa.int64(),
        "near_duplicate_of": pa.large_string(),
        "similarity": pa.float32(),
    }
    grouping: ClassVar[Grouping] = Grouping("near_duplicate_of", "cluster_size", "similarity", earlier="in_index")
    decides_by: ClassVar[tuple[str, ...]] = ("threshold", "method", "index", "like", "hashes")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        """Presets, and bands from a threshold."""
        return settled(given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.bands * self.rows > 20_000:
            raise ValueError(f"bands * rows = {self.bands * self.rows:,} values for each document; at most 20,000")
        return self

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        super().check_columns(types)
        copies = types.get(self.copies_column or "")
        if copies is not None and not pa.types.is_integer(copies):
            raise ValueError(f"copies_column '{self.copies_column}' is {copies}; numbers of documents are integers")

    def columns_read(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([TEXT, *super().columns_read()]))

    def columns_applied(self) -> tuple[str, ...]:
        return (self.copies_column,) if self.copies_column is not None else ()

    def notes(self) -> tuple[str, ...]:
        shares = ", ".join(f"{_percent(lsh_probability(s, self.bands, self.rows))} at {s:g}" for s in _SHOWN)
        compared = "all taken for alike"
        if self.verify:
            compared = f"alike from {self.threshold:g} on, compared by shingles"
        found = f"{self.bands} bands of {self.rows} rows find, of pairs with a Jaccard similarity, {shares}"
        return self.definition(), found, compared

    def likeness(self) -> Likeness:
        compares: Literal["shingles", "signatures"] = "shingles" if self.verify else "signatures"
        return Likeness(self.threshold or 0.0, self.verify, compares, self.method)

    def compared_by(self) -> Mapping[str, Any]:
        names = ("bands", "rows", "verify", "scope")
        own = {name: getattr(self, name) for name in names}
        return {"version": self.version, **Shingling.configuration(self), **own}

    def scratch(self, documents: int, text_bytes: int) -> int:
        """24 bytes for each key; of a document 80 and its id; a shingle 4, one for each 6 bytes or each character."""
        values = text_bytes * 4 // (6 if self.unit == "words" else 1)
        if not self.verify:
            values = documents * min(self.bands * self.rows, _SAMPLE) * self.width.bit_width // 8
        return documents * (24 * (self.bands + 1) + 80 + ID_BYTES) + values

    def documents(self) -> pa.Schema:
        values = pa.uint32() if self.verify else self.width
        return pa.schema(
            {
                "id": pa.large_string(),
                "source": pa.uint32(),
                "prefer": pa.uint64(),
                "tie": pa.uint64(),
                "copies": pa.int64(),
                "values": pa.large_list(values),
            }
        )

    def sketch(self, batch: Batch) -> Sketch:
        """Keys of the bands and of the whole text; what is kept for comparing; and the order of `keep`."""
        normal = self.normalised(batch[TEXT])
        found = self.shingles(normal)
        scopes = self.scopes(batch)
        there = np.flatnonzero(np.diff(found.offsets))
        whole, check = _whole(batch[TEXT], normal)
        n = len(there) * self.bands  # keys of bands; behind them, one for each whole text
        key, twin = np.empty(n + len(batch), np.uint64), np.empty(n + len(batch), np.uint64)
        keys, sample = key[:n].reshape(-1, self.bands), []
        long_enough = Shingles(np.append(found.offsets[there], found.offsets[-1]), found.hashes)
        for at, signature in self.signatures_in_parts(long_enough, self.bands * self.rows):
            keys[at] = band_keys(signature, self.bands, self.rows)
            if not self.verify:
                sample.append(signature[:, :_SAMPLE].copy())
        keys ^= scopes[there, None] & _BAND
        key[n:] = (whole ^ scopes) | _EXACT
        twin[:n].reshape(-1, self.bands)[:] = whole[there, None]
        twin[n:] = check
        row = np.concatenate([np.repeat(there, self.bands), np.arange(len(batch))])
        order = self.order(batch)
        columns = [order.source, order.prefer, order.tie, self._copies(batch)]
        values = _lists(*distinct(found)) if self.verify else self._sampled(sample, there, len(batch))
        described = [batch[ID], *(pa.array(column) for column in columns), values]
        return Sketch(
            pa.record_batch([pa.array(column) for column in (key, row, twin)], schema=self.evidence),
            pa.record_batch(described, schema=self.documents()),
        )

    def apply(self, batch: Batch, artifact: pa.Table) -> Outcome:
        """`artifact`: what the engine found of the documents that are in a group; see `Cluster`."""
        at = np.full(len(batch), -1)
        at[artifact["row"].to_numpy()] = np.arange(artifact.num_rows)
        decided = artifact.take(pa.array(at, mask=at < 0)).combine_chunks()
        dropped = pc.fill_null(pc.invert(decided["kept"]), False).combine_chunks()
        reasons = pc.if_else(pc.is_valid(decided["earlier"]), pa.scalar("in_index"), pa.scalar("near_duplicate"))
        sizes = pc.coalesce(decided["size"], pa.array(self._copies(batch)))
        columns = {
            "cluster_size": pc.if_else(dropped, pa.scalar(None, pa.int64()), sizes),
            "near_duplicate_of": decided["like"],
            "similarity": decided["similarity"],
        }
        return Outcome(
            reason=_one(pc.if_else(dropped, reasons, pa.scalar(None, pa.string()))),
            columns={name: _one(column) for name, column in columns.items()},
        )

    def _copies(self, batch: Batch) -> npt.NDArray[np.int64]:
        """The documents that each one stands for, int64[n]; 1 where nothing is said, or less."""
        if self.copies_column is None:
            return np.ones(len(batch), np.int64)
        given = batch[self.copies_column]
        most = pc.max(given).as_py() or 0
        if most >= 2**63:
            raise StageError(f"minhash_dedup: copies_column '{self.copies_column}' has {most}; it must be below 2^63")
        copies: npt.NDArray[np.int64] = pc.fill_null(given.cast(pa.int64()), 1).to_numpy()
        return np.maximum(copies, 1)

    def _sampled(self, sample: list[npt.NDArray[Any]], there: npt.NDArray[np.int64], n: int) -> pa.LargeListArray:
        """The sample of the signature of each of n documents; an empty list for those that have none."""
        lengths = np.zeros(n, np.int64)
        lengths[there] = min(self.bands * self.rows, _SAMPLE)
        values = [np.empty(0, self.width.to_pandas_dtype()), *(part.reshape(-1) for part in sample)]
        return _lists(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(values))


def _whole(
    texts: pa.LargeStringArray, normal: pa.LargeStringArray
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """128 bits of hash of each text in normal form; of the text as it is where nothing is left of it in that form."""
    high, low = hash128(normal)
    empty = np.flatnonzero(pc.equal(pc.binary_length(normal), 0).to_numpy(False))
    if len(empty):
        raw_high, raw_low = hash128(texts.take(pa.array(empty)))
        high[empty], low[empty] = raw_high ^ np.uint64(_EMPTY_SEED), raw_low
    return high, low


def _lists(offsets: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))


def _percent(share: float) -> str:
    """Three digits, and never 100 % for what is less."""
    return f"{100 * share:.3g}%" if share < 0.9995 else "over 99.9%"


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
