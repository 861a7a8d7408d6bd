"""Write the MinHash signature of each text, as datasketch has it."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.minhash import PRIME, permutations
from curate.kernels.shingles import shingles_one
from curate.shingling import Shingling
from curate.stage import Annotate


class MinhashSignature(Shingling, Annotate):
    """Write the MinHash signature of each text, as datasketch has it.

        - minhash_signature: {hashes: 128}

    Adds `signature`, a list of `hashes` numbers, of 32 bits or 64 by the `scheme`; null for a text that is too short
    for a shingle. With the default options it is that of `datasketch.MinHash(num_perm=112, seed=1, scheme="affine32",
    hashfunc=xxhash.xxh32_intdigest)` updated with the UTF-8 bytes of each shingle, words joined by single spaces; for
    `affine64` the hash function is `xxhash.xxh64_intdigest`. To find near-duplicates in a corpus, `minhash_dedup` needs
    no such column.
    """

    hashes: int = Field(112, ge=1, le=10_000)
    """Values of a signature. A similarity J estimated from it has a standard error of sqrt(J (1 - J) / hashes)."""

    writes: ClassVar[dict[str, pa.DataType]] = {"signature": pa.large_list(pa.uint64())}

    def columns_written(self) -> dict[str, pa.DataType]:
        return {"signature": pa.large_list(self.width)}

    def notes(self) -> tuple[str, ...]:
        return (self.definition(),)

    def annotate_one(self, text: str) -> dict[str, Any]:
        """Of each permutation the smallest value over all shingles."""
        normal = self.normalised(pa.array([text], pa.large_string()))[0].as_py()
        pieces = set(shingles_one(normal, self.ngram, self.unit, self.words, self.max_chars))
        hashes = [self._hash_one(piece.encode()) for piece in pieces]
        drawn = permutations(self.scheme, self.hashes, self.seed)
        of_each = zip(drawn.a.tolist(), drawn.b.tolist(), strict=True)
        found = [min(self._permute_one(h, a, b) for h in hashes) for a, b in of_each] if hashes else None
        return {"signature": found}

    def _hash_one(self, piece: bytes) -> int:
        bits = 32 if self.scheme.endswith("32") else 64
        if self.hash == "sha1":
            return int.from_bytes(hashlib.sha1(piece).digest()[: bits // 8], "little")
        return int((xxhash.xxh32_intdigest if bits == 32 else xxhash.xxh64_intdigest)(piece))

    def _permute_one(self, h: int, a: int, b: int) -> int:
        """See `kernels.minhash` on the schemes."""
        if self.scheme.startswith("datatrove"):
            value = (h * a + b) % 2**64 % PRIME
            return value % 2**32 if self.scheme == "datatrove32" else value
        if self.scheme == "affine32":  # the finalizers of MurmurHash3, then the permutation
            h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
            h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
            return ((h ^ h >> 16) * a + b) % 2**32
        h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD % 2**64
        h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 % 2**64
        return ((h ^ h >> 33) * a + b) % 2**64

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        found = self.shingles(self.normalised(batch[TEXT]))
        values = self.signatures(found, self.hashes)
        there = np.diff(found.offsets) > 0
        offsets = np.concatenate([[0], np.cumsum(there * self.hashes)])
        flat = pa.array(values[there].reshape(-1))
        lists = pa.LargeListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(~there))
        return {"signature": lists}
