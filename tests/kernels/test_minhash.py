"""Signatures, bit for bit, against datasketch and datatrove; what LSH finds, against what it should by its formula."""

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.minhash import band_keys, best_bands, lsh_probability, permutations, signatures
from curate.kernels.shingles import Shingles, shingles, shingles_one
from curate.kernels.simplify import simplify

FOX = "The quick brown Fox, jumps over the lazy dog -- 3,141.59 times! Café naïve."

# What MinhashDedupSignature of datatrove 0.10.1 gives with its default settings: the first hash of a shingle, the first
# three values of band 0, the last two of band 13.
DATATROVE_FOX = {
    ("datatrove", "xxh64"): (
        7797000677988824208,
        [85330943174081874, 184339147761722157, 302227827184868053],
        [350264292399015954, 3963570588256049],
    ),
    ("datatrove32", "xxh32"): (1936900125, [125697124, 781170250, 441372471], [380316960, 278523284]),
    ("datatrove", "sha1_64"): (
        12313522834835307089,
        [128613754171378495, 244711514937305746, 78707248969336376],
        [66204159458720642, 14705385134554698],
    ),
    ("datatrove32", "sha1_32"): (1208285777, [542897603, 1312834104, 337500305], [254851966, 226228629]),
}
TEXTS = (
    "Don't stop me now: I'm having such a good time, I cannot stop at all! It's 10:30 a.m. in the U.S.A. already.",
    "The Commission’s proposal (COM/2019/640) — “A European Green Deal” – was adopted on 11 December 2019 by 27 Member "
    "States.",
    "def shingles(words, n=5): return [words[i:i + n] for i in range(len(words) - n + 1)]  # naïve, but it's fine",
)
# Likewise of these texts: the first two values, and the last.
DATATROVE = {
    ("datatrove", "xxh64"): [
        (40723527001285191, 94566159775361684, 67256097862470818),
        (177027315717544831, 71405929009355657, 98656594333915380),
        (107696319182042784, 122237926789264336, 83962608842675167),
    ],
    ("datatrove32", "xxh32"): [
        (129752247, 183522726, 221611229),
        (105127319, 120326253, 56161129),
        (178614625, 366077234, 99123197),
    ],
    ("datatrove", "sha1_64"): [
        (107257748084749692, 48367150891281162, 31503482866288187),
        (357295092563319533, 43294353343866750, 128395246425240047),
        (17164606350695735, 165955736467112044, 247076837393971398),
    ],
    ("datatrove32", "sha1_32"): [
        (28965463, 140651000, 223382491),
        (4457725, 243015261, 181872511),
        (93464956, 125989234, 353908931),
    ],
}
DATASKETCH = {  # of the tokens below, four permutations, seed 1, SHA-1
    "affine32": [204178436, 545177257, 179868246, 811773600],
    "affine64": [6682747965613813585, 4753943425015610691, 1165931654809664591, 1847018117676142916],
}
TOKENS = ["a", "b", "c", "hello world"]

# What datasketch 2.0.0 chooses for thresholds of 0.70, 0.75, 0.80, 0.85 and 0.90, by the number of permutations.
BEST = {
    112: [(12, 9), (11, 10), (9, 12), (7, 16), (5, 22)],
    128: [(14, 9), (11, 11), (9, 13), (8, 16), (5, 25)],
    240: [(24, 10), (20, 12), (16, 15), (12, 20), (9, 26)],
    256: [(25, 10), (21, 12), (17, 15), (13, 19), (9, 28)],
    286: [(26, 11), (22, 13), (17, 16), (14, 20), (10, 28)],
}


def strings(texts):
    return pa.array(texts, pa.large_string())


def of_sets(sets, kind=np.uint32):
    """Shingles whose hashes are given, one row for each set."""
    return Shingles(np.arange(len(sets) + 1, dtype=np.int64) * sets.shape[1], sets.reshape(-1).astype(kind))


@pytest.mark.parametrize(("scheme", "hashed_by"), DATATROVE_FOX)
def test_golden_values_of_datatrove(scheme, hashed_by):
    first_hash, first, last = DATATROVE_FOX[scheme, hashed_by]
    found = shingles(simplify(strings([FOX])), 5, hashed_by=hashed_by)
    assert len(found.hashes) == 10
    assert found.hashes[0] == first_hash
    (signature,) = signatures(found, permutations(scheme, 112, 1)).tolist()
    assert signature[:3] == first
    assert signature[-2:] == last


