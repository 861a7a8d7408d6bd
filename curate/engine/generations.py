"""Runs that follow each other: each takes what is new of the input, and what was published before stays as it is.

Under the output folder: `generations/gen-0007/`, a run folder as any other; `data/gen-0007/`, what it keeps, hidden as
`data/.gen-0007` until all of it is there; `index/<step>/`, what deduplication remembers; and `manifest.json`, which
names the generations that are published. A generation is there as soon as that file names it, and not before. What the
first one decided for all is in `frozen/`, and the recipe, as the last one was begun with it, in `recipe.yaml`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import curate
from curate import recipe as recipes
from curate.engine import driver, freezing, intake, remembered, seal, taking
from curate.engine.events import NothingNew, Published, RunDone, Show, Warned, silent
from curate.engine.manifest import read
from curate.engine.stream import FIRST, SCHEMA, Stream
from curate.errors import RecipeError
from curate.executors import Executor
from curate.recipe import Recipe, Step
from curate.remembering import Remembering
from curate.store import system
from curate.store.files import read_json, sha256, whole, write_json
from curate.store.folder import RunFolder
from curate.store.inputs import InputFile, Listing
from curate.store.lock import alone
from curate.urls import is_remote, joined


def run(
    recipe: Recipe, executor: Executor, show: Show = silent, settings: driver.Settings | None = None
) -> RunDone | None:
    """Make the next generation of a recipe with `incremental`, or go on with one that was stopped.

    None: no input file is new. Raises as `driver.run`.
    """
    settings = settings or driver.Settings()
    source = recipe.source or "recipe"
    if settings.fresh or settings.limit is not None:
        raise RecipeError(
            f"{source}: incremental: what was published stays, so --fresh and --limit have no place here; "
            "try another folder: --set output.path=…"
        )
    stream = Stream(recipe.output.folder)
    ours = stream.folder(FIRST).root.parent.exists() or stream.manifest.exists() or stream.pending.exists()
    if stream.root.is_dir() and not ours and RunFolder(stream.root).others():
        raise RecipeError(f"{source}: output.path = {stream.root}: the folder has other files in it; name an own one")
    stream.root.mkdir(parents=True, exist_ok=True)
    with alone(stream.root / ".lock"):
        return _Next(recipe, stream, show, settings).run(executor)


@dataclass
class _Next:
    """The making of one generation."""

    recipe: Recipe
    stream: Stream
    show: Show
    settings: driver.Settings

    def run(self, executor: Executor) -> RunDone | None:
        done = self.stream.published()
        self.stream.check_whole(len(done))
        listing = intake.listing(self.recipe, may_be_empty=bool(done))  # what was taken may be gone
        number = len(done) + FIRST
        known = taking.Known(done, listing)
        files, begun = self._files(listing, known, number)
        if not files:
            self.show(NothingNew(len(listing.files), len(done), str(self.stream.root)))
            return None
        frozen = freezing.find(self.recipe, self.stream, number, self.show)  # complains before anything is begun
        folder = self.stream.folder(number)
        recipe = self._of(number, folder)
        remembered.check(recipe, self.stream, done, self.show)
        names = known.named(files, number)
        known.warn(files, names, self.show)
        write_json(self.stream.pending, {"generation": number, "files": [taking.of(file) for file in files]})
        self._keep_recipe()
        settings = replace(
            self.settings,
            generation=True,
            fresh=begun == "otherwise",
            only=names,
            frozen=frozen,
        )
        result = driver.run(recipe, executor, self.show, settings)
        self._publish(number, taking.taken(files, names), done, folder, remembered.note(recipe, folder))
        self.show(Published(number, str(folder.published_data)))
        return result

    def _files(self, listing: Listing, known: taking.Known, number: int) -> tuple[Sequence[InputFile], str]:
        """The files to take, and whether this generation was begun with them, or otherwise."""
        pending = read_json(self.stream.pending) if self.stream.pending.exists() else None
        if pending is None or pending["generation"] != number:  # it was published, and stopped before this was removed
            return known.new(self.show), ""
        if not self.stream.folder(number).manifest.exists():  # nothing was done, as when no file could be read
            return known.new(self.show), ""
        asked = {(file["name"], *taking.version(file)) for file in pending["files"]}
        begun = [file for file in listing.files if (file.name, *taking.version(taking.of(file))) in asked]
        if len(begun) == len(asked):
            return begun, "with these"
        self.show(Warned(f"generation {number} was begun with files that have changed since; it begins anew"))
        return known.new(self.show), "otherwise"

    def _keep_recipe(self) -> None:
        """The recipe of all generations, for who changes it: that of a generation is about that one alone."""
        with whole(self.stream.recipe) as part:
            part.write_text(recipes.dump(seal.anywhere(self.recipe)), encoding="utf-8", newline="\n")

    def _of(self, number: int, folder: RunFolder) -> Recipe:
        """The recipe of one generation: its own folder, and an index for each step that can have one."""
        steps = tuple(self._remembering(step) for step in self.recipe.stages)
        place = folder.root.relative_to(self.stream.root).as_posix()
        there = {"path": joined(self.recipe.output.path, place), "work": str(folder.root.parent)}
        here = {"path": str(folder.root)}
        output = self.recipe.output.model_copy(update=there if is_remote(self.recipe.output.path) else here)
        return self.recipe.model_copy(update={"output": output, "incremental": None, "stages": steps})

    def _remembering(self, step: Step) -> Step:
        stage = step.stage
        if not isinstance(stage, Remembering) or stage.index is not None:
            return step
        index = Path(os.path.abspath(self.stream.index(step.label)))
        return replace(step, stage=stage.model_copy(update={"index": index}))

    def _publish(
        self,
        number: int,
        files: list[dict[str, Any]],
        done: Sequence[Mapping[str, Any]],
        folder: RunFolder,
        index: dict[str, dict[str, int]],
    ) -> None:
        """All files are there: give them their name, then name them in the manifest."""
        hidden, final = folder.hidden_data, folder.published_data
        if hidden.exists():
            system.move(hidden, final)
        if number == FIRST:
            freezing.keep(self.recipe, self.stream)
        manifest = read(folder)
        entry = {
            "number": number,
            "published": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": files,
            "index": index,
            "run": folder.root.relative_to(self.stream.root).as_posix(),
            "data": final.relative_to(self.stream.root).as_posix(),
            "accounting": manifest["accounting"],
            "output": manifest["output"],
            "recipe": sha256(folder.recipe),
        }
        state = {"schema": SCHEMA, "versions": {"curate": curate.__version__}, "generations": [*done, entry]}
        write_json(self.stream.manifest, state)
        self.stream.pending.unlink()
