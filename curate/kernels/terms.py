"""The words of texts that may say what they are about, in small letters: by Arrow alone, so nothing is compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.text import buffers

_APART = r"[^\p{L}\p{M}\p{N}]+"
_IDEOGRAPHS = r"[\p{Han}\p{Hiragana}]"
SHORTEST = 3  # characters, of a word in a script with spaces


class Terms(NamedTuple):
    """Words of n texts, in their order."""

    words: pa.LargeStringArray
    """large_string[m]."""
    document: npt.NDArray[np.int64]
    """int64[m], ascending: the text that each is of."""

    def distinct(self) -> Terms:
        """Each word of a text once, where it is first."""
        codes = self.words.dictionary_encode()
        key = self.document * max(len(codes.dictionary), 1) + codes.indices.to_numpy()
        _, first = np.unique(key, return_index=True)
        first.sort()
        return Terms(self.words.take(pa.array(first)), self.document[first])

    def joined(self, n: int) -> pa.LargeStringArray:
        """large_string[n]: the words of each of the n texts with a space between."""
        offsets = np.searchsorted(self.document, np.arange(n + 1)).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(offsets), self.words)
        return pc.binary_join(lists, pa.scalar(" ", pa.large_string()))

    @classmethod
    def parted(cls, joined: pa.LargeStringArray) -> Terms:
        """The words that `joined` put together."""
        lists = pc.ascii_split_whitespace(joined)
        words, document = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
        there = pc.greater(pc.binary_length(words), 0)  # where there are none, there is an empty one
        return cls(words.filter(there), document[there.to_numpy(zero_copy_only=False)].astype(np.int64))


def terms(texts: pa.LargeStringArray, max_chars: int) -> Terms:
    """The words in the first `max_chars` characters of each text.

    A word is a run of letters, marks and digits of at least three characters that does not begin with a digit.
    Ideographs and hiragana, which have no spaces between words, are taken two by two from the beginning of each run.
    """
    text = pc.utf8_lower(pc.utf8_slice_codeunits(texts, 0, max_chars))
    text = pc.replace_substring_regex(text, _APART, " ")
    if pc.any(pc.match_substring_regex(text, _IDEOGRAPHS)).as_py():
        text = pc.replace_substring_regex(text, f"({_IDEOGRAPHS}{{1,2}})", r" \1 ")
    lists = pc.ascii_split_whitespace(text)
    words, document = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
    data, bounds = buffers(words)
    data = data if len(data) else np.zeros(1, np.uint8)
    lead = data[np.minimum(bounds[:-1], len(data) - 1)]  # an empty word, which has none, is left out below
    long = pc.utf8_length(words).to_numpy(zero_copy_only=False) >= SHORTEST
    ideographs = (lead >= 0xE3) & (np.diff(bounds) >= 6)
    kept = np.flatnonzero((long | ideographs) & ((lead < 48) | (lead > 57)) & (np.diff(bounds) > 0))
    return Terms(words.take(pa.array(kept)), document[kept].astype(np.int64))
