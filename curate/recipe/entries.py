"""The entries of `stages` as they may be written → one uniform form, and their labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any, TypeVar

from curate.catalog import is_path
from curate.recipe.notation import Document, Path

T = TypeVar("T")


def make_uniform(document: Document) -> None:
    """In place: `input: x` → `input: {paths: x}`, `output: x` → `output: {path: x}`, `- c4` → `- c4: {}`."""
    data = document.data
    if not isinstance(data, dict):
        return
    for part, key in (("input", "paths"), ("output", "path")):
        if isinstance(data.get(part), str | list):
            _move(document, (part,), key)
            data[part] = {key: data[part]}
    stages = data.get("stages")
    if not isinstance(stages, list):
        return
    for place, entry in enumerate(stages):
        if isinstance(entry, str):
            stages[place] = {entry: {}}
        elif isinstance(entry, dict) and len(entry) == 1 and next(iter(entry.values())) is None:
            stages[place] = {next(iter(entry)): {}}


def _move(document: Document, path: Path, key: str) -> None:
    """What was known of a value at `path` is known of its part `key`."""
    _copy(document.written, path, key)
    _copy(document.lines, path, key)
    if path in document.overridden:
        document.overridden[(*path, key)] = document.overridden[path]


def _copy(known: dict[Path, T], path: Path, key: str) -> None:
    for at in [at for at in known if at[: len(path)] == path]:
        known[(*path, key, *at[len(path) :])] = known[at]


def labels(entries: Iterable[Any]) -> list[str]:
    """The label of each entry: what `as` says, else the stage's name, with -2, -3, … where that is taken."""
    named = [_named(entry) for entry in entries]
    taken = {label.casefold() for _, label in named if label is not None}  # some disks know no difference
    found = []
    for name, label in named:
        if label is None:
            label, number = name, 1
            while label.casefold() in taken:
                number += 1
                label = f"{name}-{number}"
            taken.add(label.casefold())
        found.append(label)
    return found


def _named(entry: Any) -> tuple[str, str | None]:
    """(label by default, label given by `as`) of a uniform entry."""
    if not isinstance(entry, dict) or not entry:
        return "?", None
    name, options = next(iter(entry.items()))
    given = options.get("as") if isinstance(options, dict) else None
    return (FilePath(name).stem if is_path(name) else name), (given if isinstance(given, str) else None)
