"""Indexes between runs: looked into when a run begins, added to when all else of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.engine import clusters
from curate.engine.context import Context, digest, load
from curate.errors import RecipeError
from curate.recipe import Recipe
from curate.stage import Cluster
from curate.store import index
from curate.store.index import Earlier, Record
from curate.store.inputs import InputFile


@dataclass(frozen=True)
class PublishTask:
    """Which step's documents are to be added to its index."""

    root: str
    """The run folder."""
    step: int
    """Of the recipe, from 0."""
    number: int
    """The pass that made its sketches."""


def look(recipe: Recipe, files: Sequence[InputFile], *, fresh: bool, limit: int | None) -> dict[str, Earlier]:
    """Label → what a step is to see of its index, if it has one. Raises RecipeError or StoreError if it cannot."""
    of_files = digest([[file.name, file.size, file.mtime_ns] for file in files], limit)
    found: dict[str, Earlier] = {}
    for step in recipe.stages:
        if isinstance(step.stage, Cluster):
            likeness = step.stage.likeness()
            if likeness.index is not None:
                path, out = likeness.index.absolute(), str(Path(recipe.output.path).absolute())
                other = next((label for label, seen in found.items() if seen.index == str(path)), None)
                if other is not None:
                    raise RecipeError(
                        f"{recipe.source or 'recipe'}: stage {step.index} '{step.label}' has the index of '{other}';"
                        " each step needs one of its own"
                    )
                found[step.label] = index.look(path, likeness.configuration, out, of_files, fresh=fresh)
    return found


def tasks(context: Context) -> list[PublishTask]:
    """One for each step that has an index."""
    return [
        PublishTask(str(context.folder.root), action.step, this_pass.number)
        for this_pass in context.plan.passes
        for action in this_pass.actions
        if action.verb == "observe" and context.recipe.stages[action.step].label in context.inputs.earlier
    ]


def publish(task: PublishTask) -> tuple[str, Record]:
    """Add what a step kept to its index → its label, and what is there now."""
    context = load(task.root)
    step = context.recipe.stages[task.step]
    return step.label, clusters.publish(clusters.Clusters(context, step, task.number))
