"""A whole search: prepare the corpus, ask a method's questions, measure the finalists again, and compare."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import RecipeError
from curate.executors import Executor
from curate.mixing.corpus import Prepared, prepare
from curate.mixing.evaluators import ASKED, CORPUS, FOLDER, VERSION, make_ready
from curate.mixing.journal import Journal
from curate.mixing.measuring import Measure, Measuring, Tell, carry_out
from curate.mixing.methods import search_of
from curate.mixing.options import SearchOptions
from curate.mixing.trials import UNITS, Found, Measured, Space, Trial, parts_of
from curate.mixing.waiting import Waiting
from curate.mixtures import shares
from curate.store.files import read_json, sweep, write_json
from curate.store.folder import RunFolder
from curate.store.inputs import list_inputs
from curate.store.lock import alone
from curate.store.reading import Reader

EVALUATIONS = "evaluations"


@dataclass(frozen=True)
class Compared:
    """A mixture that was measured with several seeds."""

    trial: Trial
    measured: tuple[Measured, ...]
    """One for each seed."""

    @property
    def mean(self) -> float:
        """Of the losses."""
        return float(np.mean([one.loss for one in self.measured]))

    @property
    def spread(self) -> float:
        """Standard deviation of the losses over seeds; 0 where there is one."""
        return float(np.std([one.loss for one in self.measured], ddof=1)) if len(self.measured) > 1 else 0.0


@dataclass(frozen=True)
class Outcome:
    """The end of a search."""

    options: SearchOptions
    space: Space
    prepared: Prepared
    history: tuple[tuple[Trial, Measured], ...]
    """All that the method asked, in order."""
    found: Found
    compared: dict[str, Compared]
    """The answer, `found`; the other finalists; `natural`, `uniform` and `temperature`."""

    @property
    def weights(self) -> dict[str, float]:
        """Of the answer, by domain, the largest first."""
        pairs = sorted(zip(self.space.names, self.compared["found"].trial.parts, strict=True), key=lambda one: -one[1])
        return {name: part / UNITS for name, part in pairs}

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the weights come from, beside them in `weights.yaml`."""
        options = self.options
        return {
            "domain": options.input.domain,
            "unit": options.unit,
            "method": options.method.kind,
            "evaluator": options.evaluator.kind,
            "targets": list(self.prepared.targets),
            "budget": options.budget,
            "seed": options.seed,
            "evaluations": len(self.history),
            "score": round(options.evaluator.sign * self.compared["found"].mean, 6),
        }


def search(options: SearchOptions, executor: Executor, tell: Tell, *, fresh: bool = False) -> Outcome:
    """Carry it out, or go on with it. fresh: forget what was measured before.

    Raises Awaiting if scores of the evaluator `file` are not there yet.
    """
    folder = Path(options.output.path)
    if folder.exists() and not folder.is_dir():
        raise RecipeError(f"output.path: {folder} is no folder")
    others = [] if not folder.exists() else [one.name for one in folder.iterdir() if not one.name.startswith(".")]
    if others and not (folder / ASKED).exists():
        raise RecipeError(
            f"output.path: {folder} has other files, such as {sorted(others)[0]}; name a folder of its own"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / ".lock"):
        sweep(folder)
        if fresh:
            for path in [*folder.glob(f"{EVALUATIONS}/*.json"), folder / CORPUS]:
                path.unlink(missing_ok=True)
        write_json(folder / ASKED, options.model_dump(mode="json", exclude_unset=True))
        prepared = _prepared(options, folder)
        space = space_of(prepared, options)
        measure = _measure_with(options, folder, prepared, executor, tell)
        history: list[tuple[Trial, Measured]] = []

        def measure_and_note(trials: Any) -> Any:
            measured = measure(trials)
            history.extend(zip(trials, measured, strict=True))
            return measured

        found = carry_out(search_of(options, space, tuple(prepared.targets)), measure_and_note)
        return Outcome(options, space, prepared, tuple(history), found, _compare(space, found, options, measure))


