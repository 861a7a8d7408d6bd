"""The seal of a finished run: what was asked, and what lay in the folder at the end.

Asking the same again is answered by one look at names, sizes and times, instead of one at every unit. A seal that does
not fit is no harm: the run then goes through all units, and takes each that is done and unchanged as it is.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import curate
from curate import recipe as recipes
from curate.engine.context import FORMAT
from curate.engine.events import RunDone
from curate.engine.sealed import state_of
from curate.recipe import Recipe
from curate.store.files import digest, fingerprint, sha256, write_json
from curate.store.folder import RunFolder
from curate.store.inputs import Listing
from curate.urls import is_remote, local


def question(recipe: Recipe, listing: Listing, *others: Any) -> str:
    """A hash of all that the result follows from: recipe, programs, models, input files, and what else there is."""
    models = [_model(path) for step in recipe.stages for path in step.stage.files()]
    code = [sha256(path) for path in recipe.code()]
    versions = [[step.name, type(step.stage).version] for step in recipe.stages]
    files = [[file.path, *file.state] for file in listing.files]
    return digest(FORMAT, curate.__version__, recipes.dump(recipe), versions, models, code, files, others)


def _model(path: Path) -> list[Any]:
    """A file of a stage by its state; one that comes with curate by its contents, wherever curate is installed."""
    ours = Path(curate.__file__).parent
    return [path.name, sha256(path)] if ours in path.parents else [str(path), *_state(path)]


def anywhere(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths, so that the copy in the run folder means the same from any folder."""
    paths = tuple(_anywhere(path) for path in recipe.input.paths)
    return recipe.model_copy(
        update={
            "input": recipe.input.model_copy(update={"paths": paths}),
            "output": recipe.output.model_copy(update={"path": _anywhere(recipe.output.path), "work": None}),
        }
    )


def _anywhere(path: str) -> str:
    return path if is_remote(path) else os.path.abspath(local(path))


def close(folder: RunFolder, asked: str, done: RunDone) -> None:
    """Seal a run: all its files are there, and none will be written any more but pages about it."""
    plain = asdict(done) | {"seconds": 0.0, "report": None}
    states = {"state": state_of(folder), "lasting": state_of(folder, scratch=False)}
    write_json(folder.seal, {"question": asked, **states, "done": plain})


def _state(path: Any) -> tuple[int, int]:
    found = fingerprint(path)
    return found.size, found.mtime_ns
