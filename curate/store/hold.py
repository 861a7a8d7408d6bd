"""One run at a time in a folder of a store: an object that says who is at work, renewed for as long as they are."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from curate.errors import StoreError
from curate.store import objects
from curate.store.system import is_gone

EVERY = 60.0
"""Seconds between two signs of life."""
STALE = 600.0
"""Seconds without one after which its owner is taken for dead; clocks of machines may differ by some minutes."""
_PROCESS = secrets.token_hex(8)
_SETTLES = 1.0  # seconds after which two that took over at once know who came last


class Hold:
    """Holds a lock object from `take` to `release`."""

    def __init__(self, url: str) -> None:
        """`url`: of the object."""
        self.url = url
        self._token = secrets.token_hex(8)
        self._began = time.time()
        self._end = threading.Event()
        self._renewer: threading.Thread | None = None

    def take(self, place: str) -> None:
        """Take it, from a dead owner too. Raises StoreError, naming `place`, while another run holds it."""
        if not objects.create(self.url, self._sign()):
            owner = self._owner()
            if owner is not None and not _is_dead(owner):
                ago = max(0, round(time.time() - owner["seen"]))
                raise StoreError(
                    f"{place}: a run is at work here (host {owner['host']}, process {owner['pid']}, last heard of "
                    f"{ago} s ago); wait for it to end. One that was killed on another machine is taken for dead after "
                    f"{STALE / 60:.0f} minutes of silence; if you know that it is, remove {self.url}"
                )
            objects.remove(self.url)
            taken = objects.create(self.url, self._sign())
            time.sleep(_SETTLES if taken else 0)
            if not taken or not self.is_ours():
                raise StoreError(f"{place}: another run has just begun here; wait for it to end")
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        self._renewer.start()

    def is_ours(self) -> bool:
        """Whether nobody has taken it over meanwhile."""
        owner = self._owner()
        return owner is not None and owner["token"] == self._token

    def release(self) -> None:
        """Let go of it, if it is still held."""
        self._end.set()
        if self._renewer is not None:
            self._renewer.join()
            with suppress(StoreError):  # it goes stale by itself
                if self.is_ours():
                    objects.remove(self.url)

    def _sign(self) -> bytes:
        told = {"token": self._token, "process": _PROCESS, "host": socket.gethostname(), "pid": os.getpid()}
        return json.dumps({**told, "began": self._began, "seen": time.time()}).encode()

    def _owner(self) -> dict[str, Any] | None:
        try:
            found = json.loads(objects.read_all(self.url))
            return dict(found) if {"token", "host", "pid", "seen"} <= found.keys() else None
        except (objects.Gone, ValueError, AttributeError):
            return None

    def _renew(self) -> None:
        while not self._end.wait(EVERY):
            with suppress(StoreError):  # the next sign may get through
                if self.is_ours():
                    objects.write(self.url, self._sign())


def _is_dead(owner: dict[str, Any]) -> bool:
    if time.time() - float(owner["seen"]) > STALE:
        return True
    if owner["host"] != socket.gethostname():
        return False
    if owner["pid"] == os.getpid():  # numbers come again, above all in containers, where they are small
        return owner.get("process") != _PROCESS
    return is_gone(int(owner["pid"]))
