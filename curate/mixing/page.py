"""The report of a search as one HTML file: no script, nothing fetched, pictures drawn as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from curate.mixing.telling import CAUTION, batches, summary

FOUND, OTHER, PALE, INK = "#0b6e4f", "#c8553d", "#b8c4cc", "#1f2933"
STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; color: {INK}; max-width: 900px; margin: 2em auto; padding: 0 1em; }}
h1 {{ font-size: 1.5em; }} h2 {{ font-size: 1.15em; margin-top: 2em; }}
svg {{ width: 100%; height: auto; }} text {{ font: 12px system-ui, sans-serif; fill: {INK}; }}
pre {{ background: #f5f7f8; padding: 1em; overflow-x: auto; font-size: 12.5px; }}
.note {{ border-left: 4px solid {OTHER}; padding-left: .8em; }}
"""
WIDTH = 860


def page(facts: Mapping[str, Any]) -> str:
    """The file's content."""
    return "\n".join(_page(facts)) + "\n"


def _page(facts: Mapping[str, Any]) -> Iterator[str]:
    title = f"A mixture by {facts['domain']}"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
    yield f"<h1>{escape(title)}</h1>"
    yield (
        f"<p>Method {facts['method']}, evaluator {facts['evaluator']}: {facts['evaluations']} mixtures measured with "
        f"{facts['budget']:,} {facts['unit']} each, seed {facts['seed']}; targets "
        f"{escape(', '.join(facts['targets']) or 'of its own')}.</p>"
    )
    if facts["evaluator"] in CAUTION:
        yield f'<p class="note">{escape(CAUTION[facts["evaluator"]])}</p>'
    yield "<h2>Weights</h2><p>Green: what was found; grey: the share in the corpus. Behind them, how often a domain is"
    yield " repeated within the budget.</p>"
    yield weights_picture(facts)
    unit = escape(facts["score_unit"])
    yield f"<h2>Compared</h2><p>{unit}, {facts['better']} is better. A dot is a seed, a bar the mean.</p>"
    yield compared_picture(facts)
    yield "<h2>The search</h2><p>A dot is a mixture, in the order of measuring; the line is the best so far.</p>"
    yield progress_picture(facts)
    yield "<h2>In words</h2>"
    yield f"<pre>{escape(chr(10).join(summary(facts)))}</pre>"
    yield "</body></html>"


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">{inside}</svg>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{colour}"/>'


def _dot(x: float, y: float, colour: str, title: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{escape(title)}</title></circle>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width:g}"/>'


def _shortened(name: str, most: int = 34) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def weights_picture(facts: Mapping[str, Any]) -> str:
    """Two bars for each domain."""
    left, right, parts = 250.0, WIDTH - 130.0, []
    largest = max(max(one["weight"], one["natural"]) for one in facts["domains"])
    for row, one in enumerate(facts["domains"]):
        y = 10 + 34.0 * row
        parts.append(_text(left - 8, y + 16, _shortened(one["name"]), "end"))
        parts.append(_rect(left, y, (right - left) * one["weight"] / largest, 12, FOUND))
        parts.append(_rect(left, y + 13, (right - left) * one["natural"] / largest, 8, PALE))
        parts.append(
            _text(
                left + (right - left) * one["weight"] / largest + 6,
                y + 11,
                f"{one['weight']:.1%}  ×{one['epochs']:.2f}",
            )
        )
    return _svg(34.0 * len(facts["domains"]) + 10, parts, "weights of the domains")


def _axis(low: float, high: float, left: float, right: float, y: float) -> list[str]:
    """A line with five marks."""
    parts = [_line(left, y, right, y, PALE)]
    for step in range(5):
        value = low + (high - low) * step / 4
        x = left + (right - left) * step / 4
        parts += [_line(x, y, x, y + 4, PALE), _text(x, y + 18, f"{value:.4g}", "middle")]
    return parts


def compared_picture(facts: Mapping[str, Any]) -> str:
    """For each mixture its scores over seeds."""
    left, right, parts = 130.0, WIDTH - 90.0, []
    scores = [score for one in facts["compared"].values() for score in one["scores"]]
    low, high = min(scores), max(scores)
    margin = (high - low or 1.0) * 0.05
    low, high = low - margin, high + margin

    def x_of(score: float) -> float:
        return float(left + (right - left) * (score - low) / (high - low))

    for row, (name, one) in enumerate(facts["compared"].items()):
        y, colour = 16 + 26.0 * row, FOUND if name == "found" else OTHER
        parts.append(_text(left - 10, y + 4, name, "end"))
        parts.append(_line(left, y, right, y, "#eef1f3"))
        parts += [_dot(x_of(score), y, colour, f"{name}: {score:.4f}") for score in one["scores"]]
        parts.append(_line(x_of(one["mean"]), y - 9, x_of(one["mean"]), y + 9, INK, 2.5))
        parts.append(_text(right + 10, y + 4, f"{one['mean']:.4f}"))
    bottom = 16 + 26.0 * len(facts["compared"])
    return _svg(bottom + 26, parts + _axis(low, high, left, right, bottom), "scores of the mixtures compared")


def progress_picture(facts: Mapping[str, Any]) -> str:
    """Scores in the order of measuring, with the best so far, and lines where a batch ends."""
    left, right, top, bottom = 60.0, WIDTH - 20.0, 12.0, 260.0
    shown = facts["progress"]
    scores = sorted(one["score"] for one in shown)
    low, high = scores[0], scores[-1]
    span = high - low or 1.0

    def place(at: int, score: float) -> tuple[float, float]:
        return left + (right - left) * (at + 0.5) / len(shown), bottom - (bottom - top) * (score - low) / span

    parts = [_text(left - 6, y, f"{value:.4g}", "end") for y, value in ((bottom + 4, low), (top + 8, high))]
    done = 0
    for label, members in batches(facts).items():
        x = left + (right - left) * done / len(shown)
        parts.append(_line(x, top, x, bottom, "#eef1f3"))
        if len(members) * 14 > len(shown):  # room for a word
            parts.append(_text(x + 4, bottom + 18, label))
        done += len(members)
    parts += [
        _dot(*place(at, one["score"]), PALE, f"{at + 1}. {one['label']}: {one['score']:.4f}")
        for at, one in enumerate(shown)
    ]
    points = " ".join("{:.1f},{:.1f}".format(*place(at, one["best"])) for at, one in enumerate(shown))
    parts.append(f'<polyline points="{points}" fill="none" stroke="{FOUND}" stroke-width="2"/>')
    return _svg(bottom + 28, parts, "progress of the search")
