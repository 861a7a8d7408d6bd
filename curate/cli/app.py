"""All commands in one application."""

from __future__ import annotations

import functools
from collections.abc import Callable

import typer

from curate.cli import (
    annotating,
    comparing,
    counting,
    doctoring,
    duplicates,
    examples,
    fetching,
    fitting,
    looking,
    mapping,
    mixing,
    planning,
    reporting,
    running,
    tagging,
    tuning,
)
from curate.cli.failures import Stopped

EPILOG = (
    "Exit codes: 0 all well · 1 failed · 2 the recipe or the command line is wrong"
    " · 3 done, with something quarantined · 4 scores are awaited · 130 stopped by Ctrl-C."
)

app = typer.Typer(
    name="curate",
    help="Raw text into training data for language models: one recipe, any number of Parquet or JSONL shards.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: tuple[Callable[..., None], ...] = (
    running.run,
    running.check,
    running.debug,
    planning.plan,
    planning.schema,
    planning.stages,
    planning.init,
    examples.recipes,
    fetching.fetch,
    looking.why,
    duplicates.dups,
    looking.inspect,
    looking.funnel,
    reporting.report,
    tuning.tune,
    comparing.compare,
    fitting.score_losses,
    tagging.check_tokens,
    annotating.annotate,
    counting.tokens,
    mapping.map,
    doctoring.doctor,
)


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """The command; Ctrl-C ends it with one line, where versions of typer differ in what they say and return."""

    @functools.wraps(command)
    def stoppable(*words: object, **options: object) -> None:
        try:
            command(*words, **options)
        except KeyboardInterrupt:
            typer.echo("curate: stopped", err=True)
            raise Stopped from None

    return stoppable


for command in COMMANDS:
    app.command()(_stoppable(command))
for command in (*fitting.COMMANDS, *tagging.FIT):
    fitting.app.command()(_stoppable(command))
for command in mixing.COMMANDS:
    mixing.app.command()(_stoppable(command))
app.add_typer(fitting.app, name="fit")
app.add_typer(mixing.app, name="mixture")


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        from curate import __version__

        typer.echo(__version__)
        raise typer.Exit
