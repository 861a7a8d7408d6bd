"""The largest groups of repeats that each step found, with what differs."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from curate.report.amounts import value
from curate.report.differences import differences
from curate.report.escapes import on_one_line
from curate.report.groups import Group, Member
from curate.report.html import Node, tag
from curate.report.numbers import Numbers
from curate.report.page.section import Figures, Section

TEXT = 900  # characters of a text that are shown


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """Some groups for each step that keeps one document of each."""
    steps = [(label, groups) for label, groups in numbers.duplicates if groups]
    if not steps:
        return None
    told = "For each group, the document that was kept, and some of those that were dropped in its favour."
    marks: list[Node] = [
        tag("del", "words that only the kept one has"),
        ", ",
        tag("ins", "words that only the repeat has"),
        ".",
    ]
    return Section("duplicates", "Largest groups of repeats", [tag("p", told, " Marked: ", *marks), *map(_step, steps)])


def _step(step: tuple[str, tuple[Group, ...]]) -> Element:
    label, groups = step
    return tag("div", tag("h3", label), (_group(group) for group in groups))


def _group(group: Group) -> Element:
    summary = tag(
        "summary",
        tag("b", f"{group.size:,} documents"),
        tag("span", "  kept: ", tag("bdi", on_one_line(group.kept), class_="mono"), class_="soft"),
    )
    earlier = f"It was kept by an earlier run: {group.earlier}" if group.earlier else None
    kept = group.original.text if group.original is not None else None
    return tag(
        "details",
        summary,
        tag("p", earlier, class_="soft") if earlier else None,
        tag(
            "pre",
            (kept or "")[:TEXT] + ("…" if kept and len(kept) > TEXT else ""),
            class_="text",
            dir="auto",
            tabindex="0",
        )
        if kept is not None
        else None,
        (_repeat(kept, one) for one in group.repeats),
        class_="step",
    )


def _repeat(kept: str | None, one: Member) -> Element:
    alike = f"similarity {value(one.similarity)}" if one.similarity is not None else None
    return tag(
        "article",
        tag(
            "header",
            tag("b", tag("bdi", on_one_line(one.document.id)), class_="mono"),
            tag("span", "dropped", class_="why"),
            tag("small", alike) if alike else None,
        ),
        tag("pre", _marked(kept, one.text), class_="text", dir="auto", tabindex="0"),
    )


def _marked(kept: str | None, repeat: str | None) -> Iterator[Node]:
    """The words of the repeat, with what the kept one has in their place."""
    if repeat is None or kept is None:
        yield (repeat or "")[:TEXT]
        return
    found = differences(kept, repeat, most=400)
    if found.equal:
        yield tag("span", "The same words.", class_="soft")
        return
    left = TEXT
    for run in found.runs:
        text = "".join(run.words)
        if run.which == "both" and len(text) > 160:
            text = f"{text[:70]} … {text[-70:]}"
        if left <= 0:
            yield "…"
            return
        left -= len(text)
        yield text if run.which == "both" else tag("ins" if run.which == "second" else "del", text)
