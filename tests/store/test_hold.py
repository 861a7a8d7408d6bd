"""The lock of a run in a store: who is alive, who is not, and who is still at work."""

from __future__ import annotations

import json
import os
import socket
import time

import fsspec
import pytest

from curate.errors import StoreError
from curate.store import hold, objects
from curate.store.hold import Hold

URL = "memory://out/.lock"


@pytest.fixture
def bucket(monkeypatch):
    """A store in memory, in which take-overs settle at once."""
    monkeypatch.setattr(hold, "_SETTLES", 0.0)
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def owner(**changes):
    told = {"token": "x", "process": "y", "host": socket.gethostname(), "pid": os.getppid(), "seen": time.time()}
    return json.dumps(told | changes).encode()


def test_one_holds_it_until_it_is_released(bucket):
    first, second = Hold(URL), Hold(URL)
    first.take("memory://out")
    assert first.is_ours()
    with pytest.raises(StoreError, match=rf"memory://out: a run is at work here .*process {os.getpid()}"):
        second.take("memory://out")
    second.release()
    assert first.is_ours(), "what one never had, it cannot release"
    first.release()
    second.take("memory://out")
    second.release()
    assert objects.kind_of(URL) is None


@pytest.mark.parametrize(
    ("content", "free"),
    [
        (owner, False),
        (lambda: owner(host="another", pid=1), False),
        (lambda: owner(host="another", pid=1, seen=time.time() - hold.STALE - 1), True),
        (lambda: owner(pid=os.getpid()), True),  # the same number, and another process
        (lambda: owner(pid=2**22 + 1), True),  # above all numbers of processes
        (lambda: b"{", True),
        (lambda: b"[]", True),
    ],
    ids=["at work", "elsewhere", "long silent", "another by now", "gone", "cut off", "no owner"],
)
def test_only_the_dead_are_taken_over(bucket, content, free):
    bucket.pipe("/out/.lock", content())
    mine = Hold(URL)
    if not free:
        with pytest.raises(StoreError, match="a run is at work here"):
            mine.take("memory://out")
        return
    mine.take("memory://out")
    assert mine.is_ours()
    mine.release()


def test_it_gives_signs_of_life(bucket, monkeypatch):
    monkeypatch.setattr(hold, "EVERY", 0.01)
    mine = Hold(URL)
    mine.take("memory://out")
    first = json.loads(objects.read_all(URL))["seen"]
    deadline = time.time() + 10
    while json.loads(objects.read_all(URL))["seen"] == first and time.time() < deadline:
        time.sleep(0.01)
    assert json.loads(objects.read_all(URL))["seen"] > first
    bucket.pipe("/out/.lock", owner(host="another"))
    time.sleep(0.05)
    assert json.loads(objects.read_all(URL))["host"] == "another", "nobody is driven out again"
    mine.release()
    assert objects.kind_of(URL) == "file"
