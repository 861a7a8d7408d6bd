"""What a worker must know of a run, read from its folder: recipe, plan, inputs, and what each result was made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from curate import plan as planning
from curate import recipe as recipes
from curate.plan import Pass, Plan
from curate.recipe import Recipe, Step
from curate.stage import Global
from curate.store import evidence, ledger
from curate.store.files import digest, fingerprint, sha256
from curate.store.fixed import Inputs, first_address
from curate.store.folder import RunFolder
from curate.store.shards import Unit

FORMAT = 1
"""Raised when the files of the run folder change their meaning: what older versions wrote is then done anew."""


@dataclass(frozen=True)
class Fingerprints:
    """What every file of a run is made from: known before it is made, and stored in the file itself."""

    units: tuple[tuple[str, ...], ...]
    """[pass][unit], pass 0 being the look at the ids."""
    decisions: tuple[str, ...]
    """[pass], of what is decided when it is complete; "" for pass 0."""

    def of(self, number: int, unit: int) -> str:
        """Of what pass `number` writes for a unit."""
        return self.units[number][unit]

    def artifact(self, number: int) -> str:
        """Of what is resolved from the evidence of all units of a pass."""
        return self.decisions[number]


def start_fingerprints(recipe: Recipe, inputs: Inputs) -> tuple[str, ...]:
    """Per unit: the state of its file or files, and how it is read."""
    columns = [recipe.input.id, recipe.input.text, str(inputs.schema)]
    files = [file.state for file in inputs.files]
    of = [[[files[n], first] for n, first in u.members] if u.members else files[u.file] for u in inputs.units]
    return tuple(digest(FORMAT, f, u.first_row, u.rows, columns) for f, u in zip(of, inputs.units, strict=True))


def _spec(step: Step, verb: str, models: dict[str, str]) -> list[Any]:
    """All of a step that counts for what it does; to observe, it does not matter how it will decide."""
    kind = type(step.stage)
    source = sha256(step.name) if step.name.endswith(".py") else ""  # all of the file: its helpers count too
    later = step.stage.decides_by if verb == "observe" and isinstance(step.stage, Global) else ()
    options = {name: value for name, value in step.stage.model_dump(mode="json").items() if name not in later}
    files = [models[str(path)] for path in step.stage.files()]
    return [verb, step.name, step.label, kind.version, options, step.renames, files, source]


@dataclass(frozen=True)
class Context:
    """A run, as its folder tells it."""

    folder: RunFolder
    recipe: Recipe
    plan: Plan
    inputs: Inputs

    @cached_property
    def models(self) -> dict[str, str]:
        """Model file → SHA-256."""
        return {str(path): sha256(path) for step in self.recipe.stages for path in step.stage.files()}

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """Fingerprints of the units as pass 0 sees them."""
        return start_fingerprints(self.recipe, self.inputs)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """Of everything that this run writes; to be asked for when repeated ids are known.

        Each pass covers the pass before it, so that a change redoes what follows from it, and no more: what a global
        stage decides follows from all units, all else from its own.
        """
        passes, decisions = [self.starts], [""]
        repeated = [digest(self.duplicates.get(unit.index, [])) for unit in self.inputs.units]
        for this_pass in self.plan.passes:
            steps = [_spec(self.recipe.stages[a.step], a.verb, self.models) for a in this_pass.actions]
            all_units = decisions[-1] if any(a.verb == "apply" for a in this_pass.actions) else ""
            extra = repeated if this_pass.number == 1 else [""] * len(repeated)
            before = zip(passes[-1], extra, strict=True)
            passes.append(tuple(digest(earlier, more, steps, all_units) for earlier, more in before))
            deciding = [self.recipe.stages[a.step] for a in this_pass.actions if a.verb == "observe"]
            specs = [[_spec(step, "resolve", self.models), self._earlier(step.label)] for step in deciding]
            decisions.append(digest("artifact", passes[-1], specs))
        return Fingerprints(tuple(passes), tuple(decisions))

    def _earlier(self, label: str) -> list[str]:
        """What a step sees of earlier runs."""
        if label in self.inputs.frozen:
            return [sha256(self.inputs.frozen[label])]
        seen = self.inputs.earlier.get(label)
        # With the number, which is in the addresses of its documents.
        return [f"{record.number}-{record.fingerprint}" for record in seen.records] if seen is not None else []

    def earlier_columns(self, number: int) -> dict[str, int]:
        """Column → the pass before pass `number` that added it."""
        return {name: p.number for p in self.plan.passes if p.number < number for name, _ in p.adds}

    def text_file(self, unit: Unit, number: int) -> Path | None:
        """Where the texts of a unit are at the start of pass `number`; None: in the input, as they were."""
        for earlier in reversed(self.plan.passes[: number - 1]):
            if earlier.edits_text:
                found = ledger.facts(self.folder.ledger(earlier.number, unit.stem))
                if found and found["counts"]["rewritten"]:
                    return self.folder.text(earlier.number, unit.stem)
        return None

    @cached_property
    def duplicates(self) -> dict[int, list[int]]:
        """Unit → its rows (ascending) whose id an earlier document has."""
        parts = sorted(self.folder.large_artifact("ids", 0).parent.glob("*.parquet"))
        if not self.inputs.has_ids or not parts:
            return {}
        found = np.sort(np.concatenate([evidence.read_artifact(part)[evidence.DOCUMENT].to_numpy() for part in parts]))
        units = self.inputs.units
        firsts = np.array([int(first_address(unit)) for unit in units], np.uint64)
        owners = np.searchsorted(firsts, found, side="right") - 1
        rows: dict[int, list[int]] = {}
        for owner, document in zip(owners.tolist(), found.tolist(), strict=True):
            rows.setdefault(owner, []).append(document - int(firsts[owner]))
        return rows

    def observers(self, this_pass: Pass) -> list[tuple[Step, Global]]:
        """The global stages whose evidence a pass gathers."""
        steps = [self.recipe.stages[action.step] for action in this_pass.actions if action.verb == "observe"]
        return [(step, step.stage) for step in steps if isinstance(step.stage, Global)]


def _settled(recipe: Recipe, documents: int) -> Recipe:
    """The recipe with stages that know the size of the input."""
    stages = (replace(step, stage=step.stage.for_corpus(documents)) for step in recipe.stages)
    return recipe.model_copy(update={"stages": tuple(stages)})


_loaded: dict[tuple[Any, ...], Context] = {}


def load(root: str) -> Context:
    """The run in a folder; read once per process, and again when its recipe or inputs were written anew."""
    folder = RunFolder(Path(root))
    key = (root, fingerprint(folder.recipe), fingerprint(folder.inputs))
    if key not in _loaded:
        inputs = Inputs.load(folder.inputs)
        recipe = _settled(recipes.load_kept(folder.recipe), inputs.rows)
        _loaded.clear()
        _loaded[key] = Context(folder, recipe, planning.make(recipe, inputs.schema), inputs)
    return _loaded[key]
