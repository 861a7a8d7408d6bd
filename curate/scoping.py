"""Which documents are compared with each other: an option of all deduplication."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import Batch
from curate.kernels.hashing import hash64
from curate.stage import Column, Stage

_SEED = 0x73636F7065  # "scope"
_NO_VALUE = np.uint64(0x6E6F6E65)  # "none": scope of the documents without a value; a value gets it once in 2**64


class Scoped(Stage):
    """The option `scope`. Goes before the kind of a stage: `class Dedup(Scoped, Match)`."""

    scope: Column | None = None
    """Column such as the crawl or the language (strings, integers, booleans or dates): documents are compared only
    with those that have the same value in it. Null is a value of its own. Without it, all are compared with all."""

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        scope = types.get(self.scope or "")
        if scope is not None and not _has_names(scope):
            raise ValueError(
                f"scope '{self.scope}' is {scope}; documents are put together by strings, integers, booleans or dates"
            )

    def scopes(self, batch: Batch) -> npt.NDArray[np.uint64]:
        """A hash of each document's value in the column `scope`, uint64[n]; 0 without scope."""
        if self.scope is None:
            return np.zeros(len(batch), np.uint64)
        values = batch[self.scope]
        Scoped.check_columns(self, {self.scope: values.type})
        names = values.cast(pa.large_string())
        return np.where(names.is_null().to_numpy(False), _NO_VALUE, hash64(names.fill_null(""), _SEED))


def _has_names(kind: pa.DataType) -> bool:
    """Whether values may be names of scopes; where there are no values, there are no names."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_string = pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain)
    return bool(
        is_string
        or pa.types.is_null(plain)
        or pa.types.is_integer(plain)
        or pa.types.is_boolean(plain)
        or pa.types.is_date(plain)
    )
