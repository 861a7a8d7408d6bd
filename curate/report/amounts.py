"""Numbers as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """Bytes in decimal units, with three figures or so: `512 B`, `9.7 MB`, `1.2 TB`."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")


def percent(part: float, of: float) -> str:
    """`46.1 %`; what is not nothing is never shown as 0.0, nor what is not all as 100.0."""
    if not of:
        return ""
    share = 100 * part / of
    if 0 < share < 0.05:
        return "< 0.1 %"
    return "> 99.9 %" if 99.95 <= share < 100 else f"{share:.1f} %"


def counted(count: int, thing: str) -> str:
    """`1 file`, `1,859 documents`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def short(count: float) -> str:
    """Three figures or so: `356`, `9,504`, `1.40 M`, `12.4 B`."""
    for limit, unit in ((1e4, ""), (1e6, " k"), (1e9, " M"), (1e12, " B")):
        if count < limit:
            return f"{_three(count / (limit / 1e3))}{unit}" if unit else f"{count:,.0f}"
    return f"{_three(count / 1e12)} T"


def _three(number: float) -> str:
    return f"{number:#.3g}".rstrip(".") if number < 999.5 else f"{number:.0f}"


def value(number: float) -> str:
    """A score or a limit, with at most four figures that count: `0.65`, `50`, `100,000`, `0.0013`."""
    if number != number or number in (float("inf"), float("-inf")):
        return str(number)
    if number == int(number) and abs(number) < 1e15:
        return f"{int(number):,}"
    return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"
