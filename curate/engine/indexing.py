"""Indexes between runs: looked into when a run begins, added to when all else of it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from curate.engine import clusters, matches
from curate.engine.context import Context, load
from curate.errors import RecipeError
from curate.recipe import Recipe
from curate.stage import Cluster, Global
from curate.store import index
from curate.store.files import digest, read_json, write_json
from curate.store.folder import RunFolder
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


def look(
    recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], *, fresh: bool, limit: int | None
) -> dict[str, Earlier]:
    """Label → what a step is to see of its index, if it has one. Raises RecipeError or StoreError if it cannot."""
    of_files = digest([file.state for file in files], limit)
    before = _before(folder)
    found: dict[str, Earlier] = {}
    for step in recipe.stages:
        memory = step.stage.memory() if isinstance(step.stage, Global) else None
        if memory is None:
            continue
        known = before.get(step.label)
        seen = index.look(memory.index, memory.configuration, folder.root, of_files, fresh=fresh, before=known)
        other = next((label for label, earlier in found.items() if earlier.index == seen.index), None)
        if other is not None:
            raise RecipeError(
                f"{recipe.source or 'recipe'}: stage {step.index} '{step.label}' has the index of '{other}';"
                " each step needs one of its own"
            )
        found[step.label] = seen
    return found


def _before(folder: RunFolder) -> dict[str, Earlier]:
    """What an earlier start of this run saw."""
    stored = read_json(folder.earlier) if folder.earlier.exists() else {}
    return {label: Earlier.from_dict(seen) for label, seen in stored.items()}


def settle(folder: RunFolder, seen: Mapping[str, Earlier]) -> None:
    """Write down what this run saw, so that it may go on after it was killed, though it replaces what was here."""
    if seen:
        write_json(folder.earlier, {label: asdict(earlier) for label, earlier in seen.items()})


def tasks(context: Context) -> list[PublishTask]:
    """One for each step that has an index."""
    return [
        PublishTask(str(context.folder.root), action.step, this_pass.number)
        for this_pass in context.plan.passes
        for action in this_pass.actions
        if action.verb == "observe" and context.recipe.stages[action.step].label in context.inputs.earlier
    ]


def publish(task: PublishTask) -> tuple[str, Record, tuple[str, ...]]:
    """Add what a step kept to its index → its label, what is there now, outputs of runs that would decide otherwise."""
    context = load(task.root)
    step = context.recipe.stages[task.step]
    if isinstance(step.stage, Cluster):
        return step.label, *clusters.publish(clusters.Clusters(context, step, task.number))
    return step.label, *matches.publish(matches.Matches(context, step, task.number))
