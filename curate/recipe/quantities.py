"""Shares and sizes as people write them: 5%, 0.05, 5%..60%, 256MB, 1GiB."""

from __future__ import annotations

import re
from decimal import Decimal
from difflib import get_close_matches

PERCENT = r"[-+]?[0-9]+(?:\.[0-9]*)?%"

_SIZE = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?) ?([a-zA-Z]*)")
UNITS = {f"{letter}B": 1000**power for power, letter in enumerate("kMGT", 1)}
UNITS |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)}
"""Bytes in a unit. In a recipe its case does not matter, and the B may be left out."""

_FACTORS = {"": 1, "b": 1} | {
    unit.lower().removesuffix(end): factor for unit, factor in UNITS.items() for end in ("", "b")
}


def parse_share(value: object) -> float:
    """'5%' or 0.05 → 0.05. Raises ValueError with words that follow on a colon."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a share is needed, as in 5% or 0.05")
    text = str(value).strip()
    try:
        share = percent(text) if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError("that is no share; write it as in 5% or 0.05") from None
    if not 0 <= share <= 1:
        hint = f"; did you mean {share:g}%?" if 1 < share <= 100 and not text.endswith("%") else ""
        raise ValueError(f"a share lies between 0% and 100%{hint}")
    return share


def percent(text: str) -> float:
    """'0.1%' → 0.001, rounded once. Raises ValueError."""
    if not re.fullmatch(PERCENT, text):
        raise ValueError(text)
    return float(Decimal(text[:-1]) / 100)


def share_text(share: float) -> str:
    """0.001 → '0.1%'; `percent` of it is the same number again."""
    return f"{(Decimal(repr(float(share))) * 100).normalize():f}%"


def parse_size(value: object) -> int:
    """'256MB' → 256,000,000; '1GiB' → 1,073,741,824; a number is a number of bytes. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("it must be a size, as in 256MB, 1GiB or a number of bytes")
    found = _SIZE.fullmatch(str(value).strip())
    if not found:
        raise ValueError("it must be a size, as in 256MB, 1GiB or a number of bytes")
    number, unit = found[1].replace("_", ""), found[2]
    if unit.lower() not in _FACTORS:
        close = get_close_matches(unit.lower(), [one.lower() for one in UNITS], 1, 0.5)
        guess = next((f"; did you mean {found[1]}{one}?" for one in UNITS if one.lower() in close), "")
        raise ValueError(f"there is no unit '{unit}', but B, {', '.join(UNITS)}{guess}")
    return int(Decimal(number) * _FACTORS[unit.lower()])


def size_text(size: int) -> str:
    """256,000,000 → '256MB'; `parse_size` of it is the same number again."""
    fitting = [unit for unit, factor in UNITS.items() if size and size % factor == 0]
    unit = max(fitting, key=UNITS.__getitem__, default="")
    return f"{size // UNITS.get(unit, 1)}{unit}"
