"""Signatures against datasketch, and against datatrove's golden values."""

import pytest
import xxhash
from datasketch import MinHash

from curate.kernels.shingles import shingles_one
from curate.kernels.simplify import simplify_one
from curate.stages.minhash_signature import MinhashSignature
from tests.stages.harness import batch_of, run

FOX = "The quick brown Fox, jumps over the lazy dog -- 3,141.59 times! Café naïve."
TEXTS = [
    FOX,
    FOX + " " + FOX.upper(),
    "five words are a shingle",
    " ".join(f"w{chr(97 + i % 26)}{i}" for i in range(999)),
]


def signatures(texts, **options):
    found = run(MinhashSignature(**options), [[batch_of(texts)]]).columns["signature"]
    return [found[f"d{i}"] for i in range(len(texts))]


@pytest.mark.parametrize(
    ("scheme", "hashfunc"), [("affine32", xxhash.xxh32_intdigest), ("affine64", xxhash.xxh64_intdigest)]
)
@pytest.mark.parametrize(("hashes", "seed"), [(112, 1), (7, 42)])
def test_is_that_of_datasketch(scheme, hashfunc, hashes, seed):
    found = signatures(TEXTS, scheme=scheme, hashes=hashes, seed=seed)
    opened = []
    for text, signature in zip(TEXTS, found, strict=True):
        expected = MinHash(num_perm=hashes, seed=seed, scheme=scheme, hashfunc=hashfunc)
        expected.update_batch([piece.encode() for piece in shingles_one(simplify_one(text), 5)])
        assert signature == expected.hashvalues.tolist()
        opened.append(MinHash(num_perm=hashes, seed=seed, scheme=scheme, hashfunc=hashfunc, hashvalues=signature))
        assert opened[-1].jaccard(expected) == 1
    assert opened[0].jaccard(opened[2]) < 0.2


@pytest.mark.parametrize("scheme", ["affine32", "affine64"])
def test_with_sha1_is_that_of_datasketch_by_default(scheme):
    expected = MinHash(num_perm=16, scheme=scheme)
    expected.update_batch([piece.encode() for piece in shingles_one(simplify_one(FOX), 5)])
    assert signatures([FOX], scheme=scheme, hash="sha1", hashes=16) == [expected.hashvalues.tolist()]


@pytest.mark.parametrize(
    ("scheme", "hash", "first", "last"),
    [
        (
            "datatrove",
            "xxhash",
            [85330943174081874, 184339147761722157, 302227827184868053],
            [350264292399015954, 3963570588256049],
        ),
        ("datatrove32", "xxhash", [125697124, 781170250, 441372471], [380316960, 278523284]),
        (
            "datatrove",
            "sha1",
            [128613754171378495, 244711514937305746, 78707248969336376],
            [66204159458720642, 14705385134554698],
        ),
        ("datatrove32", "sha1", [542897603, 1312834104, 337500305], [254851966, 226228629]),
    ],
)
def test_is_that_of_datatrove(scheme, hash, first, last):
    """What MinhashDedupSignature of datatrove 0.10 gives for the sentence, with 14 bands of 8 rows."""
    (found,) = signatures([FOX], scheme=scheme, hash=hash)
    assert (found[:3], found[-2:], len(found)) == (first, last, 112)


def test_a_text_without_a_shingle_has_no_signature():
    found = signatures(["", "four words, no more", "😀", "here we have five words"])
    assert [signature is None for signature in found] == [True, True, True, False]
