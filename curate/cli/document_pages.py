"""Documents of a run and rows that it kept aside, for reading: what became of them, what is known, how they look."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from curate.cli.escapes import on_one_line, visible
from curate.cli.group_pages import compare, similarity
from curate.cli.wrapping import say
from curate.errors import CurateError

if TYPE_CHECKING:
    from curate.recipe import Step
    from curate.report.facts import Document, Run
    from curate.stage import Grouping
    from curate.store.fixed import Broken
    from curate.store.quarantine import BadRow

SHOWN = 700  # characters of a text that are shown
LONGEST = 120  # characters of a value that are shown


def spot(row: int | None, line: int | None, offset: int | None = None) -> str:
    """`row 12` of a Parquet file, from 0; `line 13, byte 4,711` of a JSONL file, from 1; or the file as a whole."""
    if row is not None:
        return f"row {row}"
    if line is None:
        return "the whole file"
    return f"line {line}" if offset is None else f"line {line}, byte {offset}"


class Pages:
    """Prints documents of one run on standard output. Nothing in them can steer the terminal."""

    def __init__(self, run: Run, *, whole: bool = False) -> None:
        """whole: texts to their end."""
        self.run, self.whole = run, whole
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def document(self, document: Document, *, shard: str | None = None) -> None:
        """One document; `shard`: of the output, where it is known."""
        line = Text(on_one_line(document.id), style="bold")
        line.append(f"  ({on_one_line(document.file)}, row {document.row})\n", style="dim")
        if document.kept:
            line.append("kept", style="bold green")
            line.append(f", in {shard}" if shard else "")
        elif document.dropped_by is None:
            line.append(self._undecided(document), style="bold yellow")
        else:
            label, reason = map(on_one_line, document.dropped_by.split("/", 1))
            line.append(f"dropped by {label}", style="bold red")
            line.append(f": {reason}")
            line.append(self._of_which(document, label, reason))
            step = self._steps.get(label)
            line.append(f"\n  the step: {on_one_line(_described(step))}" if step else "", style="dim")
            line.append(self._rule(document, step, reason) if step else "", style="dim")
        say(self._console, line)
        repeats = self._repeats_of(document)
        if repeats:  # a command, to be copied: in one piece
            self._console.print(Text(f"  {repeats}: {compare(str(self.run.folder.root), document.id)}", "cyan"))
        self._values(document.columns)
        self._values(document.user, style="dim")
        if document.text is not None:
            self._text(document.text)

    def undecided(self) -> str:
        """Why there is nothing to say before the first pass is complete."""
        return f"pass 1{self._of} is not complete"

    def _undecided(self, document: Document) -> str:
        if document.passes:
            return f"still in after pass {document.passes}{self._of}; the run is not complete"
        if not self.run.was_read(document):
            return f"not read yet: {self.undecided()}, and its unit {document.unit} has not been done"
        return f"not decided yet: {self.undecided()}"

    @cached_property
    def _of(self) -> str:
        passes = planned(self.run)
        return f" of {passes}" if passes else ""

    @cached_property
    def _steps(self) -> dict[str, Step]:
        """Steps of the recipe by label."""
        from curate.recipe import load_kept

        try:
            return {step.label: step for step in load_kept(self.run.folder.recipe).stages}
        except CurateError:  # a stage of one's own that is not there any more
            return {}

    def _grouping(self, label: str) -> Grouping | None:
        """The columns in which a step tells of groups of repeats."""
        step = self._steps.get(label)
        return step.grouping() if step is not None else None

    def _of_which(self, document: Document, label: str, reason: str) -> str:
        """` of ID, similarity 0.93`, if it was dropped in favour of another document."""
        grouping = self._grouping(label)
        kept = document.columns.get(grouping.kept) if grouping else None
        if grouping is None or kept is None:
            return ""
        alike = document.columns.get(grouping.similarity) if grouping.similarity else None
        what = (
            f", like {on_one_line(kept)} of an earlier run"
            if reason == grouping.earlier
            else f" of {on_one_line(kept)}"
        )
        return what + (f", similarity {similarity(alike)}" if alike is not None else "")

    def _rule(self, document: Document, step: Step, reason: str) -> str:
        """The limit behind a reason, if it is one of a number, and that number."""
        from curate.cli.describing import limits_in

        known = {**document.user, **document.columns}
        rule = next((limit for limit in limits_in(step, self.run) if limit.reason == reason), None)
        found = known.get(rule.column) if rule is not None else None
        if found is None:
            return ""
        here = f"{found:.6g}" if isinstance(found, float) else on_one_line(_short(found))
        return f"\n  the rule: dropped if {on_one_line(str(rule))}; here it is {here}"

    def _repeats_of(self, document: Document) -> str:
        """What there is to see of repeats, if there are any."""
        groupings = [grouping for label in self._steps if (grouping := self._grouping(label))]
        if any(document.columns.get(grouping.kept) is not None for grouping in groupings):
            return "compare"
        sizes = [document.columns.get(grouping.size) or 0 for grouping in groupings]
        return "its repeats" if any(size > 1 for size in sizes) else ""

    def _values(self, values: Mapping[str, Any], style: str = "") -> None:
        for name, value in values.items():
            if value is not None:
                say(self._console, Text(f"  {on_one_line(name)}: {on_one_line(_short(value))}", style))

    def _text(self, text: str) -> None:
        """A whole one, and what goes into a pipe, not by way of rich: it would change tabs, and is slow."""
        body = text if self.whole else text[:SHOWN]
        lines = visible(body).split("\n")
        if len(lines) > 1 and not lines[-1]:
            lines.pop()
        if text and self._console.is_terminal and not self.whole:
            say(self._console, Text("\n".join(lines)), mark="  │ ")
        else:
            typer.echo("\n".join(f"  │ {line}" for line in lines) if text else "  (the text is empty)")
        if len(text) > len(body):
            self._console.print(Text(f"  │ … {len(text) - len(body):,} more characters", "dim"))

    def kept_aside(self, row: BadRow) -> None:
        """A row of the quarantine, with its bytes if they are known."""
        line = Text(on_one_line(f"{row.file}, {spot(row.row, row.line, row.offset)}"), style="bold")
        line.append(f"  ({on_one_line(row.id)})" if row.id is not None else "", style="dim")
        line.append("\nkept aside", style="bold red")
        line.append(f": {row.reason}: {on_one_line(row.error)}")
        say(self._console, line)
        if row.raw is not None:
            self._text(row.raw.decode("utf-8", "backslashreplace"))

    def broken(self, file: Broken) -> None:
        """An input file that could not be read to its end."""
        line = Text(on_one_line(file.file), style="bold")
        line.append("\nnot read to its end" if file.rows_kept else "\nnot read", style="bold red")
        line.append(f": {file.reason}: {on_one_line(file.error)}")
        if file.rows_kept:
            line.append(f"\n  {file.rows_kept:,} documents before the break are part of the run", style="dim")
        say(self._console, line)


def no_such_document(run: Run, id: str) -> NoReturn:
    """End the command: the run has no such document; what ids look like here."""
    known = ", ".join(run.example_ids())
    typer.echo(
        on_one_line(f"{run.folder.root}: no document has the id {id!r}; ids of this run look like: {known}"), err=True
    )
    raise typer.Exit(1)


def planned(run: Run) -> int | None:
    """The passes of a run, as the screen counts them: the writing of survivors is one. None if its recipe fails now."""
    from curate import plan as planning
    from curate.recipe import load_kept

    try:
        return len(planning.make(load_kept(run.folder.recipe), run.inputs.schema).passes) + 1
    except CurateError:
        return None


def _described(step: Step) -> str:
    from curate.recipe import inline

    given = step.stage.model_dump(mode="json", exclude_defaults=True, by_alias=True)
    return f"{step.name}: {inline(given)}" if given else f"{step.name}, all options at their defaults"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    shown = str(value)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "…"
