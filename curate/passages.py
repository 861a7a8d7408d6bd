"""Repeated passages, lines or spans of sentences, found over the whole corpus and taken out of the texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.documents import EARLIER, TEXT, Batch
from curate.kernels.pieces import Pieces
from curate.kernels.text import char_counts
from curate.kernels.verdicts import first_reason
from curate.remembering import Remembering
from curate.scoping import Scoped
from curate.stage import Match, Outcome

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


class Passages(NamedTuple):
    """The passages of some texts that are compared with those of others."""

    key: npt.NDArray[np.uint64]
    """64-bit hash of the passage in normal form."""
    begin: Numbers
    """The piece with which it begins, among all pieces of the texts."""


class Left(NamedTuple):
    """Texts that have passages to lose."""

    texts: pa.LargeStringArray
    """What is left of them."""
    old_chars: Numbers
    chars: Numbers
    """Code points that are left."""
    removed: Numbers
    """Pieces taken out; may be 0."""


class PassageDedup(Scoped, Remembering, Match):
    """Takes repeated passages out of texts. Write `cut`, `passages`, `mark`, `rebuild` and `broken`.

    A passage is one piece of a text or several; `passages_one` and `rebuild_one` say it in plain Python, for tests.

    Name two columns in `writes`: the number of pieces taken out, int32, and of code points by which the text got
    shorter, int64.

    Passages are the same if the 64-bit XXH64 of their normal forms is: among N different passages, a given one is taken
    for another with a chance of N / 2^64, and any two are with N^2 / 2^65 (N = 10^9: 1 in 37). The evidence of a
    passage is 20 bytes.
    """

    keep: Literal["first", "none"] = "first"
    """What stays of something repeated: the `first` copy in the order of the input, or `none` of them."""
    min_repeats: int = Field(2, ge=2)
    """What occurs less often than this, in the corpus or in its scope, stays; all copies count, the first included."""

    edits_text: ClassVar[bool] = True
    evidence: ClassVar[pa.Schema] = pa.schema({"key": pa.uint64(), "row": pa.int64(), "place": pa.uint32()})

    def scratch(self, documents: int, text_bytes: int) -> int:
        """A passage for each 80 bytes."""
        return super().scratch(documents + text_bytes // 80, 0)

    def cut(self, texts: pa.LargeStringArray) -> Pieces:
        """The pieces of texts, which passages consist of."""
        raise NotImplementedError

    def passages(self, pieces: Pieces) -> Passages:
        """The passages to compare, without regard to scopes."""
        raise NotImplementedError

    def mark(self, pieces: Pieces, repeats: Numbers) -> Flags:
        """Which pieces to take out, when the passages that begin at the pieces `repeats` are to go."""
        raise NotImplementedError

    def rebuild(self, pieces: Pieces, gone: Flags) -> pa.LargeStringArray:
        """The texts without the pieces that are gone; of a text that loses none, anything."""
        raise NotImplementedError

    def broken(self, left: Left) -> dict[str, Flags]:
        """Reason → the texts of which too little is left for it; those that lost nothing do not matter."""
        raise NotImplementedError

    def passages_one(self, text: str) -> dict[int, str]:
        """The specification of `passages`: number of the piece with which a passage begins → its normal form."""
        raise NotImplementedError

    def rebuild_one(self, text: str, repeats: set[int]) -> tuple[str, int]:
        """The specification of `mark` and `rebuild`: (what is left without these passages, pieces taken out)."""
        raise NotImplementedError

    def columns_applied(self) -> tuple[str, ...]:
        return (TEXT,)

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """One row for each passage; `place` is the number of the piece in its text with which it begins, from 0."""
        pieces = self.cut(batch[TEXT])
        key, begin = self.passages(pieces)
        row, place = pieces.row()[begin], pieces.place()[begin]
        columns = [key ^ self.scopes(batch)[row], row, place.astype(np.uint32)]
        return pa.record_batch([pa.array(column) for column in columns], schema=self.evidence)

    def resolve_range(self, evidence: pa.Table) -> pa.Table:
        """The passages of a range of keys that are to go: `document` uint64, `place` uint32."""
        key = evidence["key"].to_numpy()
        new = np.ones(len(key), np.bool_)
        new[1:] = key[1:] != key[:-1]
        sizes = np.diff(np.append(np.flatnonzero(new), len(key)))
        often = sizes >= self.min_repeats
        going = evidence.select(["document", "place"]).filter(pa.array(np.repeat(often, sizes))).combine_chunks()
        if self.keep == "none":
            return going
        sizes = sizes[often]
        group = np.repeat(np.arange(len(sizes)), sizes)
        document = going["document"].to_numpy()
        order = np.lexsort((going["place"].to_numpy(), document, document < np.uint64(EARLIER), group))
        return going.take(pa.array(np.delete(order, np.cumsum(sizes) - sizes)))

    def remembered(self, evidence: pa.Table) -> pa.Table:
        """All passages of this run: copies count, also those that are removed."""
        return evidence.filter(pa.array(evidence["document"].to_numpy() < np.uint64(EARLIER)))

    def compared_by(self) -> Mapping[str, Any]:
        names = [name for name in type(self).model_fields if name not in self.decides_by]
        return {"version": self.version, **{name: getattr(self, name) for name in names}}

    def apply(self, batch: Batch, artifact: pa.Table) -> Outcome:
        """`artifact`: the rows of `resolve_range` for this batch, with `row` in place of `document`.

        A document that is dropped for what is left of it has its old text.
        """
        place = artifact["place"].to_numpy()
        rows, at = np.unique(artifact["row"].to_numpy(), return_inverse=True)
        left = self._left(batch[TEXT].take(pa.array(rows)), at, place)
        changed = left.removed > 0
        broken = {reason: flags & changed & (left.chars > 0) for reason, flags in self.broken(left).items()}
        reason = first_reason(broken, len(rows))
        new = changed & reason.is_null().to_numpy(False)
        numbers = np.zeros((2, len(batch)), np.int64)
        numbers[:, rows] = left.removed, np.where(changed, left.old_chars - left.chars, 0)
        kinds = self.columns_written()
        return Outcome(
            text=_replaced(batch[TEXT], rows[new], left.texts.filter(pa.array(new))) if new.any() else None,
            reason=_spread(reason, rows, len(batch)),
            columns={name: pa.array(row).cast(kinds[name]) for name, row in zip(self.writes, numbers, strict=True)},
        )

    def _left(self, texts: pa.LargeStringArray, at: Numbers, place: npt.NDArray[np.uint32]) -> Left:
        """What is left of texts without the passages `place` of the texts `at`."""
        pieces = self.cut(texts)
        gone = self.mark(pieces, pieces.first[at] + place)
        left = self.rebuild(pieces, gone)
        return Left(left, char_counts(texts), char_counts(left), pieces.sums(gone))


def _replaced(texts: pa.LargeStringArray, rows: Numbers, new: pa.LargeStringArray) -> pa.LargeStringArray:
    """The texts with new ones in these rows; null where nothing is left."""
    place, nothing = np.arange(len(texts)), np.zeros(len(texts), np.bool_)
    place[rows] = len(texts) + np.arange(len(rows))
    nothing[rows] = pc.equal(pc.binary_length(new), 0).to_numpy(False)
    return pa.concat_arrays([texts, new]).take(pa.array(place, mask=nothing))


def _spread(reason: pa.StringArray, rows: Numbers, documents: int) -> pa.StringArray:
    """The reasons of these rows among all documents."""
    place = np.full(documents, -1)
    place[rows] = np.arange(len(rows))
    return reason.take(pa.array(place, mask=place < 0))
