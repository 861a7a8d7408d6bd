"""The map of domains as one HTML file that needs nothing else: drawn as SVG, in the colours of the reader's system.

All that comes from documents is text of elements or of attributes, escaped; the script gets none of it.
"""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

from curate.report.domain_facts import DomainFacts, DomainMap, Place

WIDTH, HEIGHT, EDGE = 760, 600, 28  # of the map, in its own units; and around it
NEAREST = 3  # examples shown for each domain: those nearest to the centres of their clusters
COLUMNS = {"quality_overall": "quality", "toxicity": "toxicity", "n_tokens": "tokens"}
"""Columns whose means are shown, if they are there, and what they are called; the JSON file has all others."""

LAYOUTS = {
    "islands": "Domains lie near those that they are like, and a document near the domains that it is like. Areas are "
    "in proportion to documents; directions mean nothing.",
    "pca": "Axes: the two principal components of the vectors.",
    "umap": "Layout: UMAP, which keeps neighbours together; distances between far groups mean little.",
}

STYLE = """
:root { color-scheme: light dark; --back: #fff; --ink: #1c2126; --soft: #66707a; --line: #e2e6ea; --card: #f6f8f9;
  --light: .62; --chroma: .15 }
@media (prefers-color-scheme: dark) { :root { --back: #14181c; --ink: #e8ecef; --soft: #97a2ac; --line: #2b333b;
  --card: #1b2127; --light: .74; --chroma: .13 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 28px 32px 48px; max-width: 1440px; background: var(--back); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }
h1 { margin: 0; font-size: 24px; letter-spacing: -.01em }
p.about { margin: 4px 0 20px; color: var(--soft) }
.both { display: grid; grid-template-columns: minmax(420px, 11fr) minmax(460px, 10fr); gap: 28px; align-items: start }
@media (max-width: 1000px) { .both { grid-template-columns: 1fr } }
figure { margin: 0; position: sticky; top: 16px }
svg.map { width: 100%; height: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px }
figcaption { margin-top: 6px; color: var(--soft); font-size: 13px }
circle { fill: var(--hue, var(--soft)); fill-opacity: .72; stroke: var(--back); stroke-width: .5 }
circle:hover { fill-opacity: 1; stroke: var(--ink); stroke-width: 1.5 }
svg text { font: 600 12.5px system-ui, sans-serif; fill: var(--ink); paint-order: stroke; stroke: var(--card);
  stroke-width: 3.5px; stroke-linejoin: round; text-anchor: middle; pointer-events: none }
svg.chosen circle { fill-opacity: .07; stroke: none } svg.chosen text { opacity: .15 }
svg.chosen circle.on { fill-opacity: .9 } svg.chosen text.on { opacity: 1 }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th { text-align: left; font-weight: 600; color: var(--soft); padding: 4px 8px; border-bottom: 1px solid var(--line);
  white-space: nowrap }
td { padding: 7px 8px; border-bottom: 1px solid var(--line); vertical-align: top }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
tbody tr { cursor: pointer } tbody tr:hover, tbody tr.on { background: var(--card) }
td.swatch { padding-right: 0 } td.swatch i { display: block; width: 12px; height: 12px; margin-top: 4px;
  border-radius: 3px; background: var(--hue) }
td:nth-child(2) { width: 100%; min-width: 220px }
td b { font-weight: 600 } td .words { color: var(--soft); font-size: 13px }
.bar { height: 3px; margin-top: 4px; border-radius: 2px; background: var(--hue); min-width: 1px }
details { font-size: 13px; color: var(--soft); margin-top: 2px } summary { cursor: pointer; width: max-content }
blockquote { margin: 6px 0; padding-left: 10px; border-left: 2px solid var(--hue); color: var(--ink);
  overflow-wrap: anywhere } blockquote cite { display: block; font-style: normal; color: var(--soft) }
#tip { position: fixed; z-index: 9; max-width: 380px; padding: 9px 12px; border-radius: 8px; background: var(--back);
  border: 1px solid var(--line); box-shadow: 0 6px 24px #0003; font-size: 13px; pointer-events: none;
  overflow-wrap: anywhere } #tip b { display: block } #tip span { color: var(--soft) }
"""

SCRIPT = """
const map = document.querySelector('svg.map'), tip = document.getElementById('tip');
const rows = [...document.querySelectorAll('tbody tr')];
let fixed = null;
function show(domain) {
  map.classList.toggle('chosen', domain !== null);
  for (const part of map.querySelectorAll('[data-d]')) part.classList.toggle('on', part.dataset.d === domain);
  for (const row of rows) row.classList.toggle('on', row.dataset.d === domain);
}
for (const row of rows) {
  row.addEventListener('mouseenter', () => show(row.dataset.d));
  row.addEventListener('mouseleave', () => show(fixed));
  row.addEventListener('click', event => {
    if (event.target.closest('details')) return;
    fixed = fixed === row.dataset.d ? null : row.dataset.d;
    show(fixed);
  });
}
for (const title of map.querySelectorAll('title')) {
  const dot = title.parentNode, [head, ...rest] = title.textContent.split('\\n');
  dot.dataset.head = head; dot.dataset.text = rest.join('\\n'); title.remove();
}
map.addEventListener('mousemove', event => {
  const dot = event.target.closest('circle');
  tip.hidden = !dot;
  if (!dot) return;
  tip.children[0].textContent = dot.dataset.head;
  tip.children[1].textContent = dot.dataset.text;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.min(event.clientX + 14, innerWidth - box.width - 8) + 'px';
  tip.style.top = Math.min(event.clientY + 14, innerHeight - box.height - 8) + 'px';
});
map.addEventListener('mouseleave', () => { tip.hidden = true; });
"""


