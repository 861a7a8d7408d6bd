"""Recipe → plan: what each pass over the shards does. Pure data: it can be printed before a byte of text is read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from curate import catalog
from curate.documents import DROPPED_BY, ID, TEXT
from curate.errors import RecipeError
from curate.recipe import Recipe, Step
from curate.stage import Edit, Global, PerBatch, Rewrite, Stage

Verb = Literal["process", "observe", "apply"]


@dataclass(frozen=True)
class Action:
    """What a pass does for one step."""

    step: int
    """In `recipe.stages`, from 0."""
    verb: Verb


@dataclass(frozen=True)
class Pass:
    """One look at every shard."""

    number: int
    """From 1."""
    actions: tuple[Action, ...]
    reads: tuple[str, ...]
    """Columns that it takes from the input or from earlier passes; `id` is always there."""
    adds: tuple[tuple[str, pa.DataType], ...]
    edits_text: bool


@dataclass(frozen=True)
class Plan:
    """All passes; the survivors are written after the last one."""

    passes: tuple[Pass, ...]


@dataclass(frozen=True)
class Estimate:
    """The size of the input, for people."""

    files: int
    bytes: int
    """On disk."""
    documents: int
    text_bytes: int
    exact: bool


def make(recipe: Recipe, schema: pa.Schema | None) -> Plan:
    """Fuse what follows without a break into passes, and cut at each global stage.

    schema: of the input; None if it is not known, and then what it may hold is not checked. Raises RecipeError when a
    step reads a column that is not there, or writes one that is.
    """
    _check_columns(recipe, schema)
    groups: list[list[Action]] = [[]]
    for number, step in enumerate(recipe.stages):
        if isinstance(step.stage, Global):
            groups[-1].append(Action(number, "observe"))
            groups.append([Action(number, "apply")])
        elif isinstance(step.stage, PerBatch):
            groups[-1].append(Action(number, "process"))
        else:
            raise RecipeError(f"stage {step.index} '{step.name}': {type(step.stage).__name__} is of no known kind")
    return Plan(tuple(_pass(recipe, number, group) for number, group in enumerate(groups, 1)))


def _pass(recipe: Recipe, number: int, actions: list[Action]) -> Pass:
    reads: dict[str, None] = {}
    adds: dict[str, pa.DataType] = {}
    edits = False
    for action in actions:
        step = recipe.stages[action.step]
        wanted = apply_reads(step.stage) if action.verb == "apply" else step.read()
        reads |= dict.fromkeys(name for name in wanted if name not in adds and name != ID)
        if action.verb != "observe":
            adds |= step.written()
            edits |= edits_text(step.stage)
    return Pass(number, tuple(actions), tuple(reads), tuple(adds.items()), edits)


def apply_reads(stage: Stage) -> tuple[str, ...]:
    """What a global stage reads when its decision is carried out."""
    return tuple(getattr(stage, "apply_reads", None) or [name for name in stage.columns_read() if name != TEXT])


def edits_text(stage: Stage) -> bool:
    """Whether a stage may give a new text."""
    return isinstance(stage, Rewrite) or (isinstance(stage, Edit) and stage.edits_text)


def _check_columns(recipe: Recipe, schema: pa.Schema | None) -> None:
    origin = {recipe.input.id: "the input", recipe.input.text: "the input", ID: "the input", TEXT: "the input"}
    origin |= {name: "the input" for name in (schema.names if schema is not None else ())}
    errors = []
    for step in recipe.stages:
        place = f"{recipe.source or 'recipe'}:{step.line or '?'}: stage {step.index} '{step.label}'"
        for name in step.read():
            if name not in origin and schema is not None:
                close = difflib.get_close_matches(name, origin, 1)
                guess = f"; did you mean '{close[0]}'?" if close else f"; there are: {', '.join(origin)}"
                errors.append(f"{place} reads column '{name}', which neither the input nor an earlier stage has{guess}")
        for name in step.written():
            if name in (ID, TEXT, DROPPED_BY) or name.startswith("_"):
                errors.append(f"{place} writes column '{name}', which is curate's own; name it otherwise: as: …")
            elif name in origin:
                errors.append(f"{place} writes column '{name}', which {origin[name]} has; name it otherwise: as: {step.name}_2")
            origin[name] = f"stage {step.index} '{step.label}'"
    if errors:
        raise RecipeError("\n".join(errors))


def describe(plan: Plan, recipe: Recipe, estimate: Estimate | None = None) -> str:
    """The plan for people: a block per pass, and the writing at the end."""
    lines = []
    if estimate is not None:
        about = "" if estimate.exact else "about "
        lines.append(
            f"input   {estimate.files:,} files, {estimate.bytes / 1e6:,.1f} MB on disk; {about}{estimate.documents:,}"
            f" documents, {about}{estimate.text_bytes / 1e6:,.1f} MB of text"
        )
    for one in plan.passes:
        reads = ", ".join(one.reads) or "no columns of the input"
        lines.append(f"pass {one.number}  reads {reads if one.number > 1 or TEXT in one.reads else reads + ', ' + TEXT}")
        lines += [_action_line(action, recipe.stages[action.step]) for action in one.actions]
        lines += [
            f"  → resolve  {recipe.stages[a.step].label}: one decision for the whole corpus"
            for a in one.actions
            if a.verb == "observe"
        ]
    size = recipe.output.shard_size / 1e6
    lines.append(f"write   survivors, {size:,.0f} MB of text a shard, {recipe.output.compression} → {recipe.output.path}/data/")
    return "\n".join(lines)


def _action_line(action: Action, step: Step) -> str:
    stage = step.stage
    kind = action.verb if isinstance(stage, Global) else catalog.kind_of(type(stage))
    added = ", ".join(step.written()) if action.verb != "observe" else ""
    options = stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    shown = " ".join(f"{name}={value}" for name, value in options.items())
    line = f"  {kind:<9} {step.label}" + (f"  ({shown})" if shown else "")
    return line + (f"  + {added}" if added else "")
