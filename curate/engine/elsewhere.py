"""A run whose output is in a store: it works in a folder on this machine, and the store is given what it makes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from curate.engine.events import Event, PassDone, Resolved, RunDone, RunStarted, Show
from curate.errors import StoreError
from curate.recipe import Recipe
from curate.store.hold import Hold
from curate.store.mirror import LOCK, Mirror
from curate.urls import is_remote, joined


class Elsewhere:
    """Carries what a run makes into its store; does nothing for an output on this machine."""

    def __init__(self, mirror: Mirror | None, hold: Hold | None, show: Show) -> None:
        """`mirror`, `hold`: None for an output on this machine."""
        self._mirror, self._hold, self._show = mirror, hold, show

    def show(self, event: Event) -> None:
        """Say an event, with the output as the user knows it; send what a pass has made."""
        if self._mirror is not None and isinstance(event, RunStarted | RunDone):
            event = self._as_known(event, self._mirror)
        self._show(event)
        if self._mirror is not None and isinstance(event, PassDone):
            self._mirror.send()

    def _as_known(self, event: RunStarted | RunDone, mirror: Mirror) -> Event:
        if isinstance(event, RunDone) and event.report is not None:
            event = replace(event, report=joined(mirror.url, Path(event.report).relative_to(mirror.folder).as_posix()))
        return replace(event, out=mirror.url)

    def keep(self) -> None:
        """Send what is done of a run that failed, for who goes on with it."""
        with suppress(StoreError):  # the error that is being told counts more
            if self._mirror is not None and self._hold is not None and self._hold.is_ours():
                self._mirror.send()

    def publish(self) -> None:
        """Send the output, then what makes it visible. Raises StoreError when another run has taken over."""
        if self._mirror is not None and self._hold is not None:
            url = self._mirror.url

            def say(files: int, size: int) -> None:
                self._show(
                    Resolved("output", f"{files:,} file{'' if files == 1 else 's'}, {size:,} bytes, go to {url}")
                )

            self._mirror.publish(self._hold.is_ours, say)


@contextmanager
def elsewhere(recipe: Recipe, show: Show, *, fresh: bool = False) -> Iterator[Elsewhere]:
    """Hold the lock of an output in a store, and have its work folder as the store is."""
    if not is_remote(recipe.output.path):
        yield Elsewhere(None, None, show)
        return
    mirror = Mirror(recipe.output.folder, recipe.output.path)
    hold = Hold(joined(mirror.url, LOCK))
    hold.take(mirror.url)
    try:
        mirror.bring(fresh=fresh)
        yield Elsewhere(mirror, hold, show)
    finally:
        hold.release()
