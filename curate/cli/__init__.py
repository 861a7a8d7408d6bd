"""The command line. Parses, calls, prints; decides nothing. Every heavy import waits until a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from curate.cli import looking, planning, running

EPILOG = (
    "Exit codes: 0 all well · 1 failed · 2 the recipe or the command line is wrong"
    " · 3 done, with something quarantined."
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
    looking.why,
    looking.inspect,
    looking.funnel,
)
for command in COMMANDS:
    app.command()(command)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        from curate import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """The `curate` command: errors as one readable message, and an exit code that says of what kind they are."""
    from curate.errors import CurateError, RecipeError

    try:
        app()
    except CurateError as error:
        typer.echo(f"curate: {error}" if not isinstance(error, RecipeError) else str(error), err=True)
        sys.exit(2 if isinstance(error, RecipeError) else 1)
    except BrokenPipeError:  # `curate … | head`: nobody listens any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
