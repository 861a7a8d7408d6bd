"""The critical mixture ratio: how much domain text continued training bears before it forgets what it knew.

Method: Gu et al. 2024, "CMR Scaling Law: Predicting Critical Mixture Ratios for Continual Pre-training of Language
Models". With R the share of domain text and T the text trained on so far:

    change of the general loss for one R:   a T^s + b T^u + c
    loss on the domain for one R:           a T^s + c
    critical ratio at T:                    the largest R whose change is at most the tolerance
    over T:                                 a T^s + c

At one T the change is a power law of R. Exponents are searched over a grid, the rest is linear least squares, so that
there is nothing to start from. Uncertainty: residuals are drawn anew, and everything is fitted again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.errors import RecipeError
from curate.mixing.trials import Floats

TOLERANCE = 0.05
"""Change of the general loss that is borne, in its unit; the paper's."""
LEAST_RATIOS, LEAST_SIZES = 3, 4
"""Ratios and sizes below which nothing can be fitted. The paper has at least 4 ratios and 8 sizes."""
EXPONENTS = np.concatenate([np.linspace(-2, -0.05, 40), np.linspace(0.05, 1.5, 30)])
STEPS = (0.025, 0.01, 0.004)
REDRAWN = 200


@dataclass(frozen=True)
class Power:
    """sum of factor * (x / scale)^exponent, plus a constant."""

    factors: tuple[float, ...]
    exponents: tuple[float, ...]
    constant: float
    scale: float

    def at(self, x: Floats | float) -> Floats:
        """The values, float64 of the shape of x (above 0)."""
        total = np.full(np.shape(x), self.constant)
        for factor, exponent in zip(self.factors, self.exponents, strict=True):
            total = total + factor * (np.asarray(x) / self.scale) ** exponent
        return np.asarray(total)


def fit_power(x: Floats, y: Floats, terms: int = 1) -> Power:
    """Least squares; x (above 0), y: float64[n], n above 2 * terms. terms: 1 or 2."""
    return Fitter(x, terms).fit(y[None], fine=True)[0]


class Fitter:
    """Fits power laws over the same x many times: for each exponent the fitted values are a projection."""

    def __init__(self, x: Floats, terms: int = 1) -> None:
        """x: float64[n], above 0, n above 2 * terms."""
        self._scale = float(np.exp(np.log(x).mean()))
        self._x = x / self._scale
        choices = itertools.combinations(EXPONENTS[:: 1 if terms == 1 else 3], terms)
        self._exponents = np.array(list(choices))
        designs = np.stack([self._design(one) for one in self._exponents])
        self._bases = np.linalg.qr(designs)[0]

    def _design(self, exponents: Floats) -> Floats:
        return np.column_stack([*(self._x**one for one in exponents), np.ones(len(self._x))])

    def fit(self, y: Floats, *, fine: bool = False) -> list[Power]:
        """One for each row of y, float64[m, n]; fine: exponents between those of the grid as well."""
        taken = np.einsum("enp,mn->mep", self._bases, y)
        best = (taken**2).sum(axis=2).argmax(axis=1)
        exponents = self._exponents[best]
        exponents = self._refined(exponents, y) if fine else exponents
        return [self._power(one, row) for one, row in zip(exponents, y, strict=True)]

    def _refined(self, exponents: Floats, y: Floats) -> Floats:
        """Around the best of the grid, in smaller steps, one exponent after the other; float64[m, terms] of as many."""
        rows = np.arange(len(y))
        for step, place in itertools.product(STEPS, range(exponents.shape[1])):
            tried = np.repeat(exponents[:, None], 5, axis=1)
            tried[:, :, place] += step * np.arange(-2, 3)
            powers = self._x[:, None] ** tried[:, :, None, :]
            bases = np.linalg.qr(np.concatenate([powers, np.ones((*powers.shape[:3], 1))], axis=3))[0]
            taken = (np.einsum("mknp,mn->mkp", bases, y) ** 2).sum(axis=2)
            # Exponents that are 0, or alike, are no two functions: the projection is then on rounding errors.
            alone = np.sort(np.concatenate([tried, np.zeros((*tried.shape[:2], 1))], axis=2), axis=2)
            taken[(np.diff(alone, axis=2) < STEPS[-1] / 2).any(axis=2)] = -1.0
            exponents = tried[rows, taken.argmax(axis=1)]
        return exponents

    def _power(self, exponents: Floats, y: Floats) -> Power:
        factors = np.linalg.lstsq(self._design(exponents), y, rcond=1e-10)[0]
        return Power(tuple(factors[:-1].tolist()), tuple(exponents.tolist()), float(factors[-1]), self._scale)


