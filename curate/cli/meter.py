"""How far a pass is, how fast, and how long it will take."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

from curate.engine.events import (
    NothingNew,
    PassDone,
    PassStarted,
    RunDone,
    RunStarted,
    ShareDone,
    UnitDone,
    Waiting,
)
from curate.report.amounts import counted, duration, percent, size

__all__ = [
    "Meter",
    "closing",
    "counted",
    "duration",
    "look_aside",
    "nothing_new",
    "opening",
    "outcome",
    "percent",
    "place",
    "size",
    "speeds",
]

Clock = Callable[[], float]


class Meter:
    """The state of one pass. Speeds are averages since its start, up to the last unit; reused units do not count."""

    def __init__(self, begun: PassStarted, clock: Clock = time.monotonic) -> None:
        """The pass begins now."""
        self.begun, self._clock = begun, clock
        self._start = self._last = clock()
        self.units = self.reused = self.documents = self.bytes = self.kept = 0
        self._new_documents = self._new_bytes = 0

    def add(self, unit: UnitDone) -> None:
        """A unit is done."""
        self._last = self._clock()
        self.units += 1
        self.documents += unit.documents
        self.bytes += unit.bytes
        self.kept += unit.kept
        if unit.reused:
            self.reused += 1
        else:
            self._new_documents += unit.documents
            self._new_bytes += unit.bytes

    @property
    def share(self) -> float:
        """What is done of the pass, 0 to 1: by bytes, or by units if there are no bytes."""
        done, of = (self.bytes, self.begun.bytes) if self.begun.bytes else (self.units, self.begun.units)
        return min(done / of, 1.0) if of else 1.0

    @property
    def documents_per_second(self) -> float | None:
        """None before the first unit is done."""
        return self._per_second(self._new_documents)

    @property
    def bytes_per_second(self) -> float | None:
        """None before the first unit is done."""
        return self._per_second(self._new_bytes)

    @property
    def seconds_left(self) -> float | None:
        """None while the speed is not known; counts down between units."""
        speed = self.bytes_per_second
        if not speed:
            return None
        return max(0.0, (self.begun.bytes - self.bytes) / speed - (self._clock() - self._last))

    def _per_second(self, count: int) -> float | None:
        seconds = self._last - self._start
        return count / seconds if count and seconds > 0 else None


def speeds(meter: Meter) -> list[str]:
    """Documents and bytes per second and the time left, as far as they are known."""
    documents, data, left = meter.documents_per_second, meter.bytes_per_second, meter.seconds_left
    return [
        "" if documents is None else f"{documents:,.0f} docs/s",
        "" if data is None else f"{size(data)}/s",
        "" if left is None else f"{duration(left)} left",
    ]


COMPILING = "compiling kernels, once for each installation: half a minute on a core that is free"


def place(number: int, of: int) -> str:
    """`pass 1 of 2`; nothing for the import, which comes before them."""
    return f"pass {number} of {of}" if number else ""


def opening(event: RunStarted) -> str:
    """What a run has before it, in one line."""
    documents = [] if event.documents is None else [counted(event.documents, "document")]
    workers = counted(event.workers, "worker") if event.workers else "in this process"
    return ", ".join([counted(event.files, "file"), *documents, size(event.bytes), workers])


def outcome(event: PassDone) -> str:
    """What a pass left."""
    aside = f", {event.quarantined:,} unreadable" if event.quarantined else ""
    if event.kept == event.documents:
        return counted(event.documents, "document")
    return f"{event.kept:,} of {counted(event.documents, 'document')} kept{aside}"


def look_aside(documents: int, out: str) -> str:
    """How much is in quarantine, and how to look at it. documents: that could not be read; 0: only whole files."""
    what = f"{counted(documents, 'document')} could not be read, kept aside" if documents else "not all files were read"
    return f"{what}; look: curate inspect {shlex.quote(out)} --dropped-by quarantine"


def nothing_new(event: NothingNew) -> str:
    """Why there is nothing to do."""
    known = f"{counted(event.files, 'file')} of the input, all known to {counted(event.generations, 'generation')}"
    return f"{event.out}: nothing new: {known}"


def waiting(event: Waiting) -> str:
    """What can be shared out now."""
    what = f"{place(event.number, event.of)} ({event.title})" if event.number else "the import"
    return f"{event.out}: stopped before {what}: {counted(event.units, 'unit')}, which --unit K/N shares out"


def share_done(event: ShareDone) -> str:
    """What a share has done, and what others still have to do."""
    if event.late:
        return f"{event.out}: share {event.share}: nothing to do, that pass is complete"
    what = place(event.number, event.of) or "the import"
    left = f"{counted(event.missing, 'unit')} of other shares still to do" if event.missing else "no unit is missing"
    return f"{event.out}: share {event.share} of {what}: {counted(event.units, 'unit')} done; {left}"


def closing(event: RunDone) -> str:
    """Where the output is, and how large."""
    parts = [] if event.rows is None else [counted(event.rows, "row")]
    parts += [] if event.shards is None else [counted(event.shards, "file")]
    parts += [] if event.bytes_out is None else [size(event.bytes_out)]
    return f"done in {duration(event.seconds)}: {event.out}" + (f" ({', '.join(parts)})" if parts else "")
