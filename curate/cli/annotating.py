"""`curate annotate`: documents rated by a language model behind an endpoint."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn

    from curate.annotation.asking import Progress, Show
    from curate.annotation.drawing import Draw
    from curate.annotation.form import Form

EVERY = 5.0  # seconds between two lines on what is no terminal
WIDEST = 50  # characters beside a bar: an error of a server is long, and would leave no room for it
ANSWER_TOKENS = 29  # fifteen answers and fourteen line ends: DataMan's count


def annotate(
    input: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Folders, globs, files: Parquet or JSONL.", show_default=False),
    ],
    endpoint: Annotated[
        str, typer.Option(metavar="URL", help="Of an OpenAI-compatible server, such as http://localhost:8000/v1.")
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="As the server calls it.")],
    sample: Annotated[
        int, typer.Option(min=1, metavar="N", help="Documents to ask about, chosen by a hash of the id and --seed.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="annotations.parquet; goes on in it.")],
    key_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="Environment variable with the API key. Default: no key.")
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Another question, with {text} where the text goes; the answer is the same."),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=1000, help="Requests under way at a time.")] = 8,
    per_minute: Annotated[float | None, typer.Option(min=0.01, help="Requests a minute at most.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for a request, from first to last byte.")] = 120.0,
    retries: Annotated[
        int,
        typer.Option(min=0, max=100, help="Times that a failed request is repeated, each after a longer wait."),
    ] = 6,
    attempts: Annotated[
        int, typer.Option(min=1, max=100, help="Useless answers about a document before it is left without ratings.")
    ] = 3,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an answer; it takes 29 of most models.")] = 64,
    text_tokens: Annotated[
        int | None,
        typer.Option(min=2, help="Of a text, about; of a longer one the middle is cut out. Default: DataMan's 1,894."),
    ] = None,
    extra: Annotated[
        str | None, typer.Option(metavar="JSON", help="An object that goes into requests; null takes something out.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also ask anew where all answers were useless.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show one question and what it would take; ask nobody.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the sample.")] = 0,
    text: Annotated[str, typer.Option(metavar="COLUMN", help="The column of texts.")] = "text",
    id: Annotated[str, typer.Option(metavar="COLUMN", help="The column of ids.")] = "id",
) -> None:
    """Have a sample rated by a language model on DataMan's criteria, for `fit raters`; goes on where it was stopped.

    Exit code 3: done, but some documents have no rating; the table says why.
    """
    from curate.annotation.asking import Patience, ask_all
    from curate.annotation.drawing import draw
    from curate.annotation.endpoint import Endpoint
    from curate.annotation.excerpt import excerpt
    from curate.annotation.folder import TABLE, opened
    from curate.annotation.pace import Pace
    from curate.cli import failures
    from curate.errors import CurateError
    from curate.store.reading import Reader

    form, more, key = _form(template), _object(extra), _key(key_env)
    asked = Endpoint(
        endpoint, model, key=key, timeout=timeout, parallel=parallel, max_tokens=max_tokens, extra=more
    )  # fmt: skip
    with Reader(input, text=text, id=id) as reader:
        drawn = draw(reader, sample, seed=seed, prepare=lambda one: excerpt(one, tokens=text_tokens))
    settings: dict[str, Any] = {
        "model": model, "question": form.sha256, "seed": seed, "max_tokens": max_tokens, "text_tokens": text_tokens,
        "extra": more, "text": text, "id": id,
    }  # fmt: skip
    if dry_run:
        _tell(drawn, form, asked.shown, model)
        return
    if not drawn.documents:
        raise CurateError(f"none of the {drawn.there:,} documents of the input has a text to ask about")
    with opened(out, drawn.documents, settings) as found:
        lacking = found.lacking(again=again)
        there = len(drawn.documents) - len(lacking)
        try:
            with _screen(there) as show:
                done = ask_all(
                    lacking, asked, form, found.note, parallel=parallel, pace=Pace(per_minute),
                    patience=Patience(retries, attempts), show=show,
                )  # fmt: skip
        except KeyboardInterrupt:
            typer.echo(f"curate: stopped. What is done is kept in {out}; the same command goes on", err=True)
            raise failures.Stopped from None
        except CurateError as error:
            raise type(error)(f"{error}\n  what is done is kept in {out}; the same command goes on") from None
        counts = found.counts()
    _report(done, counts, there, out / TABLE)
    if counts["rated"] < len(drawn.documents):
        raise typer.Exit(3)


def _report(done: Progress, counts: dict[str, int], there: int, table: Path) -> None:
    """The result in a few lines."""
    from curate.cli.meter import counted

    total = sum(counts.values())
    others = "".join(f", {count:,} {name}" for name, count in counts.items() if name != "rated" and count)
    before = f", {there:,} of them by earlier runs" if there else ""
    typer.echo(f"{counted(total, 'document')}{before}: {counts['rated']:,} rated{others}")
    tokens = f", {done.prompt_tokens:,} tokens in, {done.answer_tokens:,} out" if done.prompt_tokens else ""
    typer.echo(f"{counted(done.requests, 'request')} for {counted(done.documents, 'document')}{tokens}")
    typer.echo(str(table))


def _tell(drawn: Draw, form: Form, address: str, model: str) -> None:
    """What would be asked."""
    from curate.annotation.excerpt import token_spans
    from curate.cli.meter import counted

    if drawn.documents:
        typer.echo(form.question(drawn.documents[0].text))
        typer.echo("")
    around = len(token_spans(form.question("")))
    tokens = sum(around + len(token_spans(document.text)) for document in drawn.documents)
    n = len(drawn.documents)
    typer.echo(
        f"{counted(n, 'request')} to {address}, model {model}, of {counted(drawn.there, 'document')} in the input"
    )
    typer.echo(
        f"about {tokens:,} tokens in ({tokens // max(n, 1):,} each), {ANSWER_TOKENS * n:,} out; nothing was sent"
    )


def _form(template: Path | None) -> Form:
    from curate.annotation.form import Form
    from curate.annotation.form import template as ours
    from curate.errors import RecipeError

    try:
        return Form(ours() if template is None else template.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"--template {template}: {error}") from None


def _object(extra: str | None) -> dict[str, Any]:
    import json

    from curate.errors import RecipeError

    try:
        found = json.loads(extra or "{}")
    except ValueError as error:
        raise RecipeError(f"--extra: it is not JSON: {error}") from None
    if type(found) is not dict:
        raise RecipeError("--extra: expected a JSON object, such as '{\"top_p\": 1}'")
    return found


def _key(variable: str | None) -> str:
    """The API key. It is nowhere else than in the environment, so that no history, file or process list has it."""
    import os

    from curate.errors import RecipeError

    if variable is None:
        return ""
    found = os.environ.get(variable, "")
    if not found.strip():
        raise RecipeError(f"--key-env {variable}: there is no such environment variable, or it is empty")
    return found


@contextmanager
def _screen(there: int) -> Iterator[Show]:
    """Shows progress on standard error: a bar on a terminal, else a line now and then. there: done by earlier runs."""
    if not sys.stderr.isatty():
        yield _Lines(sys.stderr, there)
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(*columns(), console=Console(stderr=True, highlight=False), transient=True) as bar:
        yield _Bars(bar, there)


def columns() -> tuple[ProgressColumn, ...]:
    """What is beside each other on the line of a bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    return BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False)


class _Bars:
    """A bar on a terminal."""

    def __init__(self, bar: Bar, there: int) -> None:
        self._bar, self._there = bar, there
        self._task = bar.add_task("", total=None)

    def __call__(self, at: Progress) -> None:
        state = _state(at)
        short = state if len(state) <= WIDEST else f"{state[: WIDEST - 1]}…"
        self._bar.update(
            self._task, completed=self._there + at.done, total=self._there + at.documents, description=short
        )


class _Lines:
    """A line every few seconds."""

    def __init__(self, stream: TextIO, there: int) -> None:
        self._stream, self._there, self._said = stream, there, time.monotonic()

    def __call__(self, at: Progress) -> None:
        if time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            state = _state(at)
            print(
                f"{self._there + at.done:,} of {self._there + at.documents:,} documents{', ' if state else ''}{state}",
                file=self._stream,
                flush=True,
            )


def _state(at: Progress) -> str:
    """What is not as it should be, on one line."""
    from curate.cli.escapes import on_one_line

    parts = [f"{count:,} {name}" for count, name in ((at.useless, "useless"), (at.failed, "failed")) if count]
    return on_one_line(", ".join([*parts, *([at.waiting] if at.waiting else [])]))
