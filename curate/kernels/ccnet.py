"""CCNet's normal form of a line, by which its deduplication compares lines."""

from functools import cache

import numpy as np
import pyarrow as pa

from curate.kernels.code_points import CALL_PYTHON, DROP, LOWER_SIGMA, MAX_BYTES, SPACE, Table, rewrite, table

_MARKS = "，。、„”“«»」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""What CCNet takes for Unicode punctuation. Its list has the full-width digit one as well, which is a 0 by then."""
_CONTROLS = (*range(9), *range(14, 28), *range(127, 133), *range(134, 160))
"""Control characters, but for those that are white space."""
_CASED = 0x20000  # beyond it no code point has a small form, is a digit, a mark or white space


@cache
def _changes() -> dict[int, str | None]:
    """What becomes of a character after lower-casing, for `str.translate`."""
    digits = {point: "0" for point in range(_CASED) if chr(point).isdecimal()}
    return {**dict.fromkeys([*map(ord, _MARKS), *_CONTROLS]), **digits}


def ccnet_one(text: str) -> str:
    """The specification of `ccnet`: lower case, each digit a 0, without control characters and CCNet's punctuation.

    ASCII punctuation stays. As `normalize_for_dedup` in the code of CCNet (Wenzek et al. 2020), but for white space:
    there, tabs are deleted and spaces left as they are, here each run of white space is one space.
    """
    return " ".join(text.lower().translate(_changes()).split())


def ccnet(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """`ccnet_one` of each text."""
    return rewrite(texts, _table(), ccnet_one)


@cache
def _table() -> Table:
    """Nothing depends on neighbours but the lower case of the capital sigma. Made in about 0.1 s."""
    action = np.zeros(0x110000, np.int32)
    pool = bytearray(b"\0")
    for point in range(_CASED):
        char = chr(point)
        new = char.lower().translate(_changes())
        if char == "Σ":
            action[point] = LOWER_SIGMA
        elif char.isspace():
            action[point] = SPACE
        elif not new:
            action[point] = DROP
        elif new != char:
            put = new.encode()
            action[point] = len(pool) << 4 | len(put) if len(put) <= MAX_BYTES else CALL_PYTHON
            pool += put
    return table(action, bytes(pool))
