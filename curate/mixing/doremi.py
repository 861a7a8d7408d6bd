"""In the manner of DoReMi: weight goes to the domains on which a proxy is worst against a reference.

Method: Xie et al. 2023, "DoReMi: Optimizing Data Mixtures Speeds Up Language Model Pretraining". There the weights move
in each step of one training of a proxy; here each round trains one anew, so that any evaluator can be asked.
"""

from __future__ import annotations

import numpy as np

from curate.errors import RecipeError
from curate.mixing.options import DoReMi
from curate.mixing.trials import Floats, Found, Measured, Search, Space, Trial, parts_of


def moved(weights: Floats, excess: Floats, rate: float, smoothing: float) -> Floats:
    """The weights after one update: towards domains with excess loss, float64[k] each; none below smoothing / k."""
    logs = np.where(weights > 0, np.log(np.maximum(weights, 1e-300)), -np.inf)
    powers = logs + rate * np.maximum(excess, 0.0)
    raised = np.exp(powers - powers.max())  # at most 1, whatever the losses
    return np.asarray((1 - smoothing) * raised / raised.sum() + smoothing / len(weights))


def bounded(weights: Floats, most: Floats) -> Floats:
    """The weights with none above `most` (which sum to 1 or more): what is cut off goes to the others in proportion."""
    found, free = weights.copy(), np.ones(len(weights), np.bool_)
    while True:
        over = free & (found > most)
        if not over.any():
            return found
        free &= ~over
        found[~free] = most[~free]
        rest, part = 1 - most[~free].sum(), found[free].sum()
        # Nothing to be in proportion to: as much of each as it may have.
        found[free] = found[free] / part * rest if part > 0 else rest * most[free] / max(most[free].sum(), 1e-300)


def doremi(space: Space, options: DoReMi, *, budget: int, seed: int) -> Search:
    """The search: the answer is the mean of the weights of all rounds. Its reference is the natural mixture.

    Raises RecipeError unless there is a target for each domain, by its name.
    """
    reference = Trial(parts_of(bounded(space.natural, space.most)), budget, seed, "reference")
    (measured,) = yield [reference]
    base = _losses(space, measured)
    k = len(space.names)
    weights = np.full(k, 1 / k)
    history, worst = [], []
    for number in range(options.rounds):
        trial = Trial(parts_of(bounded(weights, space.most)), budget, seed, f"round {number + 1}")
        (measured,) = yield [trial]
        excess = _losses(space, measured) - base
        weights = moved(weights, excess, options.rate, options.smoothing)
        history.append(trial)
        worst.append(float(excess.max()))
    mean = np.mean([trial.weights for trial in history], axis=0)
    answer = Trial(parts_of(mean), budget, seed, "choice")
    (measured,) = yield [answer]
    facts = {
        "worst_excess": worst,
        "excess": dict(zip(space.names, (_losses(space, measured) - base).tolist(), strict=True)),
        "rounds": [list(trial.parts) for trial in history],
    }
    return Found((answer,), facts)


def _losses(space: Space, measured: Measured) -> Floats:
    missing = [name for name in space.names if name not in measured.losses]
    if missing:
        raise RecipeError(
            f'method doremi takes a target for each domain, by its name, and there is none for "{missing[0]}"; '
            'as in targets: {each: {domains: "*"}}'
        )
    return np.array([measured.losses[name] for name in space.names])
