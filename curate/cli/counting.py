"""`curate tokens`: how a tokenizer does on a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from curate.report.token_metrics import Interval, Metrics


def tokens(
    input: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Folders, globs or files of documents.")],
    tokenizer: Annotated[
        list[Path],
        typer.Option(
            "--tokenizer",
            "-t",
            metavar="FILE",
            help="A tokenizer.json, or a file of tiktoken's ranks; several to compare.",
        ),
    ],
    encoding: Annotated[
        str | None, typer.Option(help="tiktoken's name for the ranks. Default: as the file is called.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Group by this column, such as language.")] = None,
    pair: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Documents with one value here are translations of each other."),
    ] = None,
    base: Annotated[str, typer.Option(help="The group that premiums are to.")] = "en",
    documents: Annotated[int, typer.Option(min=1, help="Documents of a group, at most, chosen by hash.")] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each row, with all figures.")] = False,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="The column of texts.")] = "text",
    id: Annotated[str, typer.Option(metavar="COLUMN", help="The column of ids.")] = "id",
) -> None:
    """How a tokenizer does on documents: bytes per token, tokens per word, what other languages pay."""
    import json
    from dataclasses import asdict

    from curate.errors import RecipeError
    from curate.models.tokenizers import load
    from curate.report.token_metrics import gather, measure
    from curate.store.reading import Reader

    if pair is not None and by is None:
        raise RecipeError("--pair compares groups: say which column tells them apart, --by")
    loaded = [load(path, encoding) for path in tokenizer]
    with Reader(input, text=text, id=id) as reader:
        columns = list(dict.fromkeys(name for name in (by, pair) if name is not None))
        groups = gather(reader.read(columns), by, pair, documents)
    if pair is not None and base not in {group.name for group in groups}:
        raise RecipeError(f"--base {base}: {by} has {', '.join(group.name for group in groups[:8])}")
    found = measure(groups, loaded, base if pair is not None else None)
    if as_json:
        for one in found:
            typer.echo(json.dumps(asdict(one)))
    else:
        _print(found, paired=pair is not None, several=len(loaded) > 1)


def _print(found: list[Metrics], *, paired: bool, several: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    names = ["documents", "bytes/token", "tokens/word", "words cut", "unknown", "lossy"]
    names += ["premium", "in bytes"] if paired else []
    names += ["relative"] if several else []
    for name in ["tokenizer", "group"] if several else ["group"]:
        table.add_column(name, no_wrap=True)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        cells = [one.tokenizer, one.group] if several else [one.group]
        cells += [f"{one.documents:,}", _shown(one.bytes_per_token), _shown(one.fertility)]
        cells += [f"{one.continued_words:.0%}", f"{one.unknown:.1%}", f"{one.lossy:.1%}"]
        if paired:
            cells += ["–", "–"] if one.premium is None else [_shown(one.premium), f"{one.byte_premium:.2f}"]
        table.add_row(*cells, *([f"{one.relative_length:.2f}"] if several else []))
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = max(
        console.width, Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    )
    console.print(table)


def _shown(interval: Interval) -> str:
    """A figure with half the width of its 95 % interval."""
    return f"{interval.value:.2f} ±{(interval.high - interval.low) / 2:.2f}"
