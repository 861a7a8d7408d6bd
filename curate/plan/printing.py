"""A plan for people: each pass, what it reads, and what each step does in it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from curate.documents import TEXT
from curate.plan.making import edits_text
from curate.plan.model import Action, Estimate, Plan
from curate.recipe import Recipe, Step, inline, size_text
from curate.stage import Global, Part

_WIDTH = 100  # characters of a line


def describe(plan: Plan, recipe: Recipe, estimate: Estimate | None = None) -> str:
    """What `curate plan` prints: each pass, what it reads, and what each step does in it."""
    steps, passes = len(recipe.stages), len(plan.passes) + 1  # and the writing, which a run counts as one
    lines = [
        f"{recipe.source or 'recipe'} -> {recipe.output.path}: {steps} {'stage' if steps == 1 else 'stages'} in"
        f" {passes} passes",
        "",
        *_wrapped("input", _input(recipe, estimate)),
    ]
    width = max(len(_title(step)) for step in recipe.stages)
    for this_pass in plan.passes:
        reads = ", ".join(this_pass.reads) + ("" if TEXT in this_pass.reads else "; no text")
        lines += _wrapped(f"pass {this_pass.number}", f"reads {reads}")
        for action in this_pass.actions:
            lines += _action(action, recipe, width)
        deciding = [recipe.stages[action.step].label for action in this_pass.actions if action.verb == "observe"]
        lines += [f"         then {label} decides, for the whole corpus" for label in deciding]
    size, compression = size_text(recipe.output.shard_size), recipe.output.compression
    level = f" {recipe.output.compression_level}" if recipe.output.compression_level is not None else ""
    lines += _wrapped(f"pass {passes}", f"writes Parquet ({compression}{level}), a new file after {size} of text")
    lines += [f"         {line}" for part in plan.parts for line in _part(part)]
    rest = "" if plan.input_schema is not None else ", and what else the input has"
    lines += _wrapped("columns", ", ".join(plan.output_columns) + rest)
    return "\n".join(lines)


def _part(part: Part) -> list[str]:
    """Which documents are written, and how often, if these are not all survivors once."""
    if part.column is None:
        return []
    how_often = f"as often as {part.column} says" if part.repeats else f"once, if its {part.column} is not 0"
    return [f"data/{part.folder}{'/' if part.folder else ''}: each document {how_often}"]


def _input(recipe: Recipe, estimate: Estimate | None) -> str:
    if estimate is None:
        return ", ".join(recipe.input.paths)
    files = f"{estimate.files:,} {'file' if estimate.files == 1 else 'files'}, {_amount(estimate.bytes)}"
    about = "" if estimate.exact else "about "
    return f"{files}: {about}{estimate.documents:,} documents, {about}{_amount(estimate.text_bytes)} of text"


def _title(step: Step) -> str:
    """The label, and the stage behind it where these differ."""
    stage = Path(step.name)
    return step.label if step.label == stage.stem else f"{step.label} ({stage.name})"


def _action(action: Action, recipe: Recipe, width: int) -> list[str]:
    """What is done, and with which options; then what comes of it."""
    step = recipe.stages[action.step]
    head = f"{step.index:>5}  {_title(step):<{width}}  {action.verb:<7}  "
    options = ""
    results: list[str] = []
    if action.verb != "apply" or (isinstance(step.stage, Global) and step.stage.is_decided()):
        given = step.stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        options = inline(given).removeprefix("{").removesuffix("}")
        results += step.stage.notes()
    if action.verb != "observe":
        results += ["edits the text"] if edits_text(step.stage) else []
        results += [f"adds {_few(list(step.written()))}"] if step.written() else []
        results += [f"keeps {_few(list(step.kept_back()))} out of the output"] if step.kept_back() else []
        results += [f"expects to drop {step.expect}"] if step.expect else []
    room = max(_WIDTH - len(head), 40)
    notes = [note for text in (options, "; ".join(results)) for note in textwrap.wrap(text, room)]
    return [f"{' ' * len(head) if place else head}{note}".rstrip() for place, note in enumerate(notes or [""])]


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 5 else f"{names[0]}, … {names[-1]} ({len(names)} columns)"


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{name:<7}  ", subsequent_indent=" " * 9)


def _amount(count: float) -> str:
    """9,731,072 → "9.7 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
