from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.models import raters
from curate.models.static import DIMENSIONS, vector_one, vectors
from curate.models.traits import traits
from tests.stages.test_family import HOSTILE, HUGE, PROSE, hostile


def agree(texts: list[str]) -> None:
    found, rows = vectors(pa.array(texts, pa.large_string()))
    place = dict(zip(rows.tolist(), found, strict=True))
    for row, text in enumerate(texts):
        slow = vector_one(text)
        assert (slow is None) == (row not in place), text
        if slow is not None:
            assert (slow == place[row]).all(), text  # sums are of integers


def test_fast_form_is_plain_form_on_hostile_texts():
    agree([*HOSTILE, *HUGE])


@settings(deadline=None, max_examples=50)
@given(st.lists(hostile, max_size=4))
def test_fast_form_is_plain_form(texts):
    agree(texts)


def test_the_sums_are_those_that_raters_see():
    """Of a text of one segment."""
    texts = [text for text in HOSTILE if len(text) <= 1500]
    seen, document = traits(pa.array(texts, pa.large_string()), raters.load().tables)
    found, rows = vectors(pa.array(texts, pa.large_string()))
    totals = np.zeros((len(texts), DIMENSIONS))
    totals[document] = seen.total
    lengths = np.linalg.norm(totals, axis=1)
    assert rows.tolist() == np.flatnonzero(lengths).tolist()
    assert np.allclose(found, totals[rows] / lengths[rows, None], atol=1e-6)


def test_what_is_about_the_same_is_near():
    said = [
        "The court found that the defendant had broken the contract, and the judge awarded damages to the plaintiff.",
        "A lawyer may appeal to a higher court against the verdict of the jury.",
        "Bake the dough in the oven until the crust is golden; serve the bread with butter and soup.",
        PROSE,
    ]
    found, _ = vectors(pa.array(said, pa.large_string()))
    near = found @ found.T
    assert near[0, 1] > max(near[0, 2], near[0, 3], near[1, 2])
    assert np.allclose(np.diag(near), 1, atol=1e-6)
