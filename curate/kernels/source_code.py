"""What filters for source code measure: letters, encoded data, the visible text of HTML."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.jit import kernel
from curate.kernels.scanning import decode
from curate.kernels.text import buffers
from curate.kernels.unicode_tables import ALPHA, WORD, classes

_SPACE = r"[ \t\n\r\f\v]"
_ENCODED = (
    r"[a-zA-Z0-9+/\n=]{64%s}",
    rf"(?:\b(?:0x|\\x)?[0-9a-fA-F]{{2}}(?:,|\b{_SPACE}*)){{8%s}}",
    r"(?:\\u[0-9a-fA-F]{4}){8%s}",
)
"""Base64, bytes in hexadecimal, escaped characters: StarCoder2's expressions, with a place for "and more"."""
_WHOLE = tuple(re.compile(pattern % ",", re.ASCII) for pattern in _ENCODED)
_BEGINNINGS = "|".join(pattern % "" for pattern in _ENCODED)
_TAG_NAME = re.compile(r"/?[a-zA-Z]+")
_HIDDEN_END = {name: re.compile(rf"</{name}", re.IGNORECASE | re.ASCII) for name in ("script", "style")}


def letter_counts(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(letters, letters and digits) of each text, int64[n]: characters as `str.isalpha` and `str.isalnum` have them."""
    data, offsets = buffers(texts)
    counts = np.zeros((2, len(texts)), np.int64)
    _count_letters(data, offsets, classes(), counts)
    return counts[0], counts[1]


@kernel
def _count_letters(data, offsets, classes, counts):
    for i in range(len(offsets) - 1):
        at, stop = offsets[i], offsets[i + 1]
        letters, both = 0, 0
        while at < stop:
            code, size = decode(data, at)
            kind = classes[np.uint32(code)]
            letters += kind & ALPHA != 0
            both += kind & WORD != 0 and code != 95  # all of `\w` but the underscore
            at += size
        counts[0, i], counts[1, i] = letters, both


def encoded_one(text: str) -> tuple[int, int]:
    """(characters in encoded data, those of the longest piece): what several expressions match counts once."""
    found = sorted(match.span() for pattern in _WHOLE for match in pattern.finditer(text))
    covered = reach = 0
    for begin, end in found:
        covered += max(end - max(begin, reach), 0)
        reach = max(reach, end)
    return covered, max((end - begin for begin, end in found), default=0)


def may_be_encoded(texts: pa.LargeStringArray) -> npt.NDArray[np.bool_]:
    """Which texts have encoded data, bool[n]; for the others, `encoded_one` is (0, 0)."""
    return np.asarray(pc.match_substring_regex(texts, _BEGINNINGS).to_numpy(False))


def visible_one(html: str) -> int:
    """Characters of HTML outside of tags, comments, scripts and styles; entities count as they are written."""
    shown = at = 0
    while (opening := html.find("<", at)) >= 0:
        shown += opening - at
        name = _TAG_NAME.match(html, opening + 1)
        if html.startswith("<!--", opening):
            end = html.find("-->", opening + 4)
            at = end + 3
        elif name or html.startswith(("<!", "<?"), opening):
            end = html.find(">", opening)
            at = end + 1
            hidden = _HIDDEN_END.get(name[0].lower()) if name else None
            if end >= 0 and hidden:
                closing = hidden.search(html, at)
                end = at = closing.start() if closing else -1
        else:
            end, at, shown = opening, opening + 1, shown + 1
        if end < 0:
            return shown
    return shown + len(html) - at
