"""The funnel: what reached each step, and what became of it."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from curate.report.amounts import percent, short
from curate.report.html import tag
from curate.report.numbers import FunnelStep, Numbers
from curate.report.page.section import Figures, Section, bar, legend, row, table


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """Two tables: of steps, and of reasons."""
    if not numbers.funnel:
        return Section("funnel", "Funnel", tag("p", "No pass is complete: there is nothing to count yet."))
    tokens = numbers.tokens
    told = (
        f"in the column {tokens.column}" if tokens.column else "estimated as characters / 4, which is near for English"
    )
    return Section(
        "funnel",
        "Funnel",
        [
            tag(
                "p",
                "Documents that reached each step, in the order of the recipe. Every document that left has a reason.",
            ),
            legend(("kept", "kept by the step"), ("gone", "dropped by it"), ("before", "gone before")),
            table(
                ["step", "of all documents", "in", "dropped", "share", "kept", "characters kept", "tokens kept"],
                [*(_step(numbers, step) for step in numbers.funnel), _sum(numbers)],
                numbers=6,
            ),
            tag("p", f"Tokens: {told}.", class_="soft"),
            _reasons(numbers),
            *(tag("p", note, class_="soft") for note in numbers.notes),
        ],
    )


def _step(numbers: Numbers, step: FunnelStep) -> Element:
    whole = max(numbers.documents_in, 1)
    facts = next((one for one in numbers.steps if one.label == step.label), None)
    name = [step.label, tag("small", f" {facts.name}") if facts and facts.name != step.label else None]
    return row(
        tag("span", name, title=f"{facts.name}: {facts.options}" if facts and facts.options else None),
        bar(step.documents_out / whole, step.dropped / whole),
        f"{step.documents_in:,}",
        f"{step.dropped:,}",
        percent(step.dropped, step.documents_in),
        f"{step.documents_out:,}",
        "" if step.chars_out is None else short(step.chars_out),
        _tokens(numbers, step),
    )


def _tokens(numbers: Numbers, step: FunnelStep) -> str:
    counted = numbers.tokens.after.get(step.label)
    if counted is not None:
        return short(counted)
    return "" if numbers.tokens.column or step.chars_out is None else f"≈ {short(step.chars_out / 4)}"


def _sum(numbers: Numbers) -> Element:
    kept, given = numbers.documents_out, numbers.documents_in
    last = numbers.funnel[-1]
    return row(
        "in all",
        bar(kept / max(given, 1), (given - kept) / max(given, 1)),
        f"{given:,}",
        f"{given - kept:,}",
        percent(given - kept, given),
        f"{kept:,}",
        "" if last.chars_out is None else short(last.chars_out),
        _tokens(numbers, last),
        class_="sum",
    )


def _reasons(numbers: Numbers) -> Element | None:
    rows = [
        row(
            [step.label, "/", reason],
            bar(0.0, documents / max(numbers.documents_in, 1)),
            f"{documents:,}",
            percent(documents, step.documents_in),
            percent(documents, numbers.documents_in),
            "" if chars is None else short(chars),
        )
        for step in numbers.funnel
        for reason, (documents, chars) in step.reasons.items()
    ]
    if not rows:
        return None
    head = ["step / reason", "of all documents", "documents", "of those that came", "of all", "characters"]
    summary = tag("summary", tag("b", f"Reasons ({len(rows)})"), " what each step dropped documents for")
    return tag("details", summary, table(head, rows, numbers=4), open="", data_print="")
