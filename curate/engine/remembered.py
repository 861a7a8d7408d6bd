"""What each generation added to the indexes: noted with it, so that a lost index is not taken for a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate.engine.events import Show, Warned
from curate.engine.stream import Stream
from curate.errors import RecipeError, StoreError
from curate.recipe import Recipe, Step
from curate.stage import Global, Memory
from curate.store import index
from curate.store.files import read_json
from curate.store.folder import RunFolder

Noted = Mapping[str, Mapping[str, Any]]
"""Label of a step → `number` of the record in its index, and its `documents`."""


def note(recipe: Recipe, folder: RunFolder) -> dict[str, dict[str, int]]:
    """What a generation that is made has in the index of each step that has one."""
    seen = _numbers(folder)
    found: dict[str, dict[str, int]] = {}
    for step, memory in _memories(recipe):
        records = {record.number: record for record in index.records(memory.index)}
        record = records.get(seen.get(step.label, -1))
        if record is not None:
            found[step.label] = {"number": record.number, "documents": record.documents}
    return found


def check(recipe: Recipe, stream: Stream, published: Sequence[Mapping[str, Any]], show: Show) -> None:
    """Raise StoreError if an index has lost generations, RecipeError if a step seems to have another name than before.

    recipe: as a generation runs it. A step that came later than a generation, and knows nothing of it, is a warning of
    the first run with it.
    """
    notes = [(generation["number"], _noted(stream, generation)) for generation in published]
    if not notes:
        return
    labels = {step.label for step in recipe.stages}
    last = notes[-1][1] or {}
    for step, memory in _memories(recipe):
        there = {record.number: record.documents for record in index.records(memory.index)}
        lost = [
            number for number, noted in notes if noted and step.label in noted and not _has(there, noted[step.label])
        ]
        if lost:
            raise StoreError(
                f"index {memory.index}: it lacks what {_generations(lost)} kept, so that '{step.label}' would let "
                "repeats of that be published again. Put back a copy of the index; or begin anew in another folder: "
                "--set output.path=…"
            )
        if notes[-1][1] is None or step.label in last:
            continue
        for other in sorted(last.keys() - labels):
            if index.made_with(stream.index(other)) == dict(memory.configuration):
                raise RecipeError(
                    f"{recipe.source or 'recipe'}: stage {step.index} '{step.label}' has no index of what was published"
                    f"; '{other}', which is no step any more, has one with the same options. If it was renamed, call it"
                    f" by its name: as: {other}. If it is to know nothing of that, remove {stream.index(other)}"
                )
        unknown = [number for number, noted in notes if noted is not None and step.label not in noted]
        show(
            Warned(
                f"{step.label}: new here; it knows nothing of what {_generations(unknown)} kept, so repeats of that "
                "are not found"
            )
        )


def _memories(recipe: Recipe) -> list[tuple[Step, Memory]]:
    found = [(step, step.stage.memory()) for step in recipe.stages if isinstance(step.stage, Global)]
    return [(step, memory) for step, memory in found if memory is not None]


def _noted(stream: Stream, generation: Mapping[str, Any]) -> Noted | None:
    """Of a generation that was made before this was noted: by its run folder; None if that is gone."""
    if "index" in generation:
        noted: Noted = generation["index"]
        return noted
    folder = stream.folder(generation["number"])
    return (
        {label: {"number": number} for label, number in _numbers(folder).items()} if folder.manifest.exists() else None
    )


def _numbers(folder: RunFolder) -> dict[str, int]:
    """Label → the number that a run has in the index of a step."""
    seen = read_json(folder.earlier) if folder.earlier.exists() else {}
    return {label: earlier["number"] for label, earlier in seen.items()}


def _has(there: Mapping[int, int], noted: Mapping[str, Any]) -> bool:
    return noted["number"] in there and noted.get("documents", there[noted["number"]]) == there[noted["number"]]


def _generations(numbers: Sequence[int]) -> str:
    """`generation 3`, `generations 1, 2, 3`; of many, the first and the last."""
    if len(numbers) == 1:
        return f"generation {numbers[0]}"
    shown = ", ".join(map(str, numbers)) if len(numbers) < 5 else f"{numbers[0]} to {numbers[-1]} ({len(numbers)})"
    return f"generations {shown}"
