"""Whom each step drops: by source, by language, and by whatever else tells documents apart."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from curate.report.amounts import percent, short
from curate.report.html import tag
from curate.report.numbers import Numbers
from curate.report.page.section import Figures, Section, row, table
from curate.report.scan import Group

SHOWN = 15  # values of a column, the most frequent ones


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """A table for each column by which documents are told apart."""
    groups = [group for group in numbers.scan.groups if len(group.ends) > 1] if numbers.scan else []
    if not groups:
        return None
    told = (
        "Share of the documents reaching a step that it drops, by the value of a column: the darker, the more. A filter"
        " that takes far more of one source or language than of the others may not be about quality."
    )
    return Section("groups", "By source and language", [tag("p", told), *(_group(numbers, one) for one in groups)])


def _group(numbers: Numbers, group: Group) -> Element:
    steps = [
        (index, step.label)
        for index, step in enumerate(numbers.steps)
        if index >= group.first and any(ends[index] for ends in group.ends.values())
    ]
    there = [value for value in group.values(len(group.ends)) if group.arrived(value, group.first)]
    values, more = there[:SHOWN], len(there) - SHOWN
    rows = [_value(group, value, [index for index, _ in steps]) for value in values]
    head = [group.name, "documents", *(label for _, label in steps), "kept", "share", "characters kept"]
    return tag(
        "div",
        tag("h3", group.name, tag("small", f"  the {SHOWN} most frequent of {len(there):,}") if more > 0 else None),
        table(head, rows, numbers=len(head) - 1, tight=True),
    )


def _value(group: Group, value: str, steps: list[int]) -> Element:
    ends = group.ends[value]
    given = group.arrived(value, group.first)
    kept = int(ends[group.steps])
    cells = []
    for step in steps:
        arrived, dropped = group.arrived(value, step), int(ends[step])
        title = f"{dropped:,} of {arrived:,}"
        if not arrived:
            cells.append(tag("td", class_="heat"))
            continue
        cells.append(heat(dropped / arrived, percent(dropped, arrived) if dropped else "–", title))
    chars = short(int(ends[group.steps + 1]))
    return row(tag("bdi", value), f"{given:,}", *cells, f"{kept:,}", percent(kept, given), chars)


def heat(share: float, text: str, title: str) -> Element:
    """A cell that is the darker the larger a share is, 0 to 1."""
    return tag("td", text, class_="heat" if share else "heat not", style=f"--share:{0.6 * share:.3f}", title=title)
