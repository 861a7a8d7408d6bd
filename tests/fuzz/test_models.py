"""Model files that are damaged, or made to do harm, are refused or give numbers; nothing else ever happens."""

from __future__ import annotations

import random
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import StoreError
from curate.models import raters, toxicity

TEXTS = pa.array(
    ["A text in English, with 3 numbers.\nAnd a second line!", "", "短い文。😀", "x" * 300], pa.large_string()
)
KINDS = (np.int8, np.uint8, np.int32, np.float16, np.float32, np.float64, np.bool_, "S3", "U2", "M8[s]", np.complex64)
MODELS = {"raters": raters.BUNDLED, "toxicity": toxicity.TOXICITY}


def rate(path: Path) -> None:
    """Ratings of some texts by the raters in a file."""
    assert len(raters.read(path).rate(TEXTS).scores) == len(TEXTS)


def score(path: Path) -> None:
    """Scores of some texts by the model in a file."""
    assert len(toxicity.load(path).scores(TEXTS)) == len(TEXTS)


ASK = {"raters": rate, "toxicity": score}


@cache
def stored(name: str) -> dict[str, np.ndarray]:
    with np.load(MODELS[name], allow_pickle=False) as file:
        return dict(file)


def damaged(name: str, chance: random.Random) -> bytes:
    """The bytes of a model, cut or with some of them changed."""
    data = bytearray(MODELS[name].read_bytes())
    if chance.random() < 0.3:
        return bytes(data[: chance.randrange(len(data))])
    for _ in range(chance.randint(1, 5)):
        near = chance.choice([len(data), 200, min(len(data), 3000)])
        place = chance.randrange(near) if chance.random() < 0.6 else len(data) - 1 - chance.randrange(near)
        data[place] = chance.randrange(256)
    return bytes(data)


def altered(name: str, chance: random.Random, path: Path) -> None:
    """Write a whole .npz with arrays of other types, shapes or values, or with some missing."""
    arrays = dict(stored(name))
    for _ in range(chance.randint(1, 3)):
        part = chance.choice(list(arrays))
        value, what = arrays[part], chance.randrange(6)
        if what == 0:
            del arrays[part]
            if not arrays:
                break
        elif what == 1:
            arrays[part] = np.zeros(value.shape, np.dtype(chance.choice(KINDS)))
        elif what == 2:
            arrays[part] = value.reshape(-1)[: chance.randrange(value.size + 1)]
        elif what == 3:
            arrays[part] = value.reshape(1, *value.shape)
        elif what == 4:
            odd = chance.choice([0, 1, 127, 255, -128, np.nan, np.inf])
            with np.errstate(all="ignore"):
                arrays[part] = np.full(value.shape, odd).astype(value.dtype) if value.dtype.kind in "iuf" else value
        else:
            arrays[part] = value[::-1].copy() if value.ndim else value
    with path.open("wb") as file:
        np.savez(file, **arrays)


def check(name: str, seed: int, path: Path) -> None:
    chance = random.Random(seed)
    if chance.random() < 0.4:
        path.write_bytes(damaged(name, chance))
    else:
        altered(name, chance, path)
    with suppress(StoreError), np.errstate(all="ignore"):
        ASK[name](path)


@pytest.fixture
def path(tmp_path):
    """Where the odd model goes. Nothing is kept of an earlier one at the same place."""
    toxicity.load.cache_clear()
    return tmp_path / "odd.npz"


@pytest.mark.parametrize(("name", "times"), [("raters", 25), ("toxicity", 60)])
def test_odd_models(path, name, times):
    for seed in range(times):
        toxicity.load.cache_clear()
        check(name, seed, path)


MANY = {"raters": 300, "toxicity": 1500}  # the first takes a tenth of a second to write


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_many_odd_models(tmp_path_factory, name):
    path = tmp_path_factory.mktemp("odd") / "odd.npz"

    @settings(deadline=None, max_examples=MANY[name], database=None)
    @given(st.integers(0, 2**64))
    def check_one(seed):
        toxicity.load.cache_clear()
        check(name, seed, path)

    check_one()


@pytest.mark.parametrize("name", MODELS)
def test_a_small_file_that_unpacks_to_a_very_large_one_is_refused(path, name):
    """Arrays of 64 GB of zeros, in a file of a few kilobytes: it says how large they are before they are read."""
    header = b"{'descr': '|i1', 'fortran_order': False, 'shape': (68719476736,), }"
    body = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n" + bytes(1000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for part in stored(name):
            file.writestr(f"{part}.npy", body)
    with pytest.raises(StoreError, match=r"odd\.npz"):
        ASK[name](path)
