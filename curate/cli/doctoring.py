"""`curate doctor`: is all well on this machine?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.cli.health import Finding

COLUMN = 22  # where texts begin
MARKS = {"good": ("ok", "green"), "note": ("note", "yellow"), "bad": ("BAD", "bold red")}


def doctor(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where output will be written.")
    ] = Path(),
    compile: Annotated[
        bool, typer.Option("--compile", help="Compile kernels first where that was not done: up to half a minute.")
    ] = False,
    test: Annotated[bool, typer.Option("--test/--no-test", help="Measure how fast the stages are here.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Is all well on this machine? Versions, cores, memory, disk, kernels, models, and a self-test of ten seconds."""
    import json
    from dataclasses import asdict
    from itertools import chain

    from curate.cli import health, self_test

    looks = [health.versions(), health.extras(), health.machine(), health.place(output), health.workers()]
    looks += [health.kernels(), health.bundled(), *([self_test.measure(compile_all=compile)] if test else [])]
    found: list[Finding] = []
    for finding in chain.from_iterable(looks):
        found.append(finding)
        if not as_json:
            _print(finding)
    bad = [finding for finding in found if finding.state == "bad"]
    if as_json:
        typer.echo(json.dumps({"ok": not bad, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        typer.echo("all is well" if not bad else f"{len(bad)} to be mended: {', '.join(one.name for one in bad)}")
    raise typer.Exit(1 if bad else 0)


def _print(finding: Finding) -> None:
    from rich.console import Console
    from rich.text import Text

    from curate.cli.escapes import on_one_line
    from curate.cli.wrapping import say

    mark, style = MARKS[finding.state]
    line = Text.assemble((f"{mark:>4}  ", style), finding.name.ljust(COLUMN - 6), on_one_line(finding.text))
    if finding.remedy:
        line.append(f"; {finding.remedy}", "dim" if finding.state == "good" else "bold")
    say(Console(highlight=False, markup=False, emoji=False), line, hang=COLUMN)
