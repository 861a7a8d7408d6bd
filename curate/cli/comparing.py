"""`curate compare`: two runs over the same corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.places import out

if TYPE_CHECKING:
    from curate.report.comparing import Comparison, Difference
    from curate.report.facts import Run

PAIRS = 15  # of fates that are shown


def compare(
    first: Annotated[Path, out("The output folder of a run.", "OUT1")],
    second: Annotated[Path, out("That of another run, with another recipe over the same documents.", "OUT2")],
    n: Annotated[int, typer.Option("-n", min=0, help="Documents to show that one of the two alone keeps.")] = 3,
    text: Annotated[bool, typer.Option("--text", help="Show whole texts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Where do two recipes differ? Who keeps what, how far they agree, and documents that one of them alone keeps."""
    from curate.report.comparing import compare
    from curate.report.facts import Run

    runs = Run(first), Run(second)
    found = compare(*runs, n)
    if as_json:
        measures = {"agreement": found.agreement, "kappa": found.kappa, "jaccard": found.jaccard}
        typer.echo(json.dumps({**asdict(found), **measures}, ensure_ascii=False, indent=2, default=str))
        return
    names = _names(first, second)
    _table(found, names)
    _agreement(found, names)
    _pairs(found, names)
    _samples(found, runs, names, whole=text)


def _names(first: Path, second: Path) -> tuple[str, str]:
    """The folders as they were named, or their last parts where these differ."""
    one, other = first.resolve().name, second.resolve().name
    return (one, other) if one != other else (str(first), str(second))


def _table(found: Comparison, names: tuple[str, str]) -> None:
    from curate.report.amounts import percent

    one, other = names
    cells = (("both keep", found.both), (f"{one} alone keeps", found.first), (f"{other} alone keeps", found.second))
    rows = [[what, f"{c.documents:,}", percent(c.documents, found.documents), f"{c.chars:,}"] for what, c in cells]
    gone = found.neither.documents
    rows.append(["both drop", f"{gone:,}", percent(gone, found.documents), ""])
    _print(["", "documents", "share", "characters"], rows, numbers=3)


def _agreement(found: Comparison, names: tuple[str, str]) -> None:
    from curate.cli.escapes import on_one_line
    from curate.report.amounts import counted

    kappa = "" if found.kappa is None else f", Cohen's kappa {found.kappa:.2f}"
    either = "" if found.jaccard is None else f"; of what either keeps, both keep {found.jaccard:.1%}"
    typer.echo(f"they agree on {found.agreement:.1%} of {found.documents:,} documents{kappa}{either}")
    if found.other_texts:
        typer.echo(f"{counted(found.other_texts, 'document')} that both keep have texts of different lengths")
    for name, count in zip(names, (found.only_in_first, found.only_in_second), strict=True):
        if count:
            typer.echo(on_one_line(f"not compared: {counted(count, 'document')} that only {name} has"))


def _pairs(found: Comparison, names: tuple[str, str]) -> None:
    different = [pair for pair in found.pairs if pair.first != pair.second]
    if not different:
        return
    rows = [[pair.first, pair.second, f"{pair.documents:,}"] for pair in different[:PAIRS]]
    if len(different) > PAIRS:
        rest = sum(pair.documents for pair in different[PAIRS:])
        rows.append([f"… {len(different) - PAIRS:,} more pairs; all: --json", "", f"{rest:,}"])
    typer.echo("")
    _print([f"in {names[0]}", f"in {names[1]}", "documents"], rows, numbers=1)


def _samples(found: Comparison, runs: tuple[Run, Run], names: tuple[str, str], *, whole: bool) -> None:
    from curate.cli.document_pages import Pages
    from curate.cli.escapes import on_one_line
    from curate.cli.group_pages import GroupPages
    from curate.report.groups import Member

    kept: tuple[tuple[str, str, Run, Sequence[Difference]], ...] = (
        (names[0], names[1], runs[0], found.kept_by_first),
        (names[1], names[0], runs[1], found.kept_by_second),
    )
    for keeps, drops, run, some in kept:
        if some:
            typer.echo("\n" + on_one_line(f"{keeps} alone keeps, as for example:"))
        for one in some:
            here, there = (one.first, one.second) if run is runs[0] else (one.second, one.first)
            typer.echo("")
            Pages(run, whole=whole).document(here)
            typer.echo(on_one_line(f"  in {drops}: dropped by {(there.dropped_by or '').replace('/', ': ', 1)}"))
    if found.edited:
        typer.echo("\nkept by both, with other texts, as for example:")
        pages = GroupPages(str(runs[0].folder.root), whole=whole)
        for one in found.edited:
            typer.echo(on_one_line(f"  {one.first.id}"))
            pages.differences(Member(one.first, one.first.text), Member(one.second, one.second.text))
        pages.legend()


def _print(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from curate.cli.escapes import on_one_line

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for place, name in enumerate(head):
        justify = "right" if place >= len(head) - numbers else "left"
        table.add_column(Text(on_one_line(name)), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for cells in rows:
        table.add_row(*(Text(on_one_line(cell)) for cell in cells))
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = max(console.width, 100)
    console.print(table)
