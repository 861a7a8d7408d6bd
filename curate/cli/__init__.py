"""The command line. Parses, calls, prints; decides nothing. Every heavy import waits until a command needs it."""

from __future__ import annotations

import io
import os
import sys

INTERRUPTED = 130  # what shells report for a command that Ctrl-C stopped


def main() -> None:
    """The `curate` command: errors as one readable message, and an exit code that says of what kind they are."""
    _speak()
    try:
        _main()
    except KeyboardInterrupt:  # before a command has begun
        sys.stderr.write("curate: stopped\n")
        sys.exit(INTERRUPTED)


def _speak() -> None:
    """Have no character stop a command: a terminal gets ? for what it cannot show; on Windows, files get UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):  # there may be none at all
            continue
        if sys.platform == "win32" and not stream.isatty():
            stream.reconfigure(encoding="utf-8")
        if stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _main() -> None:
    from curate.cli import escapes, failures
    from curate.cli.app import app
    from curate.errors import CurateError, RecipeError

    try:
        app()
    except failures.Stopped:
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt from None
        raise
    except CurateError as error:
        told = escapes.visible(str(error))
        print(told if isinstance(error, RecipeError) else f"curate: {told}", file=sys.stderr)
        sys.exit(2 if isinstance(error, RecipeError) else 1)
    except BrokenPipeError:  # `curate … | head`: nobody listens any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        advice = failures.advice(error)
        if advice is None:
            raise
        print(f"curate: {escapes.visible(advice)}", file=sys.stderr)
        sys.exit(1)
