"""`curate report`: a run as a page that people read, and the card of its output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.places import Out

if TYPE_CHECKING:
    from curate.engine.events import RunDone, Show
    from curate.recipe import Recipe
    from curate.report.facts import Run
    from curate.report.steps import StepFacts


def report(
    out: Out,
    to: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write it. Default: OUT/report.html.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Show what each step drops by the values of this column. May be repeated."),
    ] = None,
) -> None:
    """Write a page about a run: the funnel, scores, samples, duplicates, times. One file that needs no network.

    Of a run that is done, the dataset card is written as well (OUT/README.md), unless it is somebody's own.
    """
    from curate.cli.describing import steps_of
    from curate.report.facts import Run

    run = Run(out)
    path = to or run.folder.report
    write_page(run, path, by or ())
    typer.echo(f"wrote {path}")
    card = write_card(run, *steps_of(run)) if run.done else None
    if card is not None:
        typer.echo(f"wrote {card}")


def write_page(run: Run, path: Path, by: Sequence[str] = (), *, quick: bool = False) -> None:
    """Write the page of a run. by: columns to tell documents apart by. quick: of many documents, look at some."""
    from curate.cli.describing import steps_of
    from curate.report.numbers import QUICK, THOROUGH, gather
    from curate.report.page import render
    from curate.store.files import whole

    recipe, steps = steps_of(run)
    text = render(gather(run, steps, _recipe(run), title_of(run, recipe), by, QUICK if quick else THOROUGH))
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


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
    from curate.cli.describing import steps_of
    from curate.report.numbers import digest_of

    recipe, steps = steps_of(run)
    path = run.folder.report
    if _digest_in(path) != digest_of(run.manifest, _recipe(run)):
        write_page(run, path, quick=True)
    if run.done:
        write_card(run, recipe, steps)
    return path


def write_card(run: Run, recipe: Recipe | None, steps: Sequence[StepFacts]) -> Path | None:
    """Write the dataset card of a run that is done; of a generation, the card of all of them, if it is the last one.

    None if there is nothing to write: a card that is not curate's is left alone.
    """
    from curate.report.card import About, card
    from curate.store.files import whole
    from curate.store.folder import RunFolder
    from curate.store.shards import present_columns

    manifest = _published(run)
    folder = run.folder if run.folder.stream is None else RunFolder(run.folder.stream)
    path = folder.card
    if manifest is None or (path.exists() and not folder.has_own_card()):
        return None
    said = recipe.card.model_dump(mode="json") if recipe is not None else {}
    about = About(**{**said, "title": said.get("title") or folder.root.resolve().name})
    shard = run.folder.data / run.manifest["output"]["shards"][0]["file"]
    text = card(about, manifest, steps, present_columns(shard))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with whole(path) as part:
            part.write_text(text, encoding="utf-8", newline="\n")
    return path


def _published(run: Run) -> Mapping[str, Any] | None:
    """The manifest of a run; of the last generation, that of all; of another generation, None."""
    from curate.report.card import of_generations
    from curate.store.files import read_json

    stream = run.folder.stream
    if stream is None:
        return run.manifest
    published = [stream / one["run"] for one in read_json(stream / "manifest.json")["generations"]]
    if published[-1].resolve() != run.folder.root.resolve():
        return None
    return of_generations([read_json(one / "manifest.json") for one in published])


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


def title_of(run: Run, recipe: Recipe | None) -> str:
    """What a run is called: the title of its recipe's card, else the name of its folder."""
    given = recipe.card.title if recipe is not None else None
    return given or run.folder.root.resolve().name
