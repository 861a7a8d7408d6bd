"""The books of a run: what came in, what became of it at each step, and whether that is what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from curate.engine.counts import UnitCounts
from curate.engine.events import READ, FunnelRow
from curate.errors import BadInput, StageError
from curate.plan import Pass
from curate.recipe import Recipe
from curate.store.fixed import Inputs


class Accounts:
    """Counts of all passes so far."""

    def __init__(self, recipe: Recipe, inputs: Inputs) -> None:
        """Before the first pass."""
        self.recipe, self.inputs = recipe, inputs
        self.passes: dict[int, UnitCounts] = {}
        self.last_counts: list[UnitCounts] = []
        self._running = 0

    @property
    def total(self) -> UnitCounts:
        """Of the last pass, all units together."""
        return self.passes[max(self.passes)]

    @property
    def documents_in(self) -> int:
        """Rows of the input, lines that the import could not read included."""
        return self.inputs.rows + sum(self.inputs.bad_rows.values())

    @property
    def bad_documents(self) -> int:
        """Rows that could not be read, so far."""
        found = sum(sum(counts.unreadable.values()) for counts in self.passes.values())
        return found + sum(self.inputs.bad_rows.values()) + self._running

    def watch(self, counts: UnitCounts) -> None:
        """A unit of the running pass is done; stop early if there is already too much that cannot be read."""
        lost = sum(counts.unreadable.values())
        if lost:
            self._running += lost
            self.check_bad_input()

    def close(self, this_pass: Pass, counts: Sequence[UnitCounts]) -> None:
        """A pass is complete: these are the counts of its units, in order. Raises StageError if they do not add up."""
        total = UnitCounts()
        for count in counts:
            total.add(count)
        total.check(f"pass {this_pass.number}")
        before = self.inputs.rows if this_pass.number == 1 else self.total.alive
        entered = total.arrived + sum(total.unreadable.values())
        if total.rows != self.inputs.rows or entered != before:
            raise StageError(
                f"pass {this_pass.number}: the documents do not add up: {before} of {self.inputs.rows} were to enter,"
                f" {entered} of {total.rows} did; this is a defect of curate, please report it"
            )
        self._running = 0
        self.passes[this_pass.number] = total
        self.last_counts = list(counts)

    def check_written(self, rows: int, wanted: int) -> None:
        """Raise StageError unless all rows wanted were written, and every document of the input is accounted for."""
        dropped = sum(row.dropped for row in self.funnel())
        kept = self.total.alive
        if rows != wanted or self.documents_in != kept + dropped:
            raise StageError(
                f"the documents do not add up: {self.documents_in} in, {kept} kept, {rows} of {wanted} rows written,"
                f" {dropped} dropped or unreadable; this is a defect of curate, please report it"
            )

    def check_bad_input(self) -> None:
        """Raise BadInput if more is unreadable than `on_bad_input` allows."""
        limits = self.recipe.on_bad_input
        source = self.recipe.source or "recipe"
        out = self.recipe.output.path
        broken = self.inputs.broken
        if len(broken) > limits.max_shards:
            shown = "".join(f"\n  {one.file}: {one.reason}: {one.error}" for one in broken[:5])
            raise BadInput(
                f"{source}: on_bad_input.max_shards = {limits.max_shards}, but {len(broken)} of"
                f" {len(self.inputs.files)} input files cannot be read as they should:{shown}"
                f"{chr(10) + '  …' if len(broken) > 5 else ''}\n"
                f"  repair or remove them, or allow it: --set on_bad_input.max_shards={len(broken)}"
            )
        bad, total = self.bad_documents, self.documents_in
        if bad > limits.documents(total):
            name = self.recipe.input.text
            allow = f"or allow it: --set on_bad_input.max_documents={bad}"
            remedy = f"is each text in '{name}'? else: input: {{text: NAME}}" if bad == total else allow
            raise BadInput(
                f"{source}: on_bad_input.max_documents = {limits.max_documents}, but {bad} of {total} documents cannot"
                f" be read ({bad / max(total, 1):.2%}). They are kept aside in {out}/quarantine, with the reasons:"
                f" curate inspect {out} --dropped-by quarantine\n"
                f"  repair the input, {remedy}"
            )

    def check_expectations(self, this_pass: Pass) -> None:
        """Raise StageError if a step of this pass dropped more or less than its `expect` says."""
        for action in this_pass.actions:
            step = self.recipe.stages[action.step]
            count = self.passes[this_pass.number].steps.get(action.step)
            if step.expect is None or action.verb == "observe" or count is None or not count.documents_in:
                continue
            share = count.dropped / count.documents_in
            if not step.expect.holds(share):
                out = self.recipe.output.path
                raise StageError(
                    f"{self.recipe.source or 'recipe'}:{step.line or '?'}: stage '{step.label}' dropped {share:.2%} of"
                    f" {count.documents_in} documents; expected {step.expect}. Nothing after it was run.\n"
                    f"  look: curate inspect {out} --dropped-by {step.label}\n"
                    f"  then change the stage or its `expect`, and run again: what is done and unchanged is kept"
                )

    def funnel(self) -> Iterator[FunnelRow]:
        """What became of the documents, step by step, in the order of the recipe."""
        bad_rows = dict(self.inputs.bad_rows)
        for number, counts in sorted(self.passes.items()):
            reasons = {**counts.unreadable}
            for reason, rows in bad_rows.items() if number == 1 else ():
                reasons[reason] = reasons.get(reason, 0) + rows
            if reasons:
                lost = sum(reasons.values())
                label = READ if number == 1 else f"{READ} (pass {number})"
                yield FunnelRow(
                    label=label,
                    documents_in=counts.arrived + lost,
                    documents_out=counts.arrived,
                    chars_out=counts.arrived_chars,
                    unreadable=True,
                    reasons={r: (rows, None) for r, rows in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))},
                )
            for index, count in sorted(counts.steps.items()):
                ordered = sorted(count.reasons.items(), key=lambda item: (-item[1][0], item[0]))
                yield FunnelRow(
                    label=self.recipe.stages[index].label,
                    documents_in=count.documents_in,
                    documents_out=count.documents_out,
                    chars_in=count.chars_in,
                    chars_out=count.chars_out,
                    reasons={reason: (documents, chars) for reason, (documents, chars) in ordered},
                )
