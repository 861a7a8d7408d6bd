"""The card of a model that was trained here: what it is made of, how good it is, and what to be wary of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curate.store.files import whole, write_json

LEFT_OUT = {
    "missing": "without a value",
    "neither": "neither positive nor negative",
    "without_text": "without a text",
    "without_loss": "without a loss of some model",
    "pool_without_text": "of the pool, without a text",
}
"""Why documents were left out, in words."""
LABELS = {
    "preselect-small": "the losses are of models that are smaller than any in the paper (the smallest there has 6.7 "
    "thousand million parameters); there is no evidence that these put documents in the same order",
    "preselect-toy": "the losses are of n-gram models, which differ in how much context they see, not in ability: for "
    "trying out the steps",
}
"""What a label of a model that is not all that the method asks for means."""
_MOST_FILES = 20  # in the card; the JSON has them all


def publish(out: Path, facts: Mapping[str, Any], text: str) -> None:
    """Write a card beside the model `out`, for people (.md: `text`) and for programs (.json: the facts)."""
    write_json(out.with_suffix(".json"), _storable(dict(facts)))
    with whole(out.with_suffix(".md")) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def card(name: str, facts: Mapping[str, Any]) -> str:
    """Markdown. facts: as `classifier.fit` stores them."""
    return "\n".join(_lines(name, facts)) + "\n"


def _lines(name: str, facts: Mapping[str, Any]) -> Iterator[str]:
    method = facts.get("method", "classifier")
    yield f"# {name}"
    yield ""
    yield f"A fastText classifier, trained with `curate fit {method}`. SHA-256 `{facts['sha256']}`."
    yield "Labels `1` (positive) and `0`; line feeds are read as spaces; the score is P(`1`)."
    yield ""
    if facts.get("label") in LABELS:
        yield f"To be called `{facts['label']}`: {LABELS[facts['label']]}."
        yield ""
    for warning in facts["warnings"]:
        yield f"> **Warning**: {warning}"
        yield ""
    yield "## Data"
    yield ""
    for what, value in facts.get("data", {}).items():
        yield from data_lines(what, value)
    for reason, count in facts.get("left_out", {}).items():
        if count:
            yield f"- left out, {LEFT_OUT[reason]}: {count:,}"
    for what, count in facts["counts"].items():
        yield f"- {what}: {count:,}"
    yield f"- held out: {facts['held_out']:.0%} of the texts, by a hash of the text; training never saw them"
    if "strength" in facts:
        yield from _strength(facts["strength"])
    yield ""
    yield "## How good it is, on what was held out"
    yield ""
    yield "| figure | value |"
    yield "|---|--:|"
    yield f"| ROC-AUC | {facts['roc_auc']:.4f} |"
    yield f"| average precision | {facts['average_precision']:.4f} |"
    yield ""
    yield "These are about telling positives from negatives. They do not say that what scores high is good to train on."
    yield ""
    yield "## Threshold"
    yield ""
    yield from _threshold(facts)
    yield ""
    yield "## Does it follow the length of a text?"
    yield ""
    yield "| | correlation of ranks with characters | empty text | commonest word alone |"
    yield "|---|--:|--:|--:|"
    for what, audit in (("as trained", facts["before"]), ("`</s>` set to zero", facts["after"])):
        if audit is not None:
            yield f"| {what} | {audit['spearman']:+.3f} | {audit['empty']:.4f} | {audit['word']:.4f} |"
    yield ""
    yield "## Words that tell the most"
    yield ""
    for what, words in (("for", facts["for_it"]), ("against", facts["against_it"])):
        yield f"- {what}: " + (", ".join(f"`{_shown(word)}` {value:+.2f}" for word, value in words) or "none")
    yield ""
    yield "## Settings"
    yield ""
    yield ", ".join(f"{option} {value}" for option, value in facts["settings"].items()) + "; one thread."


def data_lines(what: str, value: Any) -> Iterator[str]:
    """Files, one a line; all else on one line."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict) and "sha256" in value[0]):
        yield f"- {what}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        return
    yield f"- {what}:"
    for file in value[:_MOST_FILES]:
        yield f"  - `{_shown(file['path'])}`, {file['bytes']:,} bytes, SHA-256 `{file['sha256']}`"
    if len(value) > _MOST_FILES:
        yield f"  - and {len(value) - _MOST_FILES:,} more: see the JSON"


def _threshold(facts: Mapping[str, Any]) -> Iterator[str]:
    cut, pool = facts["threshold"], facts["pool"]
    if cut is None:
        yield "No pool was given to take one from; `keep_best` keeps a share without one."
        return
    yield (
        f"`score >= {cut['value']!r}` keeps {cut['weight']:.2%} of the characters and {cut['documents']:.2%} of the "
        f"documents ({cut['share']:.2%} of the characters were asked for), taken on {facts['pool_is']}: "
        f"{pool['documents']:,} documents."
    )
    yield f"Mean score: {pool['mean_score']:.4f}; of what is kept: {pool['mean_score_kept']:.4f}."


def _strength(strength: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "## Predictive strength"
    yield ""
    yield f"Benchmark: {strength['benchmark']}. Models, by their average there:"
    yield ""
    for model, average in strength["models"]:
        yield f"- {model}: {average}"
    yield ""
    yield (
        f"Of {strength['documents']:,} documents {strength['agree']:,} have all {strength['pairs']} pairs of models in "
        f"the right order; by chance it would be {strength['expected']:,.1f}: {strength['ratio']:.1f} times as many. "
        f"Negatives have up to {strength['negatives_up_to']} pairs in the right order."
    )
    yield ""
    yield "| pairs in the right order | documents | by chance |"
    yield "|--:|--:|--:|"
    for count, (documents, chance) in enumerate(zip(strength["observed"], strength["null"], strict=True)):
        yield f"| {count} | {documents:,} | {chance:,.1f} |"


def _shown(word: str) -> str:
    return word.replace("`", "'").replace("|", "/")


def _storable(value: Any) -> Any:
    """The value as JSON has it: no NaN."""
    if isinstance(value, dict):
        return {name: _storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return None if isinstance(value, float) and value != value else value
