"""Decisions of the first generation that hold for all: kept with what made them, and checked before each use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curate import recipe as recipes
from curate.documents import ID, TEXT
from curate.engine.events import Resolved, Show
from curate.engine.stream import FIRST, Stream
from curate.errors import CurateError, RecipeError
from curate.recipe import Recipe, Step
from curate.stage import Cluster, Global, Match
from curate.store.files import read_json, sha256, write_json

AS_DECIDED = f"as generation {FIRST} decided"


def find(recipe: Recipe, stream: Stream, number: int, show: Show) -> dict[str, str]:
    """Label → file with the decision that holds for generation `number`; none for the first.

    Raises RecipeError if a step has no decision that could be kept, if what it kept is gone, or if it was made by a
    step with other options than now.
    """
    assert recipe.incremental is not None
    found: dict[str, str] = {}
    for label in recipe.incremental.freeze:
        step = _step(recipe, label)
        _check_what_it_reads(recipe, step)
        if number > FIRST:
            path = stream.frozen(label)
            if not path.exists():
                _adopt(recipe, stream, label)
            _check_made_by(recipe, step, path)
            found[label] = os.path.abspath(path)
            show(Resolved(label, AS_DECIDED))
    return found


def keep(recipe: Recipe, stream: Stream) -> None:
    """The first generation is made: keep what it decided, so that its run folder is not needed for that."""
    assert recipe.incremental is not None
    for label in recipe.incremental.freeze:
        if stream.folder(FIRST).small_artifact(label).exists():
            _write(stream, label, _makers(recipe, _step(recipe, label)))


def _write(stream: Stream, label: str, made_by: dict[str, Any] | None) -> None:
    artifact = read_json(stream.folder(FIRST).small_artifact(label))["artifact"]
    write_json(stream.frozen(label), {"generation": FIRST, "made_by": made_by, "artifact": artifact})


def _adopt(recipe: Recipe, stream: Stream, label: str) -> None:
    """Keep a decision of the first generation that was not frozen then."""
    source, folder = recipe.source or "recipe", stream.folder(FIRST)
    if not folder.recipe.exists():
        raise RecipeError(
            f"{source}: incremental.freeze: the files in {folder.root} are gone, and with them what generation {FIRST} "
            f"decided as '{label}'; put them back, leave '{label}' out of freeze, or begin in another folder"
        )
    if not folder.small_artifact(label).exists():
        raise RecipeError(
            f"{source}: incremental.freeze: the first generation decided nothing as '{label}'; leave it out, or begin "
            "in another folder"
        )
    try:
        then = recipes.load_kept(folder.recipe)
        made_by = _makers(then, _step(then, label))
    except CurateError:  # a stage or a model of then is not there any more: nobody can tell
        made_by = None
    _write(stream, label, made_by)


def _check_made_by(recipe: Recipe, step: Step, path: Path) -> None:
    """A decision that was made by other options is not what these would decide."""
    then = read_json(path).get("made_by")
    differ = [] if then is None else list(_differences(then, _makers(recipe, step)))
    if differ:
        lines = "".join(f"\n  {line}" for line in differ)
        raise RecipeError(
            f"{recipe.source or 'recipe'}: incremental.freeze: what '{step.label}' decided in generation {FIRST} was "
            f"decided with other options:{lines}\n  Put them back; or leave '{step.label}' out of freeze, and it "
            "decides anew in each generation; or begin in another folder: --set output.path=…"
        )


def _makers(recipe: Recipe, step: Step) -> dict[str, Any]:
    """Label → what counts of the step, and of those before it whose columns its decision is about."""
    found, needed = {step.label: _spec(step)}, {*step.read()} - {ID, TEXT}
    for other in reversed(recipe.stages[: step.index - 1]):
        if needed & set(other.written()):
            found[other.label] = _spec(other)
            needed |= {*other.read()} - {ID, TEXT}
    return found


def _spec(step: Step) -> dict[str, Any]:
    """Stage, version, options; files that it loads by what is in them, so that they may lie elsewhere."""
    options = step.stage.model_dump(mode="json", by_alias=True, exclude={"index"})
    for name, field in type(step.stage).model_fields.items():
        value = getattr(step.stage, name)
        if isinstance(value, Path) and value.is_file():
            options[field.alias or name] = f"sha256:{sha256(value)}"
    name = Path(step.name).name if step.name.endswith(".py") else step.name
    return {"stage": name, "version": type(step.stage).version, "options": options, "renames": step.renames}


def _differences(then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """A line for each difference: `keep_best.share: 0.8 then, 0.5 now`."""
    for label in sorted(then.keys() | now.keys()):
        old, new = then.get(label), now.get(label)
        if old is None or new is None:
            yield f"{label}: {'not there' if old is None else 'there'} then, {'there' if old is None else 'gone'} now"
            continue
        for part in ("stage", "version", "renames"):
            if old[part] != new[part]:
                yield f"{label}, {part}: {old[part]} then, {new[part]} now"
        given, asked = old["options"], new["options"]
        for name in sorted(given.keys() | asked.keys()):
            if given.get(name) != asked.get(name):
                yield f"{label}.{name}: {given.get(name)} then, {asked.get(name)} now"


def _step(recipe: Recipe, label: str) -> Step:
    """The step of a label, if its decision can be kept."""
    able = [
        step for step in recipe.stages if isinstance(step.stage, Global) and not isinstance(step.stage, Match | Cluster)
    ]
    step = next((step for step in able if step.label == label), None)
    if step is None:
        there = f"are {', '.join(step.label for step in able)}" if able else "is none here"
        raise RecipeError(
            f"{recipe.source or 'recipe'}: incremental.freeze: '{label}' is no step whose decision could be kept; "
            f"there {there}"
        )
    return step


def _check_what_it_reads(recipe: Recipe, step: Step) -> None:
    """A decision that is kept must be about columns that mean the same in each generation."""
    assert recipe.incremental is not None
    kept, read = recipe.incremental.freeze, {*step.read()} - {ID, TEXT}
    for other in recipe.stages[: step.index - 1]:
        of = other.stage
        decides = isinstance(of, Global) and not isinstance(of, Match | Cluster) and not of.is_decided()
        columns = sorted(read & set(other.written()))
        if decides and columns and other.label not in kept:
            together = [one.label for one in recipe.stages if one.label in (*kept, other.label)]
            raise RecipeError(
                f"{recipe.source or 'recipe'}: incremental.freeze: '{step.label}' reads column "
                f"'{columns[0]}', and '{other.label}', which writes it, decides anew in each generation: "
                f"its values would not mean the same; keep both: freeze: [{', '.join(together)}]"
            )
