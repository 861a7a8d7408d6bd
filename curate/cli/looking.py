"""Commands that look at what a run did: why, inspect, funnel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.places import Out

if TYPE_CHECKING:
    from curate.cli.document_pages import Pages
    from curate.report.facts import Run

QUARANTINE = "quarantine"


def why(
    out: Out,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a document.")],
    text: Annotated[bool, typer.Option("--text", help="Show the whole text.")] = False,
) -> None:
    """Why was this document dropped, or kept?"""
    from curate.cli.document_pages import Pages, no_such_document, spot
    from curate.cli.escapes import on_one_line
    from curate.report.facts import Run

    run = Run(out)
    document = run.find(id)
    aside = run.bad_rows(id)
    if document is None and not aside:
        no_such_document(run, id)
    if document is not None:
        Pages(run, whole=text).document(document, shard=run.shard_of(document.id) if document.kept else None)
    for row in aside:
        place = f"{row.file}, {spot(row.row, row.line, row.offset)}"
        typer.echo(on_one_line(f"kept aside: {place}: {row.reason}: {row.error}"))


def inspect(
    out: Out,
    dropped_by: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE[/REASON]", help="Show dropped documents instead of kept ones; quarantine: what is there."
        ),
    ] = None,
    clusters: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH", help="Show groups of repeats instead: largest or random; of a step: --dropped-by."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Documents or groups to show.")] = 5,
    text: Annotated[bool, typer.Option("--text", help="Show whole texts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Show real documents of a run, kept or dropped, with what the stages said of them."""
    from curate.cli.document_pages import Pages
    from curate.cli.duplicates import show_clusters
    from curate.report.facts import Run

    run = Run(out)
    if clusters is not None:
        show_clusters(run, clusters, n, dropped_by, whole=text, as_json=as_json)
        return
    pages = Pages(run, whole=text)
    label, _, reason = (dropped_by or "").partition("/")
    if label == QUARANTINE:
        shown = _kept_aside(pages, n, reason or None, as_json=as_json)
    else:
        documents = run.some(n, dropped_by)
        shown = bool(documents)
        for document in documents:
            if as_json:
                typer.echo(json.dumps(asdict(document), ensure_ascii=False, default=str))
                continue
            pages.document(document)
            typer.echo("")
    if not shown:
        _nothing_there(run, pages, dropped_by)


def _kept_aside(pages: Pages, n: int, reason: str | None, *, as_json: bool) -> bool:
    """Show what is in quarantine: files that could not be read, then rows; whether there was any."""
    run = pages.run
    broken = [one for one in run.inputs.broken if reason in (None, one.reason)][:n]
    rows = run.kept_aside(n, reason)
    if as_json:
        for file in broken:
            typer.echo(json.dumps(asdict(file), ensure_ascii=False))
        for row in rows:
            raw = None if row.raw is None else row.raw.decode("utf-8", "backslashreplace")
            typer.echo(json.dumps({**asdict(row), "raw": raw}, ensure_ascii=False))
        return bool(broken or rows)
    for file in broken:
        pages.broken(file)
        typer.echo("")
    for row in rows:
        pages.kept_aside(row)
        typer.echo("")
    counts = {name: count for name, count in run.reasons_aside().items() if reason in (None, name)}
    if counts:
        typer.echo("documents in quarantine: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    return bool(broken or rows)


def _nothing_there(run: Run, pages: Pages, dropped_by: str | None) -> None:
    from curate.cli.escapes import visible

    if not run.passes and not run.done:
        typer.echo(visible(f"{run.folder.root}: {pages.undecided()}: nothing is decided of any document"), err=True)
        raise typer.Exit(1)
    reasons = "".join(f"\n  {reason}: {documents:,}" for reason, documents in run.reasons().items())
    what = f"nothing was dropped by '{dropped_by}'" if dropped_by else "no document was kept"
    typer.echo(visible(f"{run.folder.root}: {what}; what was:{reasons or ' nothing'}"), err=True)
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
    for note in _notes(run):
        typer.echo(note)


def _notes(run: Run) -> Iterator[str]:
    """What a reader of the funnel must know besides: decisions, what is in quarantine, whether the output is whole."""
    from curate.cli.document_pages import planned
    from curate.cli.escapes import on_one_line
    from curate.cli.meter import look_aside

    if run.done:
        for decision in run.decisions:
            yield on_one_line(f"{decision['label']}: {decision['text']}")
            if decision["warning"] is not None:
                yield on_one_line(f"warning: {decision['label']}: {decision['warning']}")
        documents = run.manifest["accounting"]["unreadable"]
        if documents or run.inputs.broken:
            yield look_aside(documents, str(run.folder.root))
        return
    yield f"the run is not complete: {run.state}"
    if run.has_other_data():
        writing = run.passes + 1 == planned(run)
        yield "data/ is of an earlier run, or but a part of this one" if writing else "data/ is of an earlier run"
