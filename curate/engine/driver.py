"""A run from beginning to end: passes over units, decisions between them, survivors at last. Decides nothing itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from curate import plan as planning
from curate import recipe as recipes
from curate.engine import (
    ending,
    ids,
    imports,
    indexing,
    intake,
    resolve,
    seal,
    shard_pass,
    sharing,
    stretches,
    tidying,
    times,
    warm,
)
from curate.engine.accounts import Accounts
from curate.engine.context import Context, load
from curate.engine.counts import UnitCounts
from curate.engine.ending import Writing
from curate.engine.events import (
    PassDone,
    PassStarted,
    Quarantined,
    Resolved,
    Resolving,
    RunDone,
    RunStarted,
    Show,
    UnitDone,
    Waiting,
    Warned,
    silent,
)
from curate.engine.manifest import Manifest
from curate.engine.sealed import unbroken
from curate.engine.settings import Settings as Settings
from curate.engine.settings import listing_of
from curate.engine.stretches import Stretch
from curate.engine.tasks import each
from curate.errors import RecipeError, StoreError
from curate.executors import Executor
from curate.plan import Pass
from curate.recipe import Recipe
from curate.store import arrow, ledger
from curate.store.files import sweep, whole
from curate.store.folder import RunFolder
from curate.store.index import Earlier
from curate.store.inputs import Listing
from curate.store.lock import alone
from curate.store.shards import Unit

T = TypeVar("T")
R = TypeVar("R")


def run(recipe: Recipe, executor: Executor, show: Show = silent, settings: Settings | None = None) -> RunDone:
    """Carry out a recipe, or go on with it where an earlier run stopped.

    Raises RecipeError before any work, StageError, StoreError or BadInput later; what was done by then is kept, and a
    further run goes on from it. KeyboardInterrupt passes through, with all workers stopped.
    """
    done = _Run(recipe, executor, show, settings or Settings()).run()
    assert done is not None
    return done


def run_until(
    number: int, recipe: Recipe, executor: Executor, show: Show = silent, settings: Settings | None = None
) -> RunDone | None:
    """As `run`, but stop where pass `number` would begin, so that it can be done in shares; see `curate.engine.shares`.

    number: 0 for the import, 1 and so on for the passes of the plan, one more for the writing.
    None: the run waits there. RunDone: it was finished before, and nothing has changed since.
    """
    return _Run(recipe, executor, show, settings or Settings(), number).run()


@dataclass
class _Run:
    recipe: Recipe
    executor: Executor
    show: Show
    settings: Settings
    until: int | None = None
    """The pass to stop before; None: do all."""
    folder: RunFolder = field(init=False)
    manifest: Manifest = field(init=False)
    permission: recipes.Permission = field(init=False)
    """To run the user's own stages: the copy of the recipe lies in another folder than they do."""
    earlier: dict[str, Earlier] = field(init=False, default_factory=dict)
    """Label of a step → what it sees of its index."""
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.folder = RunFolder(self.recipe.output.folder)
        self.manifest = Manifest(self.folder)
        self.permission = recipes.Permission(self.recipe.code())

    def run(self) -> RunDone | None:
        self.permission()
        listing = listing_of(self.recipe, self.settings)
        root = self.folder.root
        try:
            if self.folder.seal.exists() and not self.settings.fresh:
                with alone(self.folder.lock):
                    done = self._as_it_was(listing)
                if done is not None:
                    return done
            survey = self._look(listing)
            root.mkdir(parents=True, exist_ok=True)
            with sharing.undivided(self.folder):
                return self._run(listing, survey)
        except OSError as error:
            if error.filename is None or not Path(str(error.filename)).is_relative_to(root):
                raise
            raise StoreError(
                f"{error.filename}: cannot write there: {error.strerror}; is output.path right?"
            ) from error

    def _run(self, listing: Listing, survey: intake.Survey) -> RunDone | None:
        self._begin(listing, survey)
        try:
            done = self._all_of_it(listing)
            if done is not None and not self.earlier:  # what a step sees of its index changes with the runs of others
                seal.close(self.folder, self._question(listing), done)
            return done
        except BaseException as error:
            self.manifest.failed(error)
            raise

    def _all_of_it(self, listing: Listing) -> RunDone | None:
        """From the import to the books; None if it is to stop before, and then waits there."""
        if self.until == 0:
            imports = stretches.importing(self.recipe, self.folder, listing.files, self.settings.limit)
            self._wait(imports, listing)
            return None
        context = self._take_in(listing.files)
        warm.up(context, self.settings.compiler or self.executor, self.show, self.permission)
        if self.settings.compiler is not None:
            self.settings.compiler.close()  # a compiler holds half a gigabyte
        accounts = Accounts(self.recipe, context.inputs)
        for this_pass in context.plan.passes:
            if self.until == this_pass.number:
                self._wait(stretches.one_pass(context, this_pass.number), listing)
                return None
            self._pass_and_decide(context, this_pass, accounts)
        writing = Writing(context, accounts, self.settings.chunk_bytes)
        if self.until is not None:
            self._wait(stretches.writing(context, writing.tasks), listing)
            return None
        receipts = writing.run(self._each, self.show)
        aside = ending.tidy(context, self.recipe, self.settings, self._each, self.show)
        if not accounts.total.alive:
            self.show(Warned("no document was kept; the output is one shard without rows"))
        self.manifest.done(context, accounts, receipts, aside)
        return ending.result(context, accounts, receipts, time.perf_counter() - self.began)

    def _wait(self, next_one: Stretch, listing: Listing) -> None:
        """Stop here; shares may do what is next."""
        next_one.forget_stale()
        self.manifest.waits(next_one.number)
        sweep(self.folder.root)
        sharing.mark(self.folder, next_one.number, self._question(listing))
        self.show(Waiting(next_one.number, next_one.of, next_one.title, len(next_one.tasks), str(self.folder.root)))

    def _as_it_was(self, listing: Listing) -> RunDone | None:
        """The result of a finished run that was asked the same, if nothing of it has changed."""
        found = unbroken(self.folder, self._question(listing))
        if found is None:
            return None
        size, source = sum(file.size for file in listing.files), str(self.recipe.source or "recipe")
        out, workers = str(self.folder.root), self.executor.workers
        self.show(RunStarted(source, len(listing.files), found.documents, size, workers, out, True, finished=True))
        for note in found.notes:
            self.show(note)
        return replace(found.done, out=out, seconds=time.perf_counter() - self.began)

    def _question(self, listing: Listing) -> str:
        return self.settings.question(self.recipe, listing)

    def _look(self, listing: Listing) -> intake.Survey:
        """All else that can be wrong before any work is done; nothing is written."""
        survey, last = self._survey(listing)
        if self.until is not None and not 0 <= self.until <= last:
            raise RecipeError(
                f"--until {self.until}: expected 0 (the import) to {last} (the writing); see: curate plan"
            )
        fresh, limit = self.settings.fresh, self.settings.limit
        self.earlier = indexing.look(self.recipe, self.folder, listing.files, fresh=fresh, limit=limit)
        return survey

    def _survey(self, listing: Listing) -> tuple[intake.Survey, int]:
        """(what the input looks like, the number of the last pass), by some of the files if these are very many."""
        for most in (intake.LOOKED_AT, None):
            try:
                survey = intake.survey(self.recipe, listing.files, most)
                return survey, len(planning.make(self.recipe, survey.schema).passes) + 1
            except RecipeError:
                if most is None or len(listing.files) <= most:
                    raise  # else a column that the recipe reads may be in another file
        raise AssertionError

    def _begin(self, listing: Listing, survey: intake.Survey) -> None:
        """Make the folder this run's."""
        if self.settings.fresh:
            self.folder.clear()
        resumed = self.folder.manifest.exists()
        sweep(self.folder.root)
        indexing.settle(self.folder, self.earlier)
        self.manifest.start(self.recipe, listing.files, self.executor)
        with whole(self.folder.recipe) as part:
            part.write_text(recipes.dump(seal.anywhere(self.recipe)), encoding="utf-8", newline="\n")
        files = len(listing.files)
        documents = survey.documents if survey.exact else None
        source, out = str(self.recipe.source or "recipe"), str(self.folder.root)
        self.show(RunStarted(source, files, documents, survey.bytes, self.executor.workers, out, resumed))
        for label, seen in self.earlier.items():
            self.show(Resolved(label, seen.text))
        for path, reason in listing.ignored:
            self.show(Warned(f"{path} is passed over: {reason.replace('_', ' ')}"))

    def _take_in(self, files: Sequence[Any]) -> Context:
        """Import, look at the ids, fix the input."""
        wanted = imports.tasks(self.recipe, self.folder, files, self.settings.limit)
        todo = imports.todo(wanted)
        if todo:
            began = time.perf_counter()
            size = sum(task.size for task in todo)
            self.show(PassStarted(0, 0, "import", len(todo), None, size))
            rows = 0
            for index, found in self._each(imports.run, todo):
                rows += found
                self.show(UnitDone(0, found, todo[index].size, found, 0))
            self.show(PassDone(0, time.perf_counter() - began, rows, size, rows, 0))
        inputs = intake.fix(self.recipe, self.folder, files, limit=self.settings.limit)
        inputs = replace(inputs, earlier=self.earlier, frozen=dict(self.settings.frozen))
        inputs.save(self.folder.inputs)
        plan = planning.make(self.recipe, inputs.schema)
        with whole(self.folder.plan) as part:
            part.write_text(planning.describe(plan, self.recipe) + "\n", encoding="utf-8", newline="\n")
        for broken in inputs.broken:
            self.show(Quarantined(broken.file, None, None, broken.reason, broken.error))
        for note in inputs.notes:
            self.show(Warned(note))
        context = load(str(self.folder.root))
        tidying.forget_others(context, wanted)
        self.manifest.inputs(inputs)
        Accounts(self.recipe, inputs).check_bad_input()
        if inputs.has_ids:
            self._look_at_ids(context)
        return context

    def _look_at_ids(self, context: Context) -> None:
        root = str(self.folder.root)
        tasks = [
            ids.IdTask(root, unit.index)
            for unit in context.inputs.units
            if (arrow.facts(self.folder.evidence(0, unit.stem, ids.LABEL)) or {}).get("fingerprint")
            != context.starts[unit.index]
        ]
        for _ in self._each(ids.look, tasks):
            pass
        self._resolve(context, resolve.IDS, 0, "ids")

    def _pass_and_decide(self, context: Context, this_pass: Pass, accounts: Accounts) -> None:
        counts = self._pass(context, this_pass, accounts)
        accounts.close(this_pass, counts)
        self.manifest.passed(this_pass, accounts)
        accounts.check_bad_input()
        accounts.check_expectations(this_pass)
        for action in this_pass.actions:
            if action.verb == "observe":
                label = self.recipe.stages[action.step].label
                self._resolve(context, action.step, this_pass.number, label)

    def _pass(self, context: Context, this_pass: Pass, accounts: Accounts) -> list[UnitCounts]:
        """One pass over all units: those that are done already are taken as they are."""
        began, number = time.perf_counter(), this_pass.number
        units = context.inputs.units
        size = sum(unit.size for unit in units)
        labels = [self.recipe.stages[action.step].label for action in this_pass.actions]
        self.show(
            PassStarted(number, len(context.plan.passes) + 1, ", ".join(labels), len(units), context.inputs.rows, size)
        )
        counts: dict[int, UnitCounts] = {}
        for unit in units:
            found = ledger.facts(self.folder.ledger(number, unit.stem))
            same = found is not None and found["fingerprint"] == context.fingerprints.of(number, unit.index)
            if found and same and self._has_evidence(context, this_pass, unit):
                counts[unit.index] = UnitCounts.from_dict(found["counts"])
                self.show(stretches.unit_done(number, unit.size, counts[unit.index], reused=True))
        for result in times.of_shares(context, number, counts):
            self.manifest.timed(number, result)
        todo = [unit for unit in units if unit.index not in counts]
        root = str(self.folder.root)
        tasks = [shard_pass.PassTask(root, number, unit.index, self.settings.chunk_bytes) for unit in todo]
        for index, result in self._each(shard_pass.run, tasks, labels):
            counts[todo[index].index] = result.counts
            self.manifest.timed(number, result)
            self.show(stretches.unit_done(number, todo[index].size, result.counts))
            accounts.watch(result.counts)
        tidying.forget_units(context, this_pass)
        total = UnitCounts()
        for count in counts.values():
            total.add(count)
        lost = sum(total.unreadable.values())
        dropped = total.arrived - total.alive
        seconds = time.perf_counter() - began
        self.show(PassDone(number, seconds, total.arrived + lost, size, total.alive, dropped, lost))
        return [counts[unit.index] for unit in units]

    def _has_evidence(self, context: Context, this_pass: Pass, unit: Unit) -> bool:
        """Whether what a pass gathered of a unit is there; not after a run went over to another machine by a store."""
        steps = context.observers(this_pass)
        return all(self.folder.evidence(this_pass.number, unit.stem, step.label).exists() for step, _ in steps)

    def _resolve(self, context: Context, step: int, number: int, label: str) -> None:
        began = False
        for tasks in resolve.rounds(context, step, number):
            if tasks and not began:
                self.show(Resolving(label))
                began = True
            for _ in self._each(resolve.run, tasks, [label]):
                pass
        if began:
            text, warning = resolve.said(context, step, number)
            if text is not None:
                self.show(Resolved(label, text))
            if warning is not None:
                self.show(Warned(f"{label}: {warning}"))

    def _each(self, work: Callable[[T], R], tasks: Sequence[T], labels: Iterable[str] = ()) -> Iterator[tuple[int, R]]:
        """labels: of the steps that the tasks have to do with."""
        return each(self.executor, work, tasks, self.show, self.permission, self.settings.needed(labels))
