"""Keep one of each group of documents with the same text."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from curate.documents import TEXT, Batch
from curate.keeping import KeepOne
from curate.kernels.hashing import hash128
from curate.kernels.simplify import simplify, squeeze
from curate.stage import Grouping, Keys


class ExactDedup(KeepOne):
    """Keep one of each group of documents with the same text.

        - exact_dedup
        - exact_dedup: {level: simplified, keep: newest, column: fetched_at}

    Texts are the same if the 128-bit XXH3 of their normal forms is: of 10^11 different texts, two are taken for the
    same with a chance of 1.5 in 10^17. All texts of which nothing is left in normal form are the same. Which document
    of a group is kept depends on the documents alone, not on how the corpus is cut into shards; with `keep: first` on
    their order too. The others are dropped as `duplicate`, or as `in_index` for what an earlier run kept.

    Adds `exact_dedup_copies`, the size of the group, 1 for a unique text; and `duplicate_of`, the id of the document
    that was kept in place of this one.
    """

    level: Literal["raw", "whitespace", "simplified"] = "whitespace"
    """Normal form: `raw`, the text as it is; `whitespace`, Unicode NFC with each run of whitespace as one space and
    none at the ends, as copies often differ in line ends alone; `simplified`, also without case, punctuation, accents
    and the values of numbers (datatrove's `simplify_text`)."""

    writes: ClassVar[dict[str, pa.DataType]] = {"exact_dedup_copies": pa.int64(), "duplicate_of": pa.large_string()}
    grouping: ClassVar[Grouping] = Grouping(kept="duplicate_of", size="exact_dedup_copies", earlier="in_index")
    reason: ClassVar[str] = "duplicate"

    def keys(self, batch: Batch) -> Keys:
        """The 128-bit hash of each text in normal form."""
        texts = batch[TEXT]
        if self.level != "raw":
            texts = squeeze(texts) if self.level == "whitespace" else simplify(texts)
        key, check = hash128(texts)
        return Keys(key, check, np.arange(len(batch)))
