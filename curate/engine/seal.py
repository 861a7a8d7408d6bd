"""The seal of a finished run: what was asked, and what lay in the folder at the end.

Asking the same again is answered by one look at names, sizes and times, instead of one at every unit. A seal that does
not fit is no harm: the run then goes through all units, and takes each that is done and unchanged as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import curate
from curate import recipe as recipes
from curate.engine.context import FORMAT, digest
from curate.engine.events import Event, FunnelRow, Quarantined, RunDone, Warned
from curate.errors import StoreError
from curate.recipe import Recipe
from curate.store.files import fingerprint, read_json, sha256, write_json
from curate.store.folder import RunFolder, is_scratch
from curate.store.inputs import Listing
from curate.urls import is_remote, local


@dataclass(frozen=True)
class Sealed:
    """A run that was finished, and of which nothing has changed."""

    documents: int
    done: RunDone
    notes: tuple[Event, ...]
    """What is to be said again: files that could not be read, examples of what was kept aside."""


def question(recipe: Recipe, listing: Listing, *others: Any) -> str:
    """A hash of all that the result follows from: recipe, programs, models, input files, and what else there is."""
    models = [[str(path), *_state(path)] for step in recipe.stages for path in step.stage.files()]
    code = [sha256(path) for path in recipe.code()]
    versions = [[step.name, type(step.stage).version] for step in recipe.stages]
    files = [[file.path, *file.state] for file in listing.files]
    return digest(FORMAT, curate.__version__, recipes.dump(recipe), versions, models, code, files, others)


def anywhere(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths, so that the copy in the run folder means the same from any folder."""
    paths = tuple(_anywhere(path) for path in recipe.input.paths)
    return recipe.model_copy(
        update={
            "input": recipe.input.model_copy(update={"paths": paths}),
            "output": recipe.output.model_copy(update={"path": _anywhere(recipe.output.path), "work": None}),
        }
    )


def _anywhere(path: str) -> str:
    return path if is_remote(path) else os.path.abspath(local(path))


def close(folder: RunFolder, asked: str, done: RunDone) -> None:
    """Seal a run: all its files are there, and none will be written any more but pages about it."""
    plain = asdict(done) | {"seconds": 0.0, "report": None}
    write_json(
        folder.seal,
        {"question": asked, "state": _digest(folder), "lasting": _digest(folder, scratch=False), "done": plain},
    )


def unbroken(folder: RunFolder, asked: str) -> Sealed | None:
    """What a run with this question had come to; None if it is not finished, or if anything has changed since."""
    try:
        stored, manifest = read_json(folder.seal), read_json(folder.manifest)
    except StoreError:
        return None
    if stored["question"] != asked or not _is_as_left(folder, stored) or manifest["state"] != "done":
        return None
    plain = stored["done"]
    reasons = [{name: tuple(counts) for name, counts in row["reasons"].items()} for row in plain["funnel"]]
    rows = (FunnelRow(**row | {"reasons": why}) for row, why in zip(plain["funnel"], reasons, strict=True))
    done = RunDone(**plain | {"funnel": tuple(rows)})
    return Sealed(manifest["accounting"]["documents_in"], done, tuple(_said(manifest, done)))


def _said(manifest: dict[str, Any], done: RunDone) -> Iterator[Event]:
    for one in manifest["input"]["unreadable_files"]:
        yield Quarantined(one["file"], None, None, one["reason"], one["error"])
    for note in manifest["input"]["notes"]:
        yield Warned(note)
    for row in manifest["quarantine"]["examples"]:
        yield Quarantined(row["file"], row.get("row"), row.get("line"), row["reason"], row["error"])
    if not manifest["accounting"]["documents_out"]:
        yield Warned("no document was kept; the output is one shard without rows")


def _is_as_left(folder: RunFolder, stored: dict[str, Any]) -> bool:
    """Whether nothing has changed; without any scratch, as when it was brought from a store, what lasts counts."""
    if any(is_scratch(name) for name, _, _ in folder.written()):
        return bool(stored["state"] == _digest(folder))
    return bool(stored.get("lasting") == _digest(folder))


def _digest(folder: RunFolder, *, scratch: bool = True) -> str:
    return digest(sorted(one for one in folder.written() if scratch or not is_scratch(one[0])))


def _state(path: Any) -> tuple[int, int]:
    found = fingerprint(path)
    return found.size, found.mtime_ns
