"""Options that several commands of `curate fit` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="MODEL.bin", help="The model; .md and .json are written beside it.")
]
Share = Annotated[float, typer.Option(help="Share of the characters of the pool that the threshold keeps, 0 to 1.")]
Pool = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH", help="What is to be filtered, for a threshold. Else: what was held out, or none."),
]
Text = Annotated[str, typer.Option(metavar="COLUMN", help="The column of texts.")]
Id = Annotated[str, typer.Option(metavar="COLUMN", help="The column of ids.")]
HeldOut = Annotated[float, typer.Option(help="Share of the texts to test on, which training does not see, 0 to 1.")]
MinAuc = Annotated[
    float, typer.Option(min=0, max=1, help="Stop unless ROC-AUC on what was held out is higher; 0.5 is chance.")
]
Rate = Annotated[float, typer.Option(min=1e-6, max=10, help="Learning rate at the start.")]
Dim = Annotated[int, typer.Option(min=1, max=10_000, help="Numbers in a vector.")]
Epochs = Annotated[int, typer.Option(min=1, max=10_000, help="Times that each text is learned.")]
WordNgrams = Annotated[int, typer.Option(min=2, max=10, help="Words in the longest n-gram.")]
MinCount = Annotated[int, typer.Option(min=1, help="Words that are rarer get no vector.")]
Buckets = Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Rows for n-grams; the model has 4 * dim bytes each.")]
ZeroEnd = Annotated[
    bool,
    typer.Option("--zero-end/--keep-end", help="Set the vector of the end of a text to zero, against a length bias."),
]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of the training, and of what is held out.")]
