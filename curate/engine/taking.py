"""Which input files a generation takes: those that no generation has taken as they are, under names of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from curate.engine.events import Show, Warned
from curate.errors import StoreError
from curate.store.files import sha256
from curate.store.inputs import InputFile, Listing, same_as_now

DIGESTED = 1 << 30  # bytes of the largest file whose contents are noted: a second or so to read again


class Known:
    """The files that generations have taken; says what is known of a file, and tells a person of what is odd."""

    def __init__(self, published: Sequence[Mapping[str, Any]], listing: Listing) -> None:
        """published: what the manifest says of the generations."""
        self.listing = listing
        self.generation: dict[str, int] = {}
        """Name → the last generation that took a file of this name."""
        self.names: set[str] = set()
        """All names that files have had, also those of files that were taken again."""
        self._by_name: dict[str, list[Mapping[str, Any]]] = {}
        self._by_path: dict[str, list[Mapping[str, Any]]] = {}
        self._moved: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        names, paths = {file.name for file in listing.files}, {file.path for file in listing.files}
        for generation in published:
            for file in generation["files"]:
                self.generation[file["name"]] = generation["number"]
                self.names |= {file["name"], file.get("as", file["name"])}
                self._by_name.setdefault(file["name"], []).append(file)
                self._by_path.setdefault(file.get("path", ""), []).append(file)
                if file["name"] not in names and file.get("path") not in paths:
                    self._moved[os.path.basename(file["name"]), *version(file)] = file

    def new(self, show: Show) -> list[InputFile]:
        """The files that no generation has taken as they are now.

        A file is known by its name or path, with its size and time of change; by its contents, if but the time is
        another one; and under another name if the old one is gone, and name proper, size and time are the same.
        """
        found, moved, touched = [], [], []
        for file in self.listing.files:
            state = of(file)
            before = [*self._by_name.get(file.name, ()), *self._by_path.get(file.path, ())]
            other = self._moved.get((os.path.basename(file.name), *version(state)))
            if any(version(one) == version(state) for one in before):
                continue
            if _has_contents_of(before, file):
                touched.append(file.name)
            elif other is not None and _may_be(other, file):
                moved.append(f"{file.name} was {other['name']}")
            else:
                found.append(file)
        _tell(show, "not taken again, since they were taken under other names", moved)
        _tell(show, "not taken again, since they were written anew with the same contents", touched)
        return found

    def named(self, files: Sequence[InputFile], number: int) -> dict[str, str]:
        """Path → the name that each of these has in generation `number`: one that no document before was made of."""
        used, found = set(self.names), {}
        for file in files:
            name = file.name
            while name in used:
                name += f"@gen-{number:04d}"
            used.add(name)
            found[file.path] = name
        return found

    def warn(self, files: Iterable[InputFile], names: Mapping[str, str], show: Show) -> None:
        """Say which files are taken again."""
        for file in files:
            if file.name in self.generation:
                show(
                    Warned(
                        f"{file.name} has changed since generation {self.generation[file.name]}: it is taken again, "
                        f"whole, as {names[file.path]}; what was published of it then stays"
                    )
                )


def of(file: InputFile) -> dict[str, Any]:
    """What tells whether a file is as it was."""
    told = {"name": file.name, "path": file.path, "size": file.size, "mtime_ns": file.mtime_ns}
    return told | {"version": file.version} if file.version else told


def version(state: Mapping[str, Any]) -> tuple[Any, ...]:
    """What changes when a file does."""
    return state["size"], state["mtime_ns"], state.get("version", "")


def taken(files: Sequence[InputFile], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the manifest is to say of files: their state, their name in the generation, a digest of small ones."""
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(_digest, files))
    entries = []
    for file, digest in zip(files, digests, strict=True):
        name = names[file.path]
        entries.append(of(file) | ({"as": name} if name != file.name else {}) | ({"sha256": digest} if digest else {}))
    return entries


def _digest(file: InputFile) -> str | None:
    """SHA-256 of a file; None of a large one, of one in a store, and of one that is not as it was listed."""
    if file.size > DIGESTED or "://" in file.path:
        return None
    try:
        found = sha256(file.path)
    except StoreError:
        return None
    return found if same_as_now(file) is None else None


def _has_contents_of(before: Iterable[Mapping[str, Any]], file: InputFile) -> bool:
    known = {one["sha256"] for one in before if one["size"] == file.size and "sha256" in one}
    return bool(known) and _digest(file) in known


def _may_be(other: Mapping[str, Any], file: InputFile) -> bool:
    """Whether a file can be another one that was moved: unless its contents are known to be others."""
    return "sha256" not in other or _digest(file) in (None, other["sha256"])


def _tell(show: Show, what: str, files: Sequence[str]) -> None:
    """One warning for all of them, with examples."""
    if files:
        more = f", and {len(files) - 3:,} more" if len(files) > 3 else ""
        show(Warned(f"{what}: {', '.join(files[:3])}{more}"))
