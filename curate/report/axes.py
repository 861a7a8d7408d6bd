"""Axes of histograms: from 0 to 1, cut into bins, whatever numbers a column has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.report.amounts import value

BINS = 40
WHOLE = 24  # an axis of integers has a bin for each if there are no more than these
SKEWED = {"i": 12, "u": 12, "f": 100}  # times the median that the 99th percentile is where an axis gets logarithmic
OUTER = 0.005  # share of the documents at either end that the first and the last bin take up

EDGE = 0.04  # of the axis that is to be seen beyond a limit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """Where numbers lie between `low` (0) and `high` (1). What is beyond is in the first or the last bin."""

    kind: Literal["whole", "linear", "log"]
    """`whole`: a bin for each integer; `log`: of 1 + x / scale, so that 0 has a place."""
    low: float
    high: float
    bins: int = BINS
    scale: float = 1.0

    def place(self, values: npt.NDArray[np.generic]) -> Floats:
        """Positions, float64[n]; below 0 and above 1 for what is beyond the ends."""
        numbers = values.astype(np.float64)
        if self.kind == "log":
            top = np.log1p((self.high - self.low) / self.scale)
            return np.asarray(np.log1p(np.maximum((numbers - self.low) / self.scale, -0.5)) / top)
        return np.asarray((numbers - self.low) / (self.high - self.low))

    def number(self, place: float) -> float:
        """The number at a position."""
        if self.kind == "log":
            return self.low + self.scale * float(np.expm1(place * np.log1p((self.high - self.low) / self.scale)))
        return self.low + place * (self.high - self.low)

    def bin(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """The bin of each value, int64[n]."""
        places = np.nan_to_num(self.place(values) * self.bins, nan=0.0, posinf=self.bins, neginf=-1.0)
        return np.clip(np.floor(places), 0, self.bins - 1).astype(np.int64)

    def ticks(self, most: int = 5) -> list[tuple[float, str]]:
        """(position, label) of some round numbers."""
        if self.kind == "log":
            powers = [10.0**power for power in range(-9, 16) if self.scale <= 10.0**power <= self.high - self.low]
            step = max(1, -(-len(powers) // (most - 1)))
            numbers = [self.low, *(self.low + power for power in powers[::-1][::step][::-1])]
        else:
            numbers = _round_numbers(self.low, self.high, most, 1.0 if self.kind == "whole" else 0.0)
        places = self.place(np.array(numbers))
        return [(float(at), value(number)) for at, number in zip(places, numbers, strict=True) if -0.001 <= at <= 1.001]


def axis_of(sample: npt.NDArray[np.generic], limits: Sequence[float]) -> Axis | None:
    """The axis for a column, by some of its values and the limits that must be seen on it; None: it has no values."""
    numbers = np.sort(sample.astype(np.float64))
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    low, median, skewed, high = np.quantile(numbers, [OUTER, 0.5, 0.99, 1 - OUTER])
    near = [limit for limit in limits if np.isfinite(limit) and _is_near(limit, low, high)]
    room = EDGE * (max([high, *near]) - min([low, *near]))
    low = min([low, *(limit - room for limit in near if limit <= low)])
    high = max([high, *(limit + room for limit in near if limit >= high)])
    if sample.dtype.kind in "iu" and high - low < WHOLE:
        return Axis("whole", np.floor(low) - 0.5, np.ceil(high) + 0.5, int(np.ceil(high) - np.floor(low)) + 1)
    counted = sample.dtype.kind in "iu"
    if numbers[0] >= 0 and (counted or median > 0) and skewed > SKEWED[sample.dtype.kind] * max(median, counted):
        scale = 1.0 if counted else 10.0 ** np.floor(np.log10(np.quantile(numbers[numbers > 0], 0.1)))
        return Axis("log", 0.0, float(high), scale=float(scale))
    if high <= low:
        half = max(0.5, 1e-3 * abs(low))
        low, high = low - half, high + half
    return Axis("linear", float(low), float(high))


def _is_near(limit: float, low: float, high: float) -> bool:
    """Whether a limit may widen the axis: else all that is measured would be pressed into a few bins."""
    width = high - low
    return low - 1.5 * width <= limit <= high + 1.5 * width or width == 0


def _round_numbers(low: float, high: float, most: int, least: float) -> list[float]:
    rough = max((high - low) / most, least)
    unit = 10.0 ** np.floor(np.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first = int(np.ceil(low / step - 1e-9))
    return [round(number * step, 12) for number in range(first, int(np.floor(high / step + 1e-9)) + 1)]
