"""What tables of losses say of how they were made: whether they go together, and what to call what is learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.store import tables
from curate.store.reading import Reader

OF_THE_INPUT = ("file", "size", "mtime_ns", "name")
"""Facts that may differ among the tables of one model: which documents these are."""
SHARED = ("max_chars", "text_column")
"""Facts in which all models must agree: losses are compared on the same part of a document."""
SMALL = 6.5e9
"""Parameters: the smallest model of the paper, LLaMA-7B, has 6.7e9."""

Facts = Mapping[str, Any]


def of_models(table: Reader, columns: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The settings of the losses in each of the columns, where the tables have any (those of others have none).

    Raises CurateError if losses of one model were made with different settings, or those of several are not of the same
    part of the documents.
    """
    known: dict[str, tuple[str, dict[str, Any]]] = {}  # column → (a table of it, its settings)
    wanted = set(columns)
    for file in table.files:
        found = tables.facts_if_any(Path(file.path)) if file.format == "parquet" else None
        if found is None or found.get("name") not in wanted:
            continue
        settings = {name: value for name, value in found.items() if name not in OF_THE_INPUT}
        first, others = known.setdefault(found["name"], (file.name, settings))
        _agree(file.name, settings, first, others, sorted({*settings, *others}), f"losses of '{found['name']}'")
    of_first: dict[str, tuple[str, Any]] = {}
    for place, settings in known.values():
        for name in SHARED:
            if name in settings:
                first, value = of_first.setdefault(name, (place, settings[name]))
                _agree(place, settings, first, {name: value}, [name], "losses that are to be compared")
    return {name: settings for name, (_, settings) in sorted(known.items())}


def label(settings: Mapping[str, Facts]) -> str:
    """What to call a scorer that learned from such losses: `preselect` if nothing is known against it."""
    if any(one.get("kind") == "ngram" for one in settings.values()):
        return "preselect-toy"
    small = any(one.get("parameters", SMALL) < SMALL for one in settings.values())
    return "preselect-small" if small else "preselect"


def _agree(file: str, one: Facts, other_file: str, other: Facts, names: Iterable[str], what: str) -> None:
    differs = [name for name in names if one.get(name) != other.get(name)]
    if differs:
        told = "; ".join(f"{name} {one.get(name)} in {file}, {other.get(name)} in {other_file}" for name in differs)
        raise CurateError(f"{what} were made with different settings: {told}; make them again, all with the same")
