"""Small Parquet tables with facts about them, for results that other tools are to read as well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import StoreError
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
