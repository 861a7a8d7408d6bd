"""The bundled toxicity model: what it gives, and what is refused in its place."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import StoreError
from curate.models.toxicity import TOXICITY, load


def test_scores_of_known_sentences():
    pieces = [
        "You stupid bitch.",
        "I will kill all of them, those filthy animals.",
        "The library opens at nine.",
        "...",
        "",
    ]
    scores = load().scores(pa.array(pieces, pa.large_string()))
    assert scores.dtype == np.float32
    assert scores[0] > 0.9
    assert scores[2] < 0.02
    assert scores[1] > scores[2]
    assert scores[3:].tolist() == [0, 0]
    assert [load().score_one(piece) for piece in pieces] == scores.tolist()


@pytest.mark.parametrize("group", ["gay", "Muslim", "Jewish", "black", "transgender", "deaf"])
def test_to_name_a_group_is_not_toxic(group):
    assert load().score_one(f"The {group} community met on Sunday.") < 0.5


def test_a_damaged_file_is_refused(tmp_path):
    whole = TOXICITY.read_bytes()
    with pytest.raises(StoreError, match="no toxicity model"):
        load(tmp_path / "none.npz")
    for number, stored in enumerate((whole[:-100], whole[:1000], b"", b"words")):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(stored)
        with pytest.raises(StoreError, match="no toxicity model"):
            load(path)


@pytest.mark.parametrize(
    "parts",
    [
        {"weights": np.zeros(8, np.float32), "bias": 0.0, "step": 1.0},
        {"weights": np.zeros(7, np.int8), "bias": 0.0, "step": 1.0},
        {"weights": np.zeros(8, np.int8), "bias": np.nan, "step": 1.0},
        {"weights": np.zeros(8, np.int8), "bias": 0.0},
        {"weights": np.array([{}]), "bias": 0.0, "step": 1.0},
    ],
)
def test_another_file_of_arrays_is_refused(tmp_path, parts):
    np.savez(tmp_path / "x.npz", **parts)
    with pytest.raises(StoreError, match=r"x\.npz"):
        load(tmp_path / "x.npz")


def test_the_card_is_of_this_file():
    card, stored = TOXICITY.with_suffix(".md").read_text(encoding="utf-8"), TOXICITY.read_bytes()
    assert f"{len(stored):,} bytes, SHA-256 `{hashlib.sha256(stored).hexdigest()}`" in card
