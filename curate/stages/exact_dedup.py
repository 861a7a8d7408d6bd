"""Keep one of each group of documents with the same text."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.documents import ID, TEXT, Batch
from curate.keeping import Keeping
from curate.kernels.hashing import hash128
from curate.kernels.simplify import simplify, squeeze
from curate.stage import Keys, Match, Outcome


class ExactDedup(Keeping, Match):
    """Keep one of each group of documents with the same text.

        - exact_dedup
        - exact_dedup: {level: simplified, keep: newest, column: fetched_at}

    Texts are the same if the 128-bit XXH3 of their normal forms is: of 10^11 different texts, two are taken for the
    same with a chance of 1.5 in 10^17. All texts of which nothing is left in normal form are the same. Which document
    of a group is kept depends on the documents alone, not on how the corpus is cut into shards; with `keep: first` on
    their order too. The others are dropped as `duplicate`.

    Adds `exact_dedup_copies`, the size of the group, 1 for a unique text; and `duplicate_of`, the id of the document
    that was kept in place of this one.
    """

    level: Literal["raw", "whitespace", "simplified"] = "whitespace"
    """Normal form: `raw`, the text as it is; `whitespace`, Unicode NFC with each run of whitespace as one space and
    none at the ends, as copies often differ in line ends alone; `simplified`, also without case, punctuation, accents
    and the values of numbers (datatrove's `simplify_text`)."""

    writes: ClassVar[dict[str, pa.DataType]] = {"exact_dedup_copies": pa.int64(), "duplicate_of": pa.large_string()}
    evidence: ClassVar[pa.Schema] = pa.schema(
        {
            "key": pa.uint64(),
            "row": pa.int64(),
            "check": pa.uint64(),
            "source": pa.uint32(),
            "prefer": pa.uint64(),
            "tie": pa.uint64(),
            "id": pa.large_string(),
        }
    )

    def keys(self, batch: Batch) -> Keys:
        """The 128-bit hash of each text in normal form, one half of it mixed with the scope."""
        texts = batch[TEXT]
        if self.level != "raw":
            texts = squeeze(texts) if self.level == "whitespace" else simplify(texts)
        key, check = hash128(texts)
        return Keys(key ^ self.scopes(batch), check, np.arange(len(batch)))

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """One row for each document."""
        keys, order = self.keys(batch), self.order(batch)
        columns = [keys.key, keys.row, keys.check, order.source, order.prefer, order.tie, batch[ID]]
        return pa.record_batch([pa.array(column) for column in columns], schema=self.evidence)

    def resolve_range(self, evidence: pa.Table) -> pa.Table:
        """Groups of two or more in a range of keys: what happens to each member.

        `document` uint64, `kept` bool, `copies` int64 (size of the group), `duplicate_of` large_string (null if kept).
        """
        key = evidence["key"].to_numpy()
        same = np.concatenate([[False], key[1:] == key[:-1], [False]])
        members = evidence.take(np.flatnonzero(same[1:] | same[:-1]))
        members = members.take(_best_first(members)).combine_chunks()
        starts, sizes = _runs(members["key"].to_numpy(), members["check"].to_numpy())
        best, copies = np.repeat(starts, sizes), np.repeat(sizes, sizes)
        kept = best == np.arange(len(best))
        columns = {
            "document": members["document"],
            "kept": pa.array(kept),
            "copies": pa.array(copies),
            "duplicate_of": members["id"].take(pa.array(best, mask=kept)),
        }
        return pa.table(columns).filter(pa.array(copies > 1))

    def apply(self, batch: Batch, artifact: pa.Table) -> Outcome:
        """`artifact`: the rows of `resolve_range` for this batch, with `row` in place of `document`."""
        at = np.full(len(batch), -1)
        at[artifact["row"].to_numpy()] = np.arange(artifact.num_rows)
        decided = artifact.take(pa.array(at, mask=at < 0)).combine_chunks()
        dropped = pc.fill_null(pc.invert(decided["kept"]), False).combine_chunks()
        copies = pc.fill_null(decided["copies"], 1).combine_chunks()
        others = decided["duplicate_of"].combine_chunks()
        return Outcome(
            reason=pc.if_else(dropped, pa.scalar("duplicate"), pa.scalar(None, pa.string())),
            columns={"exact_dedup_copies": copies, "duplicate_of": others},
        )


def _best_first(members: pa.Table) -> npt.NDArray[np.int64]:
    """Members of a group next to each other, the one to keep first."""
    by = ("document", "tie", "prefer", "source", "check", "key")
    return np.lexsort([members[name].to_numpy() for name in by])


def _runs(key: npt.NDArray[np.uint64], check: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Where each run of equal (key, check) begins, and how long it is."""
    new = np.ones(len(key), np.bool_)
    new[1:] = (key[1:] != key[:-1]) | (check[1:] != check[:-1])
    starts = np.flatnonzero(new)
    return starts, np.diff(np.append(starts, len(key)))
