"""`curate fit threshold` and `curate check-tokens`: what conditional training needs before and behind a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.escapes import on_one_line

if TYPE_CHECKING:
    from curate.fit.tagging import Tally


def threshold(
    documents: Annotated[
        list[str], typer.Argument(metavar="PATH", help="Documents with scores: OUT/data of a run that added them.")
    ],
    column: Annotated[
        str, typer.Option(metavar="COLUMN", help="Scores: a list with one of each sentence, or of the whole text.")
    ] = "toxicity_scores",
    bad_fraction: Annotated[
        float, typer.Option(help="Share of the characters that may score higher, 0.001 to 0.5.")
    ] = 0.05,
    source: Annotated[str | None, typer.Option(metavar="COLUMN", help="Tell the shares for each value of it.")] = None,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="The column of texts.")] = "text",
    id: Annotated[str, typer.Option(metavar="COLUMN", help="The column of ids.")] = "id",
) -> None:
    """The threshold above which a share of the sentences of a corpus is bad, for `toxicity: {act: tag}`."""
    from curate.fit.tagging import threshold as find
    from curate.store.reading import Reader

    columns = list(dict.fromkeys([column, *([source] if source else [])]))
    with Reader(documents, text=text, id=id) as reader:
        found = find(lambda: reader.read(columns), column, bad_fraction, source)
    typer.echo(f"{'':<24}{'segments':>12}{'bad':>9}{'characters':>16}{'bad':>9}")
    by_source = sorted(found.by_source.items(), key=lambda item: -item[1].chars)
    for name, tally in by_source:
        typer.echo(_line("(null)" if name is None else name, tally))
    typer.echo(_line("all", found.whole))
    typer.echo(f"\ntoxicity: {{act: tag, threshold: {found.threshold:.6g}}}")


def _line(name: str, tally: Tally) -> str:
    return (
        f"{on_one_line(name)[:23]:<24}{tally.segments:>12,}{tally.bad_segments / max(tally.segments, 1):>9.2%}"
        f"{tally.chars:>16,}{tally.bad_chars / max(tally.chars, 1):>9.2%}"
    )


def check_tokens(
    tokenizer: Annotated[Path, typer.Argument(metavar="TOKENIZER.json", help="Of the model that is to be trained.")],
    token: Annotated[
        list[str] | None, typer.Option(metavar="TOKEN", help="A control token; default: both of the stage toxicity.")
    ] = None,
) -> None:
    """Whether control tokens are single tokens of a tokenizer, wherever they stand; exit code 1 if not."""
    from curate.catalog import stage_class
    from curate.models.atomic_tokens import atom, load

    fields = stage_class("toxicity").model_fields
    tokens = token or [fields["good_token"].default, fields["bad_token"].default]
    loaded = load(tokenizer)
    found = [atom(loaded, one) for one in tokens]
    for one in found:
        what = f"one token, number {one.id}" if one.trouble is None else f"{one.trouble}: {len(one.pieces)} pieces"
        pieces = "" if one.trouble is None else ": " + " ".join(one.pieces)
        typer.echo(on_one_line(f"{one.token:<20} {what}{pieces}"))
    wrong = [one.token for one in found if one.trouble is not None]
    if wrong:
        typer.echo(f"before training: tokenizer.add_special_tokens({wrong}), and make room in the model's embedding")
        raise typer.Exit(1)


FIT = (threshold,)
