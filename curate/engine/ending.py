"""The end of a run: survivors into output shards, what is kept into the indexes, and the result in numbers."""

from __future__ import annotations

import time
from pathlib import Path

from curate.engine import export, indexing, intake, packing
from curate.engine.accounts import Accounts
from curate.engine.context import Context
from curate.engine.events import PassDone, PassStarted, Quarantined, Resolved, RunDone, Show, UnitDone, Warned
from curate.engine.export import Receipt
from curate.engine.settings import Settings
from curate.engine.tasks import Each
from curate.recipe import Recipe
from curate.store.files import sweep
from curate.store.quarantine import Summary, summarise

EXIT_QUARANTINED = 3


class Writing:
    """The output shards as they are to be; those that are not this run's are taken away, so that none is mixed in."""

    def __init__(self, context: Context, accounts: Accounts, chunk_bytes: int) -> None:
        """Nothing is written yet."""
        self.context, self.accounts = context, accounts
        made_ids = accounts.passes[1].made_ids > 0
        self.tasks = packing.pack(context, accounts.last_counts, made_ids, chunk_bytes)
        receipts = {(task.part, task.shard): export.receipt_of(context, task) for task in self.tasks}
        self.done = {place: receipt for place, receipt in receipts.items() if receipt is not None}
        context.folder.keep_shards({(context.plan.parts[part].folder, shard) for part, shard in self.done})

    def run(self, each: Each, show: Show) -> list[Receipt]:
        """Write the survivors → what was written, in order."""
        began, context, done = time.perf_counter(), self.context, self.done
        todo = [task for task in self.tasks if (task.part, task.shard) not in done]
        total = self.accounts.total
        rows = sum(task.documents for task in self.tasks) if context.plan.counts_copies else total.alive
        number = len(context.plan.passes) + 1
        show(PassStarted(number, number, "write", len(self.tasks), rows, total.alive_bytes))
        for index, (receipt, _) in each(export.run, todo):
            done[todo[index].part, todo[index].shard] = receipt
            show(UnitDone(number, receipt.rows, receipt.text_bytes, receipt.rows, 0))
        show(PassDone(number, time.perf_counter() - began, rows, total.alive_bytes, rows, 0))
        self.accounts.check_written(sum(receipt.rows for receipt in done.values()), rows)
        return [done[place] for place in sorted(done)]


def tidy(context: Context, recipe: Recipe, settings: Settings, each: Each, show: Show) -> Summary:
    """When all is written: clear up, fill the indexes, say what a person should know → what is in quarantine."""
    sweep(context.folder.root)  # what workers left that were lost on the way
    if settings.publishes:
        _publish(context, each, show)
    for text in intake.changes(context.inputs.files, intake.listing(recipe, settings.only).files):
        show(Warned(text))
    aside = summarise(context.folder.quarantine)
    for row in aside.examples:
        show(Quarantined(row.file, row.row, row.line, row.reason, row.error))
    return aside


def _publish(context: Context, each: Each, show: Show) -> None:
    for _, (label, record, later) in each(indexing.publish, indexing.tasks(context)):
        documents = f"{record.documents:,} document{'' if record.documents == 1 else 's'}"
        show(Resolved(label, f"{documents} of this run in the index {Path(record.folder).parent}"))
        if later:
            what = "what this run keeps has changed since later runs decided by it: run these again, in this order"
            show(Warned(f"{label}: {what}: {', '.join(later)}"))


def result(context: Context, accounts: Accounts, receipts: list[Receipt], seconds: float) -> RunDone:
    """What a run has come to."""
    bad = accounts.bad_documents
    return RunDone(
        funnel=tuple(accounts.funnel()),
        seconds=seconds,
        out=str(context.folder.root),
        exit_code=EXIT_QUARANTINED if bad or context.inputs.broken else 0,
        rows=sum(receipt.rows for receipt in receipts) if context.plan.counts_copies else None,
        shards=len(receipts),
        bytes_out=sum(receipt.bytes for receipt in receipts),
        quarantined=bad,
        broken_files=len(context.inputs.broken),
    )