@pytest.mark.parametrize(("scheme", "hashed_by"), DATATROVE)
def test_texts_as_datatrove_has_them(scheme, hashed_by):
    found = signatures(shingles(simplify(strings(TEXTS)), 5, hashed_by=hashed_by), permutations(scheme, 112, 1))
    assert found.dtype == (np.uint64 if scheme == "datatrove" else np.uint32)
    assert [(*row[:2], row[-1]) for row in found.tolist()] == DATATROVE[scheme, hashed_by]


def test_permutations_of_datatrove():
    drawn = permutations("datatrove", 112, 1)
    assert drawn.a[:3].tolist() == [775169054918279404, 1758426461858698313, 2109959069025162]
    assert drawn.b[:3].tolist() == [1062448801025099917, 1324811268927594100, 1217488311597731462]


@pytest.mark.parametrize("scheme", DATASKETCH)
def test_golden_values_of_datasketch(scheme):
    hashes = [shingles(strings([t]), len(t), "characters", hashed_by=f"sha1_{scheme[-2:]}").hashes for t in TOKENS]
    found = Shingles(np.array([0, len(TOKENS)]), np.concatenate(hashes))
    assert signatures(found, permutations(scheme, 4, 1)).tolist() == [DATASKETCH[scheme]]


@pytest.mark.parametrize("scheme", DATASKETCH)
@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(st.text(st.sampled_from("ab cd\n.é中") | st.characters(codec="utf-8"), max_size=80), max_size=4),
    count=st.integers(1, 130),
    seed=st.integers(0, 2**32 - 1),
    ngram=st.integers(1, 4),
)
def test_signatures_are_those_of_datasketch(scheme, texts, count, seed, ngram):
    hashed_by, hashed = {"affine32": ("xxh32", xxhash.xxh32_intdigest), "affine64": ("xxh64", xxhash.xxh64_intdigest)}[
        scheme
    ]
    found = signatures(shingles(strings(texts), ngram, hashed_by=hashed_by), permutations(scheme, count, seed))
    assert found.shape == (len(texts), count)
    for text, row in zip(texts, found, strict=True):
        reference = MinHash(count, seed=seed, hashfunc=hashed, scheme=scheme)
        reference.update_batch([piece.encode() for piece in shingles_one(text, ngram)])
        assert row.dtype == reference.hashvalues.dtype
        assert row.tolist() == reference.hashvalues.tolist()


@pytest.mark.parametrize(
    ("scheme", "most"), [("affine32", 2**32 - 1), ("affine64", 2**64 - 1), ("datatrove", 2**64 - 1)]
)
def test_no_shingles_is_all_ones(scheme, most):
    kind = np.uint32 if scheme == "affine32" else np.uint64
    found = signatures(Shingles(np.zeros(3, np.int64), np.zeros(0, kind)), permutations(scheme, 7, 1))
    assert found.tolist() == [[most] * 7] * 2


@pytest.mark.parametrize("size", range(1, 20))
def test_any_number_of_shingles(size):
    """Hashes are taken several at a time."""
    sets = np.random.default_rng(size).integers(0, 2**32, (3, size))
    drawn = permutations("datatrove32", 9, 3)
    values = (sets[:, :, None].astype(np.uint64) * drawn.a + drawn.b) % np.uint64(2**61 - 1) & np.uint64(2**32 - 1)
    assert signatures(of_sets(sets), drawn).tolist() == values.min(axis=1).tolist()
    drawn = permutations("affine32", 9, 3)
    references = [MinHash(9, seed=3, hashfunc=int, scheme="affine32") for _ in sets]
    for reference, row in zip(references, sets, strict=True):
        reference.update_batch(row)
    assert signatures(of_sets(sets), drawn).tolist() == [reference.hashvalues.tolist() for reference in references]


