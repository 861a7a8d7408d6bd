"""Submit a recipe to Slurm: an array of shares for each pass, and between two arrays a job that decides.

    python scripts/submit_slurm.py recipe.yaml --shares 50 --partition cpu --time 120 --cpus 8 --mem 32 [--dry-run]

Needs `pip install 'curate[slurm]'` (submitit), and a file system that all machines share. Each job begins when the one
before it has ended well; if one fails, those after it are taken out of the queue. Submitted again, a run goes on where
it was. --local runs the same jobs on this machine, one array after the other.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import plan as planning
from curate import recipe as recipes
from curate.engine import imports, intake
from curate.errors import CurateError
from curate.store.fetched import fetched
from curate.store.folder import RunFolder

QUARANTINED = 3  # exit code of a run that is finished, with something in quarantine


@dataclass(frozen=True)
class Step:
    """Commands that do not wait for each other: one, or those of an array."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    is_array: bool


def steps(recipe: recipes.Recipe, command: Sequence[str], asked: argparse.Namespace) -> Iterator[Step]:
    """The jobs of a run, each to begin when the one before it is done. command: `curate run RECIPE …`."""
    whole = (*command, "--workers", str(asked.run_cpus or asked.cpus))
    shared = (*command, "--workers", str(asked.cpus))
    listing = intake.listing(recipe)
    passes = len(planning.make(recipe, intake.survey(recipe, listing.files).schema).passes)
    to_import = len(imports.tasks(recipe, RunFolder(recipe.output.folder), listing.files, None))
    numbers = range(0 if to_import else 1, passes + 2)
    for number in numbers:
        of = min(asked.shares, to_import) if number == 0 else asked.shares
        name = "import" if number == 0 else "write" if number == passes + 1 else f"pass-{number}"
        yield Step(f"until-{name}", ((*whole, "--until", str(number)),), False)
        each = ((*shared, "--unit", f"{share}/{of}", "--pass", str(number)) for share in range(1, of + 1))
        yield Step(name, tuple(each), True)
    yield Step("finish", (whole,), False)


def work(command: Sequence[str]) -> None:
    """In a job: run a command; the job fails if it does."""
    code = subprocess.call(command)
    if code not in (0, QUARANTINED):
        raise SystemExit(f"exit code {code}: {shlex.join(command)}")


def describe(found: Sequence[Step]) -> str:
    """What would be submitted."""
    lines = []
    for number, step in enumerate(found, 1):
        first, last = shlex.join(step.commands[0]), f" … {step.commands[-1][-3]}" if len(step.commands) > 1 else ""
        kind = f"array of {len(step.commands)}" if step.is_array else "job"
        after = f" after {number - 1}" if number > 1 else ""
        lines.append(f"{number:>3}  {kind}{after}: {step.name}\n     {first}{last}")
    return "\n".join(lines)


def submit(found: Sequence[Step], asked: argparse.Namespace) -> None:
    """Hand all jobs to Slurm, each with a dependency on the one before it."""
    import submitit

    executor = submitit.AutoExecutor(folder=asked.jobs, cluster="slurm")
    before = None
    for step in found:
        executor.update_parameters(**parameters(step, asked, before))
        if step.is_array:
            jobs = executor.map_array(work, step.commands)
        else:
            jobs = [executor.submit(work, step.commands[0])]
        before = jobs[0].job_id.split("_")[0]
        print(f"{before}  {step.name}: {len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}", flush=True)
    print(f"logs: {asked.jobs}")


