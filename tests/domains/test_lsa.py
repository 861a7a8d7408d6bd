from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curate.domains.lsa import Lsa, fit, load, weights
from curate.errors import StoreError
from curate.kernels.terms import terms

SUBJECTS = ["court judge verdict jury appeal lawyer", "bread butter oven soup flour kitchen", "中文 文本 日本 文化"]


def corpus(n: int = 150, seed: int = 0) -> tuple[pa.LargeStringArray, np.ndarray]:
    rng = np.random.default_rng(seed)
    subject = rng.integers(0, 3, n)
    texts = [" ".join(rng.choice(SUBJECTS[s].split(), 6)) + f" common page word{rng.integers(9)}" for s in subject]
    return pa.array(texts, pa.large_string()), subject


def learned(texts: pa.LargeStringArray, dimensions: int = 8, **options) -> Lsa:
    options = {"max_chars": 1000, "seed": 0, **options}
    return fit(terms(texts, options["max_chars"]), len(texts), dimensions, **options)


def test_weights_are_logarithmic_counts():
    texts = pa.array(["one two one one", "", "two three"], pa.large_string())
    found = weights(terms(texts, 99), pa.array(["one", "two", "zero"], pa.large_string()), 3).toarray()
    assert np.allclose(found, [[1 + np.log(3), 1, 0], [0, 0, 0], [0, 1, 0]])


def test_the_directions_are_those_of_a_full_decomposition():
    """What the vectors keep of the TF-IDF matrix is what NumPy's SVD keeps."""
    texts, _ = corpus()
    model = learned(texts, 5)
    counts = weights(terms(texts, 1000), pa.array(model.words, pa.large_string()), len(texts)).toarray()
    having = (counts > 0).sum(0)
    x = counts * (np.log((1 + len(texts)) / (1 + having)) + 1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    strongest = np.linalg.svd(x, compute_uv=False)
    assert model.explained == pytest.approx((strongest[:5] ** 2).sum() / (strongest**2).sum(), rel=1e-3)


def test_texts_about_the_same_are_near():
    texts, subject = corpus()
    found, rows = learned(texts).embed(texts)
    assert rows.tolist() == list(range(len(texts)))
    near = found @ found.T
    same = subject[:, None] == subject[None, :]
    assert near[same].mean() > near[~same].mean() + 0.3


def test_a_text_does_not_depend_on_those_beside_it():
    texts, _ = corpus()
    model = learned(texts)
    whole, _ = model.embed(texts)
    for row in (0, 7, 149):
        one, _ = model.embed(texts.slice(row, 1))
        assert (one[0] == whole[row]).all()


def test_texts_of_unknown_words_have_no_vector():
    model = learned(corpus()[0])
    _, rows = model.embed(pa.array(["", "xyzzy plugh", "court", "12 34"], pa.large_string()))
    assert rows.tolist() == [2]


@pytest.mark.parametrize("texts", [[], [""], ["once"], ["court court", "court judge", "court"]])
def test_next_to_nothing_to_learn_from(texts):
    given = pa.array(texts, pa.large_string())
    model = learned(given, 4)
    assert model.dimensions == 4
    found, rows = model.embed(pa.array(["court", "x"], pa.large_string()))
    assert found.shape == (len(rows), 4)
    assert np.isfinite(found).all()


def test_same_bits_again_and_from_its_file(tmp_path):
    texts, _ = corpus()
    model = learned(texts)
    assert learned(texts).model_dump_json() == model.model_dump_json()
    path = tmp_path / "embed.json"
    path.write_text(model.model_dump_json())
    assert (load(path).embed(texts)[0] == model.embed(texts)[0]).all()
    assert "8 numbers for" in model.summary


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"words": ["a"], "vectors": {"rows": 1}}'])
def test_files_that_hold_no_word_vectors(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(StoreError, match="no word vectors in it"):
        load(path)
    with pytest.raises(StoreError, match="cannot read it"):
        load(tmp_path / "absent.json")
