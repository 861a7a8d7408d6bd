"""keep_best against the sort that defines it."""

import math
from fractions import Fraction
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import StageError
from curate.stages.keep_best import Cut, KeepBest
from tests.stages.harness import batch_of, cut, observe, run

scores = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 0.5, 0.5, -1.5, 1.0, math.inf, -math.inf, math.nan, None, 5e-324, 1 + 2**-52]),
    st.floats(),
)
rows = st.lists(st.tuples(scores, st.integers(0, 50)), min_size=1, max_size=40)
sizes = st.lists(st.integers(1, 9), max_size=6)


def by_hand(score, weight, share=None, budget=None):
    """The ids that are kept, by sorting everything; and the threshold."""
    order = [i for i, q in enumerate(score) if q is not None and q == q]
    order.sort(key=lambda i: (-score[i], blake2b(f"d{i}".encode(), digest_size=8).digest()))
    total, run = sum(weight[i] for i in order), 0
    if share is not None:
        limit = Fraction(str(share)) * total
        for i in order:
            run += weight[i]
            if run > limit:
                return {f"d{j}" for j in order if score[j] >= score[i]}, score[i]
        return {f"d{i}" for i in order}, None
    kept = set()
    for i in order:
        run += weight[i]
        if run > budget:
            return kept, score[i]
        kept.add(f"d{i}")
    return kept, None


def batch(score, weight):
    return batch_of(["é" * w for w in weight], q=pa.array(score, pa.float64()), n=pa.array(weight, pa.int32()))


@settings(deadline=None, max_examples=60)
@given(rows=rows, sizes=sizes, share=st.one_of(st.sampled_from([0.1, 0.3, 0.5, 1.0]), st.floats(0.001, 1)))
@example(rows=[(0.5, 1)] * 10, sizes=[], share=0.3)
def test_share(rows, sizes, share):
    score, weight = zip(*rows, strict=True)
    for options, w in (({"by": "documents"}, [1] * len(rows)), ({"by": "characters"}, weight)):
        stage = KeepBest(column="q", share=share, missing="drop", **options)
        found = run(stage, [cut(unit, [3, 2]) for unit in cut(batch(score, weight), sizes)])
        kept, threshold = by_hand(score, w, share=share)
        assert found.kept == kept
        assert found.artifact.threshold == threshold
        check_totals(found, score, w)


@settings(deadline=None, max_examples=60)
@given(rows=rows, sizes=sizes, budget=st.integers(1, 600))
@example(rows=[(0.5, 3)] * 10, sizes=[], budget=10)
def test_budget(rows, sizes, budget):
    score, weight = zip(*rows, strict=True)
    for options, w in (({"by": "documents"}, [1] * len(rows)), ({"by": "tokens", "tokens_column": "n"}, weight)):
        stage = KeepBest(column="q", budget=budget, missing="drop", **options)
        found = run(stage, [cut(unit, [3, 2]) for unit in cut(batch(score, weight), sizes)])
        kept, threshold = by_hand(score, w, budget=budget)
        assert found.kept == kept
        assert found.artifact.threshold == threshold
        assert found.artifact.weight_kept <= budget
        check_totals(found, score, w)


def check_totals(found, score, weight):
    scored = [i for i, q in enumerate(score) if q is not None and q == q]
    kept = [i for i in scored if f"d{i}" in found.kept]
    cut = found.artifact
    assert (cut.documents, cut.weight) == (len(scored), sum(weight[i] for i in scored))
    assert (cut.documents_kept, cut.weight_kept) == (len(kept), sum(weight[i] for i in kept))
    assert cut.missing == len(score) - len(scored)


def test_known_answer():
    found = run(
        KeepBest(column="q", share=0.1, by="tokens", tokens_column="n"),
        [[batch_of([""] * 5, list("abcde"), q=[0.9, 0.8, 0.8, 0.5, 0.4], n=[50, 30, 40, 200, 680])]],
    )
    assert found.kept == {"a", "b", "c"}
    assert found.reasons["d"] == "below_threshold"
    assert found.artifact.threshold == 0.8
    assert found.artifact.summary == "q >= 0.8: 3 of 5 (60.0%) documents, 120 of 1,000 (12.0%) tokens"


