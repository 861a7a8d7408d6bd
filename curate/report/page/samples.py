"""Real documents, kept and dropped: the only way to know whether a filter does what it should."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from curate.report.amounts import counted, value
from curate.report.escapes import on_one_line
from curate.report.facts import Document
from curate.report.html import tag
from curate.report.numbers import Numbers, StepSamples
from curate.report.page.section import Figures, Section

TEXT, VALUE = 1_500, 120  # characters of a text, and of a value, that are shown


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """Kept documents first, then those that each step dropped."""
    if not numbers.kept and not numbers.dropped:
        return None
    return Section(
        "samples",
        "Samples",
        [
            tag(
                "p",
                "Chosen by a hash of their ids: the same ones every time, and no favourites. The text is that of the"
                " input where a document was dropped, and that of the output where it was kept.",
            ),
            _kept(numbers),
            (_step(numbers, step) for step in numbers.dropped),
        ],
    )


def _kept(numbers: Numbers) -> Element | None:
    if not numbers.kept:
        return None
    title = "kept" if numbers.done else "still in"
    summary = tag("summary", tag("b", title), tag("span", counted(numbers.documents_out, "document"), class_="soft"))
    return tag("details", summary, (_document(one, ()) for one in numbers.kept), class_="step")


def _step(numbers: Numbers, step: StepSamples) -> Element:
    limits = next((one.limits for one in numbers.steps if one.label == step.label), ())
    columns = tuple(dict.fromkeys(limit.column for limit in limits))
    summary = tag(
        "summary",
        tag("b", step.label),
        tag("span", f"{counted(step.dropped, 'document')} dropped", class_="soft"),
    )
    return tag(
        "details",
        summary,
        (
            [tag("h3", reason, tag("small", f"  {documents:,}")), (_document(one, columns) for one in some)]
            for reason, documents, some in step.by_reason
        ),
        class_="step",
    )


def _document(document: Document, columns: tuple[str, ...]) -> Element:
    fate = tag("span", "kept", class_="in") if document.kept else None
    if document.dropped_by is not None:
        fate = tag("span", document.dropped_by, class_="why")
    return tag(
        "article",
        tag(
            "header",
            tag("b", tag("bdi", on_one_line(document.id)), class_="mono"),
            fate,
            tag("small", tag("bdi", on_one_line(document.file)), f", row {document.row:,}"),
        ),
        _values(document, columns),
        text(document.text),
    )


def _values(document: Document, columns: tuple[str, ...]) -> Element | None:
    """What is known of it: the columns that its step decides by first, then the others."""
    first = {name: document.columns[name] for name in columns if document.columns.get(name) is not None}
    others = {**document.columns, **document.user}
    rest = {name: one for name, one in others.items() if one is not None and name not in first}
    shown = [f"{name} {_short(one)}" for name, one in first.items()]
    line = tag("p", " · ".join(shown), class_="values") if shown else None
    if not rest:
        return line
    every = tag(
        "details", tag("summary", "all columns", class_="values"), tag("p", list(_lines(rest)), class_="values")
    )
    return tag("div", line, every)


def _lines(values: dict[str, Any]) -> Iterator[str | Element]:
    for name, one in values.items():
        yield tag("span", f"{on_one_line(name)} = ", tag("bdi", _short(one)))
        yield tag("br")


def _short(one: Any) -> str:
    if isinstance(one, float):
        return value(one)
    shown = on_one_line(str(one))
    return shown if len(shown) <= VALUE else shown[: VALUE - 1] + "…"


def text(body: str | None) -> Element:
    """The beginning of a text, as it is."""
    if body is None:
        return tag("p", "The input cannot be read any more.", class_="soft")
    if not body:
        return tag("p", "The text is empty.", class_="soft")
    more = f"\n… {len(body) - TEXT:,} more characters" if len(body) > TEXT else ""
    return tag(
        "pre", body[:TEXT], tag("span", more, class_="soft") if more else None, class_="text", dir="auto", tabindex="0"
    )
