"""Recipes and plans → what the room of reports knows of the steps of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from curate import plan as planning
from curate.errors import CurateError
from curate.recipe import inline, load_kept
from curate.report.groups import Grouped
from curate.report.steps import Best, Limit, StepFacts
from curate.stage import Annotate, Global
from curate.store.files import read_json

if TYPE_CHECKING:
    from curate.recipe import Recipe, Step
    from curate.report.facts import Run


def steps_of(run: Run) -> tuple[Recipe | None, tuple[StepFacts, ...]]:
    """The recipe of a run and its steps; without a recipe that can be loaded now, the labels that the funnel has."""
    try:
        recipe = load_kept(run.folder.recipe)
        plan = planning.make(recipe, run.inputs.schema)
    except CurateError:  # a stage of one's own, or a model, that is not there any more
        labels = [row["label"] for row in run.manifest.get("funnel", []) if not row.get("unreadable")]
        return None, tuple(StepFacts(label, label, "") for label in labels)
    deciding = {a.step: one.number for one in plan.passes for a in one.actions if a.verb == "apply"}
    return recipe, tuple(_facts(step, deciding.get(index), run) for index, step in enumerate(recipe.stages))


def limits_of(step: Step) -> tuple[Limit, ...]:
    """The thresholds of a step, with columns as the documents have them."""
    return tuple(
        Limit(one.option, step.renames.get(one.column, one.column), one.drops, float(one.limit), one.reason)
        for one in step.stage.thresholds()
    )


def best_of(step: Step) -> Best | None:
    """What `keep_best` keeps."""
    if step.name != "keep_best":
        return None
    given = step.stage.model_dump()
    return Best(**{name: given[name] for name in ("column", "share", "budget", "by", "tokens_column")})


def _drops(step: Step) -> Literal["never", "by limits", "otherwise"]:
    if isinstance(step.stage, Annotate):
        return "never"
    return "by limits" if step.name in ("drop", "keep_best") and not _has_lists(step) else "otherwise"


def _movable(step: Step) -> frozenset[str]:
    """Options of which new values can be tried on what is in the ledger."""
    if step.name == "keep_best":
        return frozenset({"share", "budget"})
    if _has_lists(step):  # which are asked after the limits: nobody knows what they would have said
        return frozenset()
    given = type(step.stage).model_fields
    every = step.stage.model_copy(update={name: 0.5 for name in given if getattr(step.stage, name) is None})
    return frozenset(limit.option for limit in (*step.stage.thresholds(), *every.thresholds()))


def _has_lists(step: Step) -> bool:
    lists = ("in_", "not_in")
    return step.name == "drop" and any(getattr(step.stage, name, None) is not None for name in lists)


def limits_in(step: Step, run: Run) -> tuple[Limit, ...]:
    """The thresholds of a step; of one that looks at the corpus, the one that it found."""
    artifact = _small_artifact(run, step.label)
    column, threshold = artifact.get("column"), artifact.get("threshold")
    if isinstance(column, str) and isinstance(threshold, int | float | str):
        return (Limit("", column, "<", float(threshold), "below_threshold"),)
    return limits_of(step)


def _small_artifact(run: Run, label: str) -> dict[str, Any]:
    """What a step decided for the whole corpus, if it did and that is small."""
    path = run.folder.small_artifact(label)
    if not path.exists():
        return {}
    found = read_json(path).get("artifact")
    return found if isinstance(found, dict) else {}


def _facts(step: Step, decided: int | None, run: Run) -> StepFacts:
    own, frozen = step.grouping(), step.label in run.inputs.frozen
    grouped = Grouped(step.label, decided, **asdict(own)) if own is not None and decided is not None else None
    options = step.stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return StepFacts(
        label=step.label,
        name=Path(step.name).stem,
        options=inline(options).removeprefix("{").removesuffix("}"),
        columns=tuple(step.written()),
        limits=limits_in(step, run),
        drops=_drops(step),
        looks_at_corpus=isinstance(step.stage, Global) and not frozen,
        movable=frozenset() if frozen else _movable(step),
        frozen=frozen,
        best=None if frozen else best_of(step),
        grouped=grouped if grouped is not None and grouped.number <= run.passes else None,
        tokens_column=getattr(step.stage, "tokens_column", None),
    )
