"""Tables: the funnel of a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from curate.cli.meter import percent
from curate.engine.events import FunnelRow

MANY_CHARS = 10**10  # from here on characters are shown in millions, or the table would not fit into 80 columns


def print_funnel(rows: Sequence[FunnelRow]) -> None:
    """Print the funnel on standard output. A narrow terminal gets one column less, but whole figures."""
    console = Console(highlight=False, markup=False, emoji=False)
    table = funnel_table(rows)
    if _width(table, console) > console.width:
        table = funnel_table(rows, narrow=True)
    console.width = max(console.width, _width(table, console))
    console.print(table)


def _width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=10_000), table).maximum


def funnel_table(rows: Sequence[FunnelRow], *, narrow: bool = False) -> Table:
    """One line per step, the reasons under it, all steps together at the end. `narrow` is without what came in."""
    millions = any((row.chars_out or 0) >= MANY_CHARS for row in rows)
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, show_footer=bool(rows))
    total = _in_all(rows, millions=millions)
    names = ("step", "in", "dropped", "share", "kept", "M chars kept" if millions else "chars kept")
    shown = [place for place, name in enumerate(names) if not (narrow and name == "in")]
    for place in shown:
        table.add_column(names[place], total[place], justify="right" if place else "left", no_wrap=True)
    for row in rows:
        cells = _cells(row.label, row.documents_in, row.dropped, row.documents_out, row.chars_out, millions)
        table.add_row(*(cells[place] for place in shown))
        for reason, (documents, _) in sorted(row.reasons.items(), key=lambda one: (-one[1][0], one[0])):
            cells = (Text(f"  {reason}"), "", f"{documents:,}", percent(documents, row.documents_in), "", "")
            table.add_row(*(cells[place] for place in shown), style="dim")
    return table


def _in_all(rows: Sequence[FunnelRow], *, millions: bool) -> tuple[str | Text, ...]:
    if not rows:
        return ("",) * 6
    first, last = rows[0], rows[-1]
    dropped = sum(row.dropped for row in rows)
    return _cells("in all", first.documents_in, dropped, last.documents_out, last.chars_out, millions)


def _cells(
    label: str, given: int, dropped: int, kept: int, chars: int | None, millions: bool
) -> tuple[str | Text, ...]:
    shown = "" if chars is None else f"{round(chars / 1e6) if millions else chars:,}"
    return Text(label), f"{given:,}", f"{dropped:,}", percent(dropped, given), f"{kept:,}", shown
