"""Where the time went."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from curate.report.amounts import duration, percent, short
from curate.report.html import tag
from curate.report.numbers import Numbers, StepTime
from curate.report.page.section import Figures, Section, bar, row, table


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """Seconds and speed of each step; nothing if this run did no work."""
    if not numbers.times:
        return None
    most = max(one.seconds for one in numbers.times)
    total = sum(one.seconds for one in numbers.times)
    executor = numbers.manifest.get("executor", {})
    workers = f"{executor.get('name')}, {executor.get('workers')}"
    told = f"Wall-clock seconds inside each step, added up over all workers ({workers})."
    partly = (
        " Units that an earlier run had done are not counted, and the speeds are left out." if numbers.reused else ""
    )
    return Section(
        "time",
        "Time",
        [
            tag("p", told, " Reading, writing and decisions between passes are not in it.", partly),
            table(
                ["step", "", "time", "share", "documents/s", "characters/s"],
                [_step(one, most, total, partly=numbers.reused) for one in numbers.times],
                numbers=4,
            ),
            _passes(numbers),
        ],
    )


def _step(one: StepTime, most: float, total: float, *, partly: bool) -> Element:
    documents = "" if partly or not one.seconds else f"{one.documents / one.seconds:,.0f}"
    chars = "" if partly or not one.seconds or one.chars is None else short(one.chars / one.seconds)
    share = percent(one.seconds, total)
    return row(one.label, bar(one.seconds / most if most else 0), _seconds(one.seconds), share, documents, chars)


def _passes(numbers: Numbers) -> Element:
    rows = [
        row(name, f"{times['units']:,}", _seconds(times["seconds"]), _seconds(times["cpu_seconds"]))
        for name, times in sorted(numbers.manifest["timings"].items())
    ]
    return table(["pass", "units", "time", "processor time"], rows, numbers=3)


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 60 else duration(seconds)
