"""Between two passes: the evidence of all units becomes the decision of a global stage. Key ranges are tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curate.engine import ids
from curate.engine.clusters import Clusters, Range
from curate.engine.context import Context, digest, load
from curate.stage import Cluster, Global, Match
from curate.store import evidence, ledger
from curate.store.files import read_json, write_json
from curate.store.folder import remove_others

IDS = -1
"""The step number that stands for the look at the ids."""


@dataclass(frozen=True)
class ResolveTask:
    """Which decision to make, over which range of keys (inclusive)."""

    root: str
    step: int
    """Of the recipe, from 0; or IDS."""
    number: int
    """The pass that gathered the evidence."""
    part: int = 0
    parts: int = 1
    low: int = 0
    high: int = 2**64 - 1
    range: Range | None = None
    """For a `Cluster` stage, all of the above."""


def rounds(context: Context, step: int, number: int) -> Iterator[list[ResolveTask]]:
    """The tasks that are still to be done for a decision; those of a round when the rounds before it are complete."""
    if step != IDS and isinstance(context.recipe.stages[step].stage, Cluster):
        root = str(context.folder.root)
        for ranges in Clusters(context, context.recipe.stages[step], number).rounds():
            yield [ResolveTask(root, step, number, range=range) for range in ranges]
        return
    yield _tasks(context, step, number)


def _tasks(context: Context, step: int, number: int) -> list[ResolveTask]:
    root = str(context.folder.root)
    if step != IDS and not isinstance(context.recipe.stages[step].stage, Match):
        found = [ResolveTask(root, step, number)]
    else:
        files = evidence.EvidenceFiles(_paths(context, step, number))
        cuts = evidence.ranges(files.bytes)
        found = [ResolveTask(root, step, number, i, len(cuts), low, high) for i, (low, high) in enumerate(cuts)]
        label = _label(context, step)
        keep = {context.folder.large_artifact(label, part).name for part in range(len(cuts))}
        remove_others(context.folder.large_artifact(label, 0).parent, keep)
    return [task for task in found if not _is_done(context, task)]


def run(task: ResolveTask) -> None:
    """Make a decision, or the part of it that one range of keys is; the artifact is whole when this returns."""
    context = load(task.root)
    files = evidence.EvidenceFiles(_paths(context, task.step, task.number))
    facts = {"fingerprint": _fingerprint(context, task)}
    if task.step == IDS:
        rows = ids.repeated(files.sorted_range(ids.SCHEMA, task.low, task.high))
        evidence.write_artifact(context.folder.large_artifact(ids.LABEL, task.part), rows, facts)
        return
    step = context.recipe.stages[task.step]
    stage = step.stage
    if task.range is not None:
        Clusters(context, step, task.number).run(task.range)
    elif isinstance(stage, Match):
        schema = evidence.stored_schema(stage.evidence)
        rows = stage.resolve_range(files.sorted_range(schema, task.low, task.high))
        evidence.write_artifact(context.folder.large_artifact(step.label, task.part), rows, facts)
    elif isinstance(stage, Global):
        artifact = stage.resolve(files)
        write_json(context.folder.small_artifact(step.label), {**facts, "artifact": artifact.model_dump(mode="json")})
    else:
        raise TypeError(f"'{step.name}' is not a global stage")


def said(context: Context, step: int, number: int) -> tuple[str | None, str | None]:
    """(what was decided, in one line; what a person should know of it), None where there is nothing to say."""
    if step == IDS:
        return None, None
    of = context.recipe.stages[step]
    if isinstance(of.stage, Cluster):
        summary = Clusters(context, of, number).summary()
        return summary.text, summary.warning
    if of.stage.has_rows if isinstance(of.stage, Global) else True:
        return None, None
    return read_json(context.folder.small_artifact(of.label))["artifact"].get("summary"), None


def _label(context: Context, step: int) -> str:
    return ids.LABEL if step == IDS else context.recipe.stages[step].label


def _paths(context: Context, step: int, number: int) -> list[Path]:
    label = _label(context, step)
    return [context.folder.evidence(number, unit.stem, label) for unit in context.inputs.units]


def _fingerprint(context: Context, task: ResolveTask) -> str:
    of_units = digest(context.starts) if task.step == IDS else context.fingerprints.artifact(task.number)
    return digest(of_units, task.step, task.part, task.parts)


def _is_done(context: Context, task: ResolveTask) -> bool:
    label = _label(context, task.step)
    if task.step == IDS or isinstance(context.recipe.stages[task.step].stage, Match):
        found = ledger.facts(context.folder.large_artifact(label, task.part))
    else:
        path = context.folder.small_artifact(label)
        found = read_json(path) if path.exists() else None
    return found is not None and found.get("fingerprint") == _fingerprint(context, task)
