"""Makes steps of the entries of `stages`, and notes what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

from curate.catalog import is_path, load_path, stage_class
from curate.errors import RecipeError, redacted
from curate.recipe.complaints import Complaints
from curate.recipe.entries import labels
from curate.recipe.model import Expect, Step
from curate.recipe.notation import Path
from curate.recipe.permission import check_code
from curate.recipe.syntax import inline
from curate.stage import DEVICES, Stage
from curate.urls import is_in_store

OF_STEPS = ("as", "expect")
"""Keys that every stage takes; they belong to the step."""

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
RESERVED = ("read", "quarantine", "ids")
"""Labels that say something else in `dropped_by`, the funnel and the run folder."""


class Builder:
    """Makes steps of uniform entries."""

    def __init__(
        self,
        complaints: Complaints,
        folder: FilePath,
        fetch: Callable[[str], str] | None = None,
        *,
        trusted: bool = True,
    ) -> None:
        """`folder`: where paths of the user's own stages start. fetch: brings files of options from stores.

        trusted: what lies in the folder may be run.
        """
        self.complaints, self.document, self.folder, self.fetch = complaints, complaints.document, folder, fetch
        self.trusted = trusted

    def steps(self, entries: list[Any]) -> tuple[Step, ...]:
        """The steps that are as they must be."""
        found: list[Step] = []
        first: dict[str, tuple[int, str]] = {}
        for index, (entry, label) in enumerate(zip(entries, labels(entries), strict=True), 1):
            step = self._step(index, entry, label)
            found += [step] if step is not None else []
            if label.casefold() in first:
                path = ("stages", index - 1, next(iter(entry)), "as")
                other, taken = first[label.casefold()]
                why = "" if taken == label else f" but for capitals ({taken}), which not every disk tells apart"
                self.complaints.add(path, f"stage {index}: as = {label}; stage {other} is called that already{why}")
            first.setdefault(label.casefold(), (index, label))
        return tuple(found)

    def _step(self, index: int, entry: Any, label: str) -> Step | None:
        path: Path = ("stages", index - 1)
        if not isinstance(entry, dict) or len(entry) != 1:
            self.complaints.add(path, f"stage {index}: {_no_step(entry)}")
            return None
        name, options = next(iter(entry.items()))
        path = (*path, name)
        kind = self._class(name, path, index)
        if kind is None:
            return None
        who = f"stage {index} '{FilePath(name).stem if is_path(name) else name}'"
        if not isinstance(options, dict):
            example = f"{name}: {{{next(iter(kind.model_fields), 'option')}: {inline(options)}}}"
            self.complaints.add(path, f"{who}: {inline(options)} is no mapping of options; write them as in {example}")
            return None
        before = len(self.complaints.found)
        expect = self._expect(options.get("expect"), (*path, "expect"), who)
        self._check_label(options, (*path, "as"), who)
        told = len(self.complaints.found)
        own = {k: self._fetched(value, (*path, k), who) for k, value in options.items() if k not in OF_STEPS}
        if len(self.complaints.found) > told:
            return None
        stage = self.complaints.check(kind, own, path, who, OF_STEPS)
        if stage is None or len(self.complaints.found) > before:
            return None
        return Step(
            index=index,
            name=str(self._file(name)) if is_path(name) else name,
            label=label,
            stage=stage,
            renames=_renames(stage, label) if "as" in options else {},
            expect=expect,
            named="as" in options,
            line=self.document.line(path),
        )

    def _fetched(self, value: Any, path: Path, who: str) -> Any:
        """An option with the paths of files on this machine in place of their addresses in stores."""
        if isinstance(value, dict):
            return {key: self._fetched(inner, (*path, key), who) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._fetched(inner, (*path, number), who) for number, inner in enumerate(value)]
        if not is_in_store(value):
            return value
        option, shown = ".".join(map(str, path[3:])), redacted(value)
        if path[-1] == "index":
            what = "an index is a folder on this machine; that of a recipe with `incremental` is kept with its output"
            self.complaints.add(path, f"{who}: {option} = {shown}; {what}")
        elif self.fetch is None:
            self.complaints.add(path, f"{who}: {option} = {shown}; it must be on this machine: bring it here first")
        else:
            try:
                return self.fetch(value)
            except RecipeError as error:
                self.complaints.add(path, f"{who}: {option} = {shown}; {error}")
        return value

    def _file(self, name: str) -> FilePath:
        """The file of a user's own stage."""
        return self.folder.absolute() / os.path.expanduser(name)  # Path.expanduser raises for a user who is not there

    def _class(self, name: str, path: Path, index: int) -> type[Stage] | None:
        try:
            if not is_path(name):
                return stage_class(name)
            if os.path.isfile(self._file(name)):  # Path.is_file raises for names that no disk could hold
                check_code(self._file(name), self.folder if self.trusted else None, name)
            return load_path(self._file(name), shown=name)
        except RecipeError as error:
            beside = not is_path(name) and os.path.isfile(self._file(f"{name}.py"))
            what = f"no stage is named '{name}'; did you mean './{name}.py'?" if beside else str(error)
            self.complaints.add(path, f"stage {index}: {what}")
            return None

    def _check_label(self, options: dict[str, Any], path: Path, who: str) -> None:
        """Complain of an `as` that can be no label."""
        label = options.get("as")
        fits = isinstance(label, str) and LABEL.fullmatch(label) and label not in RESERVED and not _is_device(label)
        if "as" not in options or fits:
            return
        what = "it must be a name of letters, digits, _ and - that begins with a letter, for use in file names"
        if label in RESERVED:
            what = "curate uses that name itself, choose another one"
        elif _is_device(label):
            what = "Windows takes that name for a device, and labels are names of files; choose another one"
        self.complaints.add(path, f"{who}: as = {self.document.shown(path, label)}; {what}")

    def _expect(self, given: Any, path: Path, who: str) -> Expect | None:
        if given is None:
            return None
        if not isinstance(given, dict) or set(given) != {"drop"}:
            guess = f"; did you mean {{drop: {given}}}?" if isinstance(given, str) else ""
            what = f"it must say which share may be dropped, as in {{drop: 5%..60%}}{guess}"
            self.complaints.add(path, f"{who}: expect = {self.document.shown(path, given)}; {what}")
            return None
        try:
            return Expect.parse(given["drop"])
        except ValueError as error:
            path = (*path, "drop")
            self.complaints.add(path, f"{who}: expect.drop = {self.document.shown(path, given['drop'])}; {error}")
            return None


def _is_device(label: Any) -> bool:
    return isinstance(label, str) and label.casefold() in DEVICES


def _renames(stage: Stage, label: str) -> dict[str, str]:
    """Column → its name under `as: label`: the label itself for a single column, else with the label before it."""
    columns = list(stage.columns_written())
    return {columns[0]: label} if len(columns) == 1 else {name: f"{label}_{name}" for name in columns}


def _no_step(entry: Any) -> str:
    """What to say of an entry that is no stage with options."""
    if isinstance(entry, dict) and len(entry) > 1:
        first, *others = entry
        if not entry[first]:
            return f"'{others[0]}' stands beside '{first}', not in it; indent the options of '{first}' further"
        keys = " and ".join(f"'{key}'" for key in [first, *others][:3])
        return f"it has {len(entry)} keys, {keys}; put each stage after a - of its own"
    return f"it must be a stage, as in - normalize or - language: {{keep: [en]}}; got {inline(entry)}"
