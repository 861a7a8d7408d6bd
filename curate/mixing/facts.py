"""A search in numbers: what its report shows and `report.json` holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from curate.mixing.searching import Compared, Outcome
from curate.mixing.trials import UNITS, Measured

DIGITS = 6


def facts_of(outcome: Outcome) -> dict[str, Any]:
    """As JSON holds it. Scores are the evaluator's own; `better` says in which direction."""
    options, space, prepared = outcome.options, outcome.space, outcome.prepared
    sign = options.evaluator.sign
    answer = outcome.compared["found"]
    weights = dict(zip(space.names, answer.trial.parts, strict=True))
    domains = [
        {
            "name": name,
            "weight": weights[name] / UNITS,
            "natural": round(float(space.natural[at]), DIGITS),
            "most": round(float(space.most[at]), DIGITS),
            "size": int(prepared.sizes[at]),
            "documents": int(prepared.documents[at]),
            "epochs": round(weights[name] / UNITS * options.budget / int(prepared.available[at]), 3),
        }
        for at, name in enumerate(space.names)
    ]
    progress, best = [], np.inf
    for trial, measured in outcome.history:
        best = min(best, measured.loss)
        progress.append({"label": trial.label, "score": _score(measured.loss, sign), "best": _score(best, sign)})
    return {
        **outcome.provenance,
        "better": "higher" if sign < 0 else "lower",
        "score_unit": "bits per byte" if options.evaluator.kind in ("ngram", "transformer") else "the evaluator's own",
        "seconds": round(sum(measured.seconds for _, measured in outcome.history), 1),
        "seeds": options.seeds,
        "planned": options.planned,
        "max_epochs": options.max_epochs,
        "domains": sorted(domains, key=lambda one: -float(str(one["weight"]))),
        "measured_on": prepared.measured,
        "left_out": prepared.left_out,
        "compared": {
            name: _compared(one, answer, space.names, sign) for name, one in outcome.compared.items()
        },
        "progress": progress,
        "method_facts": outcome.found.facts,
    }  # fmt: skip


def _score(loss: float, sign: float) -> float:
    return round(sign * loss, DIGITS)


def _compared(one: Compared, answer: Compared, names: tuple[str, ...], sign: float) -> dict[str, Any]:
    """Beside its scores by how much the answer is better, seed by seed: the documents differ between seeds, and they
    differ in the same way for all mixtures.
    """
    gains = [theirs.loss - ours.loss for theirs, ours in zip(one.measured, answer.measured, strict=True)]
    return {
        "weights": {name: part / UNITS for name, part in zip(names, one.trial.parts, strict=True)},
        "scores": [_score(measured.loss, sign) for measured in one.measured],
        "mean": _score(one.mean, sign),
        "spread": round(one.spread, DIGITS),
        "answer_is_better_by": round(float(np.mean(gains)), DIGITS),
        "answer_is_better_in": sum(gain > 0 for gain in gains),
        "targets": _by_target(one.measured),
    }


def _by_target(measured: tuple[Measured, ...]) -> dict[str, float]:
    names = list(measured[0].losses)
    return {name: round(float(np.mean([one.losses.get(name, np.nan) for one in measured])), DIGITS) for name in names}
