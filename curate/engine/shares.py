"""A share of a pass, done beside others by processes that know nothing of each other but the run folder.

The run itself stops before the pass (`driver.run_until`) and goes on when the shares are done: it finds each unit that
is there, and does those that are not. Shares write files of units and nothing else, each whole; the books, the
decisions and the index are the run's alone.
"""

from __future__ import annotations

import time
from typing import Any

from curate import recipe as recipes
from curate.engine import context as contexts
from curate.engine import sealed, sharing, stretches, times, warm
from curate.engine.events import PassDone, PassStarted, RunStarted, ShareDone, Show, UnitDone, silent
from curate.engine.settings import Settings, listing_of
from curate.engine.shard_pass import UnitResult
from curate.engine.sharing import Share
from curate.engine.stretches import IMPORT, Stretch
from curate.engine.tasks import each
from curate.errors import RecipeError, StoreError
from curate.executors import Executor
from curate.recipe import Recipe
from curate.store.folder import RunFolder
from curate.store.inputs import Listing


def run(
    recipe: Recipe,
    share: Share,
    executor: Executor,
    show: Show = silent,
    settings: Settings | None = None,
    number: int | None = None,
) -> None:
    """Do a share of the pass that the run waits for, or what is left of it. Tasks that are done are taken as they are.

    number: the pass that is meant; if it is complete already, nothing is done. None: whichever the run waits for.
    Raises RecipeError if the run waits for something else, StoreError if it is at work itself, or this share is;
    StageError and StoreError from the work.
    """
    settings = settings or Settings()
    permission = recipes.Permission(recipe.code())
    permission()
    listing, folder = listing_of(recipe, settings), RunFolder(recipe.output.folder)
    with sharing.divided(folder, share) as found:
        asked = settings.question(recipe, listing)
        if found is None:
            _not_waiting(recipe, folder, asked, share, number, show)
            return
        if found.question != asked:
            raise RecipeError(
                f"{recipe.source or 'recipe'}: {folder.root} waits for shares of another recipe, or the input, a model"
                " or a program of it has changed since; begin again where the run stopped:"
                f" --until {found.number}"
            )
        wanted = found.number if number is None else number
        if wanted > found.number:
            raise RecipeError(
                f"--pass {wanted}: the run in {folder.root} waits for pass {found.number};"
                f" when its shares are done, go on with --until {wanted}"
            )
        if wanted < found.number:
            show(ShareDone(str(share), wanted, 0, 0, 0, str(folder.root), late=True))
            return
        stretch = _stretch(recipe, folder, listing, settings, wanted)
        if wanted != IMPORT:
            context = contexts.load(str(folder.root))
            warm.up(context, settings.compiler or executor, show, permission)
            if settings.compiler is not None:
                settings.compiler.close()  # a compiler holds half a gigabyte
        size = sum(file.size for file in listing.files)
        source, out = str(recipe.source or "recipe"), str(folder.root)
        show(RunStarted(source, len(listing.files), None, size, executor.workers, out))
        mine = [index for index in range(len(stretch.tasks)) if share.takes(index)]
        results: list[Any] = []
        try:
            _work(stretch, mine, executor, show, permission, results)
        finally:
            times.note(str(folder.root), wanted, share.name, [one for one in results if isinstance(one, UnitResult)])
        show(ShareDone(str(share), wanted, stretch.of, len(mine), stretch.missing(), out))


def _not_waiting(recipe: Recipe, folder: RunFolder, asked: str, share: Share, number: int | None, show: Show) -> None:
    """Complain, unless the run is finished: then a share that comes late has nothing to do."""
    if folder.seal.exists() and sealed.unbroken(folder, asked) is not None:
        show(ShareDone(str(share), number or 0, 0, 0, 0, str(folder.root), late=True))
        return
    pass_number = 1 if number is None else number
    raise StoreError(
        f"{folder.root}: --unit {share}: no run waits here for shares of a pass; first the run itself, with the same"
        f" options and --until {pass_number} in place of --unit"
    )


def _stretch(recipe: Recipe, folder: RunFolder, listing: Listing, settings: Settings, number: int) -> Stretch:
    if number == IMPORT:
        return stretches.importing(recipe, folder, listing.files, settings.limit)
    context = contexts.load(str(folder.root))
    if number <= len(context.plan.passes):
        return stretches.one_pass(context, number)
    return stretches.writing(context)


def _work(
    stretch: Stretch, mine: list[int], executor: Executor, show: Show, start: recipes.Permission, results: list[Any]
) -> None:
    """Do these tasks of a pass, but for those that are done. results: what came of them is put there."""
    todo = [index for index in mine if not stretch.is_done(index)]
    began, size = time.perf_counter(), sum(stretch.sizes[index] for index in todo)
    show(PassStarted(stretch.number, stretch.of, stretch.title, len(todo), None, size))
    documents = kept = dropped = lost = 0
    for place, result in each(executor, stretch.work, [stretch.tasks[index] for index in todo], show, start):
        results.append(result)
        one: UnitDone = stretch.said(todo[place], result)
        show(one)
        documents, kept = documents + one.documents, kept + one.kept
        dropped, lost = dropped + one.dropped, lost + one.quarantined
    show(PassDone(stretch.number, time.perf_counter() - began, documents, size, kept, dropped, lost))