def test_ties_are_cut_to_the_budget_and_say_so():
    found = run(KeepBest(column="q", budget=4), [[batch_of([""] * 9, q=[2.0, 2.0] + [1.0] * 6 + [0.0])]])
    assert len(found.kept) == 4
    assert sorted(filter(None, found.reasons.values())) == ["below_threshold"] + ["tied_at_threshold"] * 4


def test_a_share_that_ties_exceed_by_far_is_a_warning():
    q = [2.0] + [1.0] * 7 + [0.0] * 2
    found = run(KeepBest(column="q", share=0.3), [[batch_of([""] * 10, q=q)]])
    assert len(found.kept) == 8
    assert found.artifact.warning == (
        "a share of 0.3 was asked for, and 0.8 is kept: 7 documents score 1 exactly, and of these all or none is kept;"
        " a budget cuts among them"
    )
    for share, scores in ((0.75, q), (1.0, q), (0.3, range(10))):
        assert run(KeepBest(column="q", share=share), [[batch_of([""] * 10, q=list(scores))]]).artifact.warning is None
    assert run(KeepBest(column="q", budget=3), [[batch_of([""] * 10, q=q)]]).artifact.warning is None


def test_missing():
    columns = {"q": [1.0, None, math.nan, 0.0]}
    with pytest.raises(StageError, match=r"2 of 4 documents have no score in column 'q', the first has id 'd1'"):
        run(KeepBest(column="q", share=0.5), [[batch_of([""] * 4, **columns)]])
    kept = run(KeepBest(column="q", share=0.4, missing="keep"), [[batch_of([""] * 4, **columns)]])
    assert kept.kept == {"d0", "d1", "d2"}
    dropped = run(KeepBest(column="q", share=0.4, missing="drop"), [[batch_of([""] * 4, **columns)]])
    assert dropped.reasons == {"d0": None, "d1": "no_score", "d2": "no_score", "d3": "below_threshold"}


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.int64(), pa.float16(), pa.float32(), pa.decimal128(5, 2)])
def test_types_of_scores(kind):
    found = run(KeepBest(column="q", budget=2), [[batch_of([""] * 4, q=pa.array([3, 1, 2, 0], kind))]])
    assert found.kept == {"d0", "d2"}


def test_reads_no_more_than_it_needs():
    assert KeepBest(column="q", share=0.5).columns_read() == ("q",)
    assert KeepBest(column="q", share=0.5, by="characters").columns_read() == ("text", "q")
    assert KeepBest(column="q", share=0.5, by="tokens", tokens_column="n").columns_read() == ("q", "n")


def test_scans_the_whole_evidence_once_and_then_ever_less():
    rng = np.random.default_rng(0)
    stage = KeepBest(column="q", share=0.1)
    evidence = observe(stage, [[batch_of([""] * 1000, q=rng.random(1000))] for _ in range(5)])
    cut = stage.resolve(evidence)
    assert cut.documents_kept == 501
    assert evidence.scanned < 1.1 * evidence.rows


def test_infinite_thresholds_are_json():
    cut = run(KeepBest(column="q", budget=1), [[batch_of([""] * 2, q=[-math.inf, -math.inf])]]).artifact
    assert cut.threshold == -math.inf
    assert cut.model_dump(mode="json")["threshold"] == "-inf"
    assert Cut.model_validate(cut.model_dump(mode="json")) == cut


@pytest.mark.parametrize(
    "options",
    [{}, {"share": 0.1, "budget": 3}, {"share": 0}, {"share": 1.1}, {"budget": 0}, {"share": 0.1, "by": "tokens"},
     {"share": 0.1, "tokens_column": "n"}],
)  # fmt: skip
def test_refuses(options):
    with pytest.raises(ValidationError):
        KeepBest(column="q", **options)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"q": ["a"], "n": [1]}, ValueError, "a score is a number"),
        ({"q": [True], "n": [1]}, ValueError, "a score is a number"),
        ({"q": [1.0], "n": [1.5]}, ValueError, "numbers of tokens are integers"),
        ({"q": [1.0], "n": pa.array([None], pa.int64())}, StageError, "1 of 1 are missing"),
        ({"q": [1.0], "n": [-1]}, StageError, "tokens are 0 or more"),
    ],
)
def test_columns_that_do_not_fit(columns, error, message):
    with pytest.raises(error, match=message):
        run(KeepBest(column="q", share=0.5, by="tokens", tokens_column="n"), [[batch_of(["x"], **columns)]])
