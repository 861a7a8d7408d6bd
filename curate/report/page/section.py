"""What the parts of a page have in common: sections, tables, bars, charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element

from curate.report.escapes import on_one_line
from curate.report.html import Node, tag

Figures: TypeAlias = dict[str, dict[str, Any]]
"""Id → figure for plotly; a colour is the name of a variable of the style sheet, as in `--kept`."""

SHOWN = 48  # characters of a label in a chart


@dataclass(frozen=True)
class Section:
    """A part of the page with a place in its navigation."""

    id: str
    title: str
    body: Node


def table(
    head: Sequence[str], rows: Iterable[Node], *, numbers: int = 0, caption: str | None = None, tight: bool = False
) -> Element:
    """A table that scrolls by itself where the page is narrow. The last `numbers` columns are set to the right.

    tight: smaller, for tables of many columns.
    """
    first = len(head) - numbers
    names = (tag("th", name, scope="col", class_="n" if i >= first else None) for i, name in enumerate(head))
    made = tag(
        "table",
        tag("caption", caption) if caption else None,
        tag("thead", tag("tr", names)),
        tag("tbody", rows),
        class_="full tight" if tight else "full",
    )
    return tag("div", made, class_="wide", tabindex="0", role="group", aria_label=caption or head[0])


def row(name: Node, *cells: Node, class_: str | None = None) -> Element:
    """A row of a table: what it is about, and numbers."""
    return tag(
        "tr",
        tag("th", name, scope="row"),
        (cell if isinstance(cell, Element) and cell.tag == "td" else tag("td", cell, class_="n") for cell in cells),
        class_=class_,
    )


def bar(kept: float, gone: float = 0.0) -> Element:
    """Two shares of a whole, 0 to 1, side by side."""
    parts = (("kept", kept), ("gone", gone))
    track = tag("div", (tag("i", class_=kind, style=f"width:{100 * share:.2f}%") for kind, share in parts if share))
    track.set("class", "track")
    track.set("aria-hidden", "true")
    return tag("td", track, class_="bar")


def legend(*entries: tuple[str, str]) -> Element:
    """(kind of colour, what it means), above charts."""
    return tag("ul", (tag("li", tag("span", class_=f"key {kind}"), what) for kind, what in entries), class_="legend")


def chart(
    figures: Figures, name: str, figure: dict[str, Any], caption: Node, *, label: str, broad: bool = False
) -> Element:
    """A place for a chart, with words for those who do not see it."""
    id = f"{name}-{len(figures)}"
    figures[id] = figure
    place = tag("div", class_="chart", role="img", aria_label=label, data_figure=id)
    return tag("figure", tag("figcaption", caption), place, class_="broad" if broad else None)


def plain(text: str) -> str:
    """A text of others for a chart: plotly takes some of HTML for markup, so that nothing of it may be left."""
    shown = on_one_line(text)
    return escape(shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…", quote=False).replace("%{", "%\u200b{")
