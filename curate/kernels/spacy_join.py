"""Words of a chunk: their hashes, and the runs of them that spaCy's exceptions make one.

The kernels of spaCy's rules share `s`, int32[8, room], scratch for one chunk, with these rows. For each character: its
code point (CODE), its classes (KIND), the byte where it starts, counted from the beginning of the chunk (AT). For each
word: the character where it ends (CUT); those found from the end backwards (BACK), later the number of words that
become one; and what joining needs (TAKEN, BECOMES, OLD).
"""

import numpy as np

from curate.kernels.jit import helper
from curate.kernels.spacy_tables import LONGEST_RUN, RUN, find, hash_bytes, mix

CODE, KIND, AT, CUT, BACK, TAKEN, BECOMES, OLD = range(8)


@helper
def hash_words(data, begin, words, s, hashes):
    """Fills `hashes` (uint64[words]) for the chunk that begins at `begin`, from its cuts."""
    first = begin
    for i in range(words):
        last = begin + s[AT, s[CUT, i]]
        hashes[i] = hash_bytes(data, first, last)
        first = last


@helper
def put_parts(parts, first, words, s):
    """Appends the cuts of an exception that starts at character `first`; returns the new number of words."""
    while parts:
        first += parts & 0xFF
        parts >>= 8
        s[CUT, words] = first
        words += 1
    return words


@helper
def _run(i, most, table, hashes):
    """(words, new parts) of the longest run of words from word i on that is an exception; (0, 0) if there is none."""
    state, longest, becomes = np.uint64(0), 0, np.int64(0)
    for length in range(1, most + 1):
        state = mix(state, hashes[i + length - 1])
        parts = find(table, state ^ RUN)
        if parts < 0:
            break
        if parts > 0:
            longest, becomes = length, parts
    return longest, becomes


@helper
def join(data, begin, words, table, s, hashes):
    """Joins runs of words that are exceptions; returns the new number of words.

    The longest runs first, then the leftmost; none that begins or ends inside a run that was looked at.
    """
    longest = 0
    for i in range(words - 1):
        longest = max(longest, _run(i, min(LONGEST_RUN, words - i), table, hashes)[0])
    if not longest:
        return words
    for i in range(words):
        s[TAKEN, i], s[BECOMES, i], s[BACK, i], s[OLD, i] = 0, 0, 1, s[CUT, i]
    for length in range(longest, 1, -1):
        for i in range(words - length + 1):
            found, parts = _run(i, length, table, hashes)
            if found == length:
                if not s[TAKEN, i] and not s[TAKEN, i + length - 1]:
                    s[BECOMES, i], s[BACK, i] = parts, length
                for j in range(i, i + length):
                    s[TAKEN, j] = 1
    new, first, i = np.int64(0), np.int32(0), 0
    while i < words:
        last = s[OLD, i + s[BACK, i] - 1]
        if s[BECOMES, i]:
            new = put_parts(np.int64(s[BECOMES, i]), np.int64(first), new, s)
        else:
            s[CUT, new] = last
            new += 1
        i += s[BACK, i]
        first = last
    hash_words(data, begin, new, s, hashes)
    return new
