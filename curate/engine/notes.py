"""What an import has to say of its files, without saying the same of each of a hundred thousand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

SAME = 3  # notes that differ in names and numbers only are all given up to this many
_NUMBER = re.compile(r"\d+")


def condensed(said: Sequence[tuple[int, str, str]]) -> Iterator[str]:
    """`file: note` of each (number of the file, its name, note); of many of a kind the first, and how many follow."""
    kinds = [_NUMBER.sub("0", note.replace(name, "")) for _, name, note in said]
    count, given = Counter(kinds), set[str]()
    for (_, name, note), kind in zip(said, kinds, strict=True):
        if count[kind] <= SAME:
            yield f"{name}: {note}"
        elif kind not in given:
            yield f"{name}: {note}; so it is in {count[kind] - 1:,} more files"
        given.add(kind)
