"""A finished run, read back from its seal. Loads nothing heavy, so that a run with nothing to do ends at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curate.engine.events import Event, FunnelRow, Quarantined, RunDone, Warned
from curate.errors import StoreError
from curate.store.files import digest, read_json
from curate.store.folder import RunFolder, is_scratch


@dataclass(frozen=True)
class Sealed:
    """A run that was finished, and of which nothing has changed."""

    documents: int
    done: RunDone
    notes: tuple[Event, ...]
    """What is to be said again: files that could not be read, examples of what was kept aside."""


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


def state_of(folder: RunFolder, *, scratch: bool = True) -> str:
    """A hash of the names, sizes and times of all files of a run, or of those that last."""
    return digest(sorted(one for one in folder.written() if scratch or not is_scratch(one[0])))


def _is_as_left(folder: RunFolder, stored: dict[str, Any]) -> bool:
    """Whether nothing has changed; without any scratch, as when it was brought from a store, what lasts counts."""
    if any(is_scratch(name) for name, _, _ in folder.written()):
        return bool(stored["state"] == state_of(folder))
    return bool(stored.get("lasting") == state_of(folder))


def _said(manifest: dict[str, Any], done: RunDone) -> Iterator[Event]:
    for one in manifest["input"]["unreadable_files"]:
        yield Quarantined(one["file"], None, None, one["reason"], one["error"])
    for note in manifest["input"]["notes"]:
        yield Warned(note)
    for row in manifest["quarantine"]["examples"]:
        yield Quarantined(row["file"], row.get("row"), row.get("line"), row["reason"], row["error"])
    if not manifest["accounting"]["documents_out"]:
        yield Warned("no document was kept; the output is one shard without rows")
