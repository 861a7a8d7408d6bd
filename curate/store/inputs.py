"""The input, fixed at the start of a run: which files there are, in which order, and what is in them."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import RecipeError, StoreError

ENDINGS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
"""Format of a file by the ending of its name, in any case."""
COMPRESSED = (".gz", ".zst")
"""Endings that may follow those of JSONL."""


@dataclass(frozen=True)
class InputFile:
    """One file of the input, as it was at the start of the run."""

    index: int
    """Place in the listing, from 0; the shard number of its rows' addresses."""
    path: str
    """Absolute."""
    name: str
    """Path relative to the folder that was asked for; unique in the listing. Ids are made of it: `name#row`."""
    format: str
    """`parquet` or `jsonl`."""
    size: int
    """Bytes."""
    mtime_ns: int
    """Time of the last change, nanoseconds since 1970."""


@dataclass(frozen=True)
class Listing:
    """The files of an input, ordered by name, and those that were passed over."""

    files: tuple[InputFile, ...]
    ignored: tuple[tuple[str, str], ...]
    """(path, reason), ordered by path. Reasons: `unknown_ending`, `other_format`, `same_file` (listed by another name).
    Hidden files (`.name`, `_name`) are not mentioned."""


class BadFile(StoreError):
    """An input file that cannot be read as a whole; `reason` in snake_case to be counted, `error` for a person."""

    def __init__(self, name: str, reason: str, error: str) -> None:
        """`name` is the file's, as in the listing."""
        super().__init__(f"{name}: {error}")
        self.name, self.reason, self.error = name, reason, error


@dataclass(frozen=True)
class RowGroup:
    """What a Parquet file says of one of its row groups."""

    rows: int
    text_bytes: int
    """Uncompressed bytes of the text column, as encoded: fewer than its texts have if many of them are equal.
    0 if there is no such column."""
    total_bytes: int
    """Uncompressed bytes of all columns, as encoded."""


@dataclass(frozen=True)
class ParquetFacts:
    """What a Parquet file says of itself, read from its footer alone."""

    schema: pa.Schema
    rows: int
    groups: tuple[RowGroup, ...]


def list_inputs(paths: Sequence[str], format: str | None = None) -> Listing:
    """The files that `paths` (folders, globs, files) name, each once.

    Folders are taken with all folders below them. Hidden files and folders (names with `.` or `_` in front) are passed
    over, unless a glob or path names them as such. Links are followed, and a file is listed once however many names lead to it.

    format: `parquet` or `jsonl` for all files, whatever their endings: then files named one by one or by a glob need
    no ending, and in a folder those with no ending at all count too. None: by ending; a file with an unknown one is
    passed over in a folder or a glob, and an error if it is named.

    Raises RecipeError when a path names nothing or nothing that can be read, StoreError when reading is not permitted.
    """
    raise NotImplementedError


def same_as_now(file: InputFile) -> str | None:
    """None if the file is as it was listed, else what happened to it, for a message: `it is gone`, …"""
    raise NotImplementedError


def parquet_facts(file: InputFile, text: str = "text") -> ParquetFacts:
    """What the footer says. Raises BadFile: `gone`, `no_permission`, `empty_file`, `not_parquet`, `truncated`, `encrypted`, `corrupt`.

    text: name of the column whose bytes are counted apart.
    """
    raise NotImplementedError
