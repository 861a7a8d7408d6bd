"""Skill-it: rounds of one training, each with weights that follow from a graph of skills and the losses so far.

Method: Chen et al. 2023, "Skill-it! A Data-Driven Skills Framework for Understanding and Training Language Models".
A proxy that has been trained on several rounds is one that is trained on their mean with their budgets together, which
any evaluator can be asked; for an n-gram model it is exactly the same, for others it leaves out the order.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np

from curate.errors import RecipeError
from curate.mixing.doremi import bounded
from curate.mixing.options import SkillIt
from curate.mixing.trials import Floats, Found, Measured, Search, Space, Trial, parts_of


def next_weights(graph: Floats, losses: Sequence[Floats], rate: float, window: int) -> Floats:
    """Weights of the next round, float64[k]: proportional to exp(rate * sum of graph times the window's losses).

    graph: float64[k, m], what domain i does for target j; losses: float64[m] after each round so far, none: all are 1.
    """
    seen = np.sum(losses[-window:], axis=0) if len(losses) else np.ones(graph.shape[1])
    power = rate * (graph @ seen)
    raised = np.exp(power - power.max())
    return np.asarray(raised / raised.sum())


def skillit(
    space: Space, options: SkillIt, targets: Sequence[str], graph: Floats | None, *, budget: int, seed: int
) -> Search:
    """The search; graph: float64[k, m], None: it is measured."""
    piece = max(budget // options.rounds, 1)
    if graph is None:
        graph = yield from _measured_graph(space, targets, budget, options.rounds, seed)
    losses: list[Floats] = []
    rounds: list[Floats] = []
    trial = None
    for number in range(options.rounds):
        rounds.append(bounded(next_weights(graph, losses, options.rate, options.window), space.most))
        so_far = parts_of(np.mean(rounds, axis=0))
        spent = budget if number + 1 == options.rounds else piece * (number + 1)
        trial = Trial(so_far, spent, seed, f"round {number + 1}")
        (measured,) = yield [trial]
        losses.append(_losses(targets, measured))
    assert trial is not None
    facts = {
        "graph": {
            name: {target: float(one) for target, one in zip(targets, row, strict=True) if one}
            for name, row in zip(space.names, graph, strict=True)
        },
        "rounds": [list(parts_of(weights)) for weights in rounds],
        "losses": [dict(zip(targets, row.tolist(), strict=True)) for row in losses],
    }
    return Found((trial,), facts)


def _measured_graph(
    space: Space, targets: Sequence[str], budget: int, rounds: int, seed: int
) -> Generator[Sequence[Trial], Sequence[Measured], Floats]:
    """The linear approximation of the paper, from one evaluation for each domain: what a piece more of it takes off.

    Of a domain that has no whole piece left within its bound, as much is added as there is, and what that takes off is
    counted for a piece; one of which nothing is left does nothing for any target.
    """
    piece = max(budget // max(rounds, 2), 1)
    base = Trial(parts_of(bounded(space.natural, space.most)), piece, seed, "graph")
    # A bound is a share of the budget. Where it is 1, there is text for all of that, and so for both pieces.
    room = np.where(space.most < 1, space.most * budget / piece - base.weights, 1.0)
    more: dict[int, Trial] = {}
    for at, (part, of_one) in enumerate(zip(np.clip(room, 0.0, 1.0), np.eye(len(space.names)), strict=True)):
        added = int(piece * part)
        if added:
            more[at] = Trial(parts_of(piece * base.weights + added * of_one), piece + added, seed, "graph")
    first, *others = yield [base, *more.values()]
    graph = np.zeros((len(space.names), len(targets)))
    for (at, trial), measured in zip(more.items(), others, strict=True):
        taken_off = np.maximum(_losses(targets, first) - _losses(targets, measured), 0.0)
        graph[at] = taken_off * piece / (trial.budget - piece)
    return np.asarray(graph / (graph.max() or 1.0))


def graph_of(given: Mapping[str, Mapping[str, float]], space: Space, targets: Sequence[str]) -> Floats:
    """A graph as people write it → float64[k, m]. Raises RecipeError for names that are not there, and no numbers."""
    graph = np.zeros((len(space.names), len(targets)))
    for name, row in given.items():
        if name not in space.names:
            raise RecipeError(f"the skill graph has the domain '{name}', which the corpus has not")
        for target, weight in row.items():
            if target not in targets:
                raise RecipeError(f"the skill graph has the target '{target}'; there are {', '.join(targets)}")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
                raise RecipeError(f"the skill graph: {name} → {target} is {weight!r}; it is a number, 0 or more")
            graph[space.names.index(name), list(targets).index(target)] = weight
    if not graph.any():
        raise RecipeError("the skill graph has no weight above 0")
    return graph


def _losses(targets: Sequence[str], measured: Measured) -> Floats:
    missing = [name for name in targets if name not in measured.losses]
    if missing or not targets:
        raise RecipeError(f"method skillit takes a loss for each target, and the evaluator told none for {missing[:1]}")
    return np.array([measured.losses[name] for name in targets])
