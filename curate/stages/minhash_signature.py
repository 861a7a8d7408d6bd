"""Write the MinHash signature of each text, as datasketch has it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.documents import TEXT, Batch
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

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        found = self.shingles(self.normalised(batch[TEXT]))
        values = self.signatures(found, self.hashes)
        there = np.diff(found.offsets) > 0
        offsets = np.concatenate([[0], np.cumsum(there * self.hashes)])
        flat = pa.array(values[there].reshape(-1))
        lists = pa.LargeListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(~there))
        return {"signature": lists}
