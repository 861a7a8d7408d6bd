"""How the numbers that steps left behind are distributed, with the thresholds drawn in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element

from curate.report.amounts import value
from curate.report.html import Node, tag
from curate.report.numbers import Numbers
from curate.report.page.section import Figures, Section, chart, legend, plain, row, table
from curate.report.scan import Column
from curate.report.steps import Limit

FEW = 2  # columns of a step that shares its row of charts with others
SPIKE = 4  # times the second highest bin: a higher one is cut off, and its number written at it
SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}
CLASSES = (("kept", "kept in the end"), ("gone", "dropped by the step"), ("other", "dropped by another step"))


def section(numbers: Numbers, figures: Figures) -> Section | None:
    """A histogram for each column, by step; a table of quantiles for those who do not see them."""
    if numbers.scan is None or not numbers.scan.columns:
        return None
    order = {step.label: index for index, step in enumerate(numbers.steps)}
    columns = sorted(numbers.scan.columns, key=lambda one: order.get(_owner(one), -1))
    return Section(
        "scores",
        "Scores",
        [
            tag(
                "p",
                "Every number that a step left behind, of all documents that reached it. What lies beyond a threshold"
                " was dropped, by this rule or by one asked before it.",
            ),
            tag("div", legend(*CLASSES, ("limit", "threshold of the recipe")), class_="legends"),
            (_steps(label, some, figures) for label, some in _together(columns)),
            _table(columns),
        ],
    )


def _owner(column: Column) -> str:
    return column.step or (column.limits[0][0] if column.limits else "")


def _together(columns: Sequence[Column]) -> Iterator[tuple[str, list[Column]]]:
    """(labels, columns) of steps; those with few columns stand together, so that no row is left half empty."""
    labels: list[str] = []
    few: list[Column] = []
    for label, some in ((label, list(some)) for label, some in groupby(columns, key=_owner)):
        if few and (len(some) > FEW or len(few) + len(some) > 2 * FEW + 2):
            yield ", ".join(labels), few
            labels, few = [], []
        labels.append(label or "columns of the input")
        few = [*few, *some]
        if len(some) > FEW:
            yield label or "columns of the input", some
            labels, few = [], []
    if few:
        yield ", ".join(labels), few


def _steps(label: str, columns: Sequence[Column], figures: Figures) -> Iterator[Node]:
    yield tag("h3", label)
    yield tag("div", (histogram(column, figures) for column in columns), class_="charts")


def histogram(column: Column, figures: Figures, *, broad: bool = False) -> Element:
    """The documents by the value of a column."""
    told = [_told(label, limit, int(n)) for (label, limit), n in zip(column.limits, column.broken, strict=True)]
    caption = [tag("b", column.name), tag("span", "; ".join(told) or f"{column.documents:,} documents")]
    low, p5, median, p95, high = map(value, column.quantiles)
    spoken = (
        f"Histogram of {column.name}: median {median}, 5 to 95 % {p5} to {p95}, all {low} to {high}. {' '.join(told)}"
    )
    return chart(figures, "scores", _figure(column), caption, label=spoken, broad=broad)


def _told(label: str, limit: Limit, documents: int) -> str:
    by = f", by {label}" if limit.option in ("", "below", "above") else ""
    return f"{SIGNS[limit.sign]} {value(limit.value)}: {documents:,} documents{by}"


def _figure(column: Column) -> dict[str, Any]:
    axis = column.axis
    width = 1 / axis.bins
    centres = [round((place + 0.5) * width, 6) for place in range(axis.bins)]
    spans = [_span(column, place) for place in range(axis.bins)]
    data = [
        {
            "type": "bar",
            "name": name,
            "x": centres,
            "y": column.counts[kind].tolist(),
            "width": width * (0.8 if axis.kind == "whole" else 1),
            "marker": {"color": f"--{colour}", "line": {"width": 0}},
            "customdata": spans,
            "hovertemplate": "%{customdata}: %{y:,} " + name + "<extra></extra>",
        }
        for kind, (colour, name) in enumerate(CLASSES)
        if column.counts[kind].any()
    ]
    top, notes = _top(column, centres)
    shapes, marks = _limits(column)
    ticks = axis.ticks()
    layout = plot() | {
        "barmode": "stack",
        "bargap": 0,
        "shapes": shapes,
        "annotations": [*notes, *marks],
        "xaxis": line()
        | {
            "range": [0, 1],
            "tickvals": [at for at, _ in ticks],
            "ticktext": [text for _, text in ticks],
            "showgrid": False,
        },
        "yaxis": line() | {"range": [0, top], "nticks": 4, "gridcolor": "--rule", "tickformat": "~s"},
    }
    return {"data": data, "layout": layout}


def plot() -> dict[str, Any]:
    """What all charts have in common."""
    return {
        "showlegend": False,
        "margin": {"l": 38, "r": 6, "t": 16, "b": 24},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 11, "color": "--soft"},
        "hoverlabel": {"bgcolor": "--raised", "bordercolor": "--rule", "font": {"color": "--ink", "size": 12}},
        "dragmode": False,
    }


def line() -> dict[str, Any]:
    """What all axes have in common."""
    return {"fixedrange": True, "zeroline": False, "linecolor": "--rule", "automargin": False, "type": "linear"}


def _span(column: Column, place: int) -> str:
    axis = column.axis
    if axis.kind == "whole":
        low = high = value(round(axis.low + 0.5) + place)
        shown = low
    else:
        low, high = value(axis.number(place / axis.bins)), value(axis.number((place + 1) / axis.bins))
        shown = f"{low} to {high}"
    return (
        f"up to {high}"
        if place == 0 and column.quantiles[0] < axis.low
        else (f"from {low}" if place == axis.bins - 1 and column.quantiles[4] > axis.high else shown)
    )


def _top(column: Column, centres: list[float]) -> tuple[float, list[dict[str, Any]]]:
    """(where the axis ends, what is written at a bar that is higher)."""
    heights = column.counts.sum(0)
    order = heights.argsort()[::-1]
    highest = int(heights[order[0]])
    second = int(heights[order[1]]) if len(order) > 1 else 0
    if not second or highest <= SPIKE * second:
        return max(highest * 1.08, 1.0), []
    note = {
        "x": min(max(centres[int(order[0])], 0.04), 0.96),
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": "left" if centres[int(order[0])] < 0.5 else "right",
        "text": f"↑ {highest:,}",
        "showarrow": False,
        "font": {"size": 10, "color": "--soft"},
    }
    return second * 1.6, [note]


def _limits(column: Column) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines at the thresholds that are on the axis, and arrows that point to those that are not."""
    shapes, marks = [], []
    for _, limit in column.limits:
        at = limit.value
        if column.axis.kind == "whole":  # between the integers that are dropped and those that are not
            at += {"<": -0.5, ">": 0.5, "<=": 0.5, ">=": -0.5}[limit.sign]
        place = float(column.axis.place(_one(at))[0])
        if -0.001 <= place <= 1.001:
            style = {"color": "--limit", "width": 1.5, "dash": "dot"}
            shapes.append({"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "yref": "paper", "line": style})
            continue
        marks.append(
            {
                "x": 0 if place < 0 else 1,
                "y": 0.5,
                "yref": "paper",
                "xanchor": "left" if place < 0 else "right",
                "text": plain(f"◂ {value(limit.value)}" if place < 0 else f"{value(limit.value)} ▸"),
                "showarrow": False,
                "font": {"size": 10, "color": "--limit"},
            }
        )
    return shapes, marks


def _one(number: float) -> Any:
    import numpy as np

    return np.array([number])


def _table(columns: Sequence[Column]) -> Element:
    rows = [
        row(
            one.name,
            f"{one.documents:,}",
            *map(value, one.quantiles),
            "; ".join(f"{SIGNS[li.sign]} {value(li.value)}" for _, li in one.limits),
        )
        for one in columns
    ]
    head = ["column", "documents", "least", "5 %", "median", "95 %", "greatest", "dropped if"]
    return tag("details", tag("summary", "As a table"), table(head, rows, numbers=7))
