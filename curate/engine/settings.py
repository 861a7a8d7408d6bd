"""How a run is to go about its work, and what of the input it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from curate.engine import intake, seal
from curate.errors import RecipeError
from curate.executors import Executor
from curate.recipe import Recipe
from curate.store.folder import RunFolder
from curate.store.inputs import Listing
from curate.store.shards import CHUNK_BYTES


@dataclass(frozen=True)
class Settings:
    """How a run goes about its work; nothing here changes a byte of the result, `limit` apart."""

    fresh: bool = False
    """Forget what an earlier run left in the output folder."""
    limit: int | None = None
    """Take the first so many documents only."""
    publishes: bool = True
    """Add what is kept to the indexes of the recipe; no, for a trial."""
    only: frozenset[str] | None = None
    """Take these input files only, by name; None: all."""
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
    others = folder.others()
    if others:
        raise RecipeError(
            f"{source}: output.path = {folder.root}: the folder is no run's, and holds {', '.join(others[:3])}"
            f"{' …' if len(others) > 3 else ''}; name a folder of its own for the run"
        )
    return intake.listing(recipe, settings.only)
