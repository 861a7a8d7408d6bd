"""The dataset card: what a folder of documents is, for people and for the Hugging Face Hub, as Markdown with a header.

Every value that is not written here is escaped: for YAML in the header, for Markdown and HTML below it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from curate.report.amounts import counted, percent, short, size
from curate.report.escapes import on_one_line, visible
from curate.report.limits import known_limits
from curate.report.numbers import FunnelStep, funnel_of
from curate.report.steps import StepFacts
from curate.store.folder import OUR_CARD

MARK = OUR_CARD.decode()
"""In every card that curate may write again."""

MANY = 12  # columns, from which on they are folded away
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_OPENING = re.compile(r"^(\d*)([-=:.)])")
"""What at the beginning of a line would make it an item of a list, a heading or a rule."""
_FOLDERS = re.compile(r"(?<![\w:/.])(?:/[^\s/,\]}\"']+)*/(?=[^\s/,\]}\"']+)")
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LARGER = ((10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"))
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class About:
    """What the author of the recipe says of the data."""

    title: str
    description: str | None = None
    licence: str | None = None
    language: Sequence[str] = ()
    sources: Sequence[Mapping[str, str | None]] = ()
    """`name`, `licence`, `url` of each."""
    tags: Sequence[str] = ()
    limits: str | None = None


def card(about: About, manifest: Mapping[str, Any], steps: Sequence[StepFacts], schema: pa.Schema) -> str:
    """The card of a run that is done. schema: of the documents that it wrote.

    Says nothing of when, where and how fast: the same run gives the same card.
    """
    funnel = funnel_of(manifest)
    parts = [
        f"---\n{_header(about, manifest)}---\n\n{MARK}\n",
        f"# {text(about.title)}\n",
        *([paragraphs(about.description)] if about.description else []),
        _contents(manifest, funnel),
        _columns(schema, steps),
        _made(manifest, steps, funnel),
        _models(manifest),
        _licences(about),
        _limits(about, manifest, steps),
    ]
    return "\n".join(part for part in parts if part)


def of_generations(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifests of the generations of an incremental recipe as one; without decisions, as each had its own.

    The funnel is that of all together, or of the last one if the steps have changed.
    """
    last = manifests[-1]
    funnels = [one["funnel"] for one in manifests]
    labels = [[row["label"] for row in funnel if not row.get("unreadable")] for funnel in funnels]
    same = all(one == labels[-1] for one in labels)
    outputs = [one["output"] for one in manifests]
    return {
        **last,
        "decisions": last["decisions"] if len(manifests) == 1 else [],
        "funnel": _added(funnels) if same else funnels[-1],
        "output": {
            "rows": sum(one["rows"] for one in outputs),
            "bytes": sum(one["bytes"] for one in outputs),
            "shards": [shard for one in outputs for shard in one["shards"]],
        },
        "input": {
            **last["input"],
            "files": sum(one["input"]["files"] for one in manifests),
            "documents": sum(one["input"]["documents"] for one in manifests),
            "unreadable_files": [file for one in manifests for file in one["input"]["unreadable_files"]],
        },
        "accounting": {"unreadable": sum(one["accounting"]["unreadable"] for one in manifests)},
        "generations": len(manifests),
    }