def test_what_is_refused():
    with pytest.raises(ValueError, match="a scheme is one of affine32, affine64, datatrove, datatrove32, not 'legacy'"):
        permutations("legacy", 10, 1)
    with pytest.raises(ValueError, match="at least 1 value"):
        permutations("affine32", 0, 1)
    with pytest.raises(ValueError, match="affine32 permutes hashes of 32 bits, not 64"):
        signatures(of_sets(np.ones((1, 3)), np.uint64), permutations("affine32", 4, 1))
    with pytest.raises(ValueError, match="3 bands of 4 rows do not fit into signatures of 10 values"):
        band_keys(np.zeros((2, 10), np.uint32), 3, 4)
    with pytest.raises(ValueError, match="bands"):
        best_bands(1.0, 112)


@pytest.mark.parametrize("kind", [np.uint32, np.uint64])
def test_band_keys(kind):
    found = np.random.default_rng(1).integers(0, 2**32, (50, 20)).astype(kind)
    keys = band_keys(found, 3, 6)
    assert keys.dtype == np.uint64
    wanted = [
        [xxhash.xxh64_intdigest(row[6 * band : 6 * band + 6].tobytes(), band) & ~1 for band in range(3)]
        for row in found
    ]
    assert keys.tolist() == wanted
    assert band_keys(found[:0], 3, 6).shape == (0, 3)


@pytest.mark.parametrize("count", BEST)
def test_best_bands(count):
    assert [best_bands(threshold, count) for threshold in (0.7, 0.75, 0.8, 0.85, 0.9)] == BEST[count]


@pytest.mark.parametrize(
    ("bands", "rows", "shares"),
    [
        (14, 8, [0.053, 0.211, 0.565, 0.772, 0.924, 0.988]),
        (450, 20, [0.0004, 0.016, 0.302, 0.761, 0.995, 1.0]),
        (26, 11, [0.013, 0.090, 0.405, 0.674, 0.903, 0.991]),
        (9, 13, [0.001, 0.012, 0.084, 0.195, 0.399, 0.686]),
    ],
)
def test_probability_to_be_found(bands, rows, shares):
    found = [lsh_probability(similarity, bands, rows) for similarity in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85)]
    assert found == pytest.approx(shares, abs=6e-4)


def pairs_of_sets(size, similarity, pairs, seed):
    """Sets of random hashes, `size` in each, uint32[pairs, size] twice; and the similarity that they have exactly."""
    common = round(2 * size * similarity / (1 + similarity))
    hashes = np.random.default_rng(seed).integers(0, 2**32, (pairs, 2 * size - common), np.uint32)
    return hashes[:, :size], hashes[:, size - common :], common / (2 * size - common)


@pytest.mark.parametrize(("size", "pairs"), [(400, 4000), (30, 20_000)])
@pytest.mark.parametrize("similarity", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_pairs_are_found_as_often_as_the_formula_says(similarity, size, pairs):
    one, other, exact = pairs_of_sets(size, similarity, pairs, seed=size + int(100 * similarity))
    drawn = permutations("affine32", 112, 1)
    keys = [band_keys(signatures(of_sets(sets), drawn), 14, 8) for sets in (one, other)]
    found = (keys[0] == keys[1]).any(axis=1).mean()
    expected = lsh_probability(exact, 14, 8)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / pairs))


@pytest.mark.parametrize("scheme", ["affine32", "affine64", "datatrove", "datatrove32"])
def test_the_share_of_equal_values_estimates_the_similarity(scheme):
    pairs, count = 1500, 112
    for similarity in (0.3, 0.8):
        one, other, exact = pairs_of_sets(200, similarity, pairs, seed=5)
        drawn = permutations(scheme, count, 1)
        kind = np.uint32 if scheme.endswith("32") else np.uint64
        # Hashes of 64 bits whose halves are equal: as random as those of 32.
        both = [sets.astype(kind) * kind(1 if kind is np.uint32 else 2**32 + 1) for sets in (one, other)]
        first, second = (signatures(of_sets(sets, kind), drawn) for sets in both)
        estimates = (first == second).mean(axis=1)
        variance = exact * (1 - exact) / count
        assert estimates.mean() == pytest.approx(exact, abs=4 * np.sqrt(variance / pairs))
        assert estimates.var() <= 1.1 * variance
