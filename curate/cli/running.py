"""Commands that do work: run, check, debug."""

from __future__ import annotations

import os
import shlex
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from curate.cli.places import Out, brought_recipe

if TYPE_CHECKING:
    from curate.cli.screen import Screen
    from curate.engine.events import Event, RunDone
    from curate.engine.sharing import Share
    from curate.executors import Executor
    from curate.recipe import Recipe

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe: a YAML file.", parser=brought_recipe)]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change an option: output.path=out2, stages.c4.min_sentences=3. May be repeated.",
    ),
]

AllowCode = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="PATH",
        exists=True,
        help="A stage of your own outside of the recipe's folder that may run, or a folder of such. May be repeated.",
    ),
]

SMALL = 48 << 20  # bytes of input files below which starting workers costs more time than it saves


def run(
    recipe: RecipePath,
    overrides: Overrides = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Processes; 0: none but this one. Default: as the recipe says."),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="inline, pool or ray. Default: inline or pool, by the number of workers."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Of the Ray cluster, or auto. Default: one on this machine."),
    ] = None,
    task_memory: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIZE|STEP=SIZE",
            help="For ray: memory that each task needs: 2GB; or those of a step: minhash_dedup=8GB. May be repeated.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Take the first so many documents only.")
    ] = None,
    sample: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Take a share of the documents, by the hash of their id: 1%.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what an earlier run left in the output folder.")
    ] = False,
    metrics_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", dir_okay=False, help="At the end write what the run did here, in Prometheus text format."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For an output in a store: where the run works. Default: in your cache."),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write OUT/report.html and the dataset card at the end.")
    ] = True,
    unit: Annotated[
        str | None,
        typer.Option(
            metavar="K/N", help="Do the share K of N (from 1) of the pass that the run waits for, and no more."
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--pass",
            metavar="P",
            min=0,
            help="With --unit: the pass that is meant; 0 is the import, the last the writing.",
        ),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option(metavar="P", min=0, help="Stop where this pass would begin, so that it can be done in shares."),
    ] = None,
    log_format: Annotated[
        str,
        typer.Option(metavar="NAME", help="auto (progress bars on a terminal, plain lines elsewhere), plain or json."),
    ] = "auto",
    allow_code: AllowCode = None,
) -> None:
    """Run a recipe, or go on with it where an earlier run stopped."""
    from curate.cli import again, screen

    began = time.monotonic()
    options = (workers, executor, address, task_memory, limit, sample, [str(path) for path in allow_code or ()])
    command = again.Command(recipe, tuple(overrides or ()), options)
    known = None if fresh or (unit, number, until) != (None, None, None) else again.answer(command, report=report)
    if known is not None:
        _say_again(*known, began, screen.choose(log_format), metrics_file, str(recipe))
    from curate.cli import INTERRUPTED, failures, reporting
    from curate.cli.metrics import write_metrics
    from curate.engine import driver, generations, shares
    from curate.engine.elsewhere import elsewhere
    from curate.engine.events import RunFailed
    from curate.errors import CurateError, RecipeError
    from curate.executors.pool import Pool
    from curate.recipe import allow_code as allow
    from curate.recipe import load
    from curate.store.fetched import fetched

    done, code = None, 1
    failures.end_by_sigterm_as_by_ctrl_c()
    allow(allow_code or ())
    places = [f"output.work={work}"] if work is not None else []
    try:
        asked = load(recipe, [*(overrides or ()), *places], fetch=fetched)
        if sample is not None:
            asked = with_sample(asked, sample)
        share = share_of(asked, unit, number, until, fresh)
        memory = memory_of(asked, task_memory or ())
    except CurateError:
        if metrics_file is not None:
            write_metrics(metrics_file, str(recipe), time.monotonic() - began, 2, None)
        raise
    show = screen.choose(log_format)
    try:
        with (
            choose_executor(asked, executor, workers, address, memory) as chosen,
            Pool(2) as compiler,
            elsewhere(asked, show, fresh=fresh) as store,
        ):  # no process before its first task
            settings = driver.Settings(fresh=fresh, limit=limit, memory=memory, compiler=compiler)
            try:
                if share is not None:
                    shares.run(asked, share, chosen, store.show, settings, number)
                elif until is not None:
                    done = driver.run_until(until, asked, chosen, store.show, settings)
                else:
                    begin = driver.run if asked.incremental is None else generations.run
                    done = begin(asked, chosen, store.show, settings)
            except CurateError as error:
                if report and not isinstance(error, RecipeError):
                    reporting.after_failure(str(asked.output.folder))
                store.keep()
                raise
            told = reporting.after(done, show) if report and done is not None else done
            store.publish()
            code = 0 if done is None else done.exit_code
            if told is not None:
                store.show(told)
                again.remember(command, asked, told, chosen.workers)
    except KeyboardInterrupt:
        code = INTERRUPTED
        kept = f"stopped. What is done is kept in {asked.output.path}; to go on: {_again()}"
        show(RunFailed(kept, interrupted=True))
        raise failures.Stopped from None
    except CurateError as error:
        show(RunFailed(str(error)))
        code = 2 if isinstance(error, RecipeError) else 1
        raise typer.Exit(code) from None
    except OSError as error:
        advice = failures.advice(error)
        if advice is None:
            raise
        show(RunFailed(f"{advice}, then run again: what is done is kept"))
        raise typer.Exit(1) from None
    finally:
        screen.close(show)
        if metrics_file is not None:
            write_metrics(metrics_file, str(recipe), time.monotonic() - began, code, done)
    raise typer.Exit(code)


