"""`curate fit raters`: the stage `quality` to one's own taste."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curate.cli.fit_options import HeldOut, Id, Seed, Text


def raters(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="RATERS.npz", help="The raters; .md and .json are written beside it.")
    ],
    documents: Annotated[
        list[str],
        typer.Option("--documents", metavar="PATH", help="Documents; those without ratings are used as well."),
    ],
    ratings: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Their ratings by id, as `annotate` writes them. Default: their own columns."
        ),
    ] = None,
    unrated: Annotated[
        int, typer.Option(min=0, help="Documents without ratings to learn from, at most: a teacher rates them.")
    ] = 10_000,
    constant: Annotated[
        str, typer.Option(help="When a criterion is the same everywhere: error, or keep it as it is.")
    ] = "error",
    text: Text = "text",
    id: Id = "id",
    held_out: HeldOut = 0.2,
    seed: Seed = 0,
) -> None:
    """Train raters for the stage `quality` from documents that somebody rated on DataMan's criteria."""
    from contextlib import ExitStack

    from curate.errors import RecipeError
    from curate.fit.raters import fit_raters
    from curate.store.reading import Reader, open_table

    if out.suffix != ".npz":
        raise RecipeError(f"--out {out}: the name of raters ends in .npz")
    if not 0 < held_out < 1:
        raise RecipeError(f"--held-out {held_out}: it is a share, between 0 and 1")
    if constant not in ("error", "keep"):
        raise RecipeError(f"--constant {constant}: expected one of error, keep")
    with ExitStack() as files:
        reader = files.enter_context(Reader(documents, text=text, id=id))
        table = files.enter_context(open_table(ratings, text=text, id=id)) if ratings else None
        read = {"documents": reader, **({"ratings": table} if table else {})}
        data = {name: one.provenance() for name, one in read.items()}
        found = fit_raters(
            reader, out, table=table, held_out=held_out, unrated=unrated, seed=seed, constant=constant,
            about={"method": "raters", "data": data},
        )  # fmt: skip
    typer.echo("documents: " + ", ".join(f"{count:,} {name}" for name, count in found.counts.items()))
    typer.echo("held out, correlation of ranks with the ratings (bundled raters):")
    for name, value in found.scores.items():
        typer.echo(f"  {name:28}{value:6.2f}{f'({found.bundled_scores[name]:.2f})':>9}")
    typer.echo(f"  {'domain, share that is right':28}{found.domain:6.2f}{f'({found.bundled_domain:.2f})':>9}")
    typer.echo(f"{out}  {out.with_suffix('.md')}  {out.with_suffix('.json')}")
