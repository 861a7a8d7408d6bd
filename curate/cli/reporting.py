"""`curate report`: a run as a page that people read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.engine.events import RunDone, Show
    from curate.report.facts import Run

Out = Annotated[Path, typer.Argument(metavar="OUT", help="The output folder of a run.")]


def report(
    out: Out,
    to: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write it. Default: OUT/report.html.")
    ] = None,
) -> None:
    """Write a page about a run: the funnel, scores, samples, duplicates, times. One file that needs no network."""
    from curate.report.facts import Run

    run = Run(out)
    path = to or run.folder.report
    write_page(run, path)
    typer.echo(f"wrote {path}")


def write_page(run: Run, path: Path) -> None:
    """Write the page of a run, whole."""
    from curate.cli.describing import steps_of
    from curate.report.numbers import gather
    from curate.report.page import render
    from curate.store.files import whole

    _, steps = steps_of(run)
    text = render(gather(run, steps, _recipe(run), title_of(run)))
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def after(done: RunDone, show: Show) -> RunDone:
    """Write the pages of a run that is complete, if they are not there; what goes wrong is said, and stops nothing."""
    from dataclasses import replace

    from curate.engine.events import Warned
    from curate.report.facts import Run

    try:
        return replace(done, report=str(_refreshed(Run(done.out))))
    except Exception as error:  # the output is whole: a page about it must not make a failure of that
        show(Warned(f"the report was not written: {type(error).__name__}: {error}; again: curate report {done.out}"))
        return done


def after_failure(out: str) -> None:
    """Write the pages of a run that failed, as far as it went; if that fails too, it is not what a person must hear."""
    from contextlib import suppress

    from curate.report.facts import Run

    with suppress(Exception):
        _refreshed(Run(out))


def _refreshed(run: Run) -> Path:
    """The page of the run; one that tells of the same is left as it is, with the times of the run that did the work."""
    from curate.report.numbers import digest_of

    path = run.folder.report
    if _digest_in(path) != digest_of(run.manifest, _recipe(run)):
        write_page(run, path)
    return path


def _digest_in(path: Path) -> str | None:
    """What a page says of its run in its first lines; None if there is no page, or it does not say."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(4000)
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r'<meta name="curate-run" content="([0-9a-f]{64})">', head)
    return found[1] if found else None


def _recipe(run: Run) -> str:
    return run.folder.recipe.read_text(encoding="utf-8")


def title_of(run: Run) -> str:
    """What a page about a run is called: the name of its folder."""
    return run.folder.root.resolve().name
