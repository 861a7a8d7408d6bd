from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.domains.sampling import chosen, noted, share_of
from curate.kernels.hashing import hash64
from tests.stages.harness import Evidence

BOTH = [("key", "ascending"), ("document", "ascending")]
IDS = pa.array([f"d{n}" for n in range(1000)], pa.large_string())


def test_a_share_of_the_documents_is_noted_by_hash():
    every, rows = noted(IDS, np.arange(1000), 3, None)
    assert (every == hash64(IDS, 3)).all()
    assert rows.tolist() == list(range(1000))
    key, some = noted(IDS, np.arange(0, 1000, 2), 3, 0.25)
    assert some.tolist() == [row for row in range(0, 1000, 2) if every[row] <= 2**62]
    assert (key == every[some]).all()


def test_the_share_leaves_eight_times_the_sample_or_more():
    for documents in (1, 799, 1600, 1601, 12_345, 10**9):
        share = share_of(100, documents)
        assert share == 1 or documents * share > 800
        assert documents * share <= 1600
        assert np.log2(share) == int(np.log2(share))


def test_the_smallest_keys_are_chosen_in_order():
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 50, 200).astype(np.uint64)  # with equal ones
    documents = rng.permutation(200).astype(np.uint64)
    units = np.array_split(np.arange(200), 3)
    tables = [pa.table({"key": keys[at], "document": documents[at], "x": documents[at]}).sort_by(BOTH) for at in units]
    wanted = sorted(zip(keys.tolist(), documents.tolist(), strict=True))
    for most in (1, 10, 77, 200, 500):
        assert chosen(Evidence(tables), ["x"], most)["x"].to_pylist() == [d for _, d in wanted[:most]]
    assert chosen(Evidence([]), ["x"], 5).num_rows == 0
