"""`curate tune`: what a run would have kept with other thresholds, without running anything again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli.places import Out
from curate.cli.running import AllowCode

if TYPE_CHECKING:
    from curate.recipe import Recipe
    from curate.report.facts import Run
    from curate.report.steps import StepFacts
    from curate.report.tuning import Amount, Tuned, Tuner


def tune(
    out: Out,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="STEP.OPTION=VALUE",
            help="Move a threshold: drop.below=0.4, keep_best.share=20%. May be repeated.",
        ),
    ] = None,
    tries: Annotated[
        str | None,
        typer.Option(
            "--try", metavar="STEP.OPTION=V1,V2,…", help="A table of what several values of an option would keep."
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="A table of a column of scores: what a threshold at each quantile would keep."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=0, help="Documents to name that would be lost, and won.")] = 3,
    to: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the recipe with these thresholds.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    allow_code: AllowCode = None,
) -> None:
    """What would other thresholds have kept? Answers from the scores in the ledgers, without running anything again."""
    from curate.errors import RecipeError
    from curate.recipe import allow_code as allow
    from curate.recipe import load_kept
    from curate.report.facts import Run
    from curate.report.numbers import tokens_column

    if not (overrides or tries or column):
        raise RecipeError(
            "curate tune: say what to move, as in --set drop.below=0.4, --try drop.below=0.2,0.4 or --column quality"
        )
    if to is not None and to.exists():
        raise RecipeError(f"{to}: it is already there; name another file, or remove it first")
    allow(allow_code or ())
    run = Run(out)
    if not run.done:
        raise RecipeError(f"{out}: the run is not complete ({run.state}); thresholds can be moved when it is done")
    recipe = load_kept(run.folder.recipe)
    from curate.cli.describing import steps_of
    from curate.report.tuning import Tuner

    steps = steps_of(run)[1]
    tuner = Tuner(run, steps, tokens_column(run, steps))
    wanted = [with_stages(one, recipe) for one in overrides or ()]
    tuned = rows = levels = None
    if wanted:
        new = load_kept(run.folder.recipe, wanted)
        tuned = tuner.tune(changes(run, recipe, new, steps, wanted), n)
    if tries is not None:
        rows = _tried(run, recipe, tuner, wanted, tries)
    if column is not None:
        levels = list(tuner.levels(column))
    wrote = "" if to is None else f"wrote {to}{write_recipe(run, wanted, to)}"  # before a pipe may have had enough
    pages = _Pages(tuner)
    if as_json:
        _print_json(tuned, rows, levels)
    else:
        if tuned is not None:
            pages.tuned(tuned, moved(recipe, new), run, n)
        if rows is not None:
            pages.tried((tries or "").partition("=")[0], rows)
        if levels is not None:
            pages.levels(column or "", levels)
    if wrote:
        typer.echo(wrote, err=as_json)


def _print_json(tuned: Tuned | None, rows: list[tuple[str, Tuned]] | None, levels: Sequence[Any] | None) -> None:
    """What was asked for, and no more."""
    shown: dict[str, Any] = {}
    if tuned is not None:
        shown["tuned"] = asdict(tuned)
    if rows is not None:
        shown["tried"] = [{"value": value, **asdict(one)} for value, one in rows]
    if levels is not None:
        shown["levels"] = [asdict(level) for level in levels]
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


def with_stages(text: str, recipe: Recipe) -> str:
    """`drop.below=0.4` → `stages.drop.below=0.4`, as `curate run --set` has it; what is whole already stays."""
    head = text.partition("=")[0].split(".")[0].strip()
    return text if head in type(recipe).model_fields else f"stages.{text}"


def changes(
    run: Run, old: Recipe, new: Recipe, steps: Sequence[StepFacts], wanted: Sequence[str]
) -> dict[str, StepFacts]:
    """Label → the step as it would be. Raises RecipeError if documents would have to be looked at anew for it."""
    from dataclasses import replace

    from curate import plan as planning
    from curate.cli.describing import best_of, limits_of
    from curate.errors import RecipeError

    planning.make(new, run.inputs.schema)  # whether the limits are such as the columns have
    found: dict[str, StepFacts] = {}
    for before, after, facts in zip(old.stages, new.stages, steps, strict=True):
        given, asked = before.stage.model_dump(by_alias=True), after.stage.model_dump(by_alias=True)
        different = {name for name in given if given[name] != asked[name]}
        others = sorted(different - facts.movable)
        if different and facts.frozen:
            raise RecipeError(
                f"--set {facts.label}.{min(different)}: '{facts.label}' is frozen: it does what the first generation "
                "decided, and its options had no say in this run; tune the first generation, or take it out of "
                "incremental.freeze"
            )
        if others:
            can = ", ".join(f"{facts.label}.{name}" for name in sorted(facts.movable)) or "nothing of this step"
            asked_for = ", ".join(f"--set {one}" for one in wanted)
            raise RecipeError(
                f"{asked_for}: to change {facts.label}.{others[0]}, the documents must be looked at anew: curate run"
                f" does that. What can be moved here: {can}"
            )
        if different:
            limits = facts.limits if facts.best is not None else limits_of(after)
            found[facts.label] = replace(facts, limits=limits, best=best_of(after))
    return found


def moved(old: Recipe, new: Recipe) -> list[str]:
    """`gopher_quality.min_words: 50 → 30` for each option that is another one."""
    return [
        f"{before.label}.{name}: {_plain(one)} → {_plain(after.stage.model_dump(by_alias=True)[name])}"
        for before, after in zip(old.stages, new.stages, strict=True)
        for name, one in before.stage.model_dump(by_alias=True).items()
        if one != after.stage.model_dump(by_alias=True)[name]
    ]


def _plain(value: Any) -> str:
    return "not tested" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _tried(run: Run, recipe: Recipe, tuner: Tuner, wanted: Sequence[str], tries: str) -> list[tuple[str, Tuned]]:
    from curate.errors import RecipeError
    from curate.recipe import load_kept

    name, equals, values = tries.partition("=")
    if not equals or not values.strip(","):
        raise RecipeError(f"--try {tries}: it must be STEP.OPTION=V1,V2,…, as in --try drop.below=0.2,0.4,0.6")
    found = []
    for value in filter(None, (one.strip() for one in values.split(","))):
        overrides = [*wanted, with_stages(f"{name}={value}", recipe)]
        new = load_kept(run.folder.recipe, overrides)
        found.append((value, tuner.tune(changes(run, recipe, new, tuner.steps, overrides), 0)))
    return found


def write_recipe(run: Run, wanted: Sequence[str], path: Path) -> str:
    """Write the recipe of a run with other thresholds → what to tell of it, after its name.

    It has the same output folder: what is done there is kept. Of a generation, it is the recipe that makes generations,
    since what is published stays as it is. Raises RecipeError if that is not there, or has not the steps any more.
    """
    from curate.errors import RecipeError
    from curate.recipe import dump, load_kept
    from curate.store.files import whole
    from curate.store.folder import RunFolder

    stream = run.folder.stream
    source = run.folder.recipe if stream is None else RunFolder(stream).recipe
    if not source.exists():
        raise RecipeError(
            f"{source}: it is not there, so the recipe that made these generations is not known; it is written by the "
            "next `curate run` of that recipe. Or change the thresholds in it by hand"
        )
    new = load_kept(source, wanted)
    with whole(path) as part:
        part.write_text(dump(new), encoding="utf-8", newline="\n")
    if stream is None:
        return f"; now: curate run {path}"
    words = (
        f"; it is the recipe with `incremental` of {stream}.\nWhat is published stays as it is; for the files that come"
        f" from now on: curate run {path}\nTo try it on all of the input, in a folder of its own: "
        f"curate run {path} --set output.path={stream}-trial"
    )
    frozen = set(new.incremental.freeze if new.incremental else ()) & {one.split(".")[1] for one in wanted}
    if frozen:
        words += f"\n{', '.join(sorted(frozen))}: frozen, so that only a folder of its own can have other options of it"
    return words


class _Pages:
    """Prints what was found on standard output."""

    def __init__(self, tuner: Tuner) -> None:
        self.tuner = tuner
        self.counted = tuner.tokens is not None

    def tuned(self, tuned: Tuned, moves: Sequence[str], run: Run, n: int) -> None:
        from curate.cli.escapes import on_one_line, visible

        for move in moves or ["nothing is moved: these are the thresholds of the run"]:
            typer.echo(visible(move))
        rows: list[tuple[str, list[str]]] = [("the run kept", self._amount(tuned.before))]
        if tuned.sure == tuned.most:
            rows.append(("it would keep", self._amount(tuned.sure)))
        else:
            rows += [("it would keep at least", self._amount(tuned.sure)), ("at most", self._amount(tuned.most))]
        self._table(["", *self._head()], rows)
        steps = [step for step in tuned.steps if (step.sure, step.perhaps) != (step.before, 0)]
        if steps:
            head = ["left by the step", "the run", "would be", "perhaps also"]
            cells = [(s.label, [f"{s.before:,}", f"{s.sure:,}", f"{s.perhaps:,}" if s.perhaps else ""]) for s in steps]
            self._table(head, cells)
        if tuned.unsure_after:
            unknown = tuned.most.documents - tuned.sure.documents
            told = ", ".join(tuned.unsure_after)
            typer.echo(visible(f"{unknown:,} of the documents would reach steps that have not seen them: {told}"))
        moving = [step.label for step in self.tuner.steps if step.best is not None and step.label in tuned.unsure_after]
        if moving:
            told = ", ".join(moving)
            typer.echo(visible(f"with them, {told} would find another threshold: so neither number is a bound"))
        frozen = [step for step in self.tuner.steps if step.frozen]
        for step in frozen:
            rule = ", ".join(f"{one.column} {one.sign} {one.value:.6g} is dropped" for one in step.limits)
            typer.echo(visible(f"{step.label}: frozen, as the first generation decided{f': {rule}' if rule else ''}"))
        if tuned.decides_anew:
            told = ", ".join(tuned.decides_anew)
            typer.echo(visible(f"taken to drop the same as before, though the corpus would be another one: {told}"))
        for title, places in (("would be lost", tuned.lost), ("would be won, or may be", tuned.won)):
            units = {unit.index: unit for unit in run.inputs.units}
            for unit, row in places[:n]:
                document = run.document(units[unit], row)
                first = " ".join((document.text or "").split())[:80]
                typer.echo(on_one_line(f"{title}: {document.id}: {first}"))
                title = " " * len(title)

    def tried(self, name: str, rows: Sequence[tuple[str, Tuned]]) -> None:
        head = [name, *(f"{what} kept" for what in self._head()), "perhaps also"]
        cells = [
            (value, [*self._amount(one.sure), f"{more:,}" if (more := one.most.documents - one.sure.documents) else ""])
            for value, one in rows
        ]
        self._table(head, cells)

    def levels(self, column: str, levels: Sequence[Any]) -> None:
        from curate.report.amounts import value

        head = [f"{column} from", "quantile", *(f"{what} left" for what in self._head())]
        self._table(head, [(value(one.value), [f"{one.quantile:.0%}", *self._amount(one.left)]) for one in levels])

    def _head(self) -> list[str]:
        return ["documents", "characters", "tokens" if self.counted else "tokens, about"]

    def _amount(self, amount: Amount) -> list[str]:
        from curate.report.amounts import short

        tokens = f"{amount.tokens:,}" if amount.tokens is not None else short(amount.chars / 4)
        return [f"{amount.documents:,}", f"{amount.chars:,}", tokens]

    def _table(self, head: Sequence[str], rows: Sequence[tuple[str, list[str]]]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        from curate.cli.escapes import on_one_line

        table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
        for place, name in enumerate(head):
            table.add_column(Text(on_one_line(name)), justify="right" if place else "left", no_wrap=True)
        for name, cells in rows:
            table.add_row(Text(on_one_line(name)), *cells)
        console = Console(highlight=False, markup=False, emoji=False)
        console.width = max(console.width, 100)
        console.print(table)
