"""Keep the documents with the highest score: a share of the corpus, or a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from hashlib import blake2b
from itertools import pairwise
from math import isinf
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, computed_field, field_serializer, model_validator

from curate.documents import ID, TEXT, Batch
from curate.errors import StageError
from curate.kernels.ordering import LAST, Mass, crossing, falling_floats, float_of
from curate.kernels.text import buffers
from curate.stage import Column, Evidence, Global, Outcome
from curate.weighing import check_tokens, is_number, of, weights

TOO_MUCH = 1.1  # times the share that was asked for, above which a person is told how much is kept


class Cut(BaseModel):
    """What `keep_best` decided for the whole corpus. Documents without a score are counted in `missing` alone."""

    model_config = ConfigDict(frozen=True)

    column: str
    by: str
    """Unit of the weights: documents, characters or tokens."""
    threshold: float | None
    """Documents with a higher score are kept; None: all are."""
    tie_cut: int | None
    """Documents that score the threshold are kept if their tie hash is smaller than this; None: all are."""
    documents: int
    documents_kept: int
    weight: int
    weight_kept: int
    missing: int
    share: float | None = None
    """Of the weight, as it was asked for; None: a budget was given."""
    tied: int = 0
    """Documents that score the threshold, of a share all kept."""

    @field_serializer("threshold", when_used="json")
    def _json_threshold(self, threshold: float | None) -> float | str | None:
        """JSON has no infinity; as a string it is read back as it was."""
        return str(threshold) if threshold is not None and isinf(threshold) else threshold

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """The decision in one line, for people."""
        rule = "all documents" if self.threshold is None else f"{self.column} >= {self.threshold:.6g}"
        rule += " (ties cut by hash)" if self.tie_cut is not None else ""
        line = f"{rule}: {of(self.documents_kept, self.documents)} documents"
        line += "" if self.by == "documents" else f", {of(self.weight_kept, self.weight)} {self.by}"
        return line + (f"; {self.missing:,} without a score" if self.missing else "")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def warning(self) -> str | None:
        """What a person should know: that far more is kept than was asked for, since many documents score alike."""
        if self.share is None or self.tied < 2 or self.weight_kept <= TOO_MUCH * self.share * self.weight:
            return None
        return (
            f"a share of {self.share:g} was asked for, and {self.weight_kept / self.weight:.3g} is kept: {self.tied:,}"
            f" documents score {self.threshold:.6g} exactly, and of these all or none is kept; a budget cuts among them"
        )


class KeepBest(Global):
    """Keep the documents with the highest score, to a share of the corpus or to a budget.

        - keep_best: {column: quality, share: 0.1, by: characters}
        - keep_best: {column: quality, budget: 100_000_000, by: tokens, tokens_column: n_tokens}

    Documents are put in the order of their scores, highest first, equal scores in the order of BLAKE2b(id). With
    `share`, the first one at which the running sum of weights exceeds share * total sets the threshold, and all that
    score as high are kept. This is the rule of PreSelect; it overshoots by that document and its ties. With `budget`,
    documents are kept in order for as long as the sum stays within the budget; of equal scores a part is kept if need
    be. Documents without a score count for neither.

    Reasons: `below_threshold`; `tied_at_threshold`, cut from among equal scores; `no_score`.
    """

    column: Column
    """Column with the score, a number; higher is better. Compared as a 64-bit float."""
    share: float | None = Field(None, gt=0, le=1)
    """Share of the total weight to keep, 0 to 1. Give this or `budget`."""
    budget: int | None = Field(None, gt=0)
    """Weight to keep at most: a number of documents, characters or tokens. Give this or `share`."""
    by: Literal["documents", "characters", "tokens"] = "documents"
    """What a document weighs: 1, its Unicode characters, or its tokens (needs `tokens_column`)."""
    tokens_column: Column | None = None
    """Column with the number of tokens of each document, an integer; for `by: tokens`."""
    missing: Literal["keep", "drop", "error"] = "error"
    """What becomes of a document without a score (null or NaN): `keep` it, `drop` it, or stop with an `error`."""

    reads: ClassVar[tuple[str, ...]] = ()
    evidence: ClassVar[pa.Schema] = pa.schema(
        {"key": pa.uint64(), "row": pa.int64(), "weight": pa.int64(), "tie": pa.uint64()}
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.share is None) == (self.budget is None):
            raise ValueError("keep_best needs a share or a budget, one of them")
        if (self.by == "tokens") != (self.tokens_column is not None):
            raise ValueError("by: tokens and tokens_column go together")
        return self

    def columns_read(self) -> tuple[str, ...]:
        return ((TEXT,) if self.by == "characters" else ()) + super().columns_read()

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        score = types.get(self.column)
        if score is not None and not is_number(score):
            raise ValueError(f"column '{self.column}' is {score}; a score is a number{_to_drop_by(score)}")
        check_tokens(self.tokens_column, types.get(self.tokens_column or ""))

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """One row for each document; the higher its score, the smaller its key. `tie` is 0 where it is not needed."""
        key = self._keys(batch)
        lacking = key == LAST
        if self.missing == "error" and lacking.any():
            raise StageError(
                f"keep_best: {lacking.sum()} of {len(batch)} documents have no score in column '{self.column}', the "
                f"first has id {batch[ID][int(lacking.argmax())].as_py()!r}; say missing: keep or missing: drop"
            )
        tie = np.zeros(len(batch), np.uint64) if self.budget is None else tie_hashes(batch[ID])
        columns = {"key": key, "row": np.arange(len(batch)), "weight": self._weights(batch), "tie": tie}
        return pa.record_batch({name: pa.array(column) for name, column in columns.items()}, schema=self.evidence)

    def resolve(self, evidence: Evidence) -> Cut:
        """The threshold, exactly: see `crossing`. Memory: one unit of evidence at a time."""

        def scores(low: int, high: int) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]]:
            for table in evidence.scan(["key", "weight"], low, min(high, LAST - 1)):
                yield table["key"].to_numpy(), table["weight"].to_numpy()

        found = crossing(scores, self._limit)
        threshold = None if found.key is None else float_of(found.key)
        kept, tie_cut = found.before + found.at, None
        if found.key is not None and self.budget is not None:
            kept, tie_cut = self._cut_ties(evidence, found.key, found.before)
        return Cut(
            column=self.column,
            by=self.by,
            threshold=threshold,
            tie_cut=tie_cut,
            documents=found.total.documents,
            documents_kept=kept.documents,
            weight=found.total.weight,
            weight_kept=kept.weight,
            missing=sum(table.num_rows for table in evidence.scan(["key"], LAST, LAST)),
            share=self.share,
            tied=0 if found.key is None or self.share is None else found.at.documents,
        )

    def artifact_type(self) -> type[Cut]:
        return Cut

    def apply(self, batch: Batch, artifact: Cut) -> Outcome:
        key = self._keys(batch)
        reason = np.full(len(batch), -1)
        if artifact.threshold is not None:
            threshold = falling_floats(np.array([artifact.threshold]))[0]
            reason[key > threshold] = 0
            if artifact.tie_cut is not None:
                tied = np.flatnonzero(key == threshold)
                reason[tied[tie_hashes(batch[ID].take(tied)) >= np.uint64(artifact.tie_cut)]] = 1
        reason[key == LAST] = 2 if self.missing == "drop" else -1
        names = pa.array(["below_threshold", "tied_at_threshold", "no_score"], pa.string())
        return Outcome(reason=names.take(pa.array(reason, mask=reason < 0)))

    def _limit(self, total: int) -> int:
        """The weight that the running sum must exceed. The share counts as it is written: 0.3 of 10 is 3."""
        return self.budget if self.budget is not None else int(Fraction(repr(self.share)) * total)

    def _cut_ties(self, evidence: Evidence, key: int, before: Mass) -> tuple[Mass, int | None]:
        """(all that is kept, the tie hash to stop at) when the budget ends among the documents with this key."""

        def ties(low: int, high: int) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]]:
            for table in evidence.scan(["tie", "weight"], key, key):
                tie = table["tie"].to_numpy()
                inside = (tie >= np.uint64(low)) & (tie <= np.uint64(high))
                yield tie[inside], table["weight"].to_numpy()[inside]

        found = crossing(ties, lambda _: self._limit(0) - before.weight)
        return before + found.before, found.key

    def _keys(self, batch: Batch) -> npt.NDArray[np.uint64]:
        scores = batch[self.column]
        self.check_columns({self.column: scores.type})
        return falling_floats(scores.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))

    def _weights(self, batch: Batch) -> npt.NDArray[np.int64]:
        return weights(batch, "keep_best", self.by, self.tokens_column)


def tie_hashes(ids: pa.LargeStringArray) -> npt.NDArray[np.uint64]:
    """BLAKE2b of each id, 8 bytes, uint64[n]: the order of equal scores, a property of the document alone."""
    data, offsets = buffers(ids)
    view = memoryview(data.data)
    digests = [blake2b(view[a:b], digest_size=8).digest() for a, b in pairwise(offsets.tolist())]
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def _to_drop_by(kind: pa.DataType) -> str:
    """What else a column of this type may be meant for."""
    is_string = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return "; did you mean drop, with in / not_in?" if is_string or pa.types.is_boolean(kind) else ""
