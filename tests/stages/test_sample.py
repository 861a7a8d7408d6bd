"""sample: a property of the document, nested, exact at both ends."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.sample import Sample
from tests.stages.harness import batch_of, cut, run

shares = st.sampled_from([0.0, 1e-300, 0.5, 1 - 2**-53, 1.0]) | st.floats(0, 1)
names = st.lists(st.text(st.characters(codec="utf-8")), unique=True)


def batch(ids, **columns):
    return batch_of([""] * len(ids), ids, **columns)


@settings(deadline=None)
@given(ids=names, share=shares, seed=st.integers(0, 2**64 - 1))
def test_batch_form_is_the_plain_form(ids, share, seed):
    stage = Sample(share=share, seed=seed)
    assert stage.judge(batch(ids)).to_pylist() == [stage.judge_one(name) for name in ids]


@settings(deadline=None)
@given(ids=names, a=shares, b=shares, sizes=st.lists(st.integers(1, 5)))
def test_smaller_shares_keep_a_part(ids, a, b, sizes):
    few, many = (run(Sample(share=share), [cut(batch(ids), sizes)]).kept for share in sorted((a, b)))
    assert few <= many


def test_share_is_met_exactly_at_both_ends_and_about_in_between():
    ids = [f"d{i}" for i in range(10_000)]
    counts = {share: len(run(Sample(share=share), [[batch(ids)]]).kept) for share in (0, 0.25, 1)}
    assert counts[0] == 0
    assert counts[1] == 10_000
    assert abs(counts[0.25] - 2500) < 200  # 4.6 standard deviations


def test_seeds_choose_independently():
    ids = [f"d{i}" for i in range(10_000)]
    a, b = (run(Sample(share=0.5, seed=seed), [[batch(ids)]]).kept for seed in (0, 1))
    assert abs(len(a & b) - 2500) < 200


def test_known_choice_does_not_change_between_releases():
    assert run(Sample(share=0.3), [[batch([f"d{i}" for i in range(12)])]]).kept == {"d7", "d10"}


@pytest.mark.parametrize("kind", [pa.string(), pa.int32(), pa.dictionary(pa.int32(), pa.string())])
def test_by_a_column(kind):
    ids = [f"d{i}" for i in range(3000)]
    hosts = pa.array([None if i % 3 == 2 else str(i // 30) for i in range(3000)]).cast(kind)
    kept = run(Sample(share=0.5, by="host"), [cut(batch(ids, host=hosts), [700])]).kept
    stage = Sample(share=0.5)
    for i, name in enumerate(ids):
        assert (name in kept) == (stage.judge_one(name if i % 3 == 2 else str(i // 30)) is None)


def test_a_column_without_a_string_form():
    with pytest.raises(ValueError, match="'host' is list<item: int64>; `by` hashes values as strings"):
        Sample(share=0.5, by="host").judge(batch(["a"], host=[[1]]))
