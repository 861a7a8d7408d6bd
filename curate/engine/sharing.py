"""Who may be at work in a run folder: one run, or any number of shares of the pass that the run waits for.

There is no lock for both. A run takes away the mark that shares go by, and then looks whether a share is alive; a share
takes a lock of its own, and then looks for the mark. Whichever comes first, one of them sees the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from curate.errors import RecipeError, StoreError
from curate.store.files import read_json, write_json
from curate.store.folder import RunFolder
from curate.store.lock import alone


@dataclass(frozen=True)
class Share:
    """One of `of` shares of a pass: each task whose place is `number`, `number + of` …, counted from 1."""

    number: int
    """1 to `of`."""
    of: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """`2/8`. Raises RecipeError."""
        number, slash, of = text.partition("/")
        if not (slash and _is_count(number) and _is_count(of) and int(number) <= int(of)):
            raise RecipeError(
                f"--unit {text}: expected K/N, the share K of N, counted from 1: --unit 1/8 to --unit 8/8"
            )
        return cls(int(number), int(of))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def name(self) -> str:
        """As in names of files."""
        return f"{self.number}-of-{self.of}"

    def takes(self, index: int) -> bool:
        """Whether the task in place `index`, counted from 0, is of this share."""
        return index % self.of == self.number - 1


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0


@dataclass(frozen=True)
class Mark:
    """What the run in a folder waits for."""

    number: int
    """The pass that can be done in shares."""
    question: str
    """Hash of all that the result follows from: a share of anything else has no business here."""


def mark(folder: RunFolder, number: int, question: str) -> None:
    """From now on, shares of pass `number` may begin."""
    write_json(folder.waiting, asdict(Mark(number, question)))


@contextmanager
def undivided(folder: RunFolder) -> Iterator[None]:
    """Be the one run at work in a folder. Raises StoreError if another one is, or a share."""
    with alone(folder.lock):
        _check_no_share_is_alive(folder)  # first without harm to those that are about to begin
        before = read_mark(folder)
        folder.waiting.unlink(missing_ok=True)
        try:
            _check_no_share_is_alive(folder)
        except StoreError:
            if before is not None:
                mark(folder, before.number, before.question)
            raise
        for lock in _locks(folder):  # a share that takes one now finds no mark
            with suppress(OSError):
                lock.unlink()
        yield


@contextmanager
def divided(folder: RunFolder, share: Share) -> Iterator[Mark | None]:
    """Be a share at work in a folder; what the run there waits for, None if it does not wait.

    Raises StoreError if the same share is at work already, or a run.
    """
    busy = f"{folder.root}: share {share} is at work already; wait for it to end, or give each job a share of its own"
    with ExitStack() as held:
        if folder.root.is_dir():
            held.enter_context(alone(folder.share_lock(share.name), busy))
            if not folder.waiting.exists():
                with alone(folder.lock):  # says so if a run is at work
                    pass
        yield read_mark(folder)


def read_mark(folder: RunFolder) -> Mark | None:
    """What the run in a folder waits for."""
    return Mark(**read_json(folder.waiting)) if folder.waiting.exists() else None


def _locks(folder: RunFolder) -> list[Path]:
    pattern = folder.share_lock("*")
    return sorted(pattern.parent.glob(pattern.name))


def _check_no_share_is_alive(folder: RunFolder) -> None:
    for lock in _locks(folder):
        share = lock.stem.removeprefix(folder.share_lock("").stem).replace("-of-", "/")
        busy = f"{folder.root}: share {share} of a pass is at work here; wait for it to end, then run again"
        with alone(lock, busy):
            pass
