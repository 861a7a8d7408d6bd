"""The same command once more: of a run that is finished, a look at names, sizes and times before anything is loaded.

The engine comes to the same answer by itself, but must load the stages to ask: two seconds, of which Python spends
nearly all on libraries. So a finished run leaves a note of the command and of all that its result follows from. If one
of these has changed, or anything is odd, there is no answer here, and the engine is asked.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import curate
from curate.engine.events import Event, RunDone, RunStarted
from curate.engine.sealed import Sealed, unbroken
from curate.errors import CurateError
from curate.store.files import digest, fingerprint, read_json, sha256, write_json
from curate.store.folder import RunFolder
from curate.store.inputs import list_inputs, outside
from curate.store.lock import alone
from curate.urls import is_remote

if TYPE_CHECKING:
    from curate.recipe import Recipe


_OUTPUT = re.compile(
    r"^output:[ \t]*(?:\{[^}\n]*?\bpath:[ \t]*|\n(?:[ \t]+.*\n)*?[ \t]+path:[ \t]*)?"
    r"('[^'\n]+'|\"[^\"\n]+\"|(?:\$\{[^}\n]*\}|[^\s,{}#])+)",
    re.MULTILINE,
)
"""`output: out`, `output: {path: out}`, or `path: out` on a line below; the rest of YAML is for the engine to read."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")
_SURROUNDINGS = ("HOME", "CURATE_MODELS", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "CURATE_ALLOW_CODE")
"""Variables of the environment on which it depends what files are meant, and may be run."""


@dataclass(frozen=True)
class Command:
    """A command line, as far as the result and what is said of it follow from it."""

    recipe: Path
    overrides: tuple[str, ...]
    others: tuple[Any, ...]
    """Plain data."""

    def hash(self) -> str:
        """With the recipe's text, the variables in it, and the program."""
        text = self.recipe.read_text(encoding="utf-8")
        names = sorted({*_SURROUNDINGS, *(found[1] for found in _VARIABLE.finditer(text))})
        variables = [[name, os.environ.get(name)] for name in names]
        place = [os.getcwd(), os.path.expanduser("~"), os.path.abspath(self.recipe), variables]
        return digest(text, self.overrides, self.others, place, curate.__version__, sys.version, sorted(_program()))

    def out(self) -> str | None:
        """Where the note would be. It need not be right: the note tells what command it is of."""
        there = _OUTPUT.search(self.recipe.read_text(encoding="utf-8"))
        found = there[1].strip("'\"") if there else None
        for word in self.overrides:
            name, _, value = word.partition("=")
            found = value if name in ("output", "output.path") else found
        return found and _VARIABLE.sub(lambda name: os.environ.get(name[1]) or name[2] or "", found)


def answer(command: Command, *, report: bool) -> tuple[list[Event], RunDone] | None:
    """What is to be said of a run that was finished by this command; None if it was not, or something has changed.

    report: whether its pages must be there.
    """
    try:
        out, asked = command.out(), command.hash()
        if out is None:
            return None
        folder = RunFolder(Path(out))
        if not (folder.again.exists() and folder.seal.exists()):
            return None
        note = read_json(folder.again)
        if note["command"] != asked or (report and note["report"] is None):
            return None
        with alone(folder.lock):
            return _unchanged(folder, note, command)
    except (OSError, ValueError, KeyError, TypeError, CurateError):
        return None


def _unchanged(folder: RunFolder, note: dict[str, Any], command: Command) -> tuple[list[Event], RunDone] | None:
    listing = outside(list_inputs(note["paths"], note["format"]), str(folder.root), note["out"])
    files = [[file.name, file.path, file.size, file.mtime_ns] for file in listing.files]
    if note["files"] != digest(files) or note["watched"] != list(_states(note["watched"])):
        return None
    if note["code"] != [[path, sha256(path)] for path, _ in note["code"]]:
        return None
    found: Sealed | None = unbroken(folder, note["question"])
    if found is None:
        return None
    size, out, source = sum(file.size for file in listing.files), note["out"], str(command.recipe)
    begun = RunStarted(source, len(files), found.documents, size, note["workers"], out, True, finished=True)
    return [begun, *found.notes], replace(found.done, out=out, report=note["report"])


def remember(command: Command, recipe: Recipe, done: RunDone, workers: int) -> None:
    """Leave the note, if the run was sealed."""
    folder = RunFolder(Path(done.out))
    if any(is_remote(path) for path in (recipe.output.path, *recipe.input.paths)):
        return  # stores are asked by the engine
    try:
        asked = command.hash()
        if not folder.seal.exists():
            return
        listed = read_json(folder.inputs)["files"]  # not a new listing: the run has seen these
        paths = [str(path) for step in recipe.stages for path in step.stage.files()]
        pages = [] if done.report is None else [str(folder.report), str(folder.card)]
        note = {
            "command": asked,
            "question": read_json(folder.seal)["question"],
            "paths": list(recipe.input.paths),
            "format": None if recipe.input.format == "auto" else recipe.input.format,
            "files": digest([[file["name"], file["path"], file["size"], file["mtime_ns"]] for file in listed]),
            "watched": list(_states([[os.path.abspath(path)] for path in (*paths, *pages)])),
            "code": [[str(path), sha256(path)] for path in recipe.code()],
            "out": done.out,
            "workers": workers,
            "report": done.report,
        }
        write_json(folder.again, note)
    except (OSError, CurateError):  # without it the engine is asked
        return


def _states(watched: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """Path, bytes and time of change in ns of each."""
    for path, *_ in watched:
        state = fingerprint(path)
        yield [path, state.size, state.mtime_ns]


def _program() -> Iterator[tuple[str, int, int]]:
    """The files of curate itself, since its version does not change with each of their changes."""
    top = os.path.dirname(curate.__file__)
    for here, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in files:
            stat = os.stat(os.path.join(here, name))
            yield os.path.join(here, name), stat.st_size, stat.st_mtime_ns
