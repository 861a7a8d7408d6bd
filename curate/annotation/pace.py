"""When to ask next: so many requests a minute, a pause when the server asks for one, longer waits after failures."""

from __future__ import annotations

import asyncio
import random
import time

FIRST, LONGEST = 0.5, 60.0
"""Seconds to wait after the first failure of a request, and at most: twice as long each time."""


class Pace:
    """Of all requests of one run together."""

    def __init__(self, per_minute: float | None = None) -> None:
        """per_minute: requests, evenly spread, also those that repeat others. None: as many as answers come."""
        self._step = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until a request may go out."""
        while True:
            now = time.monotonic()
            if now >= self._next:
                self._next = now + self._step
                return
            await asyncio.sleep(self._next - now)

    def pause(self, seconds: float) -> None:
        """No request for so long: the server wants it."""
        self._next = max(self._next, time.monotonic() + seconds)


def back_off(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubled each time, and between half and all of it by chance.

    By chance, so that requests which failed together do not come again together.
    """
    return min(LONGEST, FIRST * 2.0 ** min(failures - 1, 30)) * random.uniform(0.5, 1.0)
