"""What there is to know about stages, for reading: the list of all, and a page for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from curate import catalog

WIDEST = 100  # columns of running text
LONGEST = 160  # characters of an example that are shown


def print_stages() -> None:
    """Print the list of stages on standard output; none of them is loaded."""
    hint = Text("more about one: curate stages NAME, or the path of a file with one of your own", "dim")
    _put(Group(stages_table(), "", hint))


def print_stage(name: str) -> None:
    """Print a stage's page on standard output. Raises RecipeError if there is no such stage."""
    facts = catalog.describe(name)
    entries = (entry.replace(f"- {facts.name}", f"- {name}", 1) for entry in facts.entries())  # ours: by its path
    _put(stage_page(facts, entries))


def _put(what: RenderableType) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDEST)
    console.print(what)


def stages_table() -> Table:
    """Name and summary of every stage."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name in catalog.names():
        table.add_row(name, Text(catalog.summary(name)))
    return table


def stage_page(facts: catalog.Facts, entries: Iterable[str] = ()) -> RenderableType:
    """Everything about one stage; `entries`: how it may stand in a recipe."""
    parts: list[RenderableType] = [
        Text.assemble((facts.name, "bold"), "  ", (facts.kind.lower(), "dim")),
        "",
        Text(facts.summary),
    ]
    if facts.help.strip():
        parts += ["", *_paragraphs(facts.help)]
    for title, content in (
        ("in a recipe", map(Text, entries)),
        ("options", _options(facts)),
        ("columns", _columns(facts)),
        ("reasons", _reasons(facts)),
        ("examples", _examples(facts)),
    ):
        shown = list(content)
        if shown:
            parts += ["", Text(title, "bold"), *(Padding(one, (0, 0, 0, 2)) for one in shown)]
    return Group(*parts)


def _paragraphs(text: str) -> Iterator[RenderableType]:
    """Paragraphs, flowing; indented ones (pieces of recipes) and lists as they are."""
    for place, block in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if place:
            yield ""
        yield Text(block if block.startswith((" ", "- ", "* ")) else " ".join(block.split()))


def _options(facts: catalog.Facts) -> Iterator[RenderableType]:
    for option in facts.options:
        default = "required" if option.required else f"default: {_as_written(option.default)}"
        yield Text.assemble((option.name, "bold"), "  ", (f"{option.expects}; {default}", "cyan"))
        yield Padding(Text(option.help), (0, 0, 0, 4))


def _columns(facts: catalog.Facts) -> Iterator[RenderableType]:
    grid = Table.grid(padding=(0, 2, 0, 0))
    if facts.reads:
        grid.add_row("reads", Text(", ".join(facts.reads)))
    for place, (name, type_) in enumerate(facts.writes.items()):
        grid.add_row("" if place else "adds", Text.assemble(name, " ", (str(type_), "cyan")))
    if grid.row_count:
        yield grid


def _reasons(facts: catalog.Facts) -> Iterator[RenderableType]:
    if facts.reasons:
        yield Text(", ".join(facts.reasons))


def _examples(facts: catalog.Facts) -> Iterator[RenderableType]:
    for given, answer in facts.examples.items():
        yield Text.assemble(_short(given), (" → ", "dim"), (_short(answer), "cyan"))


def _as_written(value: Any) -> str:
    """A default as a recipe would have it."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