def parameters(step: Step, asked: argparse.Namespace, before: str | None) -> dict[str, Any]:
    """What Slurm is told of a step, by submitit's names. before: number of the job that must have ended well."""
    more: dict[str, Any] = dict(pair.split("=", 1) for pair in asked.slurm)
    if before is not None:
        more |= {"dependency": f"afterok:{before}", "kill_on_invalid_dep": "yes"}
    given = {
        "name": f"curate-{step.name}",
        "timeout_min": asked.time,
        "cpus_per_task": asked.cpus if step.is_array else asked.run_cpus or asked.cpus,
        "mem_gb": asked.mem if step.is_array else asked.run_mem or asked.mem,
        "slurm_partition": asked.partition,
        "slurm_array_parallelism": asked.at_once,
        "slurm_setup": asked.setup or None,
        "slurm_additional_parameters": more,
    }
    return {name: value for name, value in given.items() if value is not None}


def run_here(found: Sequence[Step], asked: argparse.Namespace) -> None:
    """The same jobs as processes of this machine, `at_once` at a time."""
    import submitit

    executor = submitit.LocalExecutor(folder=asked.jobs)
    executor.update_parameters(timeout_min=asked.time)
    for step in found:
        print(f"{step.name}: {len(step.commands)} {'job' if len(step.commands) == 1 else 'jobs'}", flush=True)
        for first in range(0, len(step.commands), asked.at_once):
            jobs = [executor.submit(work, command) for command in step.commands[first : first + asked.at_once]]
            for job in jobs:
                try:
                    job.result()
                except submitit.core.utils.UncompletedJobError as error:
                    raise SystemExit(f"{step.name} failed: {error}") from None
                except submitit.core.utils.FailedJobError as error:
                    raise SystemExit(f"{step.name} failed: {error}") from None


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--shares", type=int, required=True, help="jobs of the array of each pass")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="as of curate run")
    parser.add_argument("--allow-code", action="append", default=[], metavar="PATH", help="as of curate run")
    parser.add_argument("--at-once", type=int, help="jobs of an array at a time; default: all, --local: 2")
    parser.add_argument("--partition")
    parser.add_argument("--time", type=int, default=120, help="minutes that a job may take; default: 120")
    parser.add_argument("--cpus", type=int, default=1, help="of each share; default: 1")
    parser.add_argument("--mem", type=float, help="GB of each share")
    parser.add_argument("--run-cpus", type=int, help="of the jobs between the arrays; default: as of a share")
    parser.add_argument("--run-mem", type=float, help="GB of the jobs between the arrays; default: as of a share")
    parser.add_argument("--slurm", action="append", default=[], metavar="KEY=VALUE", help="account=…, qos=…, …")
    parser.add_argument(
        "--setup", action="append", default=[], metavar="COMMAND", help="run in each job before it begins"
    )
    parser.add_argument("--jobs", type=Path, default=Path("slurm-jobs"), help="folder for scripts and logs of the jobs")
    parser.add_argument("--dry-run", action="store_true", help="print the jobs, submit nothing")
    parser.add_argument("--local", action="store_true", help="run the jobs here, without Slurm")
    asked = parser.parse_args(words)
    if asked.shares < 1:
        parser.error(f"--shares {asked.shares}: expected 1 or more")
    if wrong := [pair for pair in asked.slurm if "=" not in pair]:
        parser.error(f"--slurm {wrong[0]}: expected KEY=VALUE, as in account=physics")
    if asked.local and asked.at_once is None:
        asked.at_once = 2
    return asked


def main(words: Sequence[str] | None = None) -> None:
    asked = arguments(words)
    recipes.allow_code(asked.allow_code)
    more = [word for change in asked.set for word in ("--set", change)]
    more += [word for path in asked.allow_code for word in ("--allow-code", path)]
    command = [sys.executable, "-m", "curate", "run", str(asked.recipe), *more]
    try:
        recipe = recipes.load(asked.recipe, asked.set, fetch=fetched)
        found = list(steps(recipe, command, asked))
    except CurateError as error:
        raise SystemExit(str(error)) from None
    if asked.dry_run:
        print(describe(found))
        return
    try:
        (run_here if asked.local else submit)(found, asked)
    except ImportError:
        raise SystemExit("submitit is not installed: pip install 'curate[slurm]'") from None


if __name__ == "__main__":
    main()
