"""`--set path.to.option=value`: changes a recipe before it is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curate.catalog import did_you_mean
from curate.errors import RecipeError
from curate.recipe.entries import labels, make_uniform
from curate.recipe.notation import Document, Path, read_value


def override(document: Document, overrides: Sequence[str]) -> None:
    """Carry out the changes, in order. Raises RecipeError with all that cannot be."""
    problems = []
    for text in overrides:
        try:
            _set(document, text)
        except ValueError as error:
            problems.append(f"--set {text}: {error}")
    if problems:
        raise RecipeError("\n".join(problems))


def _set(document: Document, text: str) -> None:
    name, equals, value = text.partition("=")
    parts = name.strip().split(".")
    if not equals or not all(parts):
        raise ValueError("it must be PATH=VALUE, as in --set output.path=out2 or --set stages.language.min_score=0.8")
    new = read_value(value)
    inside, path = document.data, tuple[str | int, ...]()
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(inside, list):
            inside, path, place = _item(inside, path, part)
            if last:
                _put(document, inside, path, place, new, text)
                return
            inside, path = inside[place], (*path, place)
            if path[:-1] == ("stages",) and isinstance(inside, dict):
                key = next(iter(inside))
                inside, path = inside[key], (*path, key)
        elif isinstance(inside, dict):
            if last:
                _put(document, inside, path, part, new, text)
                return
            if inside.get(part) is None:
                inside[part] = {}
            inside, path = inside[part], (*path, part)
        else:
            raise ValueError(f"{'.'.join(parts[:depth])} is {inside!r}; it has nothing inside that could be set")


def _item(items: list[Any], path: Path, part: str) -> tuple[list[Any], Path, int]:
    """An item of a list, by its number from 1; a step also by its label."""
    if part.isdecimal() and 1 <= int(part) <= len(items):
        return items, path, int(part) - 1
    if path == ("stages",):
        known = labels(items)
        if part in known:
            return items, path, known.index(part)
        shown = ", ".join(f"{index} {label}" for index, label in enumerate(known, 1))
        raise ValueError(f"there is no stage '{part}'{did_you_mean(part, known)}  the stages are: {shown}")
    raise ValueError(f"there is no item {part}; items are counted from 1 to {len(items)}")


def _put(document: Document, inside: Any, path: Path, key: str | int, new: Any, text: str) -> None:
    inside[key] = new
    document.overridden[(*path, key)] = text
    for known in (document.written, document.lines):
        for old in [at for at in known if at[: len(path) + 1] == (*path, key)]:
            del known[old]
    make_uniform(document)
