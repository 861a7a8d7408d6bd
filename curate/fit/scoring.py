"""Losses of many documents, stored piece by piece, so that what is interrupted goes on where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.errors import CurateError, RecipeError
from curate.fit.losses import LossProvider
from curate.kernels.text import char_counts
from curate.store import tables
from curate.store.reading import Reader


@dataclass(frozen=True)
class Piece:
    """Some documents of one input file."""

    path: Path
    documents: int
    was_there: bool
    """It was scored by an earlier call."""


def check_name(name: str, reader: Reader) -> None:
    """Raise RecipeError if a model's name cannot be that of a column beside ids and texts."""
    if not name.strip() or name in ("id", "text", reader.id, reader.text):
        raise RecipeError(f"--name {name!r}: it names the column of the losses; take another, such as llama-7b")


def characters(reader: Reader, most: int | None) -> int:
    """Of all texts together, each cut after `most`: what a model will have to read."""
    counts = (char_counts(part["text"].combine_chunks()) for part in reader.read())
    return sum(int((part if most is None else np.minimum(part, most)).sum()) for part in counts)


def score(reader: Reader, provider: LossProvider, out: Path) -> Iterator[Piece]:
    """Write the losses of a model on all documents to the folder `out`, and tell of each piece.

    Tables have `id`, the column of the provider's name (nats), and `<name>_tokens`; they are what `fit preselect` takes
    as losses by id, those of several models together. A piece that is there is not made again. Raises CurateError if it
    is of another input or of other settings.
    """
    check_name(provider.name, reader)
    own = {**provider.facts(), "text_column": reader.text, "id_column": reader.id}
    stem = re.sub(r"[^\w.-]", "_", provider.name)
    for number, file in enumerate(reader.files):
        about = {"file": file.name, "size": file.size, "mtime_ns": file.mtime_ns, "name": provider.name}
        for piece, documents in enumerate(reader.read_file(number, provider.columns)):
            path = out / f"{stem}-{number:05d}-{piece:05d}.parquet"
            facts = {**about, **own}
            known = tables.facts(path)
            if known is not None and known != facts:
                differs = ", ".join(name for name in {**facts, **known} if known.get(name) != facts.get(name))
                raise CurateError(f"{path}: it has losses of another {differs}; remove it, or take another folder")
            if known is None:
                nats, tokens = provider.losses(documents)
                columns = {"id": documents["id"], provider.name: pa.array(nats), f"{provider.name}_tokens": tokens}
                tables.write(path, pa.table(columns), facts)
            yield Piece(path, documents.num_rows, known is not None)