@dataclass(frozen=True)
class Curves:
    """What was measured: for each ratio, over the text trained on."""

    ratios: Floats
    """float64[r], ascending, above 0 to 1."""
    sizes: list[Floats]
    """For each ratio float64[n], ascending, above 0."""
    changes: list[Floats]
    """Of the general loss since the start."""
    domain: list[Floats] | None
    """Losses on the domain, where they are known."""


def curves_of(columns: Mapping[str, npt.NDArray[np.float64]]) -> Curves:
    """From a table: `ratio`, `tokens`, `general` (loss), and if known `domain` (loss).

    The general loss at the start is that of rows with `tokens` = 0; or there is `general_change` instead of `general`.
    Raises RecipeError if there is too little to fit, or what is there is no table of these.
    """
    for name in ("ratio", "tokens"):
        if name not in columns:
            raise RecipeError(f"the table has no column '{name}'; it needs ratio, tokens and general")
    bad = [name for name, values in columns.items() if not np.isfinite(values).all()]
    if bad:
        raise RecipeError(f"column '{bad[0]}' has values that are missing or no numbers")
    ratio, tokens = columns["ratio"], columns["tokens"]
    if (ratio < 0).any() or (ratio > 1).any():
        raise RecipeError("column 'ratio' is the share of domain text: 0 to 1")
    if (tokens < 0).any():
        raise RecipeError("column 'tokens' has values below 0")
    change = _change(columns, tokens)
    ratios = np.unique(ratio[(tokens > 0) & (ratio > 0)])
    rows = [np.flatnonzero((ratio == one) & (tokens > 0)) for one in ratios]
    rows = [at[np.argsort(tokens[at], kind="stable")] for at in rows]
    if len(ratios) < LEAST_RATIOS:
        raise RecipeError(f"there are {len(ratios)} ratios above 0; it takes {LEAST_RATIOS} or more, better 4")
    for one, at in zip(ratios.tolist(), rows, strict=True):
        if len(np.unique(tokens[at])) < LEAST_SIZES:
            raise RecipeError(f"ratio {one:g} was measured at {len(at)} sizes; it takes {LEAST_SIZES}, better 8")
    domain = [columns["domain"][at] for at in rows] if "domain" in columns else None
    return Curves(ratios, [tokens[at] for at in rows], [change[at] for at in rows], domain)


def _change(columns: Mapping[str, Floats], tokens: Floats) -> Floats:
    if "general_change" in columns:
        return columns["general_change"]
    if "general" not in columns:
        raise RecipeError("the table has neither a column 'general' nor 'general_change'")
    start = columns["general"][tokens == 0]
    if not len(start):
        raise RecipeError(
            "the general loss before training is not known: add a row with tokens = 0, or give general_change"
        )
    return np.asarray(columns["general"] - start.mean())


@dataclass(frozen=True)
class Critical:
    """The critical ratio at one size."""

    tokens: float
    ratio: float | None
    """None: even the smallest ratio changes the general loss by more than is borne."""
    low: float | None
    high: float | None
    """Between these lie 90 % of the ratios found when residuals are drawn anew; None where the smallest is too much."""
    beyond: bool = False
    """The largest ratio measured is borne as well: the critical one is at least this."""
    extrapolated: bool = False
    """The size was not measured; the ratio is by the law over sizes."""


@dataclass(frozen=True)
class Law:
    """What was found."""

    measured: list[Critical]
    predicted: list[Critical]
    law: Power | None
    """The critical ratio over tokens; None if fewer than 3 sizes have one between the ratios measured."""
    residual: float
    """Root of the mean square of what the fits leave of the changes."""
    domain: list[Power] | None


