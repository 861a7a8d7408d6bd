"""Sizes, shares and ranges as people write them: `256MB`, `0.1%`, `5%..60%`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

UNITS = {"": 1, "B": 1}
UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("kMGT", 1)}
UNITS |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)}


def parse_size(value: Any) -> int:
    """`256MB` → 256000000, `1GiB` → 1073741824. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    units = {name.lower(): factor for name, factor in UNITS.items()}
    if match is None or match[2].lower() not in units:
        raise ValueError("expected bytes: a number, or one with a unit such as 256MB or 1GiB")
    return round(float(match[1]) * units[match[2].lower()])


def parse_share(value: Any) -> float:
    """`5%` → 0.05, `0.05` → 0.05. Raises ValueError."""
    text = str(value).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if isinstance(value, bool) or not 0 <= share <= 1:
        raise ValueError("expected a share: 5%, or 0 to 1")
    return share


def _limit(value: Any) -> int | float:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    try:
        return parse_share(value)
    except ValueError:
        raise ValueError("expected a share such as 0.1%, or a number of documents") from None


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0), WithJsonSchema({"type": ["integer", "string"]})]
"""Bytes."""
Limit = Annotated[int | float, BeforeValidator(_limit), WithJsonSchema({"type": ["number", "string"], "minimum": 0})]
"""A share of something (float), or a count of it (int)."""


@dataclass(frozen=True)
class Expect:
    """The share of the documents that reach a step which it may drop."""

    low: float
    high: float

    @classmethod
    def parse(cls, given: Any) -> Expect:
        """From `{drop: 5%..60%}`; either end may be left out. Raises ValueError."""
        if not isinstance(given, dict) or set(given) != {"drop"}:
            raise ValueError("expected {drop: 5%..60%}")
        low, dots, high = str(given["drop"]).partition("..")
        if not dots:
            raise ValueError("expected a range with two dots: 5%..60%, ..60% or 5%..")
        found = cls(parse_share(low or "0"), parse_share(high or "100%"))
        if found.low > found.high:
            raise ValueError("the first share is greater than the second")
        return found

    def holds(self, share: float) -> bool:
        """Whether a share is within, ends included."""
        return self.low <= share <= self.high

    def as_dict(self) -> dict[str, str]:
        """What `parse` reads."""
        return {"drop": str(self)}

    def __str__(self) -> str:
        return f"{self.low * 100:.10g}%..{self.high * 100:.10g}%"
