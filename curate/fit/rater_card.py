"""The card of raters that were trained here: from what, how near they come to the annotator, what to be wary of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from curate.fit.cards import data_lines

WEAK = 0.3
"""Correlations below this are pointed out."""


def card(name: str, facts: Mapping[str, Any]) -> str:
    """Markdown. facts: as `raters.fit_raters` stores them."""
    return "\n".join(_lines(name, facts)) + "\n"


def _lines(name: str, facts: Mapping[str, Any]) -> Iterator[str]:
    counts, scores = facts["counts"], facts["scores"]
    yield f"# {name}"
    yield ""
    yield "Rates text from 1 to 5 on DataMan's fourteen criteria, and says which of 15 domains it is of. Trained with"
    yield f"`curate fit raters`; used with `- quality: {{model: {name}}}`. SHA-256 `{facts['sha256']}`."
    yield ""
    yield "## Data"
    yield ""
    for what, value in facts.get("data", {}).items():
        yield from data_lines(what, value)
    for what, count in counts.items():
        yield f"- documents, {what}: {count:,}"
    yield ""
    yield f"Held out are {facts['share_held_out']:.0%} of the rated documents, by a hash of the text; training never"
    yield "saw them. Near-duplicates may be on both sides unless the corpus was deduplicated before."
    yield ""
    yield "## How near it comes to the annotator, on what was held out"
    yield ""
    yield "Spearman's correlation of ranks with the ratings, and the share of domains that are right. Beside it, those"
    yield "of the raters that come with the package, on the same documents: if they do as well, take them. (Their"
    yield "figures are too good where they learned from these very documents; their card says what from.)"
    yield ""
    yield "| | these raters | bundled raters | mean rating |"
    yield "|---|--:|--:|--:|"
    for criterion, value in scores.items():
        there, mean = facts["bundled_scores"][criterion], facts["means"][criterion]
        yield f"| {criterion} | {_shown(value)} | {_shown(there)} | {mean:.2f} |"
    yield f"| domain | {facts['domain']:.2f} | {facts['bundled_domain']:.2f} | |"
    yield ""
    yield f"Always saying the commonest domain is right for {facts['commonest_domain']:.2f} of them."
    weak = [criterion for criterion, value in scores.items() if not value >= WEAK]
    if weak:
        yield f"Of little use, with less than {WEAK}: {', '.join(weak)}."
    yield ""
    yield "## Domains in training"
    yield ""
    yield ", ".join(f"{domain} {count:,}" for domain, count in facts["domains"].items()) + "."
    yield ""
    yield "## How it is made"
    yield ""
    yield "The features are those of the bundled raters: small static vectors of English pieces of words, and counts"
    yield "of characters, words, lines, sentences and repeats, of segments of 1,500 characters. A kernel ridge"
    yield "regression learns from the ratings; two small networks, averaged, learn from both, and from what it says"
    yield f"of documents without ratings. A rating is the mean over the segments of a document. Seed {facts['seed']}."
    yield ""
    yield "## Limits"
    yield ""
    yield "The taste is the annotator's. Scores are means, so their scale is narrower than its: order documents by"
    yield "them. The vectors are English: of other languages, form alone is seen. Form weighs more than truth."


def _shown(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"
