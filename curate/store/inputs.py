"""The input, fixed at the start of a run: which files there are, and in which order."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from curate.errors import RecipeError, StoreError
from curate.store import objects
from curate.store.files import fingerprint
from curate.store.objects import Forbidden, Gone, Object
from curate.store.paths import Found, RealPaths, expand, is_place, near, near_object
from curate.store.ranges import opened
from curate.urls import has_magic, is_remote

ENDINGS = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
"""Format of a file by the ending of its name, in any case."""
COMPRESSED = (".gz", ".zst")
"""Endings that may follow those of JSON lines."""


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
    """Time of the last change, nanoseconds since 1970; 0 in a store."""
    version: str = ""
    """In a store: what tells its contents apart, such as an ETag."""

    @property
    def state(self) -> tuple[str | int, ...]:
        """Its name, and what changes when it does."""
        return (self.name, self.size, self.version or self.mtime_ns)


@dataclass(frozen=True)
class Listing:
    """The files of an input, ordered by name, and those that were passed over."""

    files: tuple[InputFile, ...]
    ignored: tuple[tuple[str, str], ...]
    """(path, reason), ordered by path: `unknown_ending`, `other_format`, `no_file` (a pipe, a socket), `same_file` (as
    one that is listed, by another name). Hidden files (`.name`, `_name`) are not mentioned."""


class BadFile(StoreError):
    """An input file that cannot be read as a whole; `reason` in snake_case to be counted, `error` for a person."""

    def __init__(self, name: str, reason: str, error: str) -> None:
        """`name` is the file's, as in the listing."""
        super().__init__(f"{name}: {error}")
        self.name, self.reason, self.error = name, reason, error


def list_inputs(
    paths: Sequence[str], format: str | None = None, *, lasting: bool = False, may_be_empty: bool = False
) -> Listing:
    """The files that `paths` (folders, globs, files) name, each once, ordered by name.

    Folders are taken with all folders below them. Hidden files and folders (names with `.` or `_` in front) are passed
    over, unless a glob or path names them as such. Links are followed; a file to which several names lead is listed
    under the first. Names are relative to the folder, the fixed part of the glob, or the file's folder; if two files
    would have the same name, all names are relative to what the roots have in common.

    lasting: names must not change when other files come: with several roots, they are always relative to what the roots
    have in common.

    may_be_empty: a folder or pattern in which there is no file now is no error, if the folder is there.

    format: `parquet` or `jsonl` for all files: those named one by one or by a glob, whatever their ending, and in a
    folder those of that format and those without any ending. None: by ending; a file with an unknown one is passed over
    in a folder or glob, and an error if it is named.

    Raises RecipeError when a path names nothing that can be used, StoreError when a file may not be read.
    """
    if format not in (None, *ENDINGS.values()):
        raise RecipeError(f"input: format '{format}' is unknown; it is 'parquet' or 'jsonl', or left out")
    taken: dict[str, tuple[Found, str]] = {}  # by real path
    real = RealPaths()
    ignored: dict[str, str] = {}
    roots: set[str] = set()
    for entry in paths:
        found = list(expand(entry))
        usable = 0
        for one in found:
            kind, why_not = _format_of(one, format)
            if kind is None:
                ignored[one.path] = why_not
                continue
            usable += 1
            roots.add(one.root)
            first, _ = taken.setdefault(_real_path(one, real), (one, kind))
            if first.path != one.path:
                ignored[one.path] = "same_file"
        if not usable and not (may_be_empty and not found and is_place(entry)):
            raise RecipeError(_nothing_usable(entry, [one.path for one in found]))
    files: list[InputFile] = []
    names = _names([one for one, _ in taken.values()], sorted(roots) if lasting else ())
    for name, (one, kind) in sorted(zip(names, taken.values(), strict=True), key=lambda pair: pair[0]):
        if one.object is not None:
            files.append(InputFile(len(files), one.path, name, kind, one.object.size, 0, one.object.version))
            continue
        try:
            with open(one.path, "rb") as data:
                stat = os.fstat(data.fileno())
        except OSError as error:
            raise StoreError(
                f"{one.path}: cannot read it: {error.strerror or error}; change that, or leave the file out"
            ) from error
        files.append(InputFile(len(files), one.path, name, kind, stat.st_size, stat.st_mtime_ns))
    return Listing(tuple(files), tuple(sorted(ignored.items())))


def outside(listing: Listing, folder: str, address: str) -> Listing:
    """The files of a listing that do not lie in `folder`, or in a store below `address`, numbered anew."""
    real, inside = RealPaths(), os.path.join(os.path.realpath(folder), "")
    below = address.rstrip("/") + "/"

    def lies_in(path: str) -> bool:
        return path.startswith(below) if is_remote(path) else real.of(path).startswith(inside)

    files = [file for file in listing.files if not lies_in(file.path)]
    if len(files) == len(listing.files):
        return listing
    ignored = tuple((path, why) for path, why in listing.ignored if not lies_in(path))
    return Listing(tuple(replace(file, index=index) for index, file in enumerate(files)), ignored)


def same_as_now(file: InputFile) -> str | None:
    """None if the file is as it was listed, else what happened to it, for a message: `it is gone`, …"""
    if is_remote(file.path):
        return _object_as_now(file)
    try:
        now = fingerprint(file.path)
    except StoreError:
        return "it is gone"
    if now.size != file.size:
        return f"its size changed from {file.size} to {now.size} bytes"
    return None if now.mtime_ns == file.mtime_ns else "it was written again; its size is the same"


