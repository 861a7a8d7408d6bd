"""Recipes and plans → what the room of reports knows of the steps of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from curate import plan as planning
from curate.errors import CurateError
from curate.recipe import inline, load
from curate.report.groups import Grouped
from curate.report.steps import StepFacts

if TYPE_CHECKING:
    from curate.recipe import Recipe, Step
    from curate.report.facts import Run


def steps_of(run: Run) -> tuple[Recipe | None, tuple[StepFacts, ...]]:
    """The recipe of a run and its steps; without a recipe that can be loaded now, the labels that the funnel has."""
    try:
        recipe = load(run.folder.recipe)
        plan = planning.make(recipe, run.inputs.schema)
    except CurateError:  # a stage of one's own, or a model, that is not there any more
        labels = [row["label"] for row in run.manifest.get("funnel", []) if not row.get("unreadable")]
        return None, tuple(StepFacts(label, label, "") for label in labels)
    deciding = {a.step: one.number for one in plan.passes for a in one.actions if a.verb == "apply"}
    return recipe, tuple(_facts(step, deciding.get(index), run) for index, step in enumerate(recipe.stages))


def _facts(step: Step, decided: int | None, run: Run) -> StepFacts:
    own = step.grouping()
    grouped = Grouped(step.label, decided, **asdict(own)) if own is not None and decided is not None else None
    options = step.stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return StepFacts(
        label=step.label,
        name=Path(step.name).stem,
        options=inline(options).removeprefix("{").removesuffix("}"),
        columns=tuple(step.written()),
        grouped=grouped if grouped is not None and grouped.number <= run.passes else None,
        tokens_column=getattr(step.stage, "tokens_column", None),
    )
