"""`curate mixture`: which share of each domain to train on."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.running import Overrides

if TYPE_CHECKING:
    from curate.mixing.cmr import Critical
    from curate.mixing.trials import Measured, Trial

app = typer.Typer(help="Which share of each domain to train on.", no_args_is_help=True)

AWAITING = 4  # exit code: scores are needed, nothing is wrong


def search(
    path: Annotated[
        Path, typer.Argument(metavar="SEARCH.yaml", help="What to search, as in configs/climb_search.yaml.")
    ],
    overrides: Overrides = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes; 0: none but this one. Default: as the file says.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier search measured.")] = False,
) -> None:
    """Search for the mixture of domains on which a proxy does best, or go on where an earlier search stopped.

    The answer is weights.yaml in the output folder, which the stage `mixture` reads; beside it are report.html,
    report.md and report.json. Exit code 4: scores of the evaluator `file` are awaited.
    """
    from curate.cli.escapes import visible
    from curate.cli.running import cores
    from curate.executors import Inline
    from curate.executors.pool import Pool
    from curate.mixing.facts import facts_of
    from curate.mixing.options import SearchOptions
    from curate.mixing.page import page
    from curate.mixing.searching import search as carry_out
    from curate.mixing.telling import markdown, summary
    from curate.mixing.waiting import Awaiting
    from curate.recipe import load_options
    from curate.recipe.syntax import write
    from curate.store.files import whole, write_json

    options = load_options(SearchOptions, path, overrides or ())
    asked = options.workers if workers is None else workers
    count = cores() if asked == "auto" else asked
    progress = Progress(options.evaluator.sign)
    try:
        with Pool(count) if count > 1 else Inline() as executor:
            outcome = carry_out(options, executor, progress, fresh=fresh)
    except Awaiting as awaited:
        progress.close()
        typer.echo(visible(str(awaited)))
        raise typer.Exit(AWAITING) from None
    progress.close()
    facts = facts_of(outcome)
    folder = Path(options.output.path)
    write_json(folder / "report.json", facts)
    answer = {"weights": outcome.weights, "provenance": outcome.provenance}
    for name, text in (("report.md", markdown(facts)), ("report.html", page(facts)), ("weights.yaml", write(answer))):
        with whole(folder / name) as part:
            part.write_text(text, "utf-8", newline="\n")
    for line in summary(facts):
        typer.echo(visible(line))
    typer.echo(f"\n{folder / 'weights.yaml'}  {folder / 'report.html'}")


class Progress:
    """What was measured, on standard error: one line for each batch, which grows on a terminal."""

    def __init__(self, sign: float = 1.0) -> None:
        """Nothing is shown yet. sign: what makes a score of a loss, -1 where higher is better."""
        self._sign = sign
        self._label, self._count, self._known, self._best = "", 0, 0, float("inf")
        self._terminal = sys.stderr.isatty()

    def __call__(self, trial: Trial, measured: Measured, known: bool) -> None:
        """Show one answer."""
        label = (
            trial.label if not trial.label.startswith(("finalist", "natural", "uniform", "temperature")) else "compared"
        )
        if label != self._label:
            self.close()
            self._label, self._count, self._known, self._best = label, 0, 0, float("inf")
        self._count += 1
        self._known += known
        self._best = min(self._best, measured.loss)
        if self._terminal:
            sys.stderr.write(f"\r{self._line()}")
            sys.stderr.flush()

    def _line(self) -> str:
        before = f", {self._known} of them before" if self._known else ""
        return f"{self._label}: {self._count} measured{before}, best {self._sign * self._best:.4f}"

    def close(self) -> None:
        """End the line."""
        if self._label:
            sys.stderr.write("\n" if self._terminal else f"{self._line()}\n")
            self._label = ""


def cmr(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="CSV, Parquet or JSON lines: ratio, tokens, general (loss), if known domain (loss)."
        ),
    ],
    tolerance: Annotated[
        float, typer.Option(help="Change of the general loss that is borne, in the unit of the losses.")
    ] = 0.05,
    at: Annotated[
        list[float] | None, typer.Option(help="Predict the ratio for so many tokens. May be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the uncertainty, for which residuals are drawn anew.")] = 0,
) -> None:
    """Fit the critical mixture ratio: how much domain text continued training bears before it forgets.

    `ratio` is the share of domain text, 0 to 1; `tokens` what was trained on; rows with tokens = 0 have the losses
    before. Method: Gu et al. 2024, CMR scaling law.
    """
    from curate.errors import RecipeError
    from curate.mixing.cmr import critical_law, curves_of
    from curate.store.tables import numbers

    if not 0 < tolerance < math.inf:
        raise RecipeError(f"--tolerance {tolerance:g}: the change that is borne is a number above 0")
    for size in at or ():
        if not 0 < size < math.inf:
            raise RecipeError(f"--at {size:g}: the number of tokens is above 0")
    found = critical_law(curves_of(numbers(table)), tolerance, tuple(at or ()), seed)
    typer.echo(
        f"largest share of domain text that changes the general loss by {tolerance:g} or less, with 90 % intervals"
    )
    typer.echo(f"{'tokens':>12} {'ratio':>8}  interval")
    for one in [*found.measured, *found.predicted]:
        typer.echo(_told(one))
    if found.law is not None:
        law = found.law
        typer.echo(
            f"\nratio = {law.factors[0]:.4g} * (tokens / {law.scale:.4g})^{law.exponents[0]:.3f} + {law.constant:.4g}"
        )
    elif at:
        typer.echo("\nno law over tokens: it takes 3 sizes with a critical ratio between those measured")
    typer.echo(f"the fits leave {found.residual:.2g} of the changes (root mean square)")


def _told(one: Critical) -> str:
    if one.ratio is None:
        return f"{one.tokens:12.4g} {'none':>8}  even the smallest ratio that was measured changes it by more"
    interval = f"{one.low:.3f} to {one.high:.3f}"
    note = "  or more: the largest ratio measured is borne" if one.beyond else ""
    return f"{one.tokens:12.4g} {one.ratio:8.3f}  {interval}{note}{'  by the law' if one.extrapolated else ''}"


COMMANDS = (search, cmr)
