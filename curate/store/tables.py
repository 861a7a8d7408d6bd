"""Small Parquet tables with facts about them, for results that other tools are to read as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyarrow.json import read_json

from curate.errors import RecipeError, StoreError
from curate.store.files import whole

_FACTS = b"curate"  # key of the metadata, as JSON


def write(path: Path, table: pa.Table, facts: Mapping[str, Any]) -> None:
    """Write a table, whole."""
    with whole(path) as part:
        pq.write_table(table.replace_schema_metadata({_FACTS: json.dumps(facts, sort_keys=True).encode()}), part)


def facts(path: Path) -> dict[str, Any] | None:
    """The facts of a table; None if there is no such file. Raises StoreError if it is another's file, or damaged."""
    if not path.exists():
        return None
    try:
        found = json.loads((pq.read_schema(path).metadata or {})[_FACTS])
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(f"{path}: it is no table of curate, or it is damaged ({error}); remove it") from error
    return dict(found)


def facts_if_any(path: Path) -> dict[str, Any] | None:
    """The facts of a Parquet file; None if it is not of curate, and has none."""
    try:
        return dict(json.loads((pq.read_schema(path).metadata or {}).get(_FACTS, b"null")) or {}) or None
    except (OSError, pa.ArrowException, ValueError) as error:
        raise StoreError(f"{path}: what it says of itself is damaged ({error})") from error


def numbers(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """The columns of a table that are numbers, float64, NaN where a value is missing: CSV, Parquet or JSON lines.

    Raises RecipeError when there is no such file, StoreError when it cannot be read.
    """
    if not path.exists():
        raise RecipeError(f"{path}: there is no such file")
    readers = {".csv": pa.csv.read_csv, ".parquet": pq.read_table, ".jsonl": read_json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RecipeError(f"{path}: its name ends in none of {', '.join(readers)}")
    try:
        table = reader(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: it cannot be read: {error}") from error
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            found[name] = column.cast(pa.float64()).fill_null(float("nan")).to_numpy()
    return found
