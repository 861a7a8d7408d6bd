"""Takes away what earlier runs left in a run folder, and this one has not: nobody believes it, but somebody might."""

from __future__ import annotations

from collections.abc import Sequence

from curate.engine import ids, imports
from curate.engine.context import Context
from curate.plan import Pass
from curate.stage import Cluster, Global
from curate.store.folder import remove_others


def forget_others(context: Context, tasks: Sequence[imports.ImportTask]) -> None:
    """Remove what there is of files, units, passes and steps that this run has not. tasks: all imports of this run."""
    folder, inputs = context.folder, context.inputs
    tables = {part.path.name for task in tasks for part in imports.parts(task)}
    remove_others(folder.imported(0).parent, tables | {imports.note_of(task).name for task in tasks})
    aside = {folder.imports_aside(task.files[0].index).name for task in tasks}
    numbers = [one.number for one in context.plan.passes]
    aside |= {folder.kept_aside(number, unit.stem).name for number in numbers for unit in inputs.units}
    remove_others(folder.quarantine, aside)
    passes = {folder.pass_folder(number) for number in [0, *numbers]}
    for other in folder.pass_folders():
        if other not in passes:
            remove_others(other, set())
    remove_others(folder.pass_folder(0), {folder.evidence(0, unit.stem, ids.LABEL).name for unit in inputs.units})
    labels = {step.label for step in context.recipe.stages if isinstance(step.stage, Global)} | {ids.LABEL}
    names = {name for label in labels for name in (label, folder.small_artifact(label).name)}
    remove_others(folder.small_artifact(ids.LABEL).parent, names)


def forget_units(context: Context, this_pass: Pass) -> None:
    """Remove what a pass of an earlier, larger run wrote of units that this one has not."""
    folder, number, keep = context.folder, this_pass.number, set()
    for unit in context.inputs.units:
        keep |= {folder.ledger(number, unit.stem).name, folder.text(number, unit.stem).name}
        for step, stage in context.observers(this_pass):
            keep |= {folder.evidence(number, unit.stem, step.label).name}
            sketches = folder.sketches(number, unit.stem, step.label)
            keep |= {sketches.table.name, sketches.values.name} if isinstance(stage, Cluster) else set()
    remove_others(folder.pass_folder(number), keep)
