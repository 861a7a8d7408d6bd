"""The hashes against the C library."""

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.hashing import hash64, hash64_one, hash128


def strings(texts):
    return pa.array(texts, pa.large_string())


@settings(deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=100)), seed=st.integers(0, 2**64 - 1))
def test_hash64(texts, seed):
    assert hash64(strings(texts), seed).tolist() == [xxhash.xxh64_intdigest(text.encode(), seed) for text in texts]


@pytest.mark.parametrize("length", range(0, 100))
def test_hash64_at_every_length(length):
    text = "".join(chr(33 + i % 90) for i in range(length))
    assert hash64(strings(["x", text, "y"])).tolist()[1] == hash64_one(text) == xxhash.xxh64_intdigest(text.encode())


@settings(deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=300)))
def test_hash128(texts):
    upper, lower = hash128(strings(texts))
    assert upper.dtype == lower.dtype == np.uint64
    found = [int(a) << 64 | int(b) for a, b in zip(upper, lower, strict=True)]
    assert found == [xxhash.xxh3_128_intdigest(text.encode()) for text in texts]


def test_slices_hash_as_the_strings_that_they_hold():
    texts = strings(["a", "bé", "", "c"])
    assert hash64(texts[1:3]).tolist() == hash64(strings(["bé", ""])).tolist()
    assert hash128(texts[1:3])[0].tolist() == hash128(strings(["bé", ""]))[0].tolist()
