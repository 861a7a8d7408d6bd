"""How a run is to go about its work, and what of the input it takes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curate.engine import intake, seal
from curate.errors import RecipeError
from curate.executors import Executor
from curate.recipe import Recipe
from curate.store.folder import GENERATIONS, RunFolder
from curate.store.inputs import Listing
from curate.store.shards import CHUNK_BYTES

_GENERATION = re.compile(r"\.?gen-\d{4,}")


@dataclass(frozen=True)
class Settings:
    """How a run goes about its work; nothing here changes a byte of the result, `limit` apart."""

    fresh: bool = False
    """Forget what an earlier run left in the output folder."""
    limit: int | None = None
    """Take the first so many documents only."""
    publishes: bool = True
    """Add what is kept to the indexes of the recipe; no, for a trial."""
    only: Mapping[str, str] | None = None
    """Take these input files only, path → name in this run; None: all."""
    generation: bool = False
    """The run is the next generation of a recipe with `incremental`; else none may write among generations."""
    frozen: Mapping[str, str] = field(default_factory=dict)
    """Label of a step → file with the decision that it is to take over."""
    chunk_bytes: int = CHUNK_BYTES
    """Text in one batch."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """Label of a step → bytes that a task needs which carries it out, or decides for it; "": of all other steps."""
    compiler: Executor | None = None
    """Where kernels are compiled when this machine has not done so yet; None: where all other work is done."""

    def needed(self, labels: Iterable[str]) -> int | None:
        """Bytes that a task needs which has to do with these steps, as the one that needs most; None: unknown."""
        sizes = (self.memory.get(label, self.memory.get("", 0)) for label in labels)
        return max(sizes, default=0) or None

    def question(self, recipe: Recipe, listing: Listing) -> str:
        """A hash of all that the result follows from."""
        asked = seal.anywhere(recipe).model_copy(update={"workers": "auto"})
        return seal.question(asked, listing, self.limit, dict(self.frozen), self.publishes)


def listing_of(recipe: Recipe, settings: Settings) -> Listing:
    """The input. Raises RecipeError if there is none, or if the output folder cannot be a run's."""
    source, folder = recipe.source or "recipe", RunFolder(recipe.output.folder)
    if folder.root.exists() and not folder.root.is_dir():
        raise RecipeError(f"{source}: output.path = {folder.root}: this is a file; name a folder for the run")
    stream = None if settings.generation else _stream_around(folder.root)
    if stream is not None:
        raise RecipeError(
            f"{source}: output.path = {folder.root}: it lies among the generations of {stream}, which only the recipe "
            "with `incremental` writes, and never again once published. Name another folder: --set output.path=…"
        )
    others = folder.others()
    if others:
        raise RecipeError(
            f"{source}: output.path = {folder.root}: the folder is no run's, and holds {', '.join(others[:3])}"
            f"{' …' if len(others) > 3 else ''}; name a folder of its own for the run"
        )
    return intake.listing(recipe, settings.only)


def _stream_around(root: Path) -> Path | None:
    """The output folder of an incremental recipe whose generations a folder would lie among; None: there is none."""
    for place in (Path(os.path.abspath(root)), root.resolve()):
        for inner, outer in zip([place, *place.parents], place.parents, strict=False):
            is_one = outer.name in (GENERATIONS, "data") and _GENERATION.fullmatch(inner.name)
            if is_one or (outer.name == GENERATIONS and inner == place):
                return outer.parent
    return None
