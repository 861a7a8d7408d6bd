"""A worker's whole job: one pass over one unit, from the files of the run folder to the files of the run folder."""

from __future__ import annotations

import os
import shlex
import time
import traceback
from bisect import bisect_left
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import CHARS, DROPPED_BY, ID, PLACE, ROW, SIZE, TEXT, Batch, address
from curate.engine.context import Context, load
from curate.engine.counts import UnitCounts, measure
from curate.engine.dropped import with_dropped
from curate.engine.observing import Observer
from curate.engine.outcome import checked, scatter
from curate.engine.source import Piece, Source
from curate.errors import CurateError, StageError
from curate.plan import Action, Pass
from curate.recipe import Step
from curate.stage import Global, Outcome, PerBatch
from curate.store import evidence, ledger
from curate.store.files import read_json
from curate.store.fixed import first_address
from curate.store.quarantine import open_quarantine
from curate.store.shards import CHUNK_BYTES, Unit


@dataclass(frozen=True)
class PassTask:
    """All that a worker needs to know."""

    root: str
    """The run folder."""
    number: int
    """The pass, from 1."""
    unit: int
    chunk_bytes: int = CHUNK_BYTES


@dataclass(frozen=True)
class UnitResult:
    """What a worker answers: counts that are also in the ledger, and times that are not."""

    unit: int
    counts: UnitCounts
    seconds: float
    """Wall time of the unit."""
    cpu_seconds: float
    """Of this process, user and system."""
    step_seconds: dict[int, float] = field(default_factory=dict)
    """Wall time in each step, by its number in the recipe (from 0)."""


def run(task: PassTask) -> UnitResult:
    """Do one pass over one unit. Its files are whole on return, the ledger last: it says that the unit is done."""
    began, cpu = time.perf_counter(), time.process_time()
    context = load(task.root)
    work = _UnitPass(context, context.plan.passes[task.number - 1], context.inputs.units[task.unit], task.chunk_bytes)
    counts = work.run()
    return UnitResult(
        task.unit, counts, time.perf_counter() - began, time.process_time() - cpu, dict(work.step_seconds)
    )


