"""The columns of `quality`, and how near they come to the annotator."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.models.raters import CRITERIA, DOMAINS
from curate.stages.quality import Quality
from tests.stages.harness import batch_of

DATA = Path(os.environ.get("CURATE_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")


def test_has_the_criteria_the_domain_and_its_probability():
    columns = Quality().annotate(batch_of(["", "A plain sentence about nothing much."]))
    assert {name: column.type for name, column in columns.items()} == Quality.writes
    assert list(columns) == [f"quality_{c}" for c in CRITERIA] + ["quality_domain", "quality_domain_probability"]
    assert all(column.to_pylist()[0] is None for column in columns.values())
    assert all(column.to_pylist()[1] is not None for column in columns.values())
    assert columns["quality_domain"][1].as_py() in DOMAINS


@pytest.mark.parametrize("text", [" " * 1500, "\n" * 20_000, "\0", "---- *** ???", "🙂🙃 " * 900, "\u200b", "…"])
def test_without_letters_and_digits_there_is_nothing_to_rate(text):
    columns = Quality().annotate(batch_of([text, text + "word", "1", "文", text]))
    for column in columns.values():
        assert column.is_null().to_pylist() == [True, False, False, False, True]
    assert set(Quality().annotate_one(text).values()) == {None}
    assert None not in Quality().annotate_one(text[:1000] + "word").values()


def test_no_documents_no_rows():
    assert {len(column) for column in Quality().annotate(batch_of([])).values()} == {0}


@pytest.mark.skipif(not (DATA / "quality").exists(), reason="the ratings are not there; CURATE_SHARED_DATA names them")
def test_near_the_annotator_on_what_it_was_trained_on():
    """No measure of quality, which the model card has; a broken feature or file shows here."""
    table = pq.read_table(DATA / "quality/rated.parquet")
    columns = Quality().annotate(batch_of(table["text"].to_pylist()))
    for name, least in (("overall", 0.83), ("professionalism", 0.84), ("coherence", 0.78)):
        given = table["overall_score" if name == "overall" else name].to_numpy()
        assert _rank_correlation(columns[f"quality_{name}"].to_numpy(), given) > least
    domains = pa.array([DOMAINS[ord(letter) - ord("A")] for letter in table["domain"].to_pylist()])
    right = np.mean(np.array(columns["quality_domain"].to_pylist()) == np.array(domains.to_pylist()))
    assert right > 0.68


def _rank_correlation(x, y):
    """Spearman's, ties at their mean rank."""
    ranks = []
    for values in (x, y):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    return np.corrcoef(*ranks)[0, 1]
