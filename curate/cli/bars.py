"""A run on a terminal: a bar for the pass at work, and a line above it for each that is done."""

from __future__ import annotations

import shlex
import sys
import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from curate.cli import tables
from curate.cli.escapes import visible
from curate.cli.lines import kept_aside
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
    percent,
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

WIDEST = 100  # columns: on a wide terminal the eye would lose the line between a title and its numbers


class Bars:
    """Progress bars. What is printed meanwhile, by whomever in this process, goes above them."""

    def __init__(self, console: Console, *, clock: Clock = time.monotonic) -> None:
        """Draws on `console`, the funnel on standard output. Nothing yet: the first event begins."""
        self._console, self._clock = console, clock
        self._meter: Meter | None = None
        self._spinner: Spinner | None = None
        self._live = Live(
            console=console,
            get_renderable=self.frame,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case RunStarted():
                self._say(Text.assemble((event.recipe, "bold"), " → ", (event.out, "bold")))
                resumed = "; an earlier run goes on" if event.resumed else ""
                resumed = "; it was finished, and nothing has changed since" if event.finished else resumed
                self._say(Text(opening(event) + resumed, "dim"))
                self._live.start()
            case KernelsCompiling():
                self._wait(COMPILING)
            case PassStarted():
                self._meter, self._spinner = Meter(event, self._clock), None
            case UnitDone():
                if self._meter is not None:
                    self._meter.add(event)
            case Resolving():
                self._wait(f"{event.step}: deciding")
            case Resolved():
                self._say(Text(visible(f"{event.step}: {event.text}"), "dim"))
            case PassDone():
                self._pass_done(event)
            case Quarantined():
                self._say(Text(kept_aside(event), "yellow"))
            case Warned():
                self._say(Text.assemble(("warning: ", "bold yellow"), visible(event.text)))
            case NothingNew():
                self._say(Text(nothing_new(event)))
            case Published():
                self._say(Text.assemble(f"generation {event.number}: published: ", (event.data, "bold")))
            case Waiting():
                self._say(Text(waiting(event)))
            case ShareDone():
                self._say(Text(share_done(event)))
            case RunDone():
                self._run_done(event)
            case RunFailed():
                self.close()
                message = visible(event.message)
                self._say(Text(message) if event.interrupted else Text(f"failed: {message}", "red"))
            case _:
                raise TypeError(f"no way to show {event!r}")

    def frame(self) -> RenderableType:
        """What is at work now: two lines for a pass, a spinner for what has no measure."""
        if self._spinner is not None:
            return self._spinner
        if self._meter is None:
            return Text("")
        meter = self._meter
        of = meter.begun.documents
        done = f"{meter.documents:,} of {counted(of, 'document')}" if of else counted(meter.documents, "document")
        kept = f", {percent(meter.kept, meter.documents)} kept" if 0 < meter.kept < meter.documents else ""
        bar = Table.grid(expand=True, padding=(0, 0, 0, 2))
        bar.add_column(ratio=1)
        cells = [f"{int(100 * meter.share)} %", *speeds(meter)]
        for width in (5, 13, 10, 12):
            bar.add_column(justify="right", no_wrap=True, min_width=width)
        bar.add_row(ProgressBar(total=1.0, completed=meter.share), *cells)
        return Group(self._line(meter.begun, done + kept, ""), _narrow(bar, self._console))

    def _wait(self, text: str) -> None:
        self._meter, self._spinner = None, Spinner("dots", Text(text))

    def _pass_done(self, event: PassDone) -> None:
        meter, self._meter = self._meter, None
        if meter is not None:
            reused = f", {meter.reused:,} reused" if meter.reused else ""
            self._say(self._line(meter.begun, f"{outcome(event)}{reused}  {duration(event.seconds)}", "✓ "))

    def _run_done(self, event: RunDone) -> None:
        self.close()
        self._say("")
        tables.print_funnel(event.funnel)
        self._say("")
        out = shlex.quote(event.out)
        if event.exit_code:
            self._say(Text(look_aside(event.quarantined, event.out), "yellow"))
        self._say(Text(closing(event), "bold"))
        if event.report is not None:
            self._say(Text(f"read: {event.report}", "dim"))
        most = max(event.funnel, key=lambda row: row.dropped, default=None)
        if most is not None and most.dropped:
            self._say(Text(f"look: curate inspect {out} --dropped-by {most.label}", "dim"))
            self._say(Text(f"ask:  curate why {out} ID", "dim"))

    def _line(self, event: PassStarted, right: str, mark: str) -> RenderableType:
        """`pass 1 of 2  normalize, language, …            1,200 of 1,859 documents kept`, on one line."""
        grid = Table.grid(expand=True, padding=(0, 0, 0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis", style="dim")
        grid.add_column(justify="right", no_wrap=True)
        where = place(event.number, event.of)
        title = Text(event.title)
        grid.add_row(Text.assemble((mark, "green"), where or title), title if where else "", right)
        return _narrow(grid, self._console)

    def _say(self, what: RenderableType) -> None:
        self._console.print(what, soft_wrap=isinstance(what, (str, Text)))

    def close(self) -> None:
        """Take the bar away and show the cursor again."""
        self._meter = self._spinner = None
        self._live.stop()


def _narrow(grid: Table, console: Console) -> Table:
    """Two columns stay free for the terminal's ^C: if that began a new line, a piece of the bar would stay behind."""
    grid.width = min(console.width - 2, WIDEST)
    return grid
