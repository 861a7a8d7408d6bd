"""Compiling the kernels once per machine, before the workers would all do it at the same time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curate import kernels
from curate.documents import ID, TEXT, Batch
from curate.engine import clusters
from curate.engine.context import Context, digest, load
from curate.engine.counts import measure
from curate.kernels.hashing import hash128
from curate.stage import Cluster, Global, PerBatch

SAMPLE = (
    "The first line of a small text, with 3.14 numbers and a name.\n"
    "The second line: it doesn't end there…\n\n- a bullet\n",
    "Zweite Zeile – naïve façade, „Anführung“.\nДва слова. 二つの言葉。\tTab\r\nLine with {braces} and javascript\n"
    * 3,
    "",
)


def _markers(context: Context) -> dict[str, Path]:
    """Stage → the file that says that its kernels were compiled; a user's own stages are not asked beforehand."""
    place = Path(os.environ.get("NUMBA_CACHE_DIR") or kernels.cache_folder())
    sources = kernels.cache_folder().name
    return {
        step.name: place / f"compiled-{step.name}-{digest(sources, type(step.stage).version)}"
        for step in context.recipe.stages
        if not step.name.endswith(".py")
    }


def is_warm(context: Context) -> bool:
    """Whether these stages ran on this machine before, with these kernels."""
    return all(marker.exists() for marker in _markers(context).values())


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
    texts = pa.array(SAMPLE, pa.large_string())
    batch = Batch({ID: pa.array([str(n) for n in range(len(SAMPLE))], pa.large_string()), TEXT: texts})
    batch = batch.with_columns(measure(batch))
    hash128(batch[ID])
    for step in (context.recipe.stages[index] for index in task.steps):
        columns = {name: pa.nulls(len(batch), pa.float64()) for name in step.stage.columns_read() if name not in batch}
        try:
            given = batch.with_columns(columns)
            if isinstance(step.stage, PerBatch):
                step.stage.process(given)
            elif isinstance(step.stage, Global):
                step.stage.apply(given, None) if step.stage.is_decided() else step.stage.observe(given)
            if isinstance(step.stage, Cluster):
                clusters.warm_up()
        except Exception:  # the columns are made up, so a stage may well object; a real defect shows on real documents
            continue


def mark_warm(context: Context) -> None:
    """Note that these stages are compiled."""
    for marker in _markers(context).values():
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