class _UnitPass:
    """One pass over one unit, chunk by chunk."""

    def __init__(self, context: Context, this_pass: Pass, unit: Unit, chunk_bytes: int) -> None:
        self.context, self.this_pass, self.unit = context, this_pass, unit
        self.folder, self.number = context.folder, this_pass.number
        self.source = Source(context, this_pass, unit, chunk_bytes)
        self.counts = UnitCounts(unit.rows)
        self.step_seconds: dict[int, float] = {}
        self.artifacts = {a.step: self._artifact(a) for a in this_pass.actions if a.verb == "apply"}
        self.observers: dict[int, Observer] = {}
        fields = [(ID, pa.large_string())] if self.number == 1 else []
        self.schema = pa.schema(
            [*fields, *this_pass.adds, (CHARS, pa.int64()), (SIZE, pa.int64()), (DROPPED_BY, pa.string())]
        )

    def run(self) -> UnitCounts:
        """Read, work, write; check that no document was lost or made."""
        ledger_path = self.folder.ledger(self.number, self.unit.stem)
        text_path = self.folder.text(self.number, self.unit.stem)
        ledger_path.unlink(missing_ok=True)  # a ledger of other options must not vouch for the files written below
        with ledger.Writer(ledger_path, self.schema) as rows, ledger.Writer(text_path, ledger.TEXT_SCHEMA) as texts:
            changed = False
            with ExitStack() as files:
                observing = [action.step for action in self.this_pass.actions if action.verb == "observe"]
                self.observers = {step: files.enter_context(self._observer(step)) for step in observing}
                for piece in self.source.pieces():
                    columns, batch, rewritten = self._piece(piece)
                    rows.write(columns)
                    if self.this_pass.edits_text and len(batch):
                        numbers = pa.array(piece.start + batch[PLACE].to_numpy())
                        texts.write({ROW: numbers, TEXT: batch[TEXT]}, batch[SIZE].to_numpy())
                    changed |= rewritten
            self.source.check_unchanged()
            with open_quarantine(self.folder.kept_aside(self.number, self.unit.stem)) as kept_aside:
                for row in self.source.bad:
                    kept_aside.add(row)
            if changed:
                texts.commit({"fingerprint": self._fingerprint()})
            else:
                text_path.unlink(missing_ok=True)
            self.counts.rewritten = changed
            self.counts.check(f"pass {self.number}, {self.unit.name}")
            rows.commit({"fingerprint": self._fingerprint(), "counts": self.counts.as_dict()})
        return self.counts

    def _fingerprint(self) -> str:
        return self.context.fingerprints.of(self.number, self.unit.index)

    def _piece(self, piece: Piece) -> tuple[dict[str, pa.Array], Batch, bool]:
        """One chunk through all steps → (ledger columns, survivors, whether a text was changed)."""
        n = piece.stop - piece.start
        dropped_by = piece.dropped_by
        self.counts.arrive(piece.earlier, piece.unreadable, piece.batch)
        self.counts.made_ids += piece.made_ids
        at = np.flatnonzero(np.asarray(dropped_by == None))  # noqa: E711  an object array: None means alive
        batch = arrived = piece.batch.with_columns({PLACE: pa.array(at)})
        added: dict[str, pa.Array] = {}
        rewritten = False
        for action in self.this_pass.actions:
            step = self.context.recipe.stages[action.step]
            began = time.perf_counter()
            if action.verb == "observe":
                seen = batch
                if isinstance(step.stage, Global) and step.stage.sees_dropped:
                    seen = with_dropped(step, self.context.recipe, self.source, piece, arrived, added, dropped_by)
                self._observe(action, step, seen)
            else:
                batch, changed = self._decide(action, step, batch, n, dropped_by, added)
                rewritten |= changed
            self.step_seconds[action.step] = self.step_seconds.get(action.step, 0.0) + time.perf_counter() - began
        at = batch[PLACE].to_numpy()
        columns = {
            **({ID: piece.ids} if self.number == 1 else {}),
            **added,
            CHARS: scatter(batch[CHARS], at, n),
            SIZE: scatter(batch[SIZE], at, n),
            DROPPED_BY: pa.array(dropped_by, pa.string()),
        }
        self.counts.leave(batch)
        return columns, batch, rewritten

    def _decide(
        self,
        action: Action,
        step: Step,
        batch: Batch,
        n: int,
        dropped_by: npt.NDArray[np.object_],
        added: dict[str, pa.Array],
    ) -> tuple[Batch, bool]:
        """Ask a stage, note what it says, and take away the documents that it drops."""
        if not len(batch):  # all are gone: there is nothing to ask
            added.update({name: pa.nulls(n, kind) for name, kind in step.written().items()})
            self.counts.step(action.step)
            return batch.with_columns({name: pa.nulls(0, kind) for name, kind in step.written().items()}), False
        outcome = self._ask(action, step, batch)
        at = batch[PLACE].to_numpy()
        for name, kind in step.written().items():
            added[name] = scatter(outcome.columns[name], at, n)
            assert added[name].type == kind
        count = self.counts.step(action.step)
        count.arrive(batch)
        new = dict(outcome.columns)
        if outcome.text is not None:
            new[TEXT] = outcome.text
        batch = batch.with_columns(new) if new else batch
        if outcome.reason is not None and outcome.reason.null_count < len(batch):
            reasons = outcome.reason.to_numpy(zero_copy_only=False)
            gone = np.flatnonzero(reasons != None)  # noqa: E711
            labels = np.array([f"{step.label}/{reason}" for reason in reasons[gone]], dtype=object)
            dropped_by[at[gone]] = labels
            count.drop(reasons[gone], batch[CHARS].to_numpy()[gone])
            batch = batch.take(np.flatnonzero(reasons == None))  # noqa: E711
        if outcome.text is not None:
            batch = batch.with_columns(measure(batch))
        count.leave(batch)
        return batch, outcome.text is not None

    def _ask(self, action: Action, step: Step, batch: Batch) -> Outcome:
        stage = step.stage
        try:
            if action.verb == "process" and isinstance(stage, PerBatch):
                outcome = stage.process(batch)
            elif action.verb == "apply" and isinstance(stage, Global):
                outcome = stage.apply(batch, self._artifact_for(action, batch))
            else:
                raise TypeError(f"the plan asks '{step.name}' to {action.verb}, which it cannot")
            return checked(outcome, step, batch)
        except CurateError:
            raise
        except Exception as error:
            raise self._stage_error(step, action.verb, batch, error) from error

    def _observe(self, action: Action, step: Step, batch: Batch) -> None:
        if not len(batch):
            return
        rows = batch[PLACE].to_numpy() + self.source.start + self.unit.first_row
        try:
            self.observers[action.step].add(batch, address(self.unit.file, rows))
        except CurateError:
            raise
        except Exception as error:
            raise self._stage_error(step, action.verb, batch, error) from error

    def _observer(self, index: int) -> Observer:
        step, facts = self.context.recipe.stages[index], {"fingerprint": self._fingerprint()}
        return Observer(self.folder, self.number, self.unit.stem, step, facts)

    def _artifact(self, action: Action) -> Any:
        """A small artifact whole; of a large one, this unit's rows; None if there was nothing to decide."""
        step = self.context.recipe.stages[action.step]
        stage = step.stage
        assert isinstance(stage, Global)
        if stage.is_decided():
            return None
        if stage.has_rows:
            first = int(first_address(self.unit))
            ends = [last for _, last in self.context.inputs.ranges()]
            part = self.folder.large_artifact(step.label, bisect_left(ends, first))
            return evidence.read_artifact(part, first, first + max(self.unit.rows, 1) - 1)
        stored = read_json(self.folder.small_artifact(step.label))
        return stage.artifact_type().model_validate(stored["artifact"])

    def _artifact_for(self, action: Action, batch: Batch) -> Any:
        artifact = self.artifacts[action.step]
        if not isinstance(artifact, pa.Table):
            return artifact
        rows = batch[PLACE].to_numpy() + self.source.start + self.unit.first_row
        documents = address(self.unit.file, rows)
        found = artifact.column(evidence.DOCUMENT).to_numpy()
        if len(documents):  # both ascend
            low = np.searchsorted(found, documents[0])
            high = np.searchsorted(found, documents[-1], side="right")
            artifact, found = artifact.slice(low, high - low), found[low:high]
        here = np.flatnonzero(np.isin(found, documents))
        picked = artifact.take(pa.array(here))
        at = np.searchsorted(documents, found[here]).astype(np.int64)
        return picked.drop_columns([evidence.DOCUMENT]).append_column("row", pa.array(at))

    def _stage_error(self, step: Step, verb: str, batch: Batch, error: Exception) -> StageError:
        alone = _culprit(step, batch) if verb == "process" and not isinstance(error, MemoryError) else None
        near = f"near id {batch[ID][0].as_py() if len(batch) else '(no document)'}"
        place = traceback.extract_tb(error.__traceback__)[-1]
        return StageError(
            f"stage '{step.label}' failed in {verb} on {self.unit.name},"
            f" {near if alone is None else f'at id {alone}'}:"
            f" {_in_words(error)}\n"
            f"  at {Path(place.filename).name}:{place.lineno}, in {place.name}\n"
            f"  again, alone: curate debug {os.path.relpath(self.folder.root)}"
            f" --pass {self.number} --shard {self.unit.stem}{_allowance(step.name)}"
        )


def _culprit(step: Step, batch: Batch) -> str | None:
    """The id of the first document that a stage fails on when it is given that one alone; None if it fails on none."""
    stage = step.stage
    if not isinstance(stage, PerBatch):
        return None
    for row in range(len(batch)):
        one = batch.take(np.array([row]))
        try:
            stage.process(one)
        except Exception:
            return str(one[ID][0].as_py())
    return None


def _allowance(name: str) -> str:
    """What a command about a run folder must be told so that it runs a step; nothing for a stage of curate."""
    return f" --allow-code {shlex.quote(os.path.relpath(name))}" if os.path.isabs(name) else ""


def _in_words(error: BaseException) -> str:
    """What a stage raised; without memory, what to do, since such errors say nothing themselves."""
    if isinstance(error, MemoryError):
        return "there is no memory left for this process; use fewer workers, or give it more"
    return f"{type(error).__name__}: {error}"
