"""Commands that look at what a run did: why, inspect, funnel."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from curate.report.facts import Document, Run

Out = Annotated[Path, typer.Argument(metavar="OUT", help="The output folder of a run.")]
SHOWN = 700  # characters of a text that are shown


def why(
    out: Out,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a document.")],
    text: Annotated[bool, typer.Option("--text", help="Show the whole text.")] = False,
) -> None:
    """Why was this document dropped, or kept?"""
    from curate.report.facts import Run

    run = Run(out)
    document = run.find(id)
    aside = run.bad_rows(id)
    if document is None and not aside:
        known = ", ".join(run.example_ids())
        typer.echo(f"{out}: no document has the id {id!r}; ids of this run look like: {known}", err=True)
        raise typer.Exit(1)
    if document is not None:
        _print_verdict(run, document)
        _print_document(document, None if text else SHOWN)
    for row in aside:
        place = f"row {row.row}" if row.row is not None else f"line {row.line}"
        typer.echo(f"kept aside: {row.file}, {place}: {row.reason}: {row.error}")


def _print_verdict(run: Run, document: Document) -> None:
    from rich.console import Console
    from rich.text import Text

    line = Text(document.id, style="bold")
    line.append(f"  ({document.file}, row {document.row})\n", style="dim")
    if document.dropped_by is None:
        line.append("kept", style="bold green")
    else:
        label, reason = document.dropped_by.split("/", 1)
        line.append(f"dropped by {label}", style="bold red")
        line.append(f": {reason}")
        options = _options_of(run, label)
        if options:
            line.append(f"\n  the step: {options}", style="dim")
    Console(highlight=False, soft_wrap=True).print(line)


def _options_of(run: Run, label: str) -> str:
    from curate.recipe import load

    for step in load(run.folder.recipe).stages:
        if step.label == label:
            given = step.stage.model_dump(mode="json", exclude_defaults=True, by_alias=True)
            return f"{step.name}: {given}" if given else f"{step.name}, all options at their defaults"
    return ""


def _print_document(document: Document, length: int | None) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    for name, value in document.columns.items():
        if value is not None:
            console.print(f"  {name}: {_short(value)}")
    for name, value in document.user.items():
        if value is not None:
            console.print(f"  {name}: {_short(value)}", style="dim")
    if document.text is not None:
        body = document.text if length is None else document.text[:length]
        rest = len(document.text) - len(body)
        console.print("\n".join("  │ " + line for line in body.splitlines()))
        if rest:
            console.print(f"  │ … {rest:,} more characters", style="dim")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    shown = str(value)
    return shown if len(shown) <= 120 else shown[:117] + "…"


def inspect(
    out: Out,
    dropped_by: Annotated[
        str | None, typer.Option(metavar="STAGE[/REASON]", help="Show dropped documents instead of kept ones.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Documents to show.")] = 5,
    text: Annotated[bool, typer.Option("--text", help="Show whole texts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Show real documents of a run, kept or dropped, with what the stages said of them."""
    from curate.report.facts import Run

    run = Run(out)
    documents = run.some(n, dropped_by)
    if not documents:
        _nothing_there(run, dropped_by)
    for document in documents:
        if as_json:
            typer.echo(json.dumps(asdict(document), ensure_ascii=False, default=str))
            continue
        _print_verdict(run, document)
        _print_document(document, None if text else SHOWN)
        typer.echo("")


def _nothing_there(run: Run, dropped_by: str | None) -> None:
    from curate.store.quarantine import read_quarantine

    shown = 0
    for row in read_quarantine(run.folder.quarantine) if dropped_by == "quarantine" else ():
        place = f"row {row.row}" if row.row is not None else f"line {row.line}, byte {row.offset}"
        typer.echo(f"{row.file}, {place}: {row.reason}: {row.error}")
        shown += 1
        if shown == 20:
            break
    if shown:
        raise typer.Exit
    reasons = "".join(f"\n  {reason}: {documents:,}" for reason, documents in run.reasons().items())
    what = f"nothing was dropped by '{dropped_by}'" if dropped_by else "no document was kept"
    typer.echo(f"{run.folder.root}: {what}; what was:{reasons or ' nothing'}", err=True)
    raise typer.Exit(1)


def funnel(
    out: Out,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """How many documents reached each stage, and what became of them."""
    from curate.cli import screen
    from curate.engine.events import FunnelRow
    from curate.report.facts import Run

    run = Run(out)
    rows = run.manifest.get("funnel", [])
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    screen.print_funnel([FunnelRow(**row) for row in rows])
    if run.manifest["state"] != "done":
        typer.echo(f"the run is not complete: {run.manifest['state']}")
