"""A report as one HTML file: numbers → page. It fetches nothing, and runs no script but two, named by their hashes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from importlib.resources import files
from xml.etree.ElementTree import Element

from curate.report.html import Node, page, raw, tag
from curate.report.numbers import Numbers
from curate.report.page import (
    domains,
    duplicates,
    front,
    funnel,
    groups,
    overlap,
    provenance,
    samples,
    scores,
    timing,
    toxicity,
)
from curate.report.page.section import Figures, Section

PARTS = (
    funnel.section,
    scores.section,
    groups.section,
    overlap.section,
    samples.section,
    duplicates.section,
    domains.section,
    toxicity.section,
    timing.section,
    provenance.section,
)
"""What draws each section, in the order of the page."""


def render(numbers: Numbers) -> str:
    """The page of a run."""
    figures: Figures = {}
    sections = [section for part in PARTS if (section := part(numbers, figures)) is not None]
    main = tag("main", (_drawn(one) for one in sections), id="main")  # draws, so that all figures are there
    look, charts = _file("look.css"), _file("charts.js")
    library = _library() if figures else None
    told = "The charts are left out, as plotly is not installed." if figures and library is None else None
    root = tag(
        "html",
        tag("head", _head(numbers, look, [charts, library] if library else [])),
        tag(
            "body",
            tag("a", "Skip to the numbers", href="#main", class_="skip"),
            front.header(numbers),
            tag(
                "nav",
                tag("ul", (tag("li", tag("a", one.title, href=f"#{one.id}")) for one in sections)),
                aria_label="Sections",
            ),
            tag("p", told, class_="note") if told else None,
            main,
            front.footer(numbers),
            _scripts(figures, charts, library) if library else None,
            class_=None if library else "without-charts",
        ),
        lang="en",
    )
    return page(root)


def _head(numbers: Numbers, look: str, scripts: list[str]) -> Iterator[Element]:
    allowed = " ".join(f"'sha256-{_sha256(one)}'" for one in scripts) or "'none'"
    policy = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    yield tag("meta", charset="utf-8")
    yield tag("meta", http_equiv="Content-Security-Policy", content=f"{policy}; base-uri 'none'; form-action 'none'")
    yield tag("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield tag("meta", name="color-scheme", content="light dark")
    yield tag("meta", name="referrer", content="no-referrer")
    yield tag("meta", name="generator", content=f"curate {front.version(numbers)}")
    yield tag("meta", name="curate-run", content=numbers.digest)
    yield tag("title", f"{numbers.title}: report")
    yield raw("style", look)


def _drawn(section: Section) -> Element:
    heading = tag("h2", section.title, id=f"{section.id}-title")
    return tag("section", heading, section.body, id=section.id, aria_labelledby=f"{section.id}-title")


def _scripts(figures: Figures, charts: str, library: str) -> Iterable[Node]:
    """The library is packed: it is unpacked when the first chart comes into view."""
    packed = base64.b64encode(gzip.compress(library.encode(), 6, mtime=0)).decode()
    return (
        tag("noscript", tag("p", "The charts need JavaScript; their numbers are in the tables.", class_="note")),
        raw("script", _json(figures), type="application/json", id="figures"),
        raw("script", packed, type="application/octet-stream", id="plotly"),
        raw("script", charts),
    )


def _json(figures: Figures) -> str:
    """In ASCII, without a < that could end the element that holds it."""
    return json.dumps(figures, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _library() -> str | None:
    """Plotly's JavaScript, of the version that is installed, if one is. Takes a quarter of a second."""
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError:
        return None
    return str(get_plotlyjs())


def _file(name: str) -> str:
    return files("curate.report.page").joinpath(name).read_text(encoding="utf-8")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
