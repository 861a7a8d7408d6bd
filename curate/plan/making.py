"""Fuses per-batch steps into passes, and cuts at global stages."""

from __future__ import annotations

import pyarrow as pa

from curate.documents import ID, TEXT
from curate.errors import RecipeError
from curate.plan.columns import Columns, where
from curate.plan.model import Action, Pass, Plan, Verb
from curate.recipe import Recipe
from curate.stage import Annotate, Filter, Global, PerBatch, Stage


def make(recipe: Recipe, schema: pa.Schema | None) -> Plan:
    """The plan of a recipe over input with this schema; None: not known. Raises RecipeError, all errors in one."""
    columns = Columns(recipe, schema)
    for step in recipe.stages:
        columns.pass_through(step)
    if columns.problems:
        raise RecipeError("\n".join(columns.problems))
    passes = tuple(_pass(number, actions, recipe) for number, actions in enumerate(_cut(recipe), 1))
    output = tuple(columns.output())
    parts = next((step.parts() for step in recipe.stages if step.parts()), None)
    return Plan(passes, schema, output) if parts is None else Plan(passes, schema, output, parts)


def edits_text(stage: Stage) -> bool:
    """Whether a stage may change texts: what its `edits_text` says, else what its kind does."""
    return bool(getattr(stage, "edits_text", not isinstance(stage, Annotate | Filter | Global)))


def _cut(recipe: Recipe) -> list[list[Action]]:
    """The actions of each pass: a global stage ends one by `observe`, and opens the next by `apply`."""
    passes: list[list[Action]] = [[]]
    for index, step in enumerate(recipe.stages):
        match step.stage:
            case PerBatch():
                passes[-1].append(Action(index, "process"))
            case Global() if step.stage.is_decided():
                passes[-1].append(Action(index, "apply"))
            case Global():
                passes[-1].append(Action(index, "observe"))
                passes.append([Action(index, "apply")])
            case _:
                raise RecipeError(
                    f"{where(recipe, step)}: it is a {type(step.stage).__mro__[1].__name__}, no kind of stage"
                )
    return passes


def _pass(number: int, actions: list[Action], recipe: Recipe) -> Pass:
    adds: dict[str, pa.DataType] = {}
    reads: dict[str, None] = {}
    for action in actions:
        step = recipe.stages[action.step]
        reads |= dict.fromkeys(name for name in _needed(step.stage, action.verb) if name not in adds)
        if action.verb != "observe":
            adds |= step.written()
    order = [ID, *([TEXT] if TEXT in reads else []), *(name for name in reads if name not in (ID, TEXT))]
    edits = any(edits_text(recipe.stages[action.step].stage) for action in actions if action.verb != "observe")
    return Pass(number, tuple(actions), tuple(order), tuple(adds.items()), edits)


def _needed(stage: Stage, verb: Verb) -> tuple[str, ...]:
    """The columns that one action reads."""
    return stage.columns_applied() if verb == "apply" and isinstance(stage, Global) else stage.columns_read()
