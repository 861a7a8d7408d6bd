"""`curate mixture`: which share of each domain to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli.running import Overrides

app = typer.Typer(help="Which share of each domain to train on.", no_args_is_help=True)


def search(
    path: Annotated[Path, typer.Argument(metavar="SEARCH.yaml", help="What to search: see configs/climb_search.yaml.")],
    overrides: Overrides = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes; 0: none but this one. Default: as the file says.")
    ] = None,
) -> None:
    """Search for the mixture of domains on which a proxy does best, or go on where an earlier search stopped."""
    from curate.cli.escapes import on_one_line
    from curate.cli.running import cores
    from curate.executors import Inline
    from curate.executors.pool import Pool
    from curate.mixing.options import SearchOptions
    from curate.mixing.searching import search as carry_out
    from curate.recipe import load_options
    from curate.recipe.syntax import write
    from curate.store.files import whole

    options = load_options(SearchOptions, path, overrides or ())
    asked = options.workers if workers is None else workers
    count = cores() if asked == "auto" else asked
    with Pool(count) if count > 1 else Inline() as executor:
        outcome = carry_out(options, executor, lambda trial, measured, known: None)
    for name, weight in outcome.weights.items():
        typer.echo(f"{weight:8.4f}  {on_one_line(name)}")
    for name, compared in outcome.compared.items():
        typer.echo(f"{name:12} {compared.mean:.4f} ± {compared.spread:.4f}")
    answer = Path(options.output.path) / "weights.yaml"
    with whole(answer) as part:
        part.write_text(write({"weights": outcome.weights, "provenance": outcome.provenance}), "utf-8")
    typer.echo(str(answer))


COMMANDS = (search,)
