"""A run folder on this machine and its likeness in a store: what is brought down, what is sent up, and in which order.

Stores cannot rename, so that what makes a run visible is the order of writing: all files first, each whole, then
`manifest.json`. What a manifest in the store vouches for is not touched while a run is at work; when its output is
whole here, that manifest is taken away first, unless what it names stays as it is (as in a run with `incremental`).
`.curate.json` in the store says what is there, with hashes; `.store.json` in the folder, what of it is also here.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from curate.errors import RecipeError, StoreError
from curate.store import objects
from curate.store.files import read_json, whole, write_json
from curate.store.folder import GENERATIONS, IN_STORE, is_scratch
from curate.store.sent import State, Stored, exists, hash_of, is_same, state_from, state_of
from curate.urls import joined

T = TypeVar("T")
STATE, LOCK = ".curate.json", ".curate.lock"
LAST = ("manifest.json", ".seal.json")
"""Sent last, in this order: what says that all else is there."""
AT_ONCE = 8  # files under way


class Mirror:
    """A folder and its likeness. One run at a time: hold the lock."""

    def __init__(self, folder: Path, url: str) -> None:
        """Nothing is read yet."""
        self.folder, self.url = folder, url.rstrip("/")
        self.state = State("", "", {})
        self._lost: set[str] = set()

    def bring(self, *, fresh: bool = False) -> int:
        """Bring down what the store has and the folder has not → number of files. Raises StoreError, RecipeError.

        What is newer here stays, unless the store was written from elsewhere meanwhile. fresh: nothing is wanted.
        """
        self._check_owner()
        found = self._stored()
        here = self._noted()
        if found is None:
            self._check_empty()
            self.state = State("", "", {})
            return 0
        self.state, self._lost = found, self._lost_of(found)
        if fresh:
            return 0
        same = here is not None and here.turn == found.turn
        moved = found.work != str(self.folder)
        if not same and moved and any(name.startswith("index/") for name in found.files):
            raise RecipeError(
                f"{self.url}: what its index remembers is of runs in the folder {found.work}; run there: "
                f"--work {Path(found.work).parent}"
            )
        there = exists if same else is_same
        wanted = [(name, one) for name, one in found.files.items() if not there(self._path(name), one)]
        _at_once(self._bring, wanted)
        self._note()
        return len(wanted)

    def is_as_stored(self) -> bool:
        """Whether the folder is, by what both have noted, as the store is, and the store has what it notes."""
        here, found = self._noted(), self._stored()
        self.state = found or self.state
        return here is not None and found is not None and here.turn == found.turn and not self._lost_of(found)

    def bring_to_look(self) -> None:
        """Have the folder as the store is, and no other files in it, for commands that only read."""
        self._check_owner()
        self.state = self._stored() or State("", "", {})
        files, lost = self.state.files, self._lost_of(self.state)
        wanted = [(name, one) for name, one in files.items() if name in lost or not is_same(self._path(name), one)]
        _at_once(self._bring, wanted)
        for name, path in list(self._files()):
            if name not in files:
                path.unlink()
        self._note()

    def send(self) -> None:
        """Send what is new while the run is at work: nothing that the manifest in the store vouches for."""
        published = LAST[0] in self.state.files
        changed = {}
        for name, path in self._files():
            if name in LAST or (published and not _is_unpublished(name, self.state.files)):
                continue
            if not self._is_sent(name, path) and not name.startswith("data/"):
                changed[name] = path
        if changed:
            self._send(changed)
            self._save()

    def publish(self, is_ours: Callable[[], bool], say: Callable[[int, int], None] = lambda files, size: None) -> None:
        """Send all, the manifest last, and take away what is no more.

        is_ours: whether the lock is still held. say: is told how many files go, and their bytes.
        """
        there = dict(self._files())
        changed = {name: path for name, path in there.items() if not self._is_sent(name, path)}
        gone = [name for name in self.state.files if name not in there and not is_scratch(name)]
        if not changed and not gone:
            return
        if not is_ours():
            raise StoreError(f"{self.url}: another run has taken over here; nothing of this one was published")
        say(len(changed), sum(path.stat().st_size for path in changed.values()))
        back = {name for name in changed if name in self._lost and self._is_as_noted(name, there[name])}
        new = [name for name in (*changed, *gone) if name not in back]
        vouched = [name for name in new if name.startswith("data/") and name in self.state.files]
        if vouched and LAST[0] in self.state.files:
            for name in LAST:
                objects.remove(joined(self.url, name))
                self.state.files.pop(name, None)
            self._save()
            changed |= {name: there[name] for name in LAST if name in there}
        self._send({name: path for name, path in changed.items() if name not in LAST})
        for name in LAST:
            if name in changed:
                self._send({name: changed[name]})
        self._save()
        _at_once(lambda name: objects.remove(joined(self.url, name)), gone)
        for name in gone:
            self.state.files.pop(name, None)
        if gone:
            self._save()

    def _files(self) -> Iterator[tuple[str, Path]]:
        """(name, path) of each file of the folder that belongs to the run, but for scratch."""
        for here, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(here) / name
                place = path.relative_to(self.folder).as_posix()
                if (not name.startswith(".") or name == LAST[1]) and not is_scratch(place):
                    yield place, path

    def _send(self, files: dict[str, Path]) -> None:
        def send(item: tuple[str, Path]) -> tuple[str, Stored]:
            name, path = item
            stored = state_of(path)
            objects.put(path, joined(self.url, name))
            return name, stored

        self.state.files.update(_at_once(send, list(files.items())))
        self._lost -= files.keys()

    def _bring(self, item: tuple[str, Stored]) -> None:
        """Bring a file down; one that is not as it was noted is left out: its sender was stopped, and will redo it."""
        name, expected = item
        path = self._path(name)
        try:
            objects.fetch(joined(self.url, name), path)
            whole = hash_of(path) == expected.xxh3_128
        except objects.Gone:
            whole = False
        if whole:
            os.utime(path, ns=(expected.mtime_ns, expected.mtime_ns))
        else:
            path.unlink(missing_ok=True)
            self.state.files.pop(name, None)

    def _path(self, name: str) -> Path:
        """Where a file of the store is in the folder: in it, whatever the store says."""
        if any(part in ("", ".", "..") or "\\" in part for part in name.split("/")):
            raise StoreError(f"{joined(self.url, STATE)}: '{name}' is no path of a run")
        return self.folder / name

    def _is_sent(self, name: str, path: Path) -> bool:
        """Whether the store has this file as it is here."""
        return name not in self._lost and self._is_as_noted(name, path)

    def _is_as_noted(self, name: str, path: Path) -> bool:
        known = self.state.files.get(name)
        return known is not None and is_same(path, known)

    def _lost_of(self, state: State) -> set[str]:
        """Names of noted files of which the store has no object of that size any more: somebody removed or changed it.

        One listing. Who may not list goes by what is noted.
        """
        if not state.files:
            return set()
        try:
            found = objects.below(self.url)
        except objects.Forbidden:
            return set()
        depth = len(_parts(self.url))
        sizes = {"/".join(_parts(one.url)[depth:]): one.size for one in found}
        return {name for name, one in state.files.items() if sizes.get(name) != one.size}

    def _stored(self) -> State | None:
        """What the store says is there; None if no run has been."""
        url = joined(self.url, STATE)
        try:
            found = json.loads(objects.read_all(url))
        except objects.Gone:
            return None
        except ValueError as error:
            raise StoreError(f"{url}: it is not JSON ({error}); was it edited by hand?") from None
        return state_from(found, url)

    def _noted(self) -> State | None:
        path = self.folder / IN_STORE
        return state_from(read_json(path), str(path)) if path.exists() else None

    def _check_owner(self) -> None:
        """Raise RecipeError if the folder stands for another place in a store, or has somebody's own files."""
        path = self.folder / IN_STORE
        others = [] if not self.folder.is_dir() else [n for n in sorted(os.listdir(self.folder)) if n[0] != "."]
        if path.exists() and read_json(path).get("url") != self.url:
            raise RecipeError(f"{self.folder}: it is the work folder of {read_json(path)['url']}; name another: --work")
        if others and not path.exists():
            raise RecipeError(
                f"{self.folder}: it holds {', '.join(others[:3])}{' …' if len(others) > 3 else ''}, and is no work "
                f"folder of {self.url}; name another: --work"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_json(path, State("", "", {}).plain() | {"url": self.url})

    def _check_empty(self) -> None:
        """Raise RecipeError if the place in the store has other things than a run's."""
        there = [name for name in objects.names_in(self.url) if not name.startswith(".")]
        if there and self._noted() is not None and not (self._noted() or self.state).turn:
            raise RecipeError(
                f"output.path = {self.url}: it is no run's, and holds {', '.join(there[:3])}"
                f"{' …' if len(there) > 3 else ''}; name a place of its own for the run"
            )

    def _save(self) -> None:
        """Note in the store what is there, then in the folder."""
        self.state = replace(self.state, turn=secrets.token_hex(8), work=str(self.folder))
        objects.write(joined(self.url, STATE), json.dumps(self.state.plain()).encode())
        self._note()

    def _note(self) -> None:
        with whole(self.folder / IN_STORE) as part:
            part.write_text(json.dumps(self.state.plain() | {"url": self.url}), encoding="utf-8", newline="\n")


def _is_unpublished(name: str, stored: dict[str, Stored]) -> bool:
    """Whether a file is of a generation that is in the making: its data are not there yet."""
    parts = name.split("/")
    if name == "pending.json":
        return True
    return len(parts) > 2 and parts[0] == GENERATIONS and not any(n.startswith(f"data/{parts[1]}/") for n in stored)


def _parts(url: str) -> list[str]:
    """Bucket and names of an address; schemes have several names."""
    return [part for part in url.partition("://")[2].split("/") if part]


def _at_once(work: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
    """Results of many pieces of work, several at a time; the first failure ends all that have not begun."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            return [one.result() for one in waiting]
        except BaseException:
            for one in waiting:
                one.cancel()
            raise