def _say_again(
    said: list[Event], done: RunDone, began: float, show: Screen, metrics_file: Path | None, recipe: str
) -> NoReturn:
    """The end of a run that was finished before."""
    try:
        for event in said:
            show(event)
        show(replace(done, seconds=time.monotonic() - began))
    finally:
        show.close()
        if metrics_file is not None:
            from curate.cli.metrics import write_metrics

            write_metrics(metrics_file, recipe, time.monotonic() - began, done.exit_code, done)
    raise typer.Exit(done.exit_code)


def _again() -> str:
    """The command line that goes on with this run: the same, but for what forgets it."""
    return shlex.join(["curate", *(word for word in sys.argv[1:] if word != "--fresh")])


def share_of(recipe: Recipe, unit: str | None, number: int | None, until: int | None, fresh: bool) -> Share | None:
    """What `--unit` means, if it is given. Raises RecipeError if these options do not go together."""
    from curate.engine.sharing import Share
    from curate.errors import RecipeError
    from curate.urls import is_remote

    if number is not None and unit is None:
        raise RecipeError("--pass says which pass a share is of: it needs --unit K/N")
    if unit is not None and (until is not None or fresh):
        raise RecipeError("--unit does a share of a pass; --until and --fresh are for the run that comes before it")
    if (unit is not None or until is not None) and recipe.incremental is not None:
        raise RecipeError(
            f"{recipe.source or 'recipe'}: incremental: a generation is made by one run; --unit and --until are for"
            " recipes without `incremental`"
        )
    if (unit is not None or until is not None) and is_remote(recipe.output.path):
        raise RecipeError(
            f"{recipe.source or 'recipe'}: output.path = {recipe.output.path}: --unit and --until need a folder that"
            " all machines share; name one, and copy the output when it is done"
        )
    return None if unit is None else Share.parse(unit)


def with_sample(recipe: Recipe, share: str) -> Recipe:
    """The recipe with a `sample` step put before all others."""
    from curate.errors import RecipeError
    from curate.recipe import parse_share, prepend

    try:
        part = parse_share(share)
    except ValueError as error:
        raise RecipeError(f"--sample {share}: {error}") from None
    return prepend(recipe, "sample", {"share": part}, label="sampled")


def memory_of(recipe: Recipe, asked: Sequence[str]) -> dict[str, int]:
    """`--task-memory` → bytes by the label of a step; "" for all others. Raises RecipeError."""
    from curate.errors import RecipeError
    from curate.recipe import parse_size

    labels, found = [step.label for step in recipe.stages], {}
    for word in asked:
        label, _, size = word.rpartition("=")
        if label and label not in labels:
            raise RecipeError(f"--task-memory {word}: no step is named '{label}'; there are {', '.join(labels)}")
        try:
            found[label] = parse_size(size)
        except ValueError as error:
            raise RecipeError(f"--task-memory {word}: {error}") from None
    return found


