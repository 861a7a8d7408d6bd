"""Compiling the kernels once per machine, before the workers would all do it at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curate import kernels
from curate.documents import ID, TEXT, Batch
from curate.engine import clusters
from curate.engine.context import Context, load
from curate.engine.counts import measure
from curate.engine.events import KernelsCompiling, Show
from curate.engine.tasks import each
from curate.executors import Executor
from curate.kernels.hashing import hash128
from curate.recipe import Step
from curate.stage import Cluster, Global, PerBatch, Stage
from curate.store.files import digest

SAMPLE = (
    "The first line of a small text, with 3.14 numbers and a name.\n"
    "The second line: it doesn't end there…\n\n- a bullet\n",
    "Zweite Zeile – naïve façade, „Anführung“.\nДва слова. 二つの言葉。\tTab\r\nLine with {braces} and javascript\n"
    * 3,
    "",
)


def place() -> Path:
    """The folder with the compiled kernels of these sources."""
    return Path(os.environ.get("NUMBA_CACHE_DIR") or kernels.cache_folder())


def _marker(name: str, version: int) -> Path:
    """The file that says that the kernels of a stage were compiled, for this installation on such a processor."""
    return place() / f"compiled-{name}-{digest(kernels.cache_folder().name, version, kernels.circumstances())}"


def is_compiled(name: str, kind: type[Stage]) -> bool:
    """Whether a stage ran on this machine before, with these kernels."""
    return _marker(name, kind.version).exists()


def mark(name: str, kind: type[Stage]) -> None:
    """Note that the kernels of a stage are compiled."""
    marker = _marker(name, kind.version)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _ours(context: Context) -> Iterator[Step]:
    """The steps that are not the user's own, which are not asked beforehand."""
    return (step for step in context.recipe.stages if not step.name.endswith(".py"))


def is_warm(context: Context) -> bool:
    """Whether these stages ran on this machine before, with these kernels."""
    return all(is_compiled(step.name, type(step.stage)) for step in _ours(context))


@dataclass(frozen=True)
class CompileTask:
    """Stages whose kernels one process compiles."""

    root: str
    """The run folder."""
    steps: tuple[int, ...]
    """In `recipe.stages`, from 0."""


def tasks(context: Context) -> list[CompileTask]:
    """Two halves of about the same work: the stages that split words share the largest kernel, and stay together."""
    ours = [index for index, step in enumerate(context.recipe.stages) if not step.name.endswith(".py")]
    options = {index: set(type(context.recipe.stages[index].stage).model_fields) for index in ours}
    split = [index for index in ours if options[index] & {"words", "sentences"}]
    halves = [split, [index for index in ours if index not in split]]
    return [CompileTask(str(context.folder.root), tuple(half)) for half in halves if half]


def compile_kernels(task: CompileTask) -> None:
    """Run the steps on three small texts; what they say of them is thrown away, errors included."""
    context = load(task.root)
    batch = batch_of(SAMPLE)
    hash128(batch[ID])
    for step in (context.recipe.stages[index] for index in task.steps):
        try:
            exercise(step.stage, batch)
        except Exception:  # the columns are made up, so a stage may well object; a real defect shows on real documents
            continue


def up(context: Context, executor: Executor, show: Show, start: Callable[[], None]) -> None:
    """Have the kernels of a run compiled, unless they are."""
    if is_warm(context):
        return
    show(KernelsCompiling())
    for _ in each(executor, compile_kernels, tasks(context), show, start):
        pass
    mark_warm(context)


def batch_of(texts: Sequence[str]) -> Batch:
    """Documents with these texts, as a pass has them."""
    ids = pa.array([str(n) for n in range(len(texts))], pa.large_string())
    batch = Batch({ID: ids, TEXT: pa.array(texts, pa.large_string())})
    return batch.with_columns(measure(batch))


def exercise(stage: Stage, batch: Batch) -> None:
    """Have a stage do what it does to documents; columns that it reads and that are not there are null numbers."""
    columns = {name: pa.nulls(len(batch), pa.float64()) for name in stage.columns_read() if name not in batch}
    given = batch.with_columns(columns)
    if isinstance(stage, PerBatch):
        stage.process(given)
    elif isinstance(stage, Global):
        stage.apply(given, None) if stage.is_decided() else stage.observe(given)
    if isinstance(stage, Cluster):
        clusters.warm_up()


def mark_warm(context: Context) -> None:
    """Note that these stages are compiled."""
    for step in _ours(context):
        mark(step.name, type(step.stage))
