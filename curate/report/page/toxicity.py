"""How much of what is toxic was there, and how much of it was kept."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from curate.report.amounts import percent
from curate.report.html import tag
from curate.report.numbers import Numbers
from curate.report.page.section import Figures, Section, row, table
from curate.report.scan import LEVELS, Column


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """A table of documents above some scores."""
    columns = [one for one in numbers.scan.columns if one.above.any()] if numbers.scan else []
    if not columns:
        return None
    told = (
        "Documents whose score is above a level, and those of them that were kept. The score of a document is that of"
        " its worst sentence, or the mean of all (toxicity_mean); what a score means is in the card of the model."
    )
    return Section("toxicity", "Toxicity", [tag("p", told), *(_table(one) for one in columns)])


def _table(column: Column) -> Element:
    rows = [
        row(f"above {level:g}", f"{above:,}", percent(above, column.documents) or "0 %", f"{kept:,}")
        for level, (above, kept) in zip(LEVELS, column.above.tolist(), strict=True)
    ]
    return table([column.name, "documents", "of those scored", "of them kept"], rows, numbers=3)
