"""Which document of a group of repeats is kept, and which documents are compared: options of all deduplication."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import ID, TEXT, Batch
from curate.errors import StageError
from curate.kernels.hashing import hash64
from curate.kernels.ordering import LAST, falling_floats, falling_integers
from curate.kernels.text import char_counts
from curate.stage import Column, Stage

# Not the seed that a user would give `sample`: else a sample would favour the survivors, whose hashes are small.
_TIE_SEED = 0x6578616374  # "exact"
_SCOPE_SEED = 0x73636F7065  # "scope"
_NO_SCOPE = np.uint64(0x6E6F6E65)  # "none": scope of the documents without a value; a value gets it once in 2**64


@dataclass(frozen=True)
class Order:
    """For n documents: of a group, the one with the smallest (source, prefer, tie, address) is kept."""

    source: npt.NDArray[np.uint32]
    """Place of the document's source in `source_priority`; 0 without such."""
    prefer: npt.NDArray[np.uint64]
    """What `keep` compares, as a key; 0 where it compares nothing."""
    tie: npt.NDArray[np.uint64]
    """Hash of the id; 0 with `keep: first`, which goes by the document's address."""


class Keeping(Stage):
    """Options on what is kept. Goes before the kind of a stage: `class ExactDedup(Keeping, Match)`.

    The choice depends on the documents alone, not on how the corpus is cut into shards; with `keep: first` on their
    order too.
    """

    keep: Literal["any", "first", "longest", "newest", "best"] = "any"
    """The document to keep: `any`, by a hash of the ids; the `first` in the order of the input; the `longest` in
    characters; the `newest` or the `best`, with the latest time or the highest number in `column`. Ties: as `any`."""
    column: Column | None = None
    """Column for `keep: newest` (dates, times, ISO 8601 strings or numbers) or `keep: best` (numbers). A document
    without a value is kept only if no other one of the group has any."""
    source_column: Column | None = None
    """Column with the name of each document's source, for `source_priority`."""
    source_priority: list[str] = Field(default_factory=list)
    """Sources, the preferred ones first: of a group, a document of the first of them is kept, and `keep` decides
    between several. Sources that are not in the list come last."""
    scope: Column | None = None
    """Column such as the crawl or the language (strings, integers, booleans or dates): documents are compared only
    with those that have the same value in it. Null is a value of its own. Without it, all are compared with all."""

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
        column, source, scope = (types.get(name or "") for name in (self.column, self.source_column, self.scope))
        if column is not None and not (_is_number(column) or (self.keep == "newest" and _is_time(column))):
            wanted = "numbers" if self.keep == "best" else "dates, times, ISO 8601 strings or numbers"
            hint = "; did you mean keep: newest?" if _is_time(column) else ""
            raise ValueError(f"column '{self.column}' is {column}; `keep: {self.keep}` compares {wanted}{hint}")
        if source is not None and not _is_name(source):
            raise ValueError(
                f"source_column '{self.source_column}' is {source}; sources have names: strings or integers"
            )
        if scope is not None and not (_is_name(scope) or pa.types.is_boolean(scope) or pa.types.is_date(scope)):
            raise ValueError(
                f"scope '{self.scope}' is {scope}; documents are put together by strings, integers, booleans or dates"
            )

    def order(self, batch: Batch) -> Order:
        """How rather each document is kept."""
        first = self.keep == "first"
        tie = np.zeros(len(batch), np.uint64) if first else hash64(batch[ID], _TIE_SEED)
        return Order(self._sources(batch), self._preferences(batch), tie)

    def scopes(self, batch: Batch) -> npt.NDArray[np.uint64]:
        """A hash of each document's value in the column `scope`, uint64[n]; 0 without scope."""
        if self.scope is None:
            return np.zeros(len(batch), np.uint64)
        values = batch[self.scope]
        self.check_columns({self.scope: values.type})
        names = values.cast(pa.large_string())
        return np.where(names.is_null().to_numpy(False), _NO_SCOPE, hash64(names.fill_null(""), _SCOPE_SEED))

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
        values = values.cast(pa.large_string())
        try:  # with a zone, "2024-01-31T12:00:00Z"; else without
            return values.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        except pa.ArrowInvalid:
            try:
                return values.cast(pa.timestamp("us")).cast(pa.int64())
            except pa.ArrowInvalid as error:
                raise StageError(
                    f"{self._stage_name()}: column '{self.column}' holds strings that are no ISO 8601 times: {error}"
                ) from error

    def _stage_name(self) -> str:
        """The stage that is meant, as recipes have it: ExactDedup → exact_dedup."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_time(kind: pa.DataType) -> bool:
    """Whether values may be times: strings are read as such."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind) or _is_string(kind))


def _is_name(kind: pa.DataType) -> bool:
    """Whether values may be names; where there are no values, there are no names."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_null(plain) or pa.types.is_integer(plain) or _is_string(plain))
