"""Between two passes: the evidence of all units becomes the decision of a global stage. Key ranges are tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.engine import ids
from curate.engine.clusters import Clusters
from curate.engine.context import Context, load
from curate.engine.matches import Matches
from curate.engine.rounds import Range, Rounds
from curate.stage import Cluster, Global, Match
from curate.store import evidence, ledger
from curate.store.files import digest, read_json, write_json
from curate.store.folder import remove_others

IDS = -1
"""The step number that stands for the look at the ids."""


@dataclass(frozen=True)
class ResolveTask:
    """Which decision to make, and which part of it."""

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
    """For a decision in rounds, in place of the four above."""


def rounds(context: Context, step: int, number: int) -> Iterator[list[ResolveTask]]:
    """The tasks that are still to be done for a decision; those of a round when the rounds before it are complete."""
    root = str(context.folder.root)
    decision = _decision(context, step, number)
    if decision is not None:
        for ranges in decision.todo():
            yield [ResolveTask(root, step, number, range=range) for range in ranges]
        return
    found = [ResolveTask(root, step, number)]
    if step == IDS:
        cuts = evidence.EvidenceFiles(_paths(context, step, number)).ranges()
        found = [ResolveTask(root, step, number, i, len(cuts), low, high) for i, (low, high) in enumerate(cuts)]
        keep = {context.folder.large_artifact(ids.LABEL, part).name for part in range(len(cuts))}
        remove_others(context.folder.large_artifact(ids.LABEL, 0).parent, keep)
    yield [task for task in found if not _is_done(context, task)]


def _decision(context: Context, step: int, number: int) -> Rounds | None:
    """How a stage decides whose artifact has rows."""
    if step == IDS:
        return None
    of = context.recipe.stages[step]
    kinds: dict[type, type[Rounds]] = {Cluster: Clusters, Match: Matches}
    return next((rounds(context, of, number) for kind, rounds in kinds.items() if isinstance(of.stage, kind)), None)


def run(task: ResolveTask) -> None:
    """Make a decision, or a part of it; the artifact is whole when this returns."""
    context = load(task.root)
    decision = _decision(context, task.step, task.number)
    if decision is not None:
        assert task.range is not None
        decision.run(task.range)
        return
    files = evidence.EvidenceFiles(_paths(context, task.step, task.number))
    facts = {"fingerprint": _fingerprint(context, task)}
    if task.step == IDS:
        rows = ids.repeated(files.sorted_range(ids.SCHEMA, task.low, task.high))
        evidence.write_artifact(context.folder.large_artifact(ids.LABEL, task.part), rows, facts)
        return
    step = context.recipe.stages[task.step]
    stage = step.stage
    if not isinstance(stage, Global):
        raise TypeError(f"'{step.name}' is not a global stage")
    if step.label in context.inputs.frozen:
        artifact = read_json(context.inputs.frozen[step.label])["artifact"]
    else:
        artifact = stage.resolve(files).model_dump(mode="json")
    write_json(context.folder.small_artifact(step.label), {**facts, "artifact": artifact})


def said(context: Context, step: int, number: int) -> tuple[str | None, str | None]:
    """(what was decided, in one line; what a person should know of it), None where there is nothing to say."""
    decision = _decision(context, step, number)
    if isinstance(decision, Clusters):
        summary = decision.summary()
        return summary.text, summary.warning
    if step == IDS or decision is not None:
        return None, None
    of = context.recipe.stages[step]
    artifact = read_json(context.folder.small_artifact(of.label))["artifact"]
    if of.label in context.inputs.frozen:  # its summary counts the documents of that run, not of this one
        return f"frozen, as generation 1 decided{_rule(artifact)}", None
    return artifact.get("summary"), artifact.get("warning")


def _rule(artifact: Mapping[str, Any]) -> str:
    """The threshold that a decision came to, if it is one."""
    column, threshold = artifact.get("column"), artifact.get("threshold")
    return "" if column is None or threshold is None else f": {column} >= {float(threshold):.6g}"


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
    if task.step == IDS:
        found = ledger.facts(context.folder.large_artifact(label, task.part))
    else:
        path = context.folder.small_artifact(label)
        found = read_json(path) if path.exists() else None
    return found is not None and found.get("fingerprint") == _fingerprint(context, task)
