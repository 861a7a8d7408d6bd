"""Which rules agree: who would have dropped the same."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from curate.report.amounts import percent
from curate.report.html import tag
from curate.report.numbers import Numbers
from curate.report.page.groups import heat
from curate.report.page.section import Figures, Section, row, table
from curate.report.scan import Scan

SHOWN = 18  # rules, those that are broken most often


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """A table of rules by rules."""
    found = numbers.scan
    if found is None:
        return None
    broken = {rule: found.broken(rule) for rule in range(len(found.rules))}
    shown = sorted(sorted((rule for rule in broken if broken[rule]), key=lambda rule: -broken[rule])[:SHOWN])
    if len(shown) < 2:
        return None
    return Section(
        "overlap",
        "Overlap of filters",
        [
            tag(
                "p",
                "Of the documents that break the rule of a row, the share that breaks the rule of a column as well, by"
                " the numbers that steps left behind. A step leaves numbers behind for all documents that reach it,"
                " also for those that it drops; of a document that an earlier step dropped, later steps know nothing."
                " So the rules of one step are compared whole, and those of different steps as far as both were asked:"
                " where nothing stands, they were not.",
            ),
            table(
                ["", "rule", "breaks it", "only it", *(str(place) for place in range(1, len(shown) + 1))],
                [_rule(found, broken, place, rule, shown) for place, rule in enumerate(shown, 1)],
                numbers=2 + len(shown),
                tight=True,
            ),
            tag("p", "Only it: documents that no other rule here would have dropped.", class_="soft"),
        ],
    )


def _rule(found: Scan, broken: dict[int, int], place: int, rule: int, shown: list[int]) -> Element:
    label, limit = found.rules[rule]
    cells = []
    for other in shown:
        if other == rule:
            cells.append(tag("td", "·", class_="heat not"))
            continue
        both = found.both(rule, other)
        if not both and found.rules[other][0] != label:  # not asked of the same documents
            cells.append(tag("td", class_="heat"))
            continue
        title = f"{both:,} of {broken[rule]:,} also break {found.rules[other][1]}"
        cells.append(heat(both / broken[rule], percent(both, broken[rule]).split(".")[0] if both else "–", title))
    return row(
        str(place),
        tag("td", str(limit), title=label),
        f"{broken[rule]:,}",
        f"{found.alone(rule):,}",
        *cells,
    )