def _added(funnels: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Funnels of the same steps, added up; what could not be read is told apart, in `accounting`."""
    rows: dict[str, dict[str, Any]] = {}
    for row in (row for funnel in funnels for row in funnel if not row.get("unreadable")):
        total = rows.setdefault(row["label"], {"label": row["label"], "reasons": {}})
        for name in ("documents_in", "documents_out", "chars_in", "chars_out"):
            total[name] = total.get(name, 0) + (row.get(name) or 0)
        for reason, (documents, chars) in row["reasons"].items():
            before = total["reasons"].get(reason, (0, 0))
            total["reasons"][reason] = (before[0] + documents, before[1] + (chars or 0))
    return list(rows.values())


def header_of(about: About, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML header, as data."""
    parts, data = _parts(manifest), "data/gen-*" if "generations" in manifest else "data"
    licence = (about.licence or "").lower()
    known = bool(_LICENCE.fullmatch(licence))
    found: dict[str, Any] = {"pretty_name": visible(about.title)}
    if about.licence:
        found["license"] = licence if known else "other"
        found |= {} if known else {"license_name": visible(about.licence)}
    if about.language:
        found["language"] = list(about.language)
    rows = int(manifest["output"]["rows"])
    found |= {
        "task_categories": ["text-generation"],
        "size_categories": [next((name for limit, name in (*_SIZES, *_LARGER) if rows < limit), "n>1T")],
        "tags": list(dict.fromkeys(["curate", *map(visible, about.tags)])),
        "configs": [
            {
                "config_name": part or "default",
                "data_files": [{"split": "train", "path": f"{data}/{part}/*.parquet" if part else f"{data}/*.parquet"}],
            }
            for part in parts
        ],
    }
    return found


def _header(about: About, manifest: Mapping[str, Any]) -> str:
    """Each value as JSON, which is YAML too."""
    return "".join(f"{name}: {quoted(value)}\n" for name, value in header_of(about, manifest).items())


def quoted(value: Any) -> str:
    """A value as JSON that readers of YAML understand in the same way: they know no pairs of surrogates."""
    shown = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", shown)


def _parts(manifest: Mapping[str, Any]) -> list[str]:
    """Folders in data/ that have shards; "": data/ itself."""
    folders = (str(PurePosixPath(shard["file"]).parent) for shard in manifest["output"]["shards"])
    return list(dict.fromkeys("" if folder == "." else folder for folder in folders))


def text(value: str) -> str:
    """A text of others, in one line of Markdown that shows it as it is."""
    plain = on_one_line(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _SPECIAL.sub(r"\\\1", plain.strip())
    return _OPENING.sub(r"\1\\\2", shown).replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")


def paragraphs(value: str) -> str:
    """A text of others in several lines."""
    return "\n".join(text(line) if line.strip() else "" for line in value.strip().split("\n")) + "\n"


def code(value: str) -> str:
    """A name in Markdown's letters for code, in a cell of a table as well."""
    shown = on_one_line(value).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`" if shown.strip() else "` `"


def _rows(head: Sequence[str], rows: Iterator[Sequence[str]], numbers: int = 0) -> str:
    bars = ["---"] * (len(head) - numbers) + ["--:"] * numbers
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, bars, *rows)]
    return "\n".join(lines) + "\n"


def _contents(manifest: Mapping[str, Any], funnel: Sequence[FunnelStep]) -> str:
    output = manifest["output"]
    chars = funnel[-1].chars_out if funnel else None
    said = (
        f"{counted(output['rows'], 'row')} in {counted(len(output['shards']), 'Parquet file')}, {size(output['bytes'])}"
    )
    said += f"; {chars:,} characters, about {short(chars / 4)} tokens at four characters each" if chars else ""
    parts = _parts(manifest)
    named = [
        f'load_dataset("path/of/this/folder", {json.dumps(part)})' if part else 'load_dataset("path/of/this/folder")'
        for part in parts
    ]
    load = "\n".join(f"dataset = {one}" for one in named)
    return f"{said}.\n\n```python\nfrom datasets import load_dataset\n\n{load}\n```\n"


def _columns(schema: pa.Schema, steps: Sequence[StepFacts]) -> str:
    by = {column: step.label for step in steps for column in step.columns}
    rows = (
        (code(field.name), code(str(field.type)), code(by[field.name]) if field.name in by else "the input")
        for field in schema
    )
    table = _rows(["column", "type", "comes from"], rows)
    if len(schema) > MANY:
        table = f"<details><summary>{len(schema)} columns</summary>\n\n{table}\n</details>\n"
    return f"## Columns\n\n{table}"


def _made(manifest: Mapping[str, Any], steps: Sequence[StepFacts], funnel: Sequence[FunnelStep]) -> str:
    given = manifest["input"]
    versions = manifest["versions"]
    options = {step.label: step for step in steps}
    funnel_rows = (
        (
            code(step.label),
            f"{step.documents_in:,}",
            f"{step.dropped:,}",
            percent(step.dropped, step.documents_in),
            f"{step.documents_out:,}",
            "" if step.chars_out is None else f"{step.chars_out:,}",
        )
        for step in funnel
    )
    steps_said = [
        f"{place}. {code(step.label)}"
        + (f" ({code(step.name)})" if step.name != step.label else "")
        + (f": {code(without_folders(step.options))}" if step.options else "")
        for place, step in enumerate(options.values(), 1)
    ]
    decisions = [f"* {code(one['label'])}: {text(one['text'])}" for one in manifest.get("decisions", ())]
    reasons = (
        (code(f"{step.label}/{reason}"), f"{documents:,}", "" if chars is None else f"{chars:,}")
        for step in funnel
        for reason, (documents, chars) in step.reasons.items()
    )
    nights = counted(manifest["generations"], "generation") + " of " if "generations" in manifest else ""
    files = f"{nights}{counted(given['files'], 'file')} with {counted(given.get('documents', 0), 'document')}"
    return "\n".join(
        [
            "## How it was made\n",
            f"By curate {code(versions['curate'])} from {files}. Every document of the input is in the output or was"
            " dropped for a reason; which one, the ledgers in the folder of the run tell.\n",
            "\n".join(steps_said) + "\n",
            "Options that are not named are at their defaults.\n",
            _rows(["step", "in", "dropped", "share", "kept", "characters kept"], funnel_rows, 5),
            *(["Decided for the whole corpus:\n", "\n".join(decisions) + "\n"] if decisions else []),
            "<details><summary>Reasons</summary>\n",
            _rows(["step/reason", "documents", "characters"], reasons, 2),
            "</details>\n",
        ]
    )


def without_folders(options: str) -> str:
    """Options without the folders of absolute paths, which say nothing to others, and may say too much."""
    return _FOLDERS.sub("", options)


def _models(manifest: Mapping[str, Any]) -> str:
    models = {Path(path).name: sha256 for path, sha256 in manifest.get("models", {}).items()}
    if not models:
        return ""
    return "## Models\n\n" + _rows(["file", "SHA-256"], ((code(name), code(models[name])) for name in sorted(models)))


def _licences(about: About) -> str:
    lines = ["## Licences\n"]
    said = (
        f"This data set: {text(about.licence)}."
        if about.licence
        else "The author of this data set named no licence for it."
    )
    lines.append(said + "\n")
    if about.sources:
        rows = (
            (
                text(str(one["name"])),
                text(str(one["licence"])) if one.get("licence") else "not stated",
                f"<{one['url']}>" if one.get("url") else "",
            )
            for one in about.sources
        )
        lines.append("What it was made from, as its author states:\n")
        lines.append(_rows(["source", "licence", ""], rows))
    else:
        lines.append("Its author stated no licences of the documents that it was made from.\n")
    return "\n".join(lines)


def _limits(about: About, manifest: Mapping[str, Any], steps: Sequence[StepFacts]) -> str:
    own = [paragraphs(about.limits)] if about.limits else []
    return "\n".join(["## Known limits\n", *own, *(f"* {line}" for line in known_limits(manifest, steps)), ""])
