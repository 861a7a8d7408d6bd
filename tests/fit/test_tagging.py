"""The threshold of a share of bad segments, against a sort of all of them."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError, RecipeError
from curate.fit.tagging import threshold
from curate.kernels.segments import segments_one

SENTENCES = ["It rained.", "The ferry leaves at seven o'clock.", "No!", "Ein Satz – mit é und 中文."]


def corpus(scores: list[list[float]], sizes: int = 3, kind: pa.DataType | None = None) -> pa.Table:
    texts = [" ".join(SENTENCES[(i + k) % 4] for k in range(len(those))) for i, those in enumerate(scores)]
    assert [len(segments_one(text)) for text in texts] == [len(those) for those in scores]
    ids = [f"d{i}" for i in range(len(scores))]
    source = [None if i % sizes == 2 else "ab"[i % 2] for i in range(len(scores))]
    lists = pa.array(scores, kind or pa.list_(pa.float32()))
    return pa.table({"id": ids, "text": pa.array(texts, pa.large_string()), "s": lists, "source": source})


def pieces(table: pa.Table) -> list[tuple[float, int, str | None]]:
    """(score, characters, source) of each segment."""
    return [
        (score, len(piece), source)
        for text, those, source in zip(*(table[name].to_pylist() for name in ("text", "s", "source")), strict=True)
        for score, piece in zip(those, segments_one(text), strict=True)
    ]


few = st.sampled_from([0.0, 0.001, 0.5, 0.9375, 1.0, 3e-7]) | st.floats(0, 1, width=32)


@settings(deadline=None, max_examples=150)
@given(
    scores=st.lists(st.lists(few, max_size=5), min_size=1, max_size=12),
    fraction=st.floats(0.001, 0.5),
    cut=st.integers(1, 12),
)
def test_no_more_than_the_share_is_bad_and_one_score_more_would_be_too_many(scores, fraction, cut):
    table = corpus(scores)
    every = pieces(table)
    if not every:
        with pytest.raises(CurateError, match="no characters"):
            threshold(lambda: [table], "s", fraction)
        return
    found = threshold(lambda: [table.slice(at, cut) for at in range(0, len(table), cut)], "s", fraction, "source")
    total = sum(chars for _, chars, _ in every)
    bad = sum(chars for score, chars, _ in every if score > found.threshold)
    assert (found.whole.segments, found.whole.chars, found.whole.bad_chars) == (len(every), total, bad)
    assert bad <= fraction * total
    nearly = found.threshold * (1 - 1 / 500)  # scores that differ by less than that are not told apart
    assert sum(chars for score, chars, _ in every if score >= nearly) > math.floor(fraction * total)
    assert sum(tally.bad_chars for tally in found.by_source.values()) == bad
    for source, tally in found.by_source.items():
        assert tally.segments == sum(1 for *_, name in every if name == source)
        assert tally.bad_segments == sum(1 for score, _, name in every if name == source and score > found.threshold)
    again = threshold(lambda: [table.take(list(range(len(table)))[::-1])], "s", fraction)
    assert again.threshold == found.threshold


def test_a_known_quantile():
    """A hundred sentences of ten characters that score 0.00 to 0.99: a tenth of them is above 0.89."""
    texts = pa.array(["It rained."] * 100, pa.large_string())
    table = pa.table({"id": [str(i) for i in range(100)], "text": texts, "s": np.arange(100) / 100})
    found = threshold(lambda: [table], "s", 0.1)
    assert found.whole.bad_segments == 10
    assert 0.89 <= found.threshold < 0.9


def test_most_scores_are_zero():
    table = corpus([[0.0, 0.0, 0.0, 0.0, 0.5]] * 20)
    found = threshold(lambda: [table], "s", 0.5)
    assert found.threshold == 0
    assert found.whole.bad_segments == 20


def test_what_cannot_be_used_is_told():
    table = corpus([[0.1], [0.2, 0.3]])
    for fraction in (0.0009, 0.51, math.nan):
        with pytest.raises(RecipeError, match=r"0\.001 to 0\.5"):
            threshold(lambda: [table], "s", fraction)
    for scores, says in (
        ([[0.1], None], "document 'd1' has no s"),
        ([[0.1], [0.2]], "document 'd1' has 1 scores in s and 2 sentences"),
        ([[0.1], [0.2, None]], "document 'd1' has a s without value"),
        ([[0.1], [math.nan, 0.1]], "document 'd1' has a s without value"),
    ):
        odd = table.set_column(2, "s", pa.array(scores, pa.list_(pa.float64())))
        with pytest.raises(CurateError, match=says):
            threshold(lambda odd=odd: [odd], "s", 0.1)
    with pytest.raises(RecipeError, match="values of type string"):
        threshold(lambda: [table], "source", 0.1)