def _object_as_now(file: InputFile) -> str | None:
    """As `same_as_now`; raises StoreError when the store cannot be asked."""
    try:
        now = objects.look(file.path)
    except (Gone, IsADirectoryError):
        return "it is gone"
    if now.size != file.size:
        return f"its size changed from {file.size} to {now.size} bytes"
    return None if now.version == file.version else "it was written again; its size is the same"


def open_input(file: InputFile) -> BinaryIO:
    """The bytes of a file. Raises BadFile `gone`, `no_permission` or `unreadable`; StoreError if a store fails."""
    try:
        return opened(file.path, Object(file.path, file.size, file.version))
    except (FileNotFoundError, Gone) as error:
        raise BadFile(file.name, "gone", "it was there when the input was listed, and is gone") from error
    except (PermissionError, Forbidden) as error:
        raise BadFile(file.name, "no_permission", "no permission to read it") from error
    except OSError as error:
        raise BadFile(file.name, "unreadable", f"it cannot be read: {error.strerror or error}") from error


def _format_of(found: Found, format: str | None) -> tuple[str | None, str]:
    """The format to read a file in; or None, and why it is passed over."""
    name = os.path.basename(found.path)
    ending = _format_by_ending(name)
    if found.object is None and os.path.exists(found.path) and not os.path.isfile(found.path):
        if found.named:
            raise RecipeError(f"input: '{found.path}' is neither a file nor a folder")
        return None, "no_file"
    if format and (not found.in_folder or ending == format or "." not in name):
        return format, ""
    if format and ending:
        return None, "other_format"
    if ending is None and found.named:
        known = ", ".join(ENDINGS)
        raise RecipeError(
            f"input: '{found.path}': its name ends in none of {known} (those of JSON lines also with .gz or .zst); "
            "say what it is: format: parquet, or format: jsonl"
        )
    return ending, "unknown_ending"


def _format_by_ending(name: str) -> str | None:
    stem, ending = os.path.splitext(name.lower())
    if ending in COMPRESSED:
        kind = ENDINGS.get(os.path.splitext(stem)[1])
        return kind if kind == "jsonl" else None  # a Parquet file is read from its end, so nobody compresses it whole
    return ENDINGS.get(ending)


def _real_path(found: Found, real: RealPaths) -> str:
    """The path without links; also refuses what would fail later: links to nothing, names that are no text."""
    try:
        found.path.encode()
    except UnicodeEncodeError:
        raise StoreError(f"{found.path!r}: the name is not valid UTF-8; ids are made of names: rename it") from None
    if found.object is not None:
        return found.path
    if not os.path.exists(found.path):
        raise StoreError(f"{found.path}: it is a link to a file that is not there; fetch the file, or remove the link")
    return real.of(found.path)


def _names(found: Sequence[Found], roots: Sequence[str] = ()) -> list[str]:
    """A unique name for each file, the same wherever the roots lie. roots: all there are, if names are to last."""
    names = [_relative(_place(one.path), _place(one.root)) for one in found]
    if len(roots) > 1 or len(set(names)) < len(names):
        common = os.path.commonpath([_place(root) for root in roots or [one.root for one in found]])
        names = [os.path.relpath(_place(one.path), common) for one in found]
    return [name.replace(os.sep, "/") for name in names]


def _place(path: str) -> str:
    """A path with which to reckon: of an address, one that is like it."""
    return "/" + path.replace("://", "/", 1) if is_remote(path) else path


def _relative(path: str, root: str) -> str:
    inside = root if root.endswith(os.sep) else root + os.sep
    return path[len(inside) :] if path.startswith(inside) else os.path.relpath(path, root)


def _nothing_usable(entry: str, passed_over: Sequence[str]) -> str:
    if not passed_over and is_remote(entry):
        what = "nothing matches" if has_magic(entry) else "there is no file in the folder"
        return f"input: {what} '{entry}'; {near_object(entry)}"
    if not passed_over and glob.has_magic(entry) and not os.path.exists(os.path.expanduser(entry)):
        return f"input: nothing matches '{entry}'; {near(os.path.abspath(os.path.expanduser(entry)))}"
    if not passed_over:
        return f"input: there is no file in the folder '{entry}' (names with . or _ in front do not count)"
    some = ", ".join(f"'{os.path.basename(path)}'" for path in passed_over[:3])
    more = ", …" if len(passed_over) > 3 else ""
    files = "1 file was" if len(passed_over) == 1 else f"{len(passed_over)} files were"
    return (
        f"input: nothing to read in '{entry}': {files} passed over ({some}{more}); endings known are "
        f"{', '.join(ENDINGS)}, those of JSON lines also with .gz or .zst; for other names say format: parquet or jsonl"
        f"{_of_tables(passed_over)}"
    )


def _of_tables(passed_over: Sequence[str]) -> str:
    """How to make a table Parquet, if there is one."""
    for path in passed_over:
        stem, ending = os.path.splitext(os.path.basename(path))
        if ending.lower() in (".csv", ".tsv") and not is_remote(path):
            tabs = r", separator='\t'" if ending.lower() == ".tsv" else ""
            read = f"pl.read_csv({path!r}{tabs})"
            return f"\n  tables: to Parquet, in Python: import polars as pl; {read}.write_parquet('{stem}.parquet')"
    return ""