def _prepared(options: SearchOptions, folder: Path) -> Prepared:
    """From disk, if corpus and options are as they were."""
    paths = [
        str(RunFolder(Path(path)).data) if RunFolder(Path(path)).is_run() else path for path in options.input.paths
    ]
    with Reader(paths, text=options.input.text, id=options.input.id) as reader:
        reader.check([options.input.domain, *([options.input.tokens_column] if options.input.tokens_column else [])])
        made_of = {
            "files": [asdict(file) for file in reader.files],
            "options": options.model_dump(mode="json", include={"input", "targets", "budget", "planned", "evaluator"}),
            "targets": [
                [asdict(file) for file in list_inputs(target.paths).files]
                for target in options.targets.values() if target.paths
            ],
            "version": VERSION,
        }  # fmt: skip
        if (folder / CORPUS).exists():
            known = read_json(folder / CORPUS)
            if known["made_of"] == made_of:
                return Prepared.of_facts(known)
            (folder / CORPUS).unlink()  # what is in the folder beside it is about to change
        prepared = prepare(reader, options, folder / FOLDER)
        make_ready(folder, options)
    write_json(folder / CORPUS, {**prepared.facts(), "made_of": made_of})
    return prepared


def _measure_with(options: SearchOptions, folder: Path, prepared: Prepared, executor: Executor, tell: Tell) -> Measure:
    about = {
        "evaluator": {options.evaluator.kind: options.evaluator.chosen.model_dump(mode="json")},
        "budget": options.budget,  # an n-gram model is fitted to it
        "targets": prepared.targets,
        "texts": prepared.texts,
        "corpus": prepared.digest,
        "available": dict(zip(prepared.names, prepared.available.tolist(), strict=True)),
        "version": VERSION,
    }
    journal = Journal(folder / EVALUATIONS, prepared.names, about)
    if options.evaluator.file is not None:
        return Waiting(folder, prepared.names, journal, options.evaluator.sign, tell)
    return Measuring(folder, prepared.names, journal, executor, tell)


def space_of(prepared: Prepared, options: SearchOptions) -> Space:
    """The domains with their bounds. Raises RecipeError if these leave no mixture, or there is one domain alone."""
    if len(prepared.names) < 2:
        raise RecipeError(
            f"input.domain: all documents are of one domain, '{prepared.names[0]}': there is nothing to mix"
        )
    most = np.minimum(options.max_epochs * prepared.available / options.budget, 1.0)
    if most.sum() < 1:
        has = int(prepared.available.sum())
        raise RecipeError(
            f"budget = {options.budget:,} {options.unit} is more than max_epochs = {options.max_epochs:g} times the"
            f" {has:,} that there are: lower the budget, or raise max_epochs"
        )
    return Space(prepared.names, prepared.natural, most)


def _compare(space: Space, found: Found, options: SearchOptions, measure: Measure) -> dict[str, Compared]:
    """Finalists and baselines, each with seeds of its own: the answer is the finalist with the smallest mean loss."""
    sizes = {name: round(share * 10**12) for name, share in zip(space.names, space.natural.tolist(), strict=True)}
    mixtures = {f"finalist {number + 1}": trial.parts for number, trial in enumerate(found.finalists)}
    for rule in ("natural", "uniform", "temperature"):
        mixtures[rule] = parts_of([float(share) for share in shares(rule, sizes, options.temperature).values()])
    seeds = [options.seed + 1 + number for number in range(options.seeds)]
    trials = [Trial(parts, options.budget, seed, name) for name, parts in mixtures.items() for seed in seeds]
    measured = measure(trials)
    compared = {
        name: Compared(trials[at * len(seeds)], tuple(measured[at * len(seeds) : (at + 1) * len(seeds)]))
        for at, name in enumerate(mixtures)
    }
    finalists = [name for name in compared if name.startswith("finalist")]
    answer = min(finalists, key=lambda name: (compared[name].mean, name))
    return {"found": compared.pop(answer), **compared}
