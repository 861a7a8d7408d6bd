"""`curate check`: what can be known before a run, and the first documents through all stages."""

from __future__ import annotations

import shutil
import sys
import tempfile

from rich.console import Console
from rich.text import Text

from curate import plan as planning
from curate.cli import screen
from curate.cli.escapes import on_one_line, visible
from curate.cli.meter import COMPILING, counted
from curate.engine import driver, intake
from curate.engine.events import Event, KernelsCompiling, Warned
from curate.engine.settings import listing_of
from curate.errors import CurateError
from curate.executors import Inline
from curate.recipe import Recipe
from curate.stage import Global

WORKER_BYTES = 500 << 20  # measured peak of a worker, models included; documents of more than 10 MB take more
PARQUET_SHARE = 0.45  # size of zstd Parquet against its text, seen on prose; enough for an estimate


def check_recipe(recipe: Recipe, documents: int, command: str) -> int:
    """Print what was found → exit code: 0 ready, 1 not, 3 something in the input cannot be read.

    command: that runs this recipe, to be told when all is ready.
    """
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    listing = listing_of(recipe, driver.Settings())  # as a run: an output folder that is no run's is refused here
    survey = intake.survey(recipe, listing.files)
    plan = planning.make(recipe, survey.schema)
    about = "" if survey.exact else "about "
    console.print(
        f"input   {counted(survey.files, 'file')}, {_size(survey.bytes)}; {about}{survey.documents:,} documents"
    )
    console.print(on_one_line(f"columns {', '.join(survey.schema.names)}"))
    for warning in intake.no_such_ids(recipe, survey.schema):
        console.print(Text.assemble(("warning", "yellow"), on_one_line(f": {warning}")))
    for path, reason in listing.ignored[:5]:
        console.print(on_one_line(f"        passed over: {path} ({reason.replace('_', ' ')})"))
    for problem in survey.problems:
        what = on_one_line(f" {problem.file}: {problem.reason}: {problem.error}")
        console.print(Text.assemble(("cannot be read", "red"), what))
    console.print(f"passes  {len(plan.passes) + 1}, the last one writes; see: curate plan")
    for step in recipe.stages:
        for model in step.stage.files():
            console.print(f"model   {step.label}: {model.name}, {_size(model.stat().st_size)}")
    ready = _room(console, recipe, survey)
    console.print(f"\nthe first {min(documents, survey.documents):,} documents through all stages:\n")
    code = _trial(console, recipe, documents)
    if code in (0, 3) and not survey.documents:
        name = recipe.input.text
        what = f": no document has a text in '{name}'; if it is called otherwise there: input: {{text: NAME}}"
        console.print(Text.assemble(("not ready", "red"), what))
        return 1
    if code == 0 and survey.problems:
        code = 3
    if code == 3:
        console.print(
            "\nsome input cannot be read; a run keeps it aside, and stops when it is more than on_bad_input allows"
        )
    if code == 0 and ready:
        console.print(f"\nready: {command}")
    return max(code, 0 if ready else 1)


def disk_needed(recipe: Recipe, survey: intake.Survey) -> int:
    """Bytes: survivors, rewritten texts, ledgers, at most about twice the text; evidence, if nothing is dropped."""
    stages = [step.stage.for_corpus(survey.documents) for step in recipe.stages]
    looking = [stage for stage in stages if isinstance(stage, Global) and not stage.is_decided()]
    evidence = sum(stage.scratch(survey.documents, survey.text_bytes) for stage in looking)
    return round(survey.text_bytes * PARQUET_SHARE * 2) + evidence


def _room(console: Console, recipe: Recipe, survey: intake.Survey) -> bool:
    """Disk and memory against what the run will need."""
    place = recipe.output.folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    needed = disk_needed(recipe, survey)
    console.print(f"disk    up to {_size(needed)} needed, {_size(free)} free in {place}")
    workers = 1 if recipe.workers == "auto" else max(int(recipe.workers), 1)
    each = "a worker" if recipe.workers == "auto" else f"{workers} workers"
    console.print(f"memory  up to {_size(workers * WORKER_BYTES)} for {each}, and as much for the driver")
    if needed > free:
        console.print(Text.assemble(("the disk is too small", "red"), ": choose another output.path, or make room"))
    return needed <= free


def _trial(console: Console, recipe: Recipe, documents: int) -> int:
    with tempfile.TemporaryDirectory(prefix="curate-check-") as folder:
        output = recipe.output.model_copy(update={"path": f"{folder}/out", "work": None})
        anything = recipe.on_bad_input.model_copy(
            update={"max_documents": 1.0, "max_shards": len(recipe.input.paths) * 10**6}
        )
        steps = tuple(step.without_expectation() for step in recipe.stages)
        trial = recipe.model_copy(update={"output": output, "on_bad_input": anything, "stages": steps})
        try:
            done = driver.run(trial, Inline(), _tell, driver.Settings(limit=documents, publishes=False))
        except CurateError as error:
            console.print(Text.assemble(("not ready", "red"), f": {visible(str(error))}"))
            return 1
    screen.print_funnel(list(done.funnel))
    return done.exit_code


def _tell(event: Event) -> None:
    """What of a trial takes long enough to be told, or is odd about the input."""
    if isinstance(event, KernelsCompiling):
        print(COMPILING, file=sys.stderr, flush=True)
    if isinstance(event, Warned) and not event.text.startswith("input.id") and "is passed over" not in event.text:
        print(on_one_line(f"warning: {event.text}"), file=sys.stderr, flush=True)  # but for what was told above


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
