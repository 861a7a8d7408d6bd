"""Trials to answers: from the journal where they are there, else from workers, in any order and always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from curate.errors import CurateError
from curate.executors import Executor, Failure
from curate.mixing.evaluators import evaluator_of
from curate.mixing.journal import Journal
from curate.mixing.trials import Evaluator, Found, Measured, Search, Trial

Tell = Callable[[Trial, Measured, bool], None]
"""Called for each answer as it comes: the trial, the answer, and whether it was in the journal already."""
Measure = Callable[[Sequence[Trial]], Sequence[Measured]]


@dataclass(frozen=True)
class Task:
    """What a worker needs: the folder of the search, and the question."""

    folder: str
    weights: tuple[tuple[str, float], ...]
    budget: int
    seed: int
    key: str
    """Of the trial in the journal; files that an evaluator makes for it are named so."""


@lru_cache(maxsize=1)
def _loaded(folder: str) -> Evaluator:
    return evaluator_of(Path(folder))


def measure_one(task: Task) -> Measured:
    """The work of a worker."""
    return _loaded(task.folder).evaluate(dict(task.weights), task.budget, task.seed)


@dataclass
class Measuring:
    """Answers the trials of one search."""

    folder: Path
    names: tuple[str, ...]
    journal: Journal
    executor: Executor
    tell: Tell

    def __call__(self, trials: Sequence[Trial]) -> list[Measured]:
        """The answers in the order of the trials. Raises CurateError if one fails; those before are kept."""
        found: dict[str, Measured] = {}
        waiting: dict[str, Trial] = {}
        for trial in trials:
            key = self.journal.key(trial)
            known = self.journal.get(trial)
            if known is not None:
                found[key] = known
                self.tell(trial, known, True)
            else:
                waiting.setdefault(key, trial)
        tasks = [
            Task(
                str(self.folder), tuple(zip(self.names, trial.weights.tolist(), strict=True)), trial.budget, trial.seed,
                key,
            )
            for key, trial in waiting.items()
        ]  # fmt: skip
        with closing(self.executor.run(measure_one, tasks)) as results:
            for index, result in results:
                key = tasks[index].key
                if isinstance(result, Failure):
                    told = result.message if isinstance(result.error, CurateError) else result.traceback
                    raise CurateError(f"evaluation {key} ({waiting[key].label}) failed: {told}")
                self.journal.put(waiting[key], result)
                found[key] = result
                self.tell(waiting[key], result, False)
        return [found[self.journal.key(trial)] for trial in trials]


def carry_out(search: Search, measure: Measure) -> Found:
    """Ask the questions of a method until it has found something."""
    trials = next(search)
    while True:
        try:
            trials = search.send(measure(trials))
        except StopIteration as end:
            found: Found = end.value
            return found
