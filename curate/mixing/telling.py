"""The report of a search in words: lines for a terminal, and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CAUTION = {
    "ngram": "An n-gram model measured this: it knows words and short phrases, and nothing of reasoning, facts or"
    " long texts. It tells which text is like the targets, not what a transformer would learn from it.",
    "transformer": "A small transformer measured this. What is best for it need not be best for a large one.",
}
"""What is said of an evaluator wherever its scores are shown."""


def summary(facts: Mapping[str, Any]) -> Iterator[str]:
    """Lines for a terminal."""
    yield f"{'weight':>8} {'natural':>8} {'epochs':>7}  {facts['domain']}"
    for one in facts["domains"]:
        yield f"{one['weight']:8.4f} {one['natural']:8.4f} {one['epochs']:7.2f}  {one['name']}"
    yield ""
    yield f"{facts['score_unit']} on {_targets(facts)}, {facts['better']} is better; {_seeds(facts)}"
    for name, one in facts["compared"].items():
        yield f"  {name:12} {one['mean']:10.4f} ± {one['spread']:.4f}{_gain(name, one, facts)}"
    yield ""
    yield from _learned(facts)
    if facts["evaluator"] in CAUTION:
        yield CAUTION[facts["evaluator"]]


def _targets(facts: Mapping[str, Any]) -> str:
    return ", ".join(facts["targets"]) or "targets of its own"


def _seeds(facts: Mapping[str, Any]) -> str:
    return f"mean and standard deviation over {facts['seeds']} seeds" if facts["seeds"] > 1 else "one seed"


def _gain(name: str, one: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if name == "found":
        return ""
    return (
        f"   found is better by {one['answer_is_better_by']:+.4f}, in {one['answer_is_better_in']} of {facts['seeds']}"
    )


def _learned(facts: Mapping[str, Any]) -> Iterator[str]:
    """What the method has to say."""
    found = facts["method_facts"]
    if found.get("correlation") is not None:
        yield f"rank correlation of the predictor, on results that it had not seen: {found['correlation']:.3f} (5-fold)"
    ahead = [f"{one:.2f}" if one is not None else "none" for one in found.get("correlation_ahead", [])]
    if ahead:
        yield f"within later batches, predicted before they were measured: {', '.join(ahead)}"
    choice = next((one for one in facts["progress"] if one["label"] == "choice"), None)
    if "choice" in found and choice:
        sign = -1 if facts["better"] == "higher" else 1
        predicted = sign * found["choice"]["predicted"]
        yield f"the predictor's choice: predicted {predicted:.4f}, measured {choice['score']:.4f}"
    if "excess" in found:
        worst = max(found["excess"], key=lambda name: found["excess"][name])
        yield f"largest excess over the natural mixture: {found['excess'][worst]:+.4f}, on {worst}"
    work = f"{facts['seconds']:.0f} s of work, budget {facts['budget']:,} {facts['unit']} each"
    yield f"{facts['evaluations']} evaluations, {work}"


def markdown(facts: Mapping[str, Any]) -> str:
    """The report as a Markdown file."""
    return "\n".join(_markdown(facts)) + "\n"


def _markdown(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"# A mixture by `{facts['domain']}`"
    yield ""
    yield (
        f"Found with `curate mixture search`: method {facts['method']}, evaluator {facts['evaluator']}, "
        f"{facts['evaluations']} evaluations of {facts['budget']:,} {facts['unit']} each, seed {facts['seed']}."
    )
    if facts["evaluator"] in CAUTION:
        yield ""
        yield CAUTION[facts["evaluator"]]
    yield ""
    yield "## Weights"
    yield ""
    yield f"| {facts['domain']} | weight | natural share | epochs | {facts['unit']} there are |"
    yield "|---|--:|--:|--:|--:|"
    for one in facts["domains"]:
        shares = f"{one['weight']:.4f} | {one['natural']:.4f} | {one['epochs']:.2f}"
        yield f"| {cell(one['name'])} | {shares} | {one['size']:,} |"
    yield ""
    yield "## Compared"
    yield ""
    yield f"{facts['score_unit'].capitalize()} on {_targets(facts)}; {facts['better']} is better; {_seeds(facts)}."
    yield ""
    targets = list(facts["compared"]["found"]["targets"])
    yield (
        "| mixture | mean | ± | " + "".join(f"{cell(name)} | " for name in targets) + "found is better by | in seeds |"
    )
    yield "|---|--:|--:|" + "--:|" * len(targets) + "--:|--:|"
    for name, one in facts["compared"].items():
        each = "".join(f"{one['targets'][target]:.4f} | " for target in targets)
        gain = (
            "| |" if name == "found"
            else f"{one['answer_is_better_by']:+.4f} | {one['answer_is_better_in']} of {facts['seeds']} |"
        )  # fmt: skip
        yield f"| {name} | {one['mean']:.4f} | {one['spread']:.4f} | {each}{gain}"
    yield ""
    yield "## Search"
    yield ""
    for line in _learned(facts):
        yield f"- {cell(line)}"
    for name, count in facts["measured_on"].items():
        yield f"- target {cell(name)}: {count['documents']:,} documents, {count['characters']:,} characters"
    for why, count in facts["left_out"].items():
        if count:
            yield f"- left out of training: {count:,} documents, {LEFT_OUT[why]}"
    yield ""
    yield "| batch | mixtures | best | median |"
    yield "|---|--:|--:|--:|"
    for label, scores in batches(facts).items():
        ordered = sorted(scores, reverse=facts["better"] == "higher")
        yield f"| {label} | {len(scores)} | {ordered[0]:.4f} | {ordered[len(ordered) // 2]:.4f} |"


LEFT_OUT = {"no_domain": "without a domain", "in_targets": "with the text of one that is measured on"}


def batches(facts: Mapping[str, Any]) -> dict[str, list[float]]:
    """Label → scores, in order."""
    found: dict[str, list[float]] = {}
    for one in facts["progress"]:
        found.setdefault(one["label"], []).append(one["score"])
    return found


def cell(text: str) -> str:
    """Text of others in a table of Markdown."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