def choose_executor(
    recipe: Recipe,
    name: str | None,
    workers: int | None,
    address: str | None = None,
    memory: Mapping[str, int] | None = None,
) -> Executor:
    """By name; else inline for small inputs or one worker, and a pool for the rest."""
    from curate.errors import RecipeError
    from curate.executors import Inline
    from curate.executors.pool import Pool

    if name not in (None, "inline", "pool", "ray"):
        raise RecipeError(f"--executor {name}: there is no such executor; choose inline, pool or ray")
    if name != "ray" and (address is not None or memory):
        raise RecipeError("--address and --task-memory are for --executor ray")
    asked = workers if workers is not None else recipe.workers
    if name == "ray":
        from curate.executors.ray import Ray

        places = None if asked == "auto" else max(int(asked), 1)
        return Ray(address, workers=places, memory=(memory or {}).get(""))
    if asked == "auto":
        count = cores()
        if name is None and (count == 1 or _input_bytes(recipe) < SMALL):
            count = 0
    else:
        count = int(asked)
    if name == "inline" or (name is None and count == 0):
        return Inline()
    return Pool(max(count, 1))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _input_bytes(recipe: Recipe) -> int:
    from curate.engine.intake import listing

    return sum(file.size for file in listing(recipe, may_be_empty=True).files)


def check(
    recipe: RecipePath,
    overrides: Overrides = None,
    documents: Annotated[int, typer.Option(min=1, help="Documents to put through all stages.")] = 1000,
    allow_code: AllowCode = None,
) -> None:
    """Before a run: is the input readable, is everything there that the stages need, what will the run take?

    The first documents go through all stages, in a temporary folder; the funnel shows what became of them.
    """
    from curate.cli.checking import check_recipe
    from curate.recipe import allow_code as allow
    from curate.recipe import load
    from curate.store.fetched import fetched

    allow(allow_code or ())
    changes = [word for change in overrides or () for word in ("--set", change)]
    allowed = [word for path in allow_code or () for word in ("--allow-code", str(path))]
    command = shlex.join(["curate", "run", str(recipe), *changes, *allowed])
    raise typer.Exit(check_recipe(load(recipe, overrides or (), fetch=fetched), documents, command))


def debug(
    out: Out,
    number: Annotated[int, typer.Option("--pass", min=1, help="The pass, as in the error message or plan.txt.")],
    shard: Annotated[str, typer.Option(help="The unit, as in the error message: 00017.")],
    allow_code: AllowCode = None,
) -> None:
    """Do one pass over one unit again, in this process, with the whole traceback."""
    from curate.cli.escapes import visible
    from curate.engine import context, shard_pass
    from curate.errors import RecipeError, StageError
    from curate.recipe import allow_code as allow

    allow(allow_code or ())
    found = context.load(str(out))
    stems = {unit.stem: unit.index for unit in found.inputs.units}
    stem = Path(shard).name.split(".")[0]
    if stem not in stems or number > len(found.plan.passes):
        last = max(stems, default="none")
        raise RecipeError(
            f"curate debug: no pass {number} or unit '{shard}' here;"
            f" passes 1 to {len(found.plan.passes)}, units to {last}"
        )
    typer.echo(f"pass {number} over {found.inputs.units[stems[stem]].name}, unit {stem}")
    try:
        result = shard_pass.run(shard_pass.PassTask(str(out), number, stems[stem]))
    except StageError as error:
        if error.__cause__ is not None:  # what the stage raised
            typer.echo(visible("".join(traceback.format_exception(error.__cause__))), err=True, nl=False)
        raise
    for index, count in sorted(result.counts.steps.items()):
        label = found.recipe.stages[index].label
        seconds = result.step_seconds[index]
        typer.echo(f"  {label}: {count.documents_in:,} in, {count.dropped:,} dropped, {seconds:.2f} s")
        for reason, (dropped, _) in sorted(count.reasons.items()):
            typer.echo(f"    {reason}: {dropped:,}")
    typer.echo(f"  {result.counts.alive:,} documents left; no error")
