"""Commands that read recipes and stages, and do no work: plan, schema, stages, init."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from curate.cli.running import AllowCode, Overrides, RecipePath

TEXTS = ("text", "content", "raw_content", "body", "document", "page_content", "markdown", "code")
"""Columns that are taken for the texts by a starter recipe: the first that is there."""
LOOKED_AT = 100  # files
STARTER = """\
# A starter recipe. Check it: curate check {name} · run it: curate run {name} · all stages: curate stages
# yaml-language-server: $schema=./recipe.schema.json     (made by: curate schema > recipe.schema.json)
input:
  paths: {input}            # folders, globs or files: .parquet, .jsonl, .jsonl.gz, .jsonl.zst
  id: id                    # made from file and row where a document has none
  text: {text}
output: {output}
workers: auto
on_bad_input: {{max_documents: 0.1%, max_shards: 0}}
stages:
{stages}
"""
STEPS = {
    "normalize": "",
    "exact_dedup": "",
    "language": "keep: [en], min_score: 0.65",
    "gopher_repetition": "",
    "gopher_quality": "",
    "c4": "",
    "fineweb_quality": "",
    "minhash_dedup": "",
}
"""Of a starter recipe, with their options."""


def plan(recipe: RecipePath, overrides: Overrides = None, allow_code: AllowCode = None) -> None:
    """Print what a run would do: its passes, what each reads and adds, how many documents and bytes. Reads no text."""
    from curate import plan as planner
    from curate.cli.escapes import on_one_line, visible
    from curate.engine import intake
    from curate.recipe import allow_code as allow
    from curate.recipe import load
    from curate.store.fetched import fetched

    allow(allow_code or ())
    asked = load(recipe, overrides or (), fetch=fetched)
    survey = intake.survey(asked, intake.listing(asked).files)
    made = planner.make(asked, survey.schema)
    estimate = planner.Estimate(
        files=survey.files,
        bytes=survey.bytes,
        documents=survey.documents,
        text_bytes=survey.text_bytes,
        exact=survey.exact,
    )
    typer.echo(visible(planner.describe(made, asked, estimate)))
    for warning in intake.no_such_ids(asked, survey.schema):
        typer.echo(on_one_line(f"warning: {warning}"), err=True)
    for problem in survey.problems:
        typer.echo(on_one_line(f"cannot be read: {problem.file}: {problem.reason}: {problem.error}"), err=True)


def schema() -> None:
    """Print the JSON Schema of recipes, so that editors complete and check them."""
    from curate.recipe import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def stages(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A stage, or the path of one of your own.")
    ] = None,
) -> None:
    """List the stages, or show one: its options, what it reads and adds, examples."""
    from curate.cli import screen

    if name is None:
        screen.print_stages()
    else:
        screen.print_stage(name)


def init(
    path: Annotated[Path, typer.Argument(metavar="[RECIPE]", help="Where to write it.")] = Path("recipe.yaml"),
    input: Annotated[str, typer.Option(help="The input: a folder, glob or file.")] = "data/",
    output: Annotated[
        str | None,
        typer.Option(help="The output folder. Default: out/ and the name of the recipe.", show_default=False),
    ] = None,
) -> None:
    """Write a starter recipe, for the column of texts that the input has."""
    from curate.cli.escapes import visible
    from curate.errors import RecipeError

    if path.exists():
        raise RecipeError(f"{path}: it is already there; name another file, or remove it first")
    text, columns, problem = _column_of_texts(input)
    where = {"input": json.dumps(input), "output": json.dumps(output or f"out/{path.stem}"), "text": json.dumps(text)}
    taken = _clashes(columns)
    steps = (
        f"as: {name}_2, {options}".removesuffix(", ") if name in taken else options for name, options in STEPS.items()
    )
    where["stages"] = "\n".join(
        f"  - {name}: {{{options}}}" if options else f"  - {name}" for name, options in zip(STEPS, steps, strict=True)
    )
    path.write_text(STARTER.format(name=path.as_posix(), **where), encoding="utf-8", newline="\n")
    if problem:
        typer.echo(visible(problem), err=True)
    elif text != TEXTS[0]:
        typer.echo(f"there is no column '{TEXTS[0]}': '{text}' is taken for the texts")
    for name, written in taken.items():
        some = ", ".join(written[:2]) + (", …" if len(written) > 2 else "")
        typer.echo(visible(f"the input has {some} already: {name} is called {name}_2, and so are its columns"))
    typer.echo(f"wrote {path}; now: curate check {path}")


def _clashes(columns: Sequence[str]) -> dict[str, list[str]]:
    """Stage → columns that it writes and the input has."""
    from curate.recipe import loads

    there = {"input": "data", "output": "out", "stages": [{name: {}} for name in STEPS]}
    steps = loads(json.dumps(there)).stages
    return {step.name: found for step in steps if (found := [one for one in step.written() if one in columns])}


def _column_of_texts(paths: str) -> tuple[str, Sequence[str], str]:
    """(the column, all columns, what is wrong with the input as it is now, if something is)."""
    from curate.engine import intake
    from curate.errors import CurateError
    from curate.recipe import loads

    problem = ""
    for name in TEXTS:
        asked = loads(json.dumps({"input": {"paths": paths, "text": name}, "output": "out", "stages": ["normalize"]}))
        try:
            columns = intake.survey(asked, intake.listing(asked).files, LOOKED_AT).schema.names
        except CurateError as error:
            problem = problem or str(error).removeprefix("recipe: ")
        else:
            return name, columns, ""
    return TEXTS[0], (), problem
