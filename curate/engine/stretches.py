"""What of a run can be shared out: the import, each pass, and the writing; as tasks that do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.engine import export, imports, packing, shard_pass
from curate.engine.context import Context
from curate.engine.counts import UnitCounts
from curate.engine.events import UnitDone
from curate.engine.packing import ExportTask
from curate.recipe import Recipe
from curate.store import ledger
from curate.store.folder import RunFolder
from curate.store.inputs import InputFile

IMPORT = 0
"""The number of the import, which comes before the passes."""


@dataclass(frozen=True)
class Stretch:
    """A pass as tasks; task i is the same, and in the same place, in each process that asks."""

    number: int
    """0 for the import, 1 and so on for the passes of the plan, one more for the writing."""
    of: int
    """The last number; 0 for the import, when it is not known yet."""
    title: str
    tasks: Sequence[Any]
    work: Callable[[Any], Any]
    """What a worker does with a task."""
    paths: Sequence[Path]
    """Of each task, the file that is written last."""
    sizes: Sequence[int]
    """Bytes of each task: of text, or of the files to import."""
    is_done: Callable[[int], bool]
    """Whether a task is done, by this recipe and with this input; it looks into the file."""
    said: Callable[[int, Any], UnitDone]
    """What to say of a task and its result."""

    def forget_stale(self) -> None:
        """Remove what says that a task is done, where it was done otherwise: a name then tells as much as a look."""
        for index, path in enumerate(self.paths):
            if path.exists() and not self.is_done(index):
                path.unlink()

    def missing(self) -> int:
        """Tasks that are not done, by the names of files; no file is opened."""
        names: dict[Path, set[str]] = {}
        for folder in {path.parent for path in self.paths}:
            names[folder] = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        return sum(path.name not in names[path.parent] for path in self.paths)


def importing(recipe: Recipe, folder: RunFolder, files: Sequence[InputFile], limit: int | None) -> Stretch:
    """The input files that are not Parquet become so."""
    tasks = imports.tasks(recipe, folder, files, limit)
    sizes = [task.size for task in tasks]
    return Stretch(
        number=IMPORT,
        of=0,
        title="import",
        tasks=tasks,
        work=imports.run,
        paths=[imports.note_of(task) for task in tasks],
        sizes=sizes,
        is_done=lambda index: imports.is_done(tasks[index]),
        said=lambda index, rows: UnitDone(IMPORT, rows, sizes[index], rows, 0),
    )


def one_pass(context: Context, number: int) -> Stretch:
    """A pass over all units."""
    units, root = context.inputs.units, str(context.folder.root)
    steps = context.plan.passes[number - 1].actions
    paths = [context.folder.ledger(number, unit.stem) for unit in units]

    def is_done(index: int) -> bool:
        found = ledger.facts(paths[index])
        return found is not None and found["fingerprint"] == context.fingerprints.of(number, units[index].index)

    return Stretch(
        number=number,
        of=len(context.plan.passes) + 1,
        title=", ".join(context.recipe.stages[action.step].label for action in steps),
        tasks=[shard_pass.PassTask(root, number, unit.index) for unit in units],
        work=shard_pass.run,
        paths=paths,
        sizes=[unit.size for unit in units],
        is_done=is_done,
        said=lambda index, result: unit_done(number, units[index].size, result.counts),
    )


def writing(context: Context, tasks: Sequence[ExportTask] | None = None) -> Stretch:
    """The survivors into output shards. tasks: what these are to be, if that is known already."""
    number = len(context.plan.passes) + 1
    if tasks is None:
        tasks = _packed(context)
    found, folder = tasks, context.folder
    return Stretch(
        number=number,
        of=number,
        title="write",
        tasks=found,
        work=export.run,
        paths=[folder.receipt(task.shard, context.plan.parts[task.part].folder) for task in found],
        sizes=[sum(context.inputs.units[piece.unit].size for piece in task.pieces) for task in found],
        is_done=lambda index: export.receipt_of(context, found[index]) is not None,
        said=lambda index, result: UnitDone(number, result[0].rows, result[0].text_bytes, result[0].rows, 0),
    )


def _packed(context: Context) -> list[ExportTask]:
    """What the output shards are to be, from the ledgers of passes that are complete."""
    first, last = (_counts(context, number) for number in (1, len(context.plan.passes)))
    return packing.pack(context, last, any(counts.made_ids for counts in first))


def _counts(context: Context, number: int) -> list[UnitCounts]:
    ledgers = (context.folder.ledger(number, unit.stem) for unit in context.inputs.units)
    return [UnitCounts.from_dict((ledger.facts(path) or {})["counts"]) for path in ledgers]


def unit_done(number: int, size: int, counts: UnitCounts, *, reused: bool = False) -> UnitDone:
    """What to say of a unit of a pass."""
    lost = sum(counts.unreadable.values())
    dropped = counts.arrived - counts.alive
    return UnitDone(number, counts.arrived + lost, size, counts.alive, dropped, lost, reused=reused)
