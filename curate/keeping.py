"""Which document of a group of repeats is kept, and which documents are compared: options of all deduplication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import EARLIER, ID, TEXT, Batch, earlier_run
from curate.kernels.hashing import hash64
from curate.kernels.ordering import LAST, falling_floats, falling_integers
from curate.kernels.text import char_counts
from curate.kernels.timestamps import microseconds
from curate.remembering import Remembering
from curate.scoping import Scoped
from curate.stage import Column, Match, Outcome

# Not the seed that a user would give `sample`: else a sample would favour the survivors, whose hashes are small.
_TIE_SEED = 0x6578616374  # "exact"


@dataclass(frozen=True)
class Order:
    """For n documents: of a group, the one with the smallest (source, prefer, tie, address) is kept."""

    source: npt.NDArray[np.uint32]
    """Place of the document's source in `source_priority`; 0 without such."""
    prefer: npt.NDArray[np.uint64]
    """What `keep` compares, as a key; 0 where it compares nothing."""
    tie: npt.NDArray[np.uint64]
    """Hash of the id; 0 with `keep: first`, which goes by the document's address."""


class Keeping(Scoped):
    """Options on what is kept. Goes before the kind of a stage: `class ExactDedup(Keeping, Match)`.

    The choice depends on the documents alone, not on how the corpus is cut into shards; with `keep: first` on their
    order too.
    """

    keep: Literal["any", "first", "longest", "newest", "best"] = "any"
    """The document to keep: `any`, by a hash of the ids; the `first` in the order of the input; the `longest` in
    characters; the `newest` or the `best`, with the latest time or the highest number in `column`. Ties: as `any`."""
    column: Column | None = None
    """Column for `keep: newest` (dates, times, ISO 8601 strings or numbers) or `keep: best` (numbers). A string
    without a zone is a time in UTC; one that is no time, such as an empty one, is no value. A document without a value
    is kept only if no other one of the group has any."""
    source_column: Column | None = None
    """Column with the name of each document's source, for `source_priority`."""
    source_priority: list[str] = Field(default_factory=list)
    """Sources, the preferred ones first: of a group, a document of the first of them is kept, and `keep` decides
    between several. Sources that are not in the list come last."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.keep in ("newest", "best")) != (self.column is not None):
            raise ValueError("keep: newest and keep: best go with a column, and only they do")
        if bool(self.source_priority) != (self.source_column is not None):
            raise ValueError("source_priority and source_column go together")
        return self

    def columns_read(self) -> tuple[str, ...]:
        """The text too, where lengths are compared."""
        texts = (TEXT,) if self.keep == "longest" else ()
        return tuple(dict.fromkeys([*texts, *super().columns_read()]))

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        column, source = types.get(self.column or ""), types.get(self.source_column or "")
        if column is not None and not (_is_number(column) or (self.keep == "newest" and _is_time(column))):
            wanted = "numbers" if self.keep == "best" else "dates, times, ISO 8601 strings or numbers"
            hint = "; did you mean keep: newest?" if _is_time(column) else ""
            raise ValueError(f"column '{self.column}' is {column}; `keep: {self.keep}` compares {wanted}{hint}")
        if source is not None and not _is_name(source):
            raise ValueError(
                f"source_column '{self.source_column}' is {source}; sources have names: strings or integers"
            )
        super().check_columns(types)

    def order(self, batch: Batch) -> Order:
        """How rather each document is kept."""
        first = self.keep == "first"
        tie = np.zeros(len(batch), np.uint64) if first else hash64(batch[ID], _TIE_SEED)
        return Order(self._sources(batch), self._preferences(batch), tie)

    def _sources(self, batch: Batch) -> npt.NDArray[np.uint32]:
        """The place of each document's source in `source_priority`, uint32[n]; behind them all if it is not there."""
        if self.source_column is None:
            return np.zeros(len(batch), np.uint32)
        names = batch[self.source_column].cast(pa.large_string())
        places = pc.index_in(names, pa.array(self.source_priority, pa.large_string()))
        return np.asarray(pc.fill_null(places, len(self.source_priority)).to_numpy(), np.uint32)

    def _preferences(self, batch: Batch) -> npt.NDArray[np.uint64]:
        """uint64[n], smaller for what is rather kept; LAST without a value."""
        if self.keep == "longest":
            return falling_integers(char_counts(batch[TEXT]))
        if self.column is None:
            return np.zeros(len(batch), np.uint64)
        values = batch[self.column]
        self.check_columns({self.column: values.type})
        if _is_number(values.type):
            return falling_floats(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        times = self._times(values)
        return np.where(times.is_null().to_numpy(False), LAST, falling_integers(times.fill_null(0).to_numpy()))

    def _times(self, values: pa.Array) -> pa.Int64Array:
        """Times as integers, of one unit over the whole corpus as the column has one type; strings in microseconds."""
        if pa.types.is_date(values.type):
            values = values.cast(pa.timestamp("ms"))
        if not _is_string(values.type):
            return values.cast(pa.int64())
        if not pa.types.is_dictionary(values.type):
            return microseconds(values.cast(pa.large_string()))
        return microseconds(values.dictionary.cast(pa.large_string())).take(values.indices)


class KeepOne(Keeping, Remembering, Match):
    """Keeps one of each group of documents with the same key; those without a key are kept. Write `keys`, say `reason`.

    The columns that it writes are the size of the group, int64, and the id of the document that was kept in place of
    this one, large_string, in this order.
    """

    evidence: ClassVar[pa.Schema] = pa.schema(
        {
            "key": pa.uint64(),
            "row": pa.int64(),
            "check": pa.uint64(),
            "source": pa.uint32(),
            "prefer": pa.uint64(),
            "tie": pa.uint64(),
            "id": pa.large_string(),
        }
    )
    reason: ClassVar[str]
    """Why the others are dropped, but for those that an earlier run had, which are `in_index`."""
    decides_by: ClassVar[tuple[str, ...]] = ("index",)

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """One row for each document that has a key. A part of the key is mixed with the scope."""
        keys, order = self.keys(batch), self.order(batch)
        row = keys.row
        key = keys.key ^ self.scopes(batch)[row]
        columns = [
            key,
            row,
            keys.check,
            order.source[row],
            order.prefer[row],
            order.tie[row],
            batch[ID].take(pa.array(row)),
        ]
        return pa.record_batch([pa.array(column) for column in columns], schema=self.evidence)

    def resolve_range(self, evidence: pa.Table) -> pa.Table:
        """Groups of two or more in a range of keys: what happens to each member.

        `document` uint64, `kept` bool, `copies` int64 (size of the group), `duplicate_of` large_string (null if kept),
        `earlier` int32 (the number in the index of the run that kept that one; 0: this one did).
        """
        key = evidence["key"].to_numpy()
        same = np.concatenate([[False], key[1:] == key[:-1], [False]])
        members = evidence.take(np.flatnonzero(same[1:] | same[:-1]))
        members = members.take(_best_first(members)).combine_chunks()
        starts, sizes = _runs(members["key"].to_numpy(), members["check"].to_numpy())
        best, copies = np.repeat(starts, sizes), np.repeat(sizes, sizes)
        kept = best == np.arange(len(best))
        columns = {
            "document": members["document"],
            "kept": pa.array(kept),
            "copies": pa.array(copies),
            "duplicate_of": members["id"].take(pa.array(best, mask=kept)),
            "earlier": pa.array(earlier_run(members["document"].to_numpy()[best])),
        }
        return pa.table(columns).filter(pa.array(copies > 1))

    def remembered(self, evidence: pa.Table) -> pa.Table:
        """What is kept of this run. Documents without a key are kept, and not remembered."""
        members = evidence.take(_best_first(evidence)).combine_chunks()
        starts, _ = _runs(members["key"].to_numpy(), members["check"].to_numpy())
        kept = members.take(starts)
        return kept.filter(pa.array(kept["document"].to_numpy() < np.uint64(EARLIER)))

    def compared_by(self) -> Mapping[str, Any]:
        names = [name for name in ("level", "scope") if name in type(self).model_fields]
        return {"version": self.version, **{name: getattr(self, name) for name in names}}

    def apply(self, batch: Batch, artifact: pa.Table) -> Outcome:
        """`artifact`: the rows of `resolve_range` for this batch, with `row` in place of `document`."""
        at = np.full(len(batch), -1)
        at[artifact["row"].to_numpy()] = np.arange(artifact.num_rows)
        decided = artifact.take(pa.array(at, mask=at < 0)).combine_chunks()
        dropped = pc.fill_null(pc.invert(decided["kept"]), False).combine_chunks()
        copies = pc.fill_null(decided["copies"], 1).combine_chunks()
        others = decided["duplicate_of"].combine_chunks()
        in_index = pc.fill_null(pc.greater(decided["earlier"], 0), False).combine_chunks()
        reasons = pc.if_else(in_index, pa.scalar("in_index"), pa.scalar(self.reason))
        return Outcome(
            reason=pc.if_else(dropped, reasons, pa.scalar(None, pa.string())),
            columns=dict(zip(self.writes, (copies, others), strict=True)),
        )


def _best_first(members: pa.Table) -> npt.NDArray[np.int64]:
    """Members of a group next to each other, the one to keep first: one of an earlier run if there is any."""
    document, tie, prefer, source, check, key = (
        members[name].to_numpy() for name in ("document", "tie", "prefer", "source", "check", "key")
    )
    return np.lexsort([document, tie, prefer, source, document < np.uint64(EARLIER), check, key])


def _runs(key: npt.NDArray[np.uint64], check: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Where each run of equal (key, check) begins, and how long it is."""
    new = np.ones(len(key), np.bool_)
    new[1:] = (key[1:] != key[:-1]) | (check[1:] != check[:-1])
    starts = np.flatnonzero(new)
    return starts, np.diff(np.append(starts, len(key)))


def _is_string(kind: pa.DataType) -> bool:
    """Of strings, or of a dictionary of them."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_time(kind: pa.DataType) -> bool:
    """Whether values may be times: strings are read as such."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind) or _is_string(kind))


def _is_name(kind: pa.DataType) -> bool:
    """Whether values may be names; where there are no values, there are no names."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_null(plain) or pa.types.is_integer(plain) or _is_string(plain))
