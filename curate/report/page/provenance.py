"""What the output was made from, with what, and by which recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from curate.report.amounts import counted, size
from curate.report.escapes import visible
from curate.report.html import Node, tag
from curate.report.numbers import Numbers
from curate.report.page.section import Figures, Section, row, table


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """Facts, decisions, models, the recipe."""
    manifest = numbers.manifest
    given = manifest["input"]
    documents = counted(given["documents"], "document") if "documents" in given else "documents not counted"
    facts = [
        ("input", f"{counted(given['files'], 'file')}, {size(given['bytes'])} on disk, {documents}"),
        ("started", str(manifest.get("started", ""))),
        ("finished", str(manifest.get("finished", ""))),
        ("versions", ", ".join(f"{name} {one}" for name, one in manifest.get("versions", {}).items() if one)),
    ]
    return Section(
        "provenance",
        "Provenance",
        [
            table(["", ""], (tag("tr", tag("th", name, scope="row"), tag("td", told)) for name, told in facts)),
            _decisions(numbers),
            _models(numbers),
            _quarantine(numbers),
            tag("h3", "Recipe"),
            tag("p", "As the run folder has it: all defaults are written out, and paths are absolute.", class_="soft"),
            tag("details", tag("summary", "recipe.yaml"), tag("pre", visible(numbers.recipe), tabindex="0")),
        ],
    )


def _decisions(numbers: Numbers) -> Iterator[Node]:
    decisions = numbers.manifest.get("decisions") or ()
    if decisions:
        yield tag("h3", "Decisions for the whole corpus")
        yield tag("ul", (tag("li", tag("b", one["label"]), ": ", one["text"]) for one in decisions))
        for one in decisions:
            if one["warning"]:
                yield tag("p", f"{one['label']}: {one['warning']}", class_="note")


def _models(numbers: Numbers) -> Iterator[Node]:
    models = numbers.manifest.get("models") or {}
    if models:
        yield tag("h3", "Models")
        rows = (
            tag("tr", tag("th", Path(path).name, scope="row"), tag("td", tag("code", sha256)))
            for path, sha256 in sorted(models.items(), key=lambda one: Path(one[0]).name)
        )
        yield table(["file", "SHA-256"], rows)


def _quarantine(numbers: Numbers) -> Iterator[Node]:
    aside = numbers.manifest.get("quarantine") or {}
    broken = numbers.manifest["input"].get("unreadable_files") or ()
    if aside.get("reasons") or broken:
        yield tag("h3", "What could not be read")
        rows: list[Element] = [row(reason, f"{rows:,}") for reason, rows in aside.get("reasons", {}).items()]
        rows += [row([one["file"], ": ", one["error"]], "whole file") for one in broken]
        yield table(["reason", "documents"], rows, numbers=1)
