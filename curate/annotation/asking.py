"""Asks about many documents at a time, again where it failed, and notes every outcome as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from curate.annotation.drawing import Document
from curate.annotation.endpoint import Annotator, Unavailable
from curate.annotation.form import Form, Malformed, parsed
from curate.annotation.outcomes import FAILED, MALFORMED, NO_ANSWER, Outcome
from curate.annotation.pace import Pace, back_off
from curate.errors import CurateError

LONGEST_PAUSE = 600.0
"""Seconds. A server that wants a longer pause is asked another time, by a person."""
LONGEST_KEPT = 10_000
"""Characters of an answer that has not the form."""
HOPELESS = 5
"""Documents in a row whose requests all failed, after which the endpoint is taken to be down."""


@dataclass(frozen=True)
class Patience:
    """How often to ask."""

    retries: int = 6
    """Failed requests for a document after which it is given up, less one."""
    attempts: int = 3
    """Useless answers for a document after which it is given up."""


@dataclass
class Progress:
    """What was done so far in this run."""

    documents: int = 0
    """To be asked about."""
    rated: int = 0
    useless: int = 0
    """Documents whose answers were useless to the last."""
    failed: int = 0
    """Documents whose requests failed to the last; a later run asks again."""
    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    waiting: str = ""
    """What failed last and is tried again, unless something was answered since."""

    @property
    def done(self) -> int:
        return self.rated + self.useless + self.failed


Show = Callable[[Progress], None]


def ask_all(
    documents: Sequence[Document],
    annotator: AbstractAsyncContextManager[Annotator],
    form: Form,
    note: Callable[[Outcome], None],
    *,
    parallel: int,
    pace: Pace,
    patience: Patience,
    show: Show = lambda _: None,
) -> Progress:
    """Ask about each document, `parallel` at a time, and note each outcome as it is known.

    Raises Refused at once when the server will not answer, CurateError when it cannot be reached, KeyboardInterrupt at
    Ctrl-C; requests under way are given up then.
    """
    asking = _Asking(form, note, pace, patience, show, Progress(len(documents)))

    async def run() -> None:
        async with annotator as ready:
            queue = iter(documents)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(min(parallel, len(documents))):
                        tasks.create_task(asking.work(ready, queue))
            except ExceptionGroup as errors:
                raise _first(errors) from None

    asyncio.run(run())
    return asking.progress


def _first(error: BaseException) -> BaseException:
    """One of the errors of tasks that failed together."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@dataclass
class _Asking:
    form: Form
    note: Callable[[Outcome], None]
    pace: Pace
    patience: Patience
    show: Show
    progress: Progress
    _replied: bool = False
    """Whether the endpoint has ever replied."""
    _hopeless: int = 0
    """Documents given up since its last reply."""

    async def work(self, annotator: Annotator, queue: Iterator[Document]) -> None:
        """Take documents from the queue until there is none left."""
        for document in queue:
            outcome = await self._outcome(annotator, document)
            self.note(outcome)
            self.progress.rated += outcome.reason is None
            self.progress.useless += outcome.reason in (MALFORMED, NO_ANSWER)
            self.progress.failed += outcome.reason == FAILED
            self.show(self.progress)
            if outcome.reason == FAILED:
                self._hopeless += 1
                if not self._replied or self._hopeless >= HOPELESS:
                    raise CurateError(f"{outcome.problem} (asked {outcome.requests} times)")

    async def _outcome(self, annotator: Annotator, document: Document) -> Outcome:
        """What becomes of a document."""
        question = self.form.question(document.text)
        failures = useless = 0
        while True:
            await self.pace.turn()
            self.progress.requests += 1
            try:
                reply = await annotator.ask(question, useless)
            except Unavailable as error:
                failures += 1
                if failures > self.patience.retries:
                    return Outcome.of(document, FAILED, str(error), None, failures + useless)
                await self._wait(error, failures)
                continue
            self._replied, self._hopeless, self.progress.waiting = True, 0, ""
            self.progress.prompt_tokens += reply.prompt_tokens
            self.progress.answer_tokens += reply.answer_tokens
            tries = failures + useless + 1
            if reply.content is None:
                reason, problem, raw = NO_ANSWER, reply.problem, reply.body
            else:
                try:
                    parsed(reply.content)
                    return Outcome.of(document, None, "", reply.content, tries)
                except Malformed as error:
                    reason, problem, raw = MALFORMED, str(error), reply.content[:LONGEST_KEPT]
            useless += 1
            if useless >= self.patience.attempts:
                return Outcome.of(document, reason, problem, raw, tries)

    async def _wait(self, error: Unavailable, failures: int) -> None:
        """Before the request is put again. Raises CurateError if the server wants a pause that is too long."""
        seconds = back_off(failures)
        if error.wait is not None:
            if error.wait > LONGEST_PAUSE:
                raise CurateError(f"{error}; it wants a pause of {error.wait:,.0f} s: run again then, it goes on")
            self.pace.pause(error.wait)
            seconds = max(seconds, error.wait)
        self.progress.waiting = f"{error}; again in {seconds:.0f} s"
        self.show(self.progress)
        await asyncio.sleep(seconds)
