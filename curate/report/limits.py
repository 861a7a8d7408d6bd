"""What a run says of the limits of its result: what was done by rule of thumb, and what was not done at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from curate.report.steps import StepFacts

HEURISTICS = ("gopher_quality", "gopher_repetition", "c4", "fineweb_quality", "refinedweb_lines")
SCORED = ("quality", "toxicity", "language", "preselect", "fasttext_score")


def known_limits(manifest: Mapping[str, Any], steps: Sequence[StepFacts]) -> Iterator[str]:
    """Sentences, in Markdown."""
    names = {step.name for step in steps}
    rules = [name for name in HEURISTICS if name in names]
    if rules:
        yield (
            f"{_listed(rules)} {'is a rule' if len(rules) == 1 else 'are rules'} of thumb, published for English web"
            " pages: good documents are dropped by them, above all lists, code, verse and other languages."
        )
    models = [name for name in SCORED if name in names]
    if models:
        yield f"The scores of {_listed(models)} are those of small models, which are wrong at times: see their cards."
    if not names & {"exact_dedup", "minhash_dedup"}:
        yield "Repeated documents were not looked for."
    elif "minhash_dedup" not in names:
        yield "Documents that are nearly the same were not looked for, but only those that are the same."
    else:
        yield "Some documents that are nearly the same remain: they are found with a probability, given in the plan."
    if "pii" in names:
        yield "Personal data were looked for by patterns; names and much else that tells of persons are not found so."
    else:
        yield "Nothing was done about personal data."
    if not names & {"toxicity", "badwords"}:
        yield "Nothing was done about toxic texts."
    if not any("decontaminat" in name for name in names):
        yield "The documents were not compared with any benchmark: test data may be among them."
    unreadable = int(manifest.get("accounting", {}).get("unreadable", 0))
    if unreadable:
        yield f"{unreadable:,} documents of the input could not be read and are missing."
    broken = len(manifest["input"].get("unreadable_files", ()))
    if broken:
        yield f"{broken:,} files of the input could not be read to their end."


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
