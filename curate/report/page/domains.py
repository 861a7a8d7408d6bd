"""What the documents are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from curate.report.amounts import percent, short
from curate.report.html import tag
from curate.report.numbers import Numbers, Point
from curate.report.page.scores import line, plot
from curate.report.page.section import Figures, Section, bar, chart, plain, row, table
from curate.report.scan import Group

COLUMNS = ("domain_name", "quality_domain")
SHOWN = 40
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
"""Of the domains of a map, in turn: Observable's, which are told apart by most eyes on light and dark."""


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """A table for each column of domains, and a map if the clusters have one."""
    groups = [group for group in numbers.scan.groups if group.name.endswith(COLUMNS)] if numbers.scan else []
    if not groups:
        return None
    drawn = _map(numbers.domain_map, figures) if numbers.domain_map else None
    return Section("domains", "Domains", [drawn, *(_table(numbers, group) for group in groups)])


def _table(numbers: Numbers, group: Group) -> Element:
    values = [value for value in group.values(SHOWN) if group.arrived(value, group.first)]
    chars = sum(int(ends[group.steps + 1]) for ends in group.ends.values())
    most = max(int(ends[group.steps]) for ends in group.ends.values())
    rows = []
    for value in values:
        given, kept = group.arrived(value, group.first), int(group.ends[value][group.steps])
        own = int(group.ends[value][group.steps + 1])
        rows.append(
            row(
                tag("bdi", value),
                bar(kept / max(most, 1)),
                f"{given:,}",
                f"{kept:,}",
                percent(kept, given),
                short(own),
                percent(own, chars),
            )
        )
    words = numbers.domain_words
    named = [
        tag("p", tag("b", value), ": ", ", ".join(words[value]), class_="values") for value in values if value in words
    ]
    head = [group.name, "", "documents", "kept", "share", "characters kept", "of all kept"]
    more = tag("details", tag("summary", "The most telling words of each"), named) if named else None
    return tag("div", tag("h3", group.name), table(head, rows, numbers=5), more)


def _map(points: Sequence[Point], figures: Figures) -> Element:
    """Documents in the plane."""
    names = list(dict.fromkeys(point.domain for point in points))
    data = [_trace(name, [one for one in points if one.domain == name], place) for place, name in enumerate(names)]
    axis = line() | {"visible": False}
    layout = plot() | {
        "xaxis": axis | {"scaleanchor": "y"},
        "yaxis": axis,
        "showlegend": True,
        "hovermode": "closest",
        "margin": {"l": 6, "r": 6, "t": 6, "b": 6},
    }
    caption = [tag("b", "Map"), tag("span", f"{len(points):,} documents of the sample that the domains were found in")]
    spoken = f"Map of {len(points):,} documents in {len(names)} domains: near each other if they are about the same"
    return chart(figures, "domains", {"data": data, "layout": layout}, caption, label=spoken, broad=True)


def _trace(name: str, points: Sequence[Point], place: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(name),
        "x": [round(point.x, 4) for point in points],
        "y": [round(point.y, 4) for point in points],
        "customdata": [plain(point.about) for point in points],
        "marker": {"color": COLOURS[place % len(COLOURS)], "size": 5, "opacity": 0.7},
        "hovertemplate": "%{customdata}<extra>" + plain(name) + "</extra>",
    }
