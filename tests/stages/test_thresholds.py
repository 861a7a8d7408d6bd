"""The limits that a stage tells of are those that it decides by, on the columns that it names."""

from __future__ import annotations

import operator

import numpy as np
import pyarrow as pa
import pytest

from curate import catalog
from curate.stage import PerBatch
from tests.stages.harness import batch_of
from tests.stages.test_family import HOSTILE, cases, documents, make

COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
PROSE = [
    "The boat was late, and nobody knew that it would be with all of them. " * n + "So it goes. " * (n % 3)
    for n in (1, 2, 5, 9, 30)
] + ["- one thing to do\n" * 20, "Wait... and then...\nSee...\n" * 9, "a b c # # # {}" * 20, "", "You stupid idiot."]
OPTIONS = [
    ("drop", {"column": "q", "below": 0.3, "above": 0.7}),
    ("language", {"min_score": 0.8}),
    ("toxicity", {"act": "drop", "threshold": 0.1}),
    ("toxicity", {"act": "drop", "level": "document", "drop_above": 0.6, "drop_below": 0.01}),
    ("fineweb_quality", {"edition": "v1"}),
    ("refinedweb_lines", {}),
]  # beside those of the family tests


def checked(stage, batch):
    """How many documents were dropped by a threshold."""
    outcome = stage.process(batch)
    reasons = outcome.reason.to_pylist() if outcome.reason is not None else [None] * len(batch)
    columns = {**batch.columns, **outcome.columns}
    limits = stage.thresholds()
    assert all(limit.column in columns for limit in limits)
    assert all(limit.option in type(stage).model_fields for limit in limits)
    known, found = {limit.reason for limit in limits}, 0
    for row, reason in enumerate(reasons):
        broken = []
        for limit in limits:
            value = columns[limit.column][row]
            kind = value.type.to_pandas_dtype()
            if value.is_valid and COMPARE[limit.drops](kind(value.as_py()), np.dtype(kind).type(limit.limit)):
                broken.append(limit.reason)
        if reason in known:
            assert broken[0] == reason
            found += 1
        elif reason is None:
            assert broken == []
    return found


@pytest.mark.parametrize(("name", "case"), cases())
def test_a_stage_decides_by_the_thresholds_that_it_tells_of(name, case):
    stage = make(name, case)
    if isinstance(stage, PerBatch) and stage.thresholds():
        checked(stage, documents(case, [*HOSTILE, *PROSE]))


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_documents_are_dropped_by_them(name, options):
    stage = catalog.stage_class(name)(**options)
    scores = pa.array([(row * 37 % 11) / 10 for row in range(len(HOSTILE) + len(PROSE))], pa.float32())
    texts = [*HOSTILE, *PROSE]
    assert checked(stage, batch_of(texts, q=scores)) > 0
