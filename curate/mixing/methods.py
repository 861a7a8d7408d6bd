"""The method that a search has chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curate.errors import RecipeError
from curate.mixing.climb import climb
from curate.mixing.doremi import doremi
from curate.mixing.options import SearchOptions
from curate.mixing.regmix import regmix
from curate.mixing.skillit import graph_of, skillit
from curate.mixing.trials import Search, Space
from curate.store.files import read_json


def search_of(options: SearchOptions, space: Space, targets: Sequence[str]) -> Search:
    """Its questions, from the first."""
    method, budget, seed = options.method, options.budget, options.seed
    if method.climb is not None:
        return climb(space, method.climb, budget=budget, seed=seed, finalists=options.finalists)
    if method.regmix is not None:
        return regmix(space, method.regmix, budget=budget, seed=seed, finalists=options.finalists)
    if method.doremi is not None:
        return doremi(space, method.doremi, budget=budget, seed=seed)
    assert method.skillit is not None
    graph = None
    if method.skillit.graph is not None:
        given = read_json(Path(method.skillit.graph))
        if not isinstance(given, dict) or not all(isinstance(row, dict) for row in given.values()):
            raise RecipeError(f"{method.skillit.graph}: it must be a mapping, as in {{DOMAIN: {{TARGET: 0.5}}}}")
        graph = graph_of(given, space, targets)
    return skillit(space, method.skillit, targets, graph, budget=budget, seed=seed)
