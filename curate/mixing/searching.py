"""A whole search: prepare the corpus, ask a method's questions, measure the finalists again, write the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import RecipeError
from curate.executors import Executor
from curate.mixing import ngram_counts
from curate.mixing.climb import climb
from curate.mixing.corpus import Prepared, prepare
from curate.mixing.evaluators import ASKED, CORPUS
from curate.mixing.journal import Journal
from curate.mixing.measuring import Measuring, carry_out
from curate.mixing.options import SearchOptions
from curate.mixing.trials import UNITS, Floats, Found, Measured, Space, Trial, parts_of
from curate.store.files import write_json
from curate.store.reading import Reader

Tell = Callable[[Trial, Measured, bool], None]


@dataclass(frozen=True)
class Outcome:
    """The end of a search."""

    space: Space
    prepared: Prepared
    found: Found
    compared: dict[str, tuple[Trial, list[Measured]]]
    """Mixture → the trial and what it measured with each seed: `found`, `natural`, `uniform`, `temperature`."""

    @property
    def weights(self) -> dict[str, float]:
        """Of the answer, by domain, the largest first."""
        trial = self.compared["found"][0]
        pairs = sorted(zip(self.space.names, trial.parts, strict=True), key=lambda pair: -pair[1])
        return {name: part / UNITS for name, part in pairs}

    def provenance(self, options: SearchOptions) -> dict[str, Any]:
        """Where the weights come from, beside them in `weights.yaml`."""
        measured = self.compared["found"][1]
        return {
            "column": options.input.domain,
            "unit": "tokens" if options.input.tokens_column else "characters",
            "method": options.method,
            "evaluator": options.evaluator.kind,
            "budget": options.budget,
            "seed": options.seed,
            "loss": round(sum(one.loss for one in measured) / len(measured), 6),
        }


def search(options: SearchOptions, executor: Executor, tell: Tell) -> Outcome:
    """Carry it out, or go on with it."""
    folder = Path(options.output.path)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / ASKED, options.model_dump(mode="json", exclude_unset=True))
    with Reader(options.input.paths, text=options.input.text, id=options.input.id) as reader:
        prepared = prepare(reader, options, folder / "corpus")
    write_json(folder / CORPUS, prepared.facts())
    assert options.evaluator.ngram is not None
    ngram_counts.write(folder / "corpus", options.evaluator.ngram)
    space = space_of(prepared, options)
    about = {"evaluator": options.evaluator.model_dump(mode="json", exclude_unset=True), "corpus": prepared.facts()}
    measure = Measuring(folder, space.names, Journal(folder / "evaluations", space.names, about), executor, tell)
    method = climb(
        space, options.batches, budget=options.budget, seed=options.seed, bound=options.bound, kind=options.predictor
    )
    found = carry_out(method, measure)
    return Outcome(space, prepared, found, _compare(space, found, options, measure))


def space_of(prepared: Prepared, options: SearchOptions) -> Space:
    """The domains with their bounds. Raises RecipeError if these leave no mixture."""
    most = np.minimum(options.max_epochs * prepared.available / options.budget, 1.0)
    if most.sum() < 1:
        raise RecipeError(
            f"a budget of {options.budget:,} is more than {options.max_epochs:g} times all that there is: lower the "
            "budget, or raise max_epochs"
        )
    return Space(prepared.names, prepared.natural, most)


def baselines(space: Space, temperature: float) -> dict[str, Floats]:
    """The mixtures that a search is compared with, float64[k] each."""
    return {
        "natural": space.natural,
        "uniform": np.full(len(space.names), 1 / len(space.names)),
        "temperature": space.natural**temperature,
    }


def _compare(
    space: Space, found: Found, options: SearchOptions, measure: Measuring
) -> dict[str, tuple[Trial, list[Measured]]]:
    """The answer and the baselines, with other seeds than the search had."""
    mixtures = {"found": found.best.parts}
    mixtures |= {name: parts_of(weights) for name, weights in baselines(space, options.temperature).items()}
    seeds = [options.seed + 1 + number for number in range(options.seeds)]
    trials = [Trial(parts, options.budget, seed, name) for name, parts in mixtures.items() for seed in seeds]
    measured = iter(measure(trials))
    firsts: dict[str, tuple[Trial, list[Measured]]] = {}
    for trial in trials:
        firsts.setdefault(trial.label, (trial, []))[1].append(next(measured))
    return firsts
