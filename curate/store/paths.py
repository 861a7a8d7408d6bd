"""Folders, globs and files into a list of files, and what is there instead when a path names nothing."""

from __future__ import annotations

import difflib
import glob
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from curate.errors import RecipeError, StoreError
from curate.store import objects
from curate.store.objects import Object
from curate.urls import has_magic, is_remote, joined, local, problem

HIDDEN = "._"
"""First characters of names that folders and globs pass over, as in Spark and Hive."""


@dataclass(frozen=True)
class Found:
    """A file that an entry of the input names."""

    path: str
    root: str
    """The folder to which its name is relative."""
    named: bool
    """By the user, not come upon in a folder."""
    in_folder: bool
    """Come upon in a folder, not matched by a glob."""
    object: Object | None = None
    """What the store says of it, if it is in one."""


class RealPaths:
    """Paths without links, of many files: each folder is looked at once."""

    def __init__(self) -> None:
        """No folder was looked at."""
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        """As `os.path.realpath`, of an absolute path."""
        if os.path.islink(path):
            return os.path.realpath(path)
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)


def expand(entry: str) -> Iterator[Found]:
    """The files that one entry of the input names, ordered by path."""
    if is_remote(entry):
        yield from _in_store(entry)
        return
    entry = local(entry)
    path = os.path.abspath(os.path.expanduser(entry))
    if os.path.isdir(path):
        yield from (Found(file, path, False, True) for file in _walk(path))
    elif os.path.lexists(path):
        yield Found(path, os.path.dirname(path), True, False)
    elif glob.has_magic(entry):
        yield from _glob(path)
    else:
        raise RecipeError(f"input: there is no '{entry}'; {near(path)}")


def is_place(entry: str) -> bool:
    """Whether an entry is a folder that is there, or a pattern of files in one: there may be files in it later."""
    if is_remote(entry):
        return has_magic(entry)
    path = os.path.abspath(os.path.expanduser(local(entry)))
    while glob.has_magic(path) and not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.path.isdir(path)


def _walk(folder: str) -> Iterator[str]:
    """Files below a folder, hidden ones aside, ordered by path; each folder once, even if links run in circles."""

    def refuse(error: OSError) -> None:
        raise StoreError(f"{error.filename}: cannot look into this folder: {error.strerror}") from error

    seen: set[tuple[int, int]] = set()
    found = []
    for here, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        stat = os.stat(here)
        if (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if name[0] not in HIDDEN)
        found += [os.path.join(here, name) for name in files if name[0] not in HIDDEN]
    return iter(sorted(found))


def _glob(pattern: str) -> Iterator[Found]:
    """What a pattern matches; a folder that it matches stands for the files below it."""
    parts = Path(pattern).parts
    fixed = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    root = str(Path(*parts[:fixed]))
    wild = parts[fixed:]
    for path in sorted(glob.glob(pattern, recursive=True, include_hidden=True)):
        if any(_is_hidden(part, wild) for part in Path(path).relative_to(root).parts):
            continue
        if not os.path.isdir(path):
            yield Found(path, root, False, False)
        elif wild[-1] != "**":  # which matches the files as well
            yield from (Found(file, root, False, True) for file in _walk(path))


def _in_store(entry: str) -> Iterator[Found]:
    """The objects that an address, or a pattern of addresses, names."""
    why_not = problem(entry)
    if why_not is not None:
        raise RecipeError(f"input: {why_not}")
    if not has_magic(entry):
        kind = objects.kind_of(entry)
        if kind is None:
            raise RecipeError(f"input: there is no '{entry}'; {near_object(entry)}")
        if kind == "file":
            found = objects.look(entry)
            yield Found(found.url, found.url.rpartition("/")[0], True, False, found)
        else:
            yield from _below(entry, entry.rstrip("/"))
        return
    parts = entry.split("/")
    fixed = next(place for place, part in enumerate(parts) if has_magic(part))
    root, wild = "/".join(parts[:fixed]), parts[fixed:]
    for url, one in objects.matching(entry):
        if any(_is_hidden(part, wild) for part in _parts_below(url, root)):
            continue
        if one is not None:
            yield Found(url, root, False, False, one)
        elif wild[-1] != "**":
            yield from _below(url, root)


def _below(folder: str, root: str) -> Iterator[Found]:
    """Objects in a folder and those below it, hidden ones aside."""
    for one in objects.below(folder):
        if not any(part[0] in HIDDEN for part in _parts_below(one.url, folder.rstrip("/"))):
            yield Found(one.url, root, False, True, one)


def _parts_below(url: str, root: str) -> list[str]:
    """The parts of an address that come after those of a folder; schemes have several names."""
    depth = len(root.partition("://")[2].strip("/").split("/"))
    return [part for part in url.partition("://")[2].strip("/").split("/")[depth:] if part]


def near_object(entry: str) -> str:
    """What is in a store instead of `entry`, for a message."""
    scheme, _, path = entry.partition("://")
    parts = path.strip("/").split("/")
    fixed = next((place for place, part in enumerate(parts) if has_magic(part)), len(parts) - 1)
    folder = f"{scheme}://{'/'.join(parts[:fixed])}" if fixed else entry
    there = [name for name in objects.names_in(folder) if name[0] not in HIDDEN]
    close = difflib.get_close_matches(parts[min(fixed, len(parts) - 1)], there, n=1)
    if close and fixed:
        return f"did you mean '{joined(folder, close[0])}'?"
    some = ", ".join(there[:5]) + (", …" if len(there) > 5 else "") if there else "nothing that may be listed"
    return f"in '{folder}' there is: {some}"


def _is_hidden(part: str, wild: Sequence[str]) -> bool:
    """Whether a part of a path is hidden, and no part of the pattern asks for hidden names like it."""
    return part[0] in HIDDEN and not any(one[0] == part[0] and fnmatchcase(part, one) for one in wild)


def near(path: str) -> str:
    """What is there instead of `path`, for a message."""
    parent = Path(path)
    while not os.path.isdir(parent):  # which, unlike Path.is_dir, also answers where looking is not permitted
        missing, parent = parent.name, parent.parent
    try:
        there = sorted(one.name for one in parent.iterdir() if one.name[0] not in HIDDEN)
    except OSError as error:
        return f"and '{parent}' cannot be looked into: {error.strerror}"
    close = difflib.get_close_matches(missing, there, n=1)
    if close:
        return f"did you mean '{parent / close[0]}'?"
    some = ", ".join(there[:5]) + (", …" if len(there) > 5 else "") if there else "nothing"
    return f"in '{parent}' there is: {some}"


def place_beside(recipe: Path | None, entries: Sequence[str]) -> str:
    """For a message: the folder about a recipe's file from which its input would be found; "" if there is none."""
    missing = [one for one in entries if not (is_remote(one) or one[0] in "~/\\" or os.path.lexists(one))]
    if recipe is None or not missing or glob.has_magic(Path(missing[0]).parts[0]):  # which would look through a disk
        return ""
    for folder in list(recipe.resolve().parents)[:4]:
        if folder != Path.cwd() and any(glob.iglob(missing[0], root_dir=folder, recursive=True)):
            return (
                f"\n  paths are of the folder that one is in; from '{folder}' there is '{missing[0]}':"
                f" cd {shlex.quote(str(folder))}"
            )
    return ""
