"""Feature sums: the kernel adds up what the plain form lists."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.text import buffers
from curate.kernels.word_features import MAX_BYTES, feature_sums, features_one
from tests.stages.test_family import HOSTILE, HUGE, hostile

BITS = 12
WEIGHTS = np.random.default_rng(0).integers(-127, 128, 1 << BITS).astype(np.int8)


def check(many: list[str]) -> None:
    data, offsets = buffers(pa.array(["in front", *many], pa.large_string())[1:])
    sums, counts = feature_sums(data, offsets, WEIGHTS)
    for text, total, count in zip(many, sums, counts, strict=True):
        weights = WEIGHTS[features_one(text, BITS)].astype(np.int64)
        assert (total, count) == ((weights * np.abs(weights)).sum(), len(weights)), text


def test_kernel_is_plain_form_on_hostile_texts():
    check(HOSTILE)
    check([*HUGE, " ".join(f"w{i}" for i in range(50_000))])  # more words than are remembered


@settings(deadline=None, max_examples=200)
@given(many=st.lists(hostile, min_size=1, max_size=4))
def test_kernel_is_plain_form(many):
    check(many)


def test_what_a_word_is():
    assert features_one("", BITS) == features_one(" .,;“”—…\u00a0«»\n'", BITS) == []
    assert len(features_one("ab", BITS)) == 4, "the word, <ab, ab>, <ab>"
    assert features_one("ab", BITS) == features_one("«AB»", BITS)
    assert len(features_one("a b", BITS)) == 2 * 2 + 1
    assert features_one("É", BITS) != features_one("é", BITS), "only ASCII has capitals here"
    assert features_one("x" * MAX_BYTES, BITS) == features_one("x" * 99, BITS)
    assert features_one("a—b", BITS) == features_one("a b", BITS) != features_one("b a", BITS)
