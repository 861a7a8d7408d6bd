"""A run from beginning to end: passes over units, decisions between them, survivors at last. Decides nothing itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from curate import plan as planning
from curate import recipe as recipes
from curate.engine import export, ids, indexing, intake, packing, resolve, seal, shard_pass, tidying, warm
from curate.engine.accounts import Accounts
from curate.engine.context import Context, load
from curate.engine.counts import UnitCounts
from curate.engine.events import (
    KernelsCompiling,
    PassDone,
    PassStarted,
    Quarantined,
    Resolved,
    Resolving,
    RunDone,
    RunStarted,
    Show,
    UnitDone,
    Warned,
    silent,
)
from curate.engine.manifest import Manifest
from curate.errors import CurateError, RecipeError, StageError, StoreError
from curate.executors import Executor, Failure
from curate.plan import Pass
from curate.recipe import Recipe
from curate.store import arrow, ledger
from curate.store.files import sweep, whole
from curate.store.folder import RunFolder
from curate.store.index import Earlier
from curate.store.inputs import Listing
from curate.store.lock import alone
from curate.store.quarantine import summarise
from curate.store.shards import CHUNK_BYTES

T = TypeVar("T")
R = TypeVar("R")

EXIT_QUARANTINED = 3


@dataclass(frozen=True)
class Settings:
    """How a run goes about its work; nothing here changes a byte of the result, `limit` apart."""

    fresh: bool = False
    """Forget what an earlier run left in the output folder."""
    limit: int | None = None
    """Take the first so many documents only."""
    publishes: bool = True
    """Add what is kept to the indexes of the recipe; no, for a trial."""
    only: frozenset[str] | None = None
    """Take these input files only, by name; None: all."""
    frozen: Mapping[str, str] = field(default_factory=dict)
    """Label of a step → file with the decision that it is to take over."""
    chunk_bytes: int = CHUNK_BYTES
    """Text in one batch."""
    compiler: Executor | None = None
    """Where kernels are compiled when this machine has not done so yet; None: where all other work is done."""


def run(recipe: Recipe, executor: Executor, show: Show = silent, settings: Settings | None = None) -> RunDone:
    """Carry out a recipe, or go on with it where an earlier run stopped.

    Raises RecipeError before any work, StageError, StoreError or BadInput later; what was done by then is kept, and a
    further run goes on from it. KeyboardInterrupt passes through, with all workers stopped.
    """
    return _Run(recipe, executor, show, settings or Settings()).run()


@dataclass
class _Run:
    recipe: Recipe
    executor: Executor
    show: Show
    settings: Settings
    folder: RunFolder = field(init=False)
    manifest: Manifest = field(init=False)
    permission: recipes.Permission = field(init=False)
    """To run the user's own stages: the copy of the recipe lies in another folder than they do."""
    earlier: dict[str, Earlier] = field(init=False, default_factory=dict)
    """Label of a step → what it sees of its index."""
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.folder = RunFolder(Path(self.recipe.output.path))
        self.manifest = Manifest(self.folder)
        self.permission = recipes.Permission(self.recipe.code())

    def run(self) -> RunDone:
        self.permission()
        listing = self._list()
        root = self.folder.root
        try:
            if self.folder.seal.exists() and not self.settings.fresh:
                with alone(self.folder.lock):
                    done = self._as_it_was(listing)
                if done is not None:
                    return done
            survey = self._look(listing)
            root.mkdir(parents=True, exist_ok=True)
            with alone(self.folder.lock):
                return self._run(listing, survey)
        except OSError as error:
            if error.filename is None or not Path(str(error.filename)).is_relative_to(root):
                raise
            raise StoreError(
                f"{error.filename}: cannot write there: {error.strerror}; is output.path right?"
            ) from error

    def _run(self, listing: Listing, survey: intake.Survey) -> RunDone:
        self._begin(listing, survey)
        try:
            context = self._take_in(listing.files)
            accounts = self._passes(context)
            receipts = self._export(context, accounts)
            done = self._finish(context, accounts, receipts)
            if not self.earlier:  # what a step sees of its index changes with the runs of others
                seal.close(self.folder, self._question(listing), done)
            return done
        except BaseException as error:
            self.manifest.failed(error)
            raise

    def _list(self) -> Listing:
        """The input; and whether the output folder is a run's."""
        source, root = self.recipe.source or "recipe", self.folder.root
        if root.exists() and not root.is_dir():
            raise RecipeError(f"{source}: output.path = {root}: this is a file; name a folder for the run")
        others = self.folder.others()
        if others:
            raise RecipeError(
                f"{source}: output.path = {root}: the folder is no run's, and holds {', '.join(others[:3])}"
                f"{' …' if len(others) > 3 else ''}; name a folder of its own for the run"
            )
        return intake.listing(self.recipe, self.settings.only)

    def _as_it_was(self, listing: Listing) -> RunDone | None:
        """The result of a finished run that was asked the same, if nothing of it has changed."""
        sealed = seal.unbroken(self.folder, self._question(listing))
        if sealed is None:
            return None
        size, source = sum(file.size for file in listing.files), str(self.recipe.source or "recipe")
        out, workers = str(self.folder.root), self.executor.workers
        self.show(RunStarted(source, len(listing.files), sealed.documents, size, workers, out, True, finished=True))
        for note in sealed.notes:
            self.show(note)
        return replace(sealed.done, out=out, seconds=time.perf_counter() - self.began)

    def _question(self, listing: Listing) -> str:
        settings, recipe = self.settings, _anywhere(self.recipe).model_copy(update={"workers": "auto"})
        return seal.question(recipe, listing, settings.limit, dict(settings.frozen), settings.publishes)

    def _look(self, listing: Listing) -> intake.Survey:
        """All else that can be wrong before any work is done; nothing is written."""
        survey = intake.survey(self.recipe, listing.files)
        planning.make(self.recipe, survey.schema)
        fresh, limit = self.settings.fresh, self.settings.limit
        self.earlier = indexing.look(self.recipe, self.folder, listing.files, fresh=fresh, limit=limit)
        return survey

    def _begin(self, listing: Listing, survey: intake.Survey) -> None:
        """Make the folder this run's."""
        if self.settings.fresh:
            self.folder.clear()
        resumed = self.folder.manifest.exists()
        sweep(self.folder.root)
        indexing.settle(self.folder, self.earlier)
        self.manifest.start(self.recipe, listing.files, self.executor)
        with whole(self.folder.recipe) as part:
            part.write_text(recipes.dump(_anywhere(self.recipe)), encoding="utf-8")
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
        imports = intake.import_tasks(self.recipe, self.folder, files, self.settings.limit)
        if imports:
            began = time.perf_counter()
            size = sum(task.file.size for task in imports)
            self.show(PassStarted(0, 0, "import", len(imports), None, size))
            rows = 0
            for index, found in self._each(intake.import_one, imports):
                rows += found
                self.show(UnitDone(0, found, imports[index].file.size, found, 0))
            self.show(PassDone(0, time.perf_counter() - began, rows, size, rows, 0))
        inputs = intake.fix(self.recipe, self.folder, files, limit=self.settings.limit)
        inputs = replace(inputs, earlier=self.earlier, frozen=dict(self.settings.frozen))
        inputs.save(self.folder.inputs)
        plan = planning.make(self.recipe, inputs.schema)
        with whole(self.folder.plan) as part:
            part.write_text(planning.describe(plan, self.recipe) + "\n", encoding="utf-8")
        for broken in inputs.broken:
            self.show(Quarantined(broken.file, None, None, broken.reason, broken.error))
        for note in inputs.notes:
            self.show(Warned(note))
        context = load(str(self.folder.root))
        tidying.forget_others(context)
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

    def _passes(self, context: Context) -> Accounts:
        accounts = Accounts(self.recipe, context.inputs)
        if not warm.is_warm(context):
            self.show(KernelsCompiling())
            for _ in self._each(warm.compile_kernels, warm.tasks(context), self.settings.compiler):
                pass
            warm.mark_warm(context)
            if self.settings.compiler is not None:
                self.settings.compiler.close()  # a compiler holds half a gigabyte
        for this_pass in context.plan.passes:
            counts = self._pass(context, this_pass, accounts)
            accounts.close(this_pass, counts)
            self.manifest.passed(this_pass, accounts)
            accounts.check_bad_input()
            accounts.check_expectations(this_pass)
            for action in this_pass.actions:
                if action.verb == "observe":
                    label = self.recipe.stages[action.step].label
                    self._resolve(context, action.step, this_pass.number, label)
        return accounts

    def _pass(self, context: Context, this_pass: Pass, accounts: Accounts) -> list[UnitCounts]:
        """One pass over all units: those that are done already are taken as they are."""
        began, number = time.perf_counter(), this_pass.number
        units = context.inputs.units
        size = sum(unit.size for unit in units)
        title = ", ".join(self.recipe.stages[a.step].label for a in this_pass.actions)
        self.show(PassStarted(number, len(context.plan.passes) + 1, title, len(units), context.inputs.rows, size))
        counts: dict[int, UnitCounts] = {}
        for unit in units:
            found = ledger.facts(self.folder.ledger(number, unit.stem))
            if found and found["fingerprint"] == context.fingerprints.of(number, unit.index):
                counts[unit.index] = UnitCounts.from_dict(found["counts"])
                self.show(_unit_done(number, unit.size, counts[unit.index], reused=True))
        todo = [unit for unit in units if unit.index not in counts]
        root = str(self.folder.root)
        tasks = [shard_pass.PassTask(root, number, unit.index, self.settings.chunk_bytes) for unit in todo]
        for index, result in self._each(shard_pass.run, tasks):
            counts[todo[index].index] = result.counts
            self.manifest.timed(number, result)
            self.show(_unit_done(number, todo[index].size, result.counts))
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

    def _resolve(self, context: Context, step: int, number: int, label: str) -> None:
        began = False
        for tasks in resolve.rounds(context, step, number):
            if tasks and not began:
                self.show(Resolving(label))
                began = True
            for _ in self._each(resolve.run, tasks):
                pass
        if began:
            text, warning = resolve.said(context, step, number)
            if text is not None:
                self.show(Resolved(label, text))
            if warning is not None:
                self.show(Warned(f"{label}: {warning}"))

    def _export(self, context: Context, accounts: Accounts) -> list[export.Receipt]:
        """Write the survivors. Shards that are not this run's are taken away first, so that none is ever mixed in."""
        began = time.perf_counter()
        made_ids = accounts.passes[1].made_ids > 0
        tasks = packing.pack(context, accounts.last_counts, made_ids, self.settings.chunk_bytes)
        receipts = {(task.part, task.shard): export.receipt_of(context, task) for task in tasks}
        done = {place: receipt for place, receipt in receipts.items() if receipt is not None}
        self.folder.keep_shards({(context.plan.parts[part].folder, shard) for part, shard in done})
        todo = [task for task in tasks if (task.part, task.shard) not in done]
        rows = sum(task.documents for task in tasks) if context.plan.counts_copies else accounts.total.alive
        number = len(context.plan.passes) + 1
        size = accounts.total.alive_bytes
        self.show(PassStarted(number, number, "write", len(tasks), rows, size))
        for index, (receipt, _) in self._each(export.run, todo):
            done[todo[index].part, todo[index].shard] = receipt
            self.show(UnitDone(number, receipt.rows, receipt.text_bytes, receipt.rows, 0))
        seconds = time.perf_counter() - began
        self.show(PassDone(number, seconds, rows, size, rows, 0))
        accounts.check_written(sum(receipt.rows for receipt in done.values()), rows)
        return [done[place] for place in sorted(done)]

    def _finish(self, context: Context, accounts: Accounts, receipts: list[export.Receipt]) -> RunDone:
        sweep(self.folder.root)  # what workers left that were lost on the way
        self._publish(context)
        for text in intake.changes(context.inputs.files, intake.listing(self.recipe, self.settings.only).files):
            self.show(Warned(text))
        if not accounts.total.alive:
            self.show(Warned("no document was kept; the output is one shard without rows"))
        aside = summarise(self.folder.quarantine)
        for row in aside.examples:
            self.show(Quarantined(row.file, row.row, row.line, row.reason, row.error))
        bad = accounts.bad_documents
        exit_code = EXIT_QUARANTINED if bad or context.inputs.broken else 0
        self.manifest.done(context, accounts, receipts, aside)
        return RunDone(
            funnel=tuple(accounts.funnel()),
            seconds=time.perf_counter() - self.began,
            out=str(self.folder.root),
            exit_code=exit_code,
            rows=sum(receipt.rows for receipt in receipts) if context.plan.counts_copies else None,
            shards=len(receipts),
            bytes_out=sum(receipt.bytes for receipt in receipts),
            quarantined=bad,
        )

    def _publish(self, context: Context) -> None:
        tasks = indexing.tasks(context) if self.settings.publishes else []
        for _, (label, record, later) in self._each(indexing.publish, tasks):
            documents = f"{record.documents:,} document{'' if record.documents == 1 else 's'}"
            self.show(Resolved(label, f"{documents} of this run in the index {Path(record.folder).parent}"))
            if later:
                what = "what this run keeps has changed since later runs decided by it: run these again, in this order"
                self.show(Warned(f"{label}: {what}: {', '.join(later)}"))

    def _each(
        self, work: Callable[[T], R], tasks: Sequence[T], where: Executor | None = None
    ) -> Iterator[tuple[int, R]]:
        """Results of tasks as they come; the first failure ends the run."""

        def lost(index: int, how: str) -> None:
            self.show(Warned(f"a worker was lost ({how}); its unit is tried again"))

        if not tasks:
            return
        results = (where or self.executor).run(work, tasks, start=self.permission, lost=lost)
        try:
            for index, result in results:
                if isinstance(result, Failure):
                    if isinstance(result.error, CurateError):
                        raise result.error
                    raise StageError(f"{result.message}\n{result.traceback}".rstrip())
                yield index, result
        finally:
            results.close()


def _anywhere(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths, so that the copy in the run folder means the same from any folder."""
    paths = tuple(os.path.abspath(path) for path in recipe.input.paths)
    return recipe.model_copy(
        update={
            "input": recipe.input.model_copy(update={"paths": paths}),
            "output": recipe.output.model_copy(update={"path": os.path.abspath(recipe.output.path)}),
        }
    )


def _unit_done(number: int, size: int, counts: UnitCounts, *, reused: bool = False) -> UnitDone:
    lost = sum(counts.unreadable.values())
    dropped = counts.arrived - counts.alive
    return UnitDone(number, counts.arrived + lost, size, counts.alive, dropped, lost, reused=reused)
