"""A run in lines: plain ones for log files and pipes, JSON for programs. Each is flushed as it is written."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TextIO

from curate.cli import tables
from curate.cli.escapes import on_one_line, visible
from curate.cli.meter import (
    COMPILING,
    Clock,
    Meter,
    closing,
    counted,
    duration,
    look_aside,
    nothing_new,
    opening,
    outcome,
    place,
    share_done,
    speeds,
    waiting,
)
from curate.engine.events import (
    Event,
    KernelsCompiling,
    NothingNew,
    PassDone,
    PassStarted,
    Published,
    Quarantined,
    Resolved,
    Resolving,
    RunDone,
    RunFailed,
    RunStarted,
    ShareDone,
    UnitDone,
    Waiting,
    Warned,
)

EVERY = 5.0  # seconds between two lines about the same pass: a day's run stays under 20,000 lines


def kept_aside(event: Quarantined) -> str:
    """Where something unreadable is, and what is wrong with it."""
    spot = (
        f", row {event.row:,}" if event.row is not None else f", line {event.line:,}" if event.line is not None else ""
    )
    return on_one_line(f"kept aside: {event.file}{spot}: {event.reason}: {event.error}")


class Lines:
    """One line when something begins or ends, and every few seconds in between."""

    def __init__(self, stream: TextIO, *, every: float = EVERY, clock: Clock = time.monotonic) -> None:
        """Lines go to `stream`, the funnel to standard output."""
        self._stream, self._every, self._clock = stream, every, clock
        self._meter: Meter | None = None
        self._said = 0.0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case RunStarted():
                self._say(on_one_line(f"{event.recipe} -> {event.out}: {opening(event)}"))
                if event.finished:
                    self._say("this run was finished, and nothing has changed since")
                elif event.resumed:
                    self._say("an earlier run goes on: what is done and unchanged is kept")
            case KernelsCompiling():
                self._say(COMPILING)
            case PassStarted():
                self._meter, self._said = Meter(event, self._clock), self._clock()
                self._say(f"{_prefix(event)}{event.title}: {counted(event.units, 'unit')} of work")
            case UnitDone():
                self._progress(event)
            case Resolving():
                self._say(f"{event.step}: deciding")
            case Resolved():
                self._say(f"{event.step}: {event.text}")
            case PassDone():
                self._pass_done(event)
            case Quarantined():
                self._say(kept_aside(event))
            case Warned():
                self._say(on_one_line(f"warning: {event.text}"))
            case NothingNew():
                self._say(on_one_line(nothing_new(event)))
            case Published():
                self._say(on_one_line(f"generation {event.number}: published: {event.data}"))
            case Waiting():
                self._say(waiting(event))
            case ShareDone():
                self._say(share_done(event))
            case RunDone():
                tables.print_funnel(event.funnel)
                if event.exit_code:
                    self._say(look_aside(event.quarantined, event.out))
                self._say(closing(event))
                if event.report is not None:
                    self._say(f"report: {event.report}")
            case RunFailed():
                self._say(event.message if event.interrupted else f"failed: {event.message}")
            case _:
                raise TypeError(f"no way to show {event!r}")

    def _progress(self, event: UnitDone) -> None:
        if self._meter is None:
            return
        self._meter.add(event)
        if self._clock() - self._said < self._every:
            return
        self._said = self._clock()
        parts = [f"{int(100 * self._meter.share)} %", counted(self._meter.documents, "document"), *speeds(self._meter)]
        self._say(f"{_prefix(self._meter.begun)}" + ", ".join(part for part in parts if part))

    def _pass_done(self, event: PassDone) -> None:
        reused = self._meter.reused if self._meter else 0
        before = f", {counted(reused, 'unit')} done before" if reused else ""
        title = _prefix(self._meter.begun) or f"{self._meter.begun.title}: " if self._meter else ""
        self._say(f"{title}done in {duration(event.seconds)}, {outcome(event)}{before}")
        self._meter = None

    def _say(self, text: str) -> None:
        print(time.strftime("%H:%M:%S ") + visible(text), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to restore."""


def _prefix(event: PassStarted) -> str:
    where = place(event.number, event.of)
    return f"{where}: " if where else ""


class Json:
    """One JSON object per event and line: `event` is its kind in snake_case, `time` in UTC, the rest are its fields."""

    def __init__(self, stream: TextIO, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """All goes to `stream`."""
        self._stream, self._now = stream, now

    def __call__(self, event: Event) -> None:
        """Write one event."""
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
        moment = self._now().isoformat(timespec="milliseconds")
        # Escapes keep lines whole for readers that split at U+2028 or guess at the encoding.
        print(json.dumps({"event": kind, "time": moment, **asdict(event)}), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to restore."""
