"""`curate dups`: the group of repeats that a document belongs to, and how they differ."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.places import Out
from curate.cli.running import AllowCode

if TYPE_CHECKING:
    from curate.report.facts import Document, Run
    from curate.report.groups import Group, Grouped

REPEATS = 3  # of a group that are shown where several groups are


def dups(
    out: Out,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id of a document, kept or dropped.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Repeats to show, the most alike first.")] = 5,
    step: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Groups of this step alone. Default: of all steps.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Show whole texts.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each group, for programs.")
    ] = False,
    allow_code: AllowCode = None,
) -> None:
    """Which documents repeat this one? The kept one and its repeats, with the words that differ marked."""
    from curate.cli.document_pages import no_such_document
    from curate.cli.group_pages import GroupPages, as_data
    from curate.recipe import allow_code as allow
    from curate.report.facts import Run

    allow(allow_code or ())
    run = Run(out)
    steps = grouping_steps(run, step)
    document = run.find(id)
    groups = groups_of(run, steps, id, n) if document is not None else groups_of_earlier(run, steps, id, n)
    if document is None and not groups:
        no_such_document(run, id)
    if as_json:
        for group in groups:
            typer.echo(json.dumps(as_data(group), ensure_ascii=False))
        return
    pages = GroupPages(str(out), whole=text)
    for number, group in enumerate(groups):
        if number:
            typer.echo("")
        pages.group(group, asked=id, more=f"; all: -n {group.size - 1}")
    if document is not None and not groups:
        typer.echo(_alone(document, steps))
    pages.legend()


def groups_of(run: Run, steps: list[Grouped], id: str, n: int) -> list[Group]:
    """The groups of a document, in the order of the steps; behind a step that dropped it, of the one that was kept."""
    from curate.report.groups import Groups

    found = []
    for step in steps:
        group = Groups(run, step).of(id, n)
        if group is None:
            continue
        found.append(group)
        if group.earlier is not None:
            break
        id = group.kept
    return found


def groups_of_earlier(run: Run, steps: list[Grouped], id: str, n: int) -> list[Group]:
    """The groups of a document that this run does not have, but is said to repeat."""
    from curate.report.groups import Groups

    return [group for step in steps for group in Groups(run, step).of_earlier(id, n)]


def show_clusters(run: Run, which: str, n: int, label: str | None, *, whole: bool, as_json: bool) -> None:
    """Print `n` groups of each step, or of one: the largest, or some. Raises CurateError if there are none."""
    from curate.cli.group_pages import GroupPages, as_data, compare
    from curate.errors import CurateError, RecipeError
    from curate.report.groups import Groups

    if which not in ("largest", "random"):
        raise RecipeError(f"--clusters {which}: expected one of largest, random")
    out = str(run.folder.root)
    pages = GroupPages(out, whole=whole, places=3)
    steps = grouping_steps(run, label)
    shown = False
    for step in steps:
        found = Groups(run, step)
        for group in found.largest(n, REPEATS) if which == "largest" else found.some(n, REPEATS):
            shown = True
            if as_json:
                typer.echo(json.dumps(as_data(group), ensure_ascii=False))
                continue
            here = group.kept if group.earlier is None else group.repeats[0].document.id
            pages.group(group, more=f"; look: {compare(out, here)}")
            typer.echo("")
    if not shown:
        raise CurateError(f"{out}: no group of repeats was found by {', '.join(step.label for step in steps)}")
    if not as_json:
        pages.legend()


def _alone(document: Document, steps: list[Grouped]) -> str:
    """Why there is no group to show."""
    from curate.cli.escapes import on_one_line

    labels = " or ".join(step.label for step in steps)
    if any(step.number <= document.passes and document.columns.get(step.size) is not None for step in steps):
        why = f"no document like it was found by {labels}"
    elif document.dropped_by is not None:
        why = f"it was dropped before {labels}, by {document.dropped_by.replace('/', ': ', 1)}"
    else:
        why = f"{labels} did not see it"
    return on_one_line(f"{document.id}: {why}")


def grouping_steps(run: Run, label: str | None = None) -> list[Grouped]:
    """The steps of a run that keep one document of each group, and have decided.

    Raises CurateError if there is none, or none of this label; or if none of them has decided so far.
    """
    from curate.cli.escapes import on_one_line
    from curate.errors import CurateError

    found = _all_grouping_steps(run)
    if not found:
        raise CurateError(
            f"{run.folder.root}: no step of this run looks for repeats; for that, add one to its recipe,"
            " as in - minhash_dedup"
        )
    wanted = [step for step in found if label in (None, step.label)]
    if not wanted:
        there = ", ".join(step.label for step in found)
        raise CurateError(on_one_line(f"{run.folder.root}: no step '{label}' looks for repeats here; it is: {there}"))
    decided = [step for step in wanted if step.number <= run.passes]
    if not decided:
        raise CurateError(
            f"{run.folder.root}: {wanted[0].label} has not decided yet: pass {wanted[0].number} is not complete"
            f" (the run: {run.state})"
        )
    return decided


def _all_grouping_steps(run: Run) -> list[Grouped]:
    from curate import plan as planning
    from curate.recipe import load_kept
    from curate.report.groups import Grouped

    recipe = load_kept(run.folder.recipe)
    deciding = {
        action.step: a_pass.number
        for a_pass in planning.make(recipe, run.inputs.schema).passes
        for action in a_pass.actions
        if action.verb == "apply"
    }
    groupings = ((index, step.label, step.grouping()) for index, step in enumerate(recipe.stages))
    return [Grouped(label, deciding[index], **asdict(one)) for index, label, one in groupings if one is not None]
