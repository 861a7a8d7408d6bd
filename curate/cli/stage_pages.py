"""What there is to know about stages, from their code: the list of all, and a page for each."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curate import catalog
from curate.errors import RecipeError
from curate.stage import Stage

WIDEST = 100  # columns of running text


def print_stages() -> None:
    """Print the list of stages on standard output."""
    hint = Text("more about one: curate stages NAME, or the path of a file with one of your own", "dim")
    _put(Group(stages_table(), "", hint))


def print_stage(name: str) -> None:
    """Print a stage's page on standard output. Raises RecipeError if there is no such stage."""
    _put(stage_page(name))


def _put(what: RenderableType) -> None:
    console = Console(highlight=False)
    console.width = min(console.width, WIDEST)
    console.print(what)


def stages_table() -> Table:
    """Name, kind and summary of every stage; one that cannot be loaded says why."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name in catalog.names():
        try:
            stage = catalog.stage_class(name)
        except RecipeError as error:
            table.add_row(name, "", Text(str(error), "yellow"))
        else:
            table.add_row(name, catalog.kind_of(stage), Text(catalog.summary(stage)))
    return table


def stage_page(name: str) -> RenderableType:
    """Everything about one stage, given by its name or by the path of its file."""
    own = name.endswith(".py")
    stage = catalog.stage_at(Path(name)) if own else catalog.stage_class(name)
    about = inspect.cleandoc(stage.__doc__ or "")
    head = Text.assemble((Path(name).stem if own else name, "bold"), "  ", (catalog.kind_of(stage), "dim"))
    parts: list[RenderableType] = [head, "", *_paragraphs(about)]
    for title, content in (("options", _options(stage)), ("columns", _columns(stage)), ("examples", _examples(stage))):
        shown = list(content)
        if shown:
            parts += ["", Text(title, "bold"), *(Padding(one, (0, 0, 0, 2)) for one in shown)]
    return Group(*parts)


def _paragraphs(text: str) -> Iterator[RenderableType]:
    """Paragraphs, flowing; indented ones (pieces of recipes) and lists as they are."""
    for place, block in enumerate(re.split(r"\n\s*\n", text.strip())):
        if place:
            yield ""
        yield Text(block if block.startswith((" ", "- ", "* ")) else " ".join(block.split()))


def _options(stage: type[Stage]) -> Iterator[RenderableType]:
    schema = stage.model_json_schema(by_alias=True)
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in schema.get("required", ()) else f"default {_value(field.get('default'))}"
        yield Text.assemble((name, "bold"), "  ", (f"{kind(field, schema.get('$defs', {}))}; {default}", "cyan"))
        yield Padding(Group(*_paragraphs(field.get("description", ""))), (0, 0, 0, 4))


def kind(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What an option takes, in words, from its JSON Schema: `number, 0 to 1, or null`."""
    if "$ref" in field:
        return kind(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in field:
        several = dict.fromkeys(kind(one, definitions) for one in field["anyOf"])
        if "number" in several:
            several.pop("integer", None)
        return " or ".join(sorted(several, key=lambda one: one == "null"))
    if "enum" in field:
        return " | ".join(_value(value) for value in field["enum"])
    if "const" in field:
        return _value(field["const"])
    if "items" in field:
        return f"list of {kind(field['items'], definitions)}"
    named = field.get("format") or field.get("type", "anything")
    return (" or ".join(named) if isinstance(named, list) else str(named)) + _range(field)


def _range(field: dict[str, Any]) -> str:
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum", field.get("exclusiveMaximum"))
    above, below = "exclusiveMinimum" in field, "exclusiveMaximum" in field
    if low is not None and high is not None and not above and not below:
        return f" {_value(low)} to {_value(high)}"
    limits = [] if low is None else [f"{'above' if above else 'at least'} {_value(low)}"]
    limits += [] if high is None else [f"{'below' if below else 'at most'} {_value(high)}"]
    return f" {' and '.join(limits)}" if limits else ""


def _columns(stage: type[Stage]) -> Iterator[RenderableType]:
    """What it reads and adds; for a stage whose options decide that, as its options' defaults say."""
    reads, writes = stage.reads, stage.writes
    if not any(field.is_required() for field in stage.model_fields.values()):
        usual = stage()
        reads, writes = usual.columns_read(), usual.columns_written()
    grid = Table.grid(padding=(0, 2, 0, 0))
    if reads:
        grid.add_row("reads", Text(", ".join(reads)))
    for place, (name, type_) in enumerate(writes.items()):
        grid.add_row("" if place else "adds", Text.assemble(name, " ", (str(type_), "cyan")))
    if grid.row_count:
        yield grid


def _examples(stage: type[Stage]) -> Iterator[RenderableType]:
    for given, answer in stage.examples.items():
        yield Text.assemble(_short(given), (" → ", "dim"), (_short(answer), "cyan"))


def _value(value: Any) -> str:
    """As in a recipe."""
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(value: Any, longest: int = 160) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= longest else text[: longest - 1] + "…"
