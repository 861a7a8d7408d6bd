"""What a document weighs where a share or a budget is met: 1, its characters, or its tokens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import TEXT, Batch
from curate.errors import StageError
from curate.kernels.text import char_counts


def weights(batch: Batch, stage: str, by: str, tokens_column: str | None) -> npt.NDArray[np.int64]:
    """int64[n], 0 or more. by: documents, characters or tokens. Raises StageError where a number of tokens is none."""
    if by == "documents":
        return np.ones(len(batch), np.int64)
    if tokens_column is None:
        return char_counts(batch[TEXT])
    tokens = batch[tokens_column]
    check_tokens(tokens_column, tokens.type)
    if tokens.null_count:
        raise StageError(
            f"{stage}: tokens_column '{tokens_column}' must give every document's number of tokens; "
            f"{tokens.null_count} of {len(tokens)} are missing"
        )
    counts = tokens.cast(pa.int64()).to_numpy()
    if len(counts) and counts.min() < 0:
        raise StageError(f"{stage}: tokens_column '{tokens_column}' has {counts.min()}; tokens are 0 or more")
    return np.asarray(counts)


def check_tokens(column: str | None, kind: pa.DataType | None) -> None:
    """Raise ValueError if a column of this type cannot hold numbers of tokens; None: not known yet."""
    if kind is not None and not pa.types.is_integer(kind):
        raise ValueError(f"tokens_column '{column}' is {kind}; numbers of tokens are integers")


def is_number(kind: pa.DataType) -> bool:
    """Whether a column of this type can be a score."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def of(part: int, whole: int) -> str:
    """`3 of 12 (25.0%)`."""
    return f"{part:,} of {whole:,}" + (f" ({part / whole:.1%})" if whole else "")
