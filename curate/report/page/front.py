"""The top and the bottom of a report: what run this is, and the numbers that matter most."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from curate.report.amounts import counted, duration, percent, short, size
from curate.report.html import Node, tag
from curate.report.numbers import Numbers


def version(numbers: Numbers) -> str:
    """The version of curate that made the run."""
    return str(numbers.manifest.get("versions", {}).get("curate", ""))


def header(numbers: Numbers) -> Element:
    """Title, state, tiles."""
    manifest = numbers.manifest
    state = "done" if numbers.done else str(manifest["state"])
    finished = (
        str(manifest.get("finished") or manifest.get("started") or "").replace("T", " ").replace("+00:00", " UTC")
    )
    about = [f"curate {version(numbers)}", str(manifest.get("recipe") or "a recipe from Python"), finished]
    return tag(
        "header",
        tag(
            "div",
            tag("h1", numbers.title, tag("span", state, class_=f"state {'done' if numbers.done else 'not'}")),
            tag("p", " · ".join(part for part in about if part), class_="soft"),
            _incomplete(numbers),
            tag("dl", _tiles(numbers), class_="tiles"),
        ),
        class_="top",
    )


def _incomplete(numbers: Numbers) -> Element | None:
    if numbers.done:
        return None
    error = numbers.manifest.get("error")
    told = "The run is not complete: all numbers are of what was done so far."
    return tag("p", told, f" It ended with: {error}" if error else "", class_="note")


def _tiles(numbers: Numbers) -> list[Element]:
    manifest = numbers.manifest
    kept, given = numbers.documents_out, numbers.documents_in
    tiles = [_tile("Documents kept", f"{kept:,}", f"{percent(kept, given) or '0 %'} of {given:,}")]
    first, last = numbers.chars_in, numbers.chars_out
    if first is not None and last is not None:
        tiles.append(_tile("Characters kept", short(last), f"{percent(last, first) or '0 %'} of {short(first)}"))
        tokens = numbers.tokens
        about = "counted in the column " + tokens.column if tokens.column else "estimated: 4 characters each"
        shown = short(tokens.kept if tokens.kept is not None else last / 4)
        tiles.append(_tile("Tokens kept", shown if tokens.column else f"about {shown}", about))
    output = manifest.get("output")
    if numbers.done and output:
        files = len(output["shards"])
        tiles.append(
            _tile("Output", size(output["bytes"]), f"{counted(files, 'file')}, {counted(output['rows'], 'row')}")
        )
    seconds = sum(float(times["seconds"]) for times in manifest.get("timings", {}).values())
    if seconds:
        tiles.append(_tile("Work", duration(seconds), "of all workers together"))
    lost = int(manifest.get("accounting", {}).get("unreadable", 0))
    if lost:
        tiles.append(_tile("Could not be read", f"{lost:,}", "kept aside in quarantine/"))
    return tiles


def _tile(name: str, value: str, about: Node) -> Element:
    return tag("div", tag("dt", name), tag("dd", value, tag("small", about)), class_="tile")


def footer(numbers: Numbers) -> Element:
    """Where the numbers come from."""
    return tag(
        "footer",
        tag(
            "p",
            "Made from the ledgers and the manifest of the run by curate ",
            version(numbers),
            ". What each number means: docs/report.md. This file needs no network,"
            " and no script of a document can run in it.",
        ),
    )