class Label(NamedTuple):
    """A domain's name on the map."""

    domain: int
    x: float
    y: float


def page(facts: DomainMap, title: str) -> str:
    """The whole file, HTML. title: of the run."""
    inside = f"""<h1>{escape(title)}</h1>
<p class="about">{escape(_about(facts))}</p>
<div class="both">
<figure>{drawing(facts)}
<figcaption>{len(facts.places):,} documents, chosen by hash. {LAYOUTS.get(facts.layout, "")} Point at a document to read
how it begins, or at a domain in the table to see where it is.</figcaption></figure>
{table(facts)}
</div>
<div id="tip" hidden><b></b><span></span></div>"""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}\n<style>{STYLE}</style></head>\n'
        f"<body>{inside}\n<script>{SCRIPT}</script></body></html>\n"
    )


def drawing(facts: DomainMap) -> str:
    """The map alone, an SVG element; it needs STYLE around it, and SCRIPT to answer the mouse."""
    names = [domain.name for domain in facts.domains]
    parts = [_dot(place, names) for place in facts.places]
    for label in labels(facts):
        name = escape(" ".join(names[label.domain].split("-")[:2]))
        parts.append(f'<text data-d="{label.domain}" x="{label.x:.0f}" y="{label.y:.0f}">{name}</text>')
    about = f'class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Map of documents"'
    return f"<svg {about}>{''.join(parts)}</svg>"


def table(facts: DomainMap) -> str:
    """The domains, the largest first."""
    columns = [name for name in COLUMNS if any(name in domain.means for domain in facts.domains)]
    total = max(sum(domain.documents for domain in facts.domains), 1)
    largest = max((domain.documents for domain in facts.domains), default=1)
    heads = "".join(f'<th class="n">{COLUMNS[name]}</th>' for name in columns)
    rows = "".join(_row(number, domain, facts, columns, total, largest) for number, domain in enumerate(facts.domains))
    return (
        f'<table><thead><tr><th></th><th>domain</th><th class="n">documents</th><th class="n">share</th>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def hue(number: int) -> str:
    """A colour of its own for each domain: neighbours in number are far apart in hue, every third is darker."""
    return f"oklch(calc(var(--light) - {number % 3 * 0.07:.2f}) var(--chroma) {number * 137.5 % 360:.0f})"


def labels(facts: DomainMap) -> list[Label]:
    """Where names go: in the middle of a domain's documents, moved down as far as it takes not to hide another one."""
    found: list[Label] = []
    for number in range(len(facts.domains)):
        mine = [place for place in facts.places if place.domain == number]
        if mine:
            x, y = _at(sorted(p.x for p in mine)[len(mine) // 2], sorted(p.y for p in mine)[len(mine) // 2])
            found.append(Label(number, min(max(x, 70), WIDTH - 70), y))
    placed: list[Label] = []
    for label in sorted(found, key=lambda one: (one.y, one.domain)):
        y = label.y
        while any(abs(other.x - label.x) < 120 and abs(other.y - y) < 15 for other in placed):
            y += 3
        placed.append(label._replace(y=min(y, HEIGHT - 10)))
    return sorted(placed)


def _about(facts: DomainMap) -> str:
    documents = sum(domain.documents for domain in facts.domains)
    said = f"{documents:,} documents in {len(facts.domains)} domains"
    if facts.sample:
        said += f", of {facts.clusters:,} clusters fitted on {facts.sample:,} documents"
    said += f"; {facts.pruned:,} documents dropped with pruned clusters" if facts.pruned else ""
    return said + (f"; {facts.without:,} without a domain" if facts.without else "")


def _at(x: float, y: float) -> tuple[float, float]:
    """Coordinates from -1 to 1 → those of the drawing."""
    return (EDGE + (x + 1) / 2 * (WIDTH - 2 * EDGE), EDGE + (1 - y) / 2 * (HEIGHT - 2 * EDGE))


def _dot(place: Place, names: list[str]) -> str:
    x, y = _at(place.x, place.y)
    of = "pruned" if place.domain is None else names[place.domain] if place.domain < len(names) else "?"
    mark = "" if place.domain is None else f' data-d="{place.domain}" style="--hue:{hue(place.domain)}"'
    said = f"{escape(of)} · {escape(place.id)}\n{escape(' '.join(place.text.split()))}"
    return f'<circle{mark} cx="{x:.1f}" cy="{y:.1f}" r="3.4"><title>{said}</title></circle>'


def _row(number: int, domain: DomainFacts, facts: DomainMap, columns: list[str], total: int, largest: int) -> str:
    means = "".join(f'<td class="n">{_figure(domain.means.get(name))}</td>' for name in columns)
    mine = sorted((place for place in facts.places if place.domain == number), key=lambda place: place.distance)
    examples = "".join(
        f"<blockquote>{escape(' '.join(place.text.split()))}<cite>{escape(place.id)}</cite></blockquote>"
        for place in mine[:NEAREST]
    )
    more = f"<details><summary>examples</summary>{examples}</details>" if examples else ""
    words = escape(", ".join(domain.words[3:] or domain.words))
    bar = f'<div class="bar" style="width:{100 * domain.documents / largest:.0f}%"></div>'
    return (
        f'<tr data-d="{number}" style="--hue:{hue(number)}"><td class="swatch"><i></i></td>'
        f'<td><b>{escape(domain.name)}</b><div class="words">{words}</div>{more}</td>'
        f'<td class="n">{domain.documents:,}{bar}</td><td class="n">{domain.documents / total:.1%}</td>{means}</tr>'
    )


def _figure(value: float | None) -> str:
    """Three digits that count."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
