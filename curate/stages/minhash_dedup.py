"""Keep one of each group of documents that are nearly the same, by MinHash and LSH."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import ID, TEXT, Batch
from curate.keeping import Keeping
from curate.kernels.hashing import hash128
from curate.kernels.minhash import band_keys, best_bands, lsh_probability
from curate.kernels.overlap import distinct
from curate.shingling import Shingling
from curate.stage import Cluster, Column, Grouping, Likeness, Outcome, Sketch

_DATATROVE = {"normalize": "fineweb", "unit": "words", "words": "spacy", "ngram": 5}
PRESETS: dict[str, dict[str, Any]] = {
    "fineweb": {**_DATATROVE, "bands": 14, "rows": 8, "verify": False},
    "refinedweb": {**_DATATROVE, "bands": 450, "rows": 20, "verify": False},
    "slimpajama": {
        "normalize": "slimpajama", "unit": "characters", "ngram": 13, "bands": 9, "rows": 13, "verify": False,
        "keep": "first",
    },
    "nemo": {"normalize": "off", "unit": "characters", "ngram": 24, "bands": 20, "rows": 13, "verify": False},
    "olmo3": {**_DATATROVE, "bands": 26, "rows": 11, "verify": True, "threshold": 0.8},
}  # fmt: skip
_EXACT, _BAND = np.uint64(1), np.uint64(2**64 - 2)  # the lowest bit of a key
_EMPTY_SEED = 0x656D707479  # "empty"
_SHOWN = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


class MinhashDedup(Keeping, Shingling, Cluster):
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
    boilerplate, each is compared with 8 of them in place of all, and the summary of the run says so.

    Adds `cluster_size`, the documents that a kept one stands for, itself among them, null for what is dropped;
    `near_duplicate_of`, the id of the document that was kept in place of this one; and `similarity`, the Jaccard
    similarity of these two (with `verify: false` an estimate, which errs by 0.04). Reasons: `near_duplicate`, and
    `in_index` for what an earlier run kept.
    """

    like: Literal["fineweb", "refinedweb", "slimpajama", "nemo", "olmo3"] | None = None
    """Options as this corpus or tool has them, but for those that are given beside it: what "0.8" means differs widely.
    FineWeb deduplicates each crawl by itself (`scope`); RefinedWeb's normal form is not published, FineWeb's stands in;
    OLMo 3 has shingles of 5 tokens, for which words stand in, and keeps the newest (`keep: newest`)."""
    threshold: float = Field(0.8, gt=0, le=1)
    """Jaccard similarity, 0 to 1, from which documents are alike. Given without `bands` and `rows` it also chooses
    these, as datasketch does: then of pairs right at the threshold only a third to a half are found."""
    bands: int = Field(14, ge=1, le=2000)
    """Bands of a signature: the more, the more is found."""
    rows: int = Field(8, ge=1, le=500)
    """Values of a signature in each band: the fewer, the more is found. FineWeb has 14 bands of 8 rows."""
    hashes: int = Field(112, ge=2, le=10_000)
    """Values of a signature that a `threshold` without `bands` and `rows` is made into bands of."""
    verify: bool = True
    """Whether candidates are compared by their true Jaccard similarity. Without, as in FineWeb, all that share a band
    are alike, whatever the threshold: of what 14 bands of 8 rows drop, a tenth to a third is less alike than 0.8."""
    method: Literal["components", "greedy"] = "components"
    """`components`: one document is kept of all that are connected by pairs that are alike, be it over others.
    `greedy`: in the order of `keep` a document is dropped if it is like one that was kept, so that every document that
    is dropped has one that is like it, and more are kept."""
    copies_column: Column | None = None
    """Column with the documents that each one stands for, such as `exact_dedup_copies`: `cluster_size` is their sum."""
    index: Path | None = None
    """Folder that remembers between runs what was kept: documents like those of earlier runs are dropped, and what this
    run keeps is added when all of it is done. It is made if it is not there. What earlier runs published is never
    touched, and a run that is done again sees what it saw at first. Holds about 0.7 bytes for each byte of text."""

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
        """Presets, and bands from a threshold; what is wrong in kind is left to the fields to complain of."""
        if not isinstance(given, dict):
            return given
        cut = {"bands", "rows"} & given.keys()
        filled = {**PRESETS.get(str(given.get("like")), {}), **given}
        if len(cut) == 1:
            raise ValueError("bands and rows go together")
        if "threshold" in given and not {"bands", "rows"} & filled.keys():
            threshold, hashes = _number(given["threshold"]), _number(given.get("hashes", 112))
            if 0 < threshold <= 1 and hashes >= 2:
                filled["bands"], filled["rows"] = _bands(threshold, int(hashes))
        return filled

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
        compared = f"alike from {self.threshold:g} on, compared by shingles" if self.verify else "all taken for alike"
        found = f"{self.bands} bands of {self.rows} rows find, of pairs with a Jaccard similarity, {shares}"
        return self.definition(), found, compared

    def likeness(self) -> Likeness:
        names = ("bands", "rows", "verify", "scope")
        configuration = {"version": self.version, **Shingling.configuration(self), **{name: getattr(self, name) for name in names}}
        compares: Literal["shingles", "signatures"] = "shingles" if self.verify else "signatures"
        return Likeness(self.threshold, self.verify, compares, self.method, self.index, configuration)

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
        signature = self.signatures(found, self.bands * self.rows)[there]
        whole, check = _whole(batch[TEXT], normal)
        keys = band_keys(signature, self.bands, self.rows) ^ (scopes[there, None] & _BAND)
        rows = [
            np.concatenate([keys.reshape(-1), (whole ^ scopes) | _EXACT]),
            np.concatenate([np.repeat(there, self.bands), np.arange(len(batch))]),
            np.concatenate([np.repeat(whole[there], self.bands), check]),
        ]
        order = self.order(batch)
        columns = [order.source, order.prefer, order.tie, self._copies(batch)]
        values = _lists(*distinct(found)) if self.verify else _signatures(signature, there, len(batch))
        described = [batch[ID], *(pa.array(column) for column in columns), values]
        return Sketch(
            pa.record_batch([pa.array(column) for column in rows], schema=self.evidence),
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
        """The documents that each one stands for, int64[n]; 1 where nothing is said."""
        if self.copies_column is None:
            return np.ones(len(batch), np.int64)
        return np.asarray(pc.fill_null(batch[self.copies_column].cast(pa.int64()), 1).to_numpy())


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


def _signatures(signature: npt.NDArray[Any], there: npt.NDArray[np.int64], n: int) -> pa.LargeListArray:
    """The signature of each of n documents; an empty list for those that have none."""
    lengths = np.zeros(n, np.int64)
    lengths[there] = signature.shape[1]
    return _lists(np.concatenate([[0], np.cumsum(lengths)]), signature.reshape(-1))


def _number(given: Any) -> float:
    """Of what may be one; NaN otherwise, and it is for the field to complain."""
    try:
        return math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        return math.nan


def _bands(threshold: float, hashes: int) -> tuple[int, int]:
    try:
        return best_bands(threshold, hashes)
    except ValueError:
        what = f"of {hashes} hashes no two bands can be made for a threshold of {threshold:g}"
        raise ValueError(f"{what}; give bands and rows") from None


def _percent(share: float) -> str:
    """Three digits, and never 100 % for what is less."""
    return f"{100 * share:.3g}%" if share < 0.9995 else "over 99.9%"


def _one(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
