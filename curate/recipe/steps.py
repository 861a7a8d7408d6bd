"""The `stages` of a recipe: each entry as it may be written → one uniform form → Step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any, TypeVar

from curate.catalog import is_path, load_path, stage_class
from curate.errors import RecipeError
from curate.recipe.complaints import Complaints
from curate.recipe.model import Expect, Step
from curate.recipe.notation import Document, Path
from curate.recipe.syntax import inline
from curate.stage import Stage

T = TypeVar("T")

OF_STEPS = ("as", "expect")
"""Keys that every stage takes; they belong to the step."""

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
RESERVED = ("read", "quarantine", "ids")
"""Labels that say something else in `dropped_by`, the funnel and the run folder."""


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
    taken = {label for _, label in named if label is not None}
    found = []
    for name, label in named:
        if label is None:
            label, number = name, 1
            while label in taken:
                number += 1
                label = f"{name}-{number}"
            taken.add(label)
        found.append(label)
    return found


def _named(entry: Any) -> tuple[str, str | None]:
    """(label by default, label given by `as`) of a uniform entry."""
    if not isinstance(entry, dict) or not entry:
        return "?", None
    name, options = next(iter(entry.items()))
    given = options.get("as") if isinstance(options, dict) else None
    return (FilePath(name).stem if is_path(name) else name), (given if isinstance(given, str) else None)


class Builder:
    """Makes steps of uniform entries, and notes what is wrong with them."""

    def __init__(self, document: Document, complaints: Complaints, folder: FilePath) -> None:
        """`folder`: where paths of the user's own stages start."""
        self.document, self.complaints, self.folder = document, complaints, folder

    def steps(self, entries: list[Any]) -> tuple[Step, ...]:
        """The steps that are as they must be."""
        found = [
            self._step(place, entry, label)
            for place, (entry, label) in enumerate(zip(entries, labels(entries), strict=True))
        ]
        first: dict[str, int] = {}
        for place, (entry, label) in enumerate(zip(entries, labels(entries), strict=True)):
            if label in first:
                path = ("stages", place, next(iter(entry)), "as")
                self.complaints.add(
                    path, f"stage {place + 1}: as = {label}; stage {first[label]} is called that already"
                )
            first.setdefault(label, place + 1)
        return tuple(step for step in found if step is not None)

    def _step(self, place: int, entry: Any, label: str) -> Step | None:
        path: Path = ("stages", place)
        if not isinstance(entry, dict) or len(entry) != 1:
            self.complaints.add(path, f"stage {place + 1}: {_no_step(entry)}")
            return None
        name, options = next(iter(entry.items()))
        path = (*path, name)
        found = self._class(name, path, place + 1)
        if found is None:
            return None
        where = f"stage {place + 1} '{FilePath(name).stem if is_path(name) else name}'"
        if not isinstance(options, dict):
            example = f"{{{next(iter(found.model_fields), 'option')}: {inline(options)}}}"
            self.complaints.add(
                path, f"{where}: its options must be a mapping, as in {name}: {example}; got {inline(options)}"
            )
            return None
        before = len(self.complaints.lines)
        expect = self._expect(options.get("expect"), path, where)
        named = self._as(options, path, where)
        own = {key: value for key, value in options.items() if key not in OF_STEPS}
        stage = self.complaints.check(found, own, path, where, OF_STEPS)
        if stage is None or len(self.complaints.lines) > before:
            return None
        resolved = str(_absolute(name, self.folder)) if is_path(name) else name
        return Step(
            index=place + 1,
            name=resolved,
            label=label,
            stage=stage,
            renames=renames(stage, label) if named else {},
            expect=expect,
            named=named,
            line=self.document.line(path),
        )

    def _class(self, name: str, path: Path, number: int) -> type[Stage] | None:
        try:
            return load_path(_absolute(name, self.folder)) if is_path(name) else stage_class(name)
        except RecipeError as error:
            self.complaints.add(path, f"stage {number}: {error}")
            return None

    def _as(self, options: dict[str, Any], path: Path, where: str) -> bool:
        """Whether the step has a label of its own."""
        if "as" not in options:
            return False
        label = options["as"]
        if not isinstance(label, str) or not LABEL.fullmatch(label):
            what = "it must be a name of letters, digits, _ and -, and begin with a letter, as it is used in file names"
            self.complaints.add((*path, "as"), f"{where}: as = {self.document.shown((*path, 'as'), label)}; {what}")
        elif label in RESERVED:
            self.complaints.add(
                (*path, "as"), f"{where}: as = {label}; curate uses that name itself, choose another one"
            )
        return True

    def _expect(self, given: Any, path: Path, where: str) -> Expect | None:
        if given is None:
            return None
        path = (*path, "expect")
        if not isinstance(given, dict) or set(given) != {"drop"}:
            shown = self.document.shown(path, given)
            self.complaints.add(
                path, f"{where}: expect = {shown}; it must be a range of what is dropped, as in {{drop: 5%..60%}}"
            )
            return None
        try:
            return Expect.parse(given["drop"])
        except ValueError as error:
            path = (*path, "drop")
            self.complaints.add(path, f"{where}: expect.drop = {self.document.shown(path, given['drop'])}; {error}")
            return None


def renames(stage: Stage, label: str) -> dict[str, str]:
    """Column → its name under `as: label`: the label itself for a single column, else with the label before it."""
    columns = list(stage.columns_written())
    return {columns[0]: label} if len(columns) == 1 else {name: f"{label}_{name}" for name in columns}


def _absolute(name: str, folder: FilePath) -> FilePath:
    """The file of a user's own stage."""
    return folder.absolute() / FilePath(name).expanduser()


def _no_step(entry: Any) -> str:
    """What to say of an entry that is no stage with options."""
    if isinstance(entry, dict) and len(entry) > 1:
        first, *others = entry
        if not entry[first]:
            return f"'{others[0]}' stands beside '{first}', not in it; indent the options of '{first}' further"
        keys = " and ".join(f"'{key}'" for key in [*entry][:3])
        return f"it has {len(entry)} keys, {keys}; put each stage after a - of its own"
    return f"it must be a stage, as in - normalize or - language: {{keep: [en]}}; got {inline(entry)}"
