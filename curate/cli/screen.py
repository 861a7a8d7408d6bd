"""What a person sees of a run, and in which of three ways: bars, lines, or JSON for programs. And tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from curate.engine.events import Event, FunnelRow
from curate.errors import RecipeError

FORMATS = ("auto", "plain", "json")


class Screen(Protocol):
    """Shows events as they come. Events of a run go to standard error, its funnel at the end to standard output."""

    def __call__(self, event: Event) -> None:
        """Show one event."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was; after it nothing is shown."""
        ...


def choose(log_format: str = "auto") -> Screen:
    """Bars if standard error is a terminal, else plain lines; `plain` and `json` anyway. RecipeError otherwise."""
    if log_format not in FORMATS:
        raise RecipeError(f"--log-format {log_format}: expected one of {', '.join(FORMATS)}")
    if log_format == "json":
        from curate.cli.lines import Json

        return Json(sys.stderr)
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if log_format == "auto" and sys.stderr.isatty() and not console.is_dumb_terminal:
        from curate.cli.bars import Bars

        return Bars(console)
    from curate.cli.lines import Lines

    return Lines(sys.stderr)


def close(screen: Screen) -> None:
    """Leave the terminal as it was."""
    screen.close()


def print_funnel(rows: Sequence[FunnelRow]) -> None:
    """Print the funnel table on standard output."""
    from curate.cli import tables

    tables.print_funnel(rows)


def print_stages() -> None:
    """Print the names of all stages with their summaries."""
    from curate.cli import stage_pages

    stage_pages.print_stages()


def print_stage(name: str) -> None:
    """Print all that there is to know about one stage, by its name or path."""
    from curate.cli import stage_pages

    stage_pages.print_stage(name)
