"""Where a column of vectors comes from: the name of the embedding that made it, kept in the column's type.

Arrow keeps it through batches and Parquet: it is metadata of the lists' numbers, and no part of what makes types equal.
A name is the model's, a colon, and a hash of what the vectors depend on; without a hash it is not known yet which one
of that family it is. Vectors of a user's own have no name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

_KEY = b"curate.embedding"


def vectors_by(name: str | None, size: int) -> pa.DataType:
    """The type of vectors of so many 16-bit numbers, made by the embedding of this name."""
    metadata = {_KEY: name.encode()} if name else None
    return pa.list_(pa.field("item", pa.float16(), metadata=metadata), size)


def maker(kind: pa.DataType) -> str | None:
    """The name of the embedding that made vectors of this type; None: it is not known."""
    of_item = kind.value_field.metadata or {}
    return of_item[_KEY].decode() if _KEY in of_item else None


def are_of_one(a: str | None, b: str | None) -> bool:
    """Whether vectors of two makers can be compared, as far as is known."""
    if a is None or b is None or a == b:
        return True
    return a.partition(":")[0] == b.partition(":")[0] and not (":" in a and ":" in b)


def hash_of(parts: Iterable[bytes]) -> str:
    """12 hexadecimal digits."""
    found = hashlib.blake2b(digest_size=6)
    for part in parts:
        found.update(part)
    return found.hexdigest()


def hash_of_files(paths: Iterable[Path]) -> str:
    """Of the contents of files, each read once in a process as long as it stays as it is."""
    states = [(path, path.stat()) for path in paths]
    return hash_of(_contents(path, state.st_size, state.st_mtime_ns) for path, state in states)


@lru_cache(maxsize=256)
def _contents(path: Path, size: int, changed: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