def critical_law(curves: Curves, tolerance: float = TOLERANCE, at: tuple[float, ...] = (), seed: int = 0) -> Law:
    """Fit all. at: sizes to predict the ratio for, beside the sizes that were measured."""
    fitters = [Fitter(size, 2 if len(size) >= 6 else 1) for size in curves.sizes]
    fits = [fitter.fit(change[None], fine=True)[0] for fitter, change in zip(fitters, curves.changes, strict=True)]
    fitted = [fit.at(size) for fit, size in zip(fits, curves.sizes, strict=True)]
    left = np.concatenate([change - one for change, one in zip(curves.changes, fitted, strict=True)])
    numbers = sum(2 * len(fit.factors) + 1 for fit in fits)
    pool = left * np.sqrt(len(left) / max(len(left) - numbers, 1))  # a fit leaves less than the noise
    generator = np.random.default_rng(seed)
    redrawn = zip(
        *(
            fitter.fit(one + generator.choice(pool, (REDRAWN, len(one))), fine=True)
            for fitter, one in zip(fitters, fitted, strict=True)
        ),
        strict=True,
    )
    sizes = np.unique(np.concatenate(curves.sizes))
    found = _ratios(curves.ratios, fits, sizes, tolerance)
    spread = np.array([_ratios(curves.ratios, one, sizes, tolerance) for one in redrawn])
    law = _law(sizes, found)
    laws = [_law(sizes, one) for one in spread] if at and law is not None else []
    return Law(
        [_critical(size, found[n], spread[:, n], curves.ratios) for n, size in enumerate(sizes.tolist())],
        [_predicted(size, law, laws) for size in at if law is not None],
        law,
        float(np.sqrt(np.mean(left**2))),
        None if curves.domain is None else [fit_power(x, y) for x, y in zip(curves.sizes, curves.domain, strict=True)],
    )


def _ratios(ratios: Floats, fits: Sequence[Power], sizes: Floats, tolerance: float) -> Floats:
    """float64[sizes]: where the change reaches the tolerance; -inf below the smallest ratio, inf above the largest.

    At one size the change is a power law of the ratio, which with four ratios or more is fitted to it.
    """
    changes = np.array([fit.at(sizes) for fit in fits])
    if len(ratios) > LEAST_RATIOS:
        powers = Fitter(ratios).fit(changes.T)
        fine = np.geomspace(ratios[0], ratios[-1], 400)
        changes, ratios = np.array([power.at(fine) for power in powers]).T, fine
    over = changes > tolerance
    first = np.where(over.any(axis=0), over.argmax(axis=0), len(ratios))
    inside = (first > 0) & (first < len(ratios))
    high, column = np.where(inside, first, 1), np.arange(len(sizes))
    below, above = changes[high - 1, column], changes[high, column]
    part = (tolerance - below) / np.where(inside, above - below, 1.0)
    between = ratios[high - 1] + part * (ratios[high] - ratios[high - 1])
    return np.where(inside, between, np.where(first == 0, -np.inf, np.inf))


def _law(sizes: Floats, found: Floats) -> Power | None:
    inside = np.isfinite(found)
    return fit_power(sizes[inside], found[inside]) if inside.sum() >= 3 else None


def _critical(size: float, ratio: float, spread: Floats, ratios: Floats) -> Critical:
    if ratio == -np.inf:
        return Critical(size, None, None, None)
    low, high = (float(one) for one in np.quantile(np.clip(spread, 0.0, ratios[-1]), [0.05, 0.95]))
    return Critical(size, min(float(ratio), float(ratios[-1])), low, high, beyond=bool(ratio == np.inf))


def _predicted(size: float, law: Power, laws: Sequence[Power | None]) -> Critical:
    values = [float(np.clip(one.at(size), 0, 1)) for one in laws if one is not None]
    low, high = (float(one) for one in np.quantile(values, [0.05, 0.95]))
    return Critical(size, float(np.clip(law.at(size), 0, 1)), low, high, extrapolated=True)
