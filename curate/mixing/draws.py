"""Random mixtures: the first batch of CLIMB and RegMix, and the candidates among which later ones are chosen.

Methods: CLIMB (Diao et al. 2025), after RegMix (Liu et al. 2024); the constants are those of RegMix's code.
"""

from __future__ import annotations

import numpy as np

from curate.errors import CurateError
from curate.mixing.trials import Floats, Space

TEMPER = 0.5
"""Exponent of the natural shares: small domains are drawn more often than they are large."""
STRENGTHS = np.geomspace(0.1, 5.0, 15)
"""Of the Dirichlet draws. Low ones give mixtures of few domains."""
GRAIN = 2e-4
"""Weights are multiples of it; what is below counts as nothing."""
BOUND = 15.0
"""Times its natural share that a domain has at most in a first mixture."""
TRIES = 100
"""Draws for each mixture that is wanted."""
SAME = 1e-5
"""Sum of absolute differences below which two mixtures are one."""
AROUND = 50.0
"""Strength of Dirichlet draws around the best that was measured."""


def first_batch(space: Space, size: int, generator: np.random.Generator, bound: float | None = BOUND) -> Floats:
    """`size` different mixtures within the bounds of the space, float64[size, k], rows in multiples of `GRAIN`.

    bound: times its natural share that a domain has at most; None: no bound but those of the space.

    Rows miss the sum 1 by up to k * GRAIN / 2, as in the paper. Raises CurateError if too few draws are within bounds.
    """
    rows = spread(space, TRIES * size, generator, bound)
    if len(rows) < size:
        raise CurateError(
            f"only {len(rows)} of {TRIES * size:,} random mixtures keep all domains within their bounds, and {size} "
            "are needed: raise max_epochs or bound, lower the budget, or ask for smaller batches"
        )
    return np.asarray(rows[generator.choice(len(rows), size, replace=False)])


def spread(space: Space, tries: int, generator: np.random.Generator, bound: float | None = None) -> Floats:
    """What is within bounds of so many draws of RegMix's, without repeats; float64[at most tries, k]."""
    base = np.where(space.natural > 0, space.natural**TEMPER, 0.0)
    most = space.most if bound is None else np.minimum(space.most, bound * space.natural)
    # RegMix's code draws once with each strength and takes one of these by chance: the same in distribution.
    strengths = generator.choice(STRENGTHS, tries)
    drawn = dirichlet(np.multiply.outer(strengths, base / base.sum()), generator)
    kept = drawn[(drawn <= most + 1e-12).all(axis=1)]
    return without_repeats(np.round(cut(kept) / GRAIN) * GRAIN) if len(kept) else kept


def dirichlet(alpha: Floats, generator: np.random.Generator) -> Floats:
    """A draw for each row of `alpha` (float64[n, k], 0 or more): in logarithms, as small alphas would all draw 0."""
    positive = alpha > 0
    safe = np.where(positive, alpha, 1.0)
    # If G is of shape a + 1 and U uniform, G * U**(1 / a) is of shape a (Marsaglia and Tsang 2000).
    logs = np.log(generator.standard_gamma(safe + 1.0)) + np.log(generator.random(alpha.shape)) / safe
    logs = np.where(positive, logs, -np.inf)
    draws = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(draws / draws.sum(axis=1, keepdims=True))


def cut(rows: Floats) -> Floats:
    """Weights below `GRAIN` set to 0, the rest scaled to sum 1. rows: float64[n, k]."""
    cleared = np.where(rows < GRAIN, 0.0, rows)
    return np.asarray(cleared / cleared.sum(axis=1, keepdims=True))


def without_repeats(rows: Floats) -> Floats:
    """Rows in lexicographic order, without those that are as good as equal to the one kept before."""
    ordered = rows[np.lexsort(rows.T[::-1])]
    kept: list[Floats] = []
    for row in ordered:
        if not kept or np.abs(row - kept[-1]).sum() >= SAME:
            kept.append(row)
    return np.array(kept)


def candidates(space: Space, measured: Floats, losses: Floats, count: int, generator: np.random.Generator) -> Floats:
    """Mixtures to choose a next batch from, float64[n, k]: within the bounds of the space, none twice, none measured.

    CLIMB's own are `count` draws of Dirichlet(natural). Beside these, a tenth as many draws around the best that was
    measured, and as many means of some of the best (where loss is convex in the weights, a mean is better than what it
    is the mean of).
    """
    order = np.argsort(losses, kind="stable")
    some = max(count // 10, 1)
    free = dirichlet(np.tile(space.natural, (count, 1)), generator)
    near = dirichlet(np.tile(AROUND * np.maximum(measured[order[0]], 1e-4), (some, 1)), generator)
    good = measured[order[: max(len(order) // 5, 2)]]
    shares = dirichlet(np.full((some, len(good)), 1.0 / len(good) * 2), generator)
    drawn = cut(np.concatenate([free, near, shares @ good]))
    return unmeasured(drawn[(drawn <= space.most + 1e-12).all(axis=1)], measured)


def unmeasured(rows: Floats, measured: Floats) -> Floats:
    """The first of all rows that are the same in multiples of `GRAIN`, in order, without those that were measured.

    Where one domain is nearly all of the corpus, most draws of Dirichlet(natural) are that domain alone.
    """
    cells = np.round(np.concatenate([measured, rows]) / GRAIN).astype(np.uint64)
    hashes = cells @ np.random.default_rng(0).integers(1 << 64, size=cells.shape[1], dtype=np.uint64)
    first = np.sort(np.unique(hashes, return_index=True)[1]) - len(measured)
    return np.asarray(rows[first[first >= 0]])
