"""`curate fit`: train a scorer from your own data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli.fit_options import (
    Buckets,
    Dim,
    Epochs,
    HeldOut,
    Id,
    MinAuc,
    MinCount,
    Out,
    Pool,
    Rate,
    Seed,
    Share,
    Text,
    WordNgrams,
    ZeroEnd,
)  # fmt: skip
from curate.cli.rating import raters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from curate.fit.classifier import Fitted

app = typer.Typer(help="Train a scorer from your own data; a card says how good it is.", no_args_is_help=True)


def classifier(
    out: Out,
    positive: Annotated[list[str] | None, typer.Option(metavar="PATH", help="Documents to find more of.")] = None,
    negative: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Other documents, such as a sample.")
    ] = None,
    input: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Documents of both kinds, with --column.")
    ] = None,
    column: Annotated[str | None, typer.Option(metavar="COLUMN", help="Tells positives from negatives.")] = None,
    at_least: Annotated[float | None, typer.Option(help="A number this high or higher is positive.")] = None,
    at_most: Annotated[
        float | None, typer.Option(help="This low or lower is negative. Default: all others are.")
    ] = None,
    equals: Annotated[str | None, typer.Option(help="This value is positive, any other negative.")] = None,
    pool: Pool = None,
    share: Share = 0.1,
    text: Text = "text",
    id: Id = "id",
    held_out: HeldOut = 0.1,
    min_auc: MinAuc = 0.55,
    rate: Rate = 0.1,
    dim: Dim = 100,
    epochs: Epochs = 5,
    word_ngrams: WordNgrams = 2,
    min_count: MinCount = 1,
    buckets: Buckets = 2_000_000,
    zero_end: ZeroEnd = True,
    seed: Seed = 0,
) -> None:
    """Train a fastText classifier from positives and negatives: files of each, or a column that tells."""
    from contextlib import ExitStack

    from curate.errors import RecipeError
    from curate.fit.classifier import Rule, fit, from_column, from_readers, pool_texts
    from curate.fit.training import Settings
    from curate.store.reading import Reader

    _check(out, share, held_out)
    by_files, by_column = bool(positive or negative), bool(input or column)
    if by_files == by_column or (by_files and not (positive and negative)):
        raise RecipeError("give --positive and --negative; or --input and --column, with --at-least or --equals")
    if by_column and (not (input and column) or (at_least is None) == (equals is None)):
        raise RecipeError("--input and --column go together, with one of --at-least and --equals")
    if at_most is not None and (at_least is None or at_most >= at_least):
        raise RecipeError("--at-most goes with --at-least, and is smaller")
    settings = Settings(rate, dim, epochs, word_ngrams, min_count, 0, 0, buckets, zero_end, seed)
    with ExitStack() as files:
        readers = [
            files.enter_context(Reader(paths, text=text, id=id)) if paths else None
            for paths in (positive, negative, input, pool)
        ]
        lost: dict[str, int] = {}
        if readers[2] is not None and column is not None:
            examples = from_column(readers[2], column, Rule(equals, at_least, at_most), lost)
        else:
            assert readers[0] is not None
            assert readers[1] is not None
            examples = from_readers(readers[0], readers[1], lost)
        names = ("positives", "negatives", "input", "pool")
        data = {name: one.provenance() for name, one in zip(names, readers, strict=True) if one}
        rule = (
            {"rule": {"column": column, "at_least": at_least, "at_most": at_most, "equals": equals}} if column else {}
        )
        found = fit(
            examples, out, settings=settings, share=share, held_out=held_out, min_auc=min_auc,
            pool=None if readers[3] is None else pool_texts(readers[3], lost),
            about={"method": "classifier", "data": {**data, **rule}, "left_out": lost},
            instead="all" if by_column else "negatives",
        )  # fmt: skip
    _say(found, out, lost)


def preselect(
    out: Out,
    documents: Annotated[
        list[str], typer.Option("--documents", metavar="PATH", help="The seed: documents whose losses are known.")
    ],
    models: Annotated[
        Path,
        typer.Option(
            metavar="MODELS.json",
            help='{"benchmark": NAME, "models": {MODEL: {"benchmark": AVERAGE, "loss": COLUMN}, …}}.',
        ),
    ],
    losses: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="The losses by id, if they are no columns of the documents."),
    ] = None,
    pool: Pool = None,
    share: Share = 0.1,
    missing: Annotated[str, typer.Option(help="Documents that lack a loss: error or drop.")] = "error",
    min_ratio: Annotated[
        float, typer.Option(min=0, help="Stop unless so many times more documents than by chance agree with the order.")
    ] = 2.0,
    text: Text = "text",
    id: Id = "id",
    held_out: HeldOut = 0.1,
    min_auc: MinAuc = 0.55,
    rate: Rate = 0.1,
    dim: Dim = 100,
    epochs: Epochs = 5,
    word_ngrams: WordNgrams = 2,
    min_count: MinCount = 1,
    buckets: Buckets = 2_000_000,
    zero_end: ZeroEnd = True,
    seed: Seed = 0,
) -> None:
    """Train a PreSelect scorer: it finds documents on which better models have lower losses."""
    from contextlib import ExitStack

    from curate.errors import RecipeError
    from curate.fit.cards import LABELS
    from curate.fit.preselect import fit_preselect, read_ladder
    from curate.fit.training import Settings
    from curate.store.reading import Reader, open_table

    _check(out, share, held_out)
    if missing not in ("error", "drop"):
        raise RecipeError(f"--missing {missing}: expected one of error, drop")
    ladder = read_ladder(models)
    settings = Settings(rate, dim, epochs, word_ngrams, min_count, 0, 0, buckets, zero_end, seed)
    with ExitStack() as files:
        reader = files.enter_context(Reader(documents, text=text, id=id))
        table = files.enter_context(open_table(losses, text=text, id=id)) if losses else None
        to_filter = files.enter_context(Reader(pool, text=text, id=id)) if pool else None
        found, facts = fit_preselect(
            reader, ladder, out, settings=settings, share=share, table=table, pool=to_filter, missing=missing,
            min_ratio=min_ratio, held_out=held_out, min_auc=min_auc,
        )  # fmt: skip
    typer.echo(
        f"{facts['agree']:,} of {facts['documents']:,} documents agree with the order of all {len(facts['models'])} "
        f"models, {facts['ratio']:.1f} times as many as by chance"
    )
    if facts["label"] in LABELS:
        typer.echo(f"to be called {facts['label']}: {LABELS[facts['label']]}")
    _say(found, out, facts["left_out"])


def score_losses(
    documents: Annotated[list[str], typer.Option("--documents", metavar="PATH", help="What to score.")],
    model: Annotated[
        str,
        typer.Option(
            metavar="MODEL",
            help="Folder or cached name of a transformer; column:NAME; or ngram:ORDER:PATH, learned from texts there.",
        ),
    ],
    name: Annotated[str, typer.Option(help="Of the model: the column of its losses.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Tables of losses by id; goes on in it.")],
    unit: Annotated[str, typer.Option(help="Of a column: nats, bits_per_character or bits_per_byte.")] = "nats",
    window: Annotated[
        int | None, typer.Option(min=2, help="Tokens that a transformer sees. Default: all it can, at most 2048.")
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="Tokens scored in a step, behind the first window.")] = 512,
    max_chars: Annotated[
        int | None, typer.Option(min=1, help="Cut texts after so many characters, the same for all models.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where a transformer runs, as torch names it.")] = "cpu",
    yes: Annotated[bool, typer.Option("--yes", help="Start, however long it may take.")] = False,
    text: Text = "text",
    id: Id = "id",
) -> None:
    """Losses of a language model on documents, for `fit preselect`; goes on where it was stopped."""
    from contextlib import ExitStack

    from curate.errors import RecipeError
    from curate.fit.losses import ColumnLoss, HFCausalLoss, LossProvider, NGramLoss
    from curate.fit.scoring import characters, check_name, score
    from curate.store.reading import Reader

    with ExitStack() as files:
        reader = files.enter_context(Reader(documents, text=text, id=id))
        check_name(name, reader)
        kind, _, rest = model.partition(":")
        provider: LossProvider
        if kind == "column":
            if unit not in ("nats", "bits_per_character", "bits_per_byte"):
                raise RecipeError(f"--unit {unit}: expected one of nats, bits_per_character, bits_per_byte")
            provider = ColumnLoss(name, rest, unit)  # type: ignore[arg-type]
        elif kind == "ngram":
            order, _, path = rest.partition(":")
            if not order.isdecimal() or not path:
                raise RecipeError(f"--model {model}: it has the form ngram:ORDER:PATH, as in ngram:3:books.parquet")
            learned = files.enter_context(Reader([path], text=text, id=id))
            provider = NGramLoss(name, int(order), max_chars=max_chars).learn(
                one for part in learned.read() for one in part["text"].to_pylist()
            )
        else:
            provider = HFCausalLoss(name, model, window=window, stride=stride, max_chars=max_chars, device=device)
            size = characters(reader, max_chars)
            work = f"{provider.parameters:,} parameters, {size:,} characters: some "
            work += f"{provider.operations(size):.0e} operations"
            typer.echo(f"{name}: {work}")
            if not yes:
                raise RecipeError(f"this may take long ({work}); say --yes to start")
        pieces = list(score(reader, provider, out))
    there = sum(piece.was_there for piece in pieces)
    typer.echo(
        f"{name}: {sum(piece.documents for piece in pieces):,} documents in {len(pieces)} tables of {out}"
        + (f", {there} of them were there" if there else "")
    )
    if reader.without_text:
        typer.echo(f"left out, without a text: {reader.without_text:,}")


COMMANDS = (classifier, preselect, raters)


def _check(out: Path, share: float, held_out: float) -> None:
    from curate.errors import RecipeError

    if out.suffix != ".bin":
        raise RecipeError(f"--out {out}: the name of a fastText model ends in .bin")
    if not 0 < share < 1:
        raise RecipeError(f"--share {share}: it is a share, between 0 and 1")
    if not 0 < held_out < 1:
        raise RecipeError(f"--held-out {held_out}: it is a share, between 0 and 1")


def _say(found: Fitted, out: Path, lost: Mapping[str, int]) -> None:
    """The result in a few lines, and what is not as it should be."""
    from curate.fit.cards import LEFT_OUT

    counts = ", ".join(f"{count:,} {name}" for name, count in found.counts.items())
    typer.echo(f"texts: {counts}")
    typer.echo(f"held out: ROC-AUC {found.roc_auc:.4f}, average precision {found.average_precision:.4f}")
    audit = found.after or found.before
    if audit is not None:
        typer.echo(f"length: correlation {audit.spearman:+.3f}, empty text {audit.empty:.4f}")
    if found.threshold is not None:
        typer.echo(
            f"score >= {found.threshold.value!r} keeps {found.threshold.weight:.1%} of the characters, "
            f"{found.threshold.documents:.1%} of the documents of {found.pool_is}"
        )
    for reason, count in lost.items():
        if count:
            typer.echo(f"left out, {LEFT_OUT[reason]}: {count:,}")
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{out}  {out.with_suffix('.md')}  {out.with_suffix('.json')}")
