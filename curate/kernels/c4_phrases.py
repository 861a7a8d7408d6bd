"""The phrases that C4's rules look for in a line, and the citations that they cut out of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.kernels.jit import helper
from curate.kernels.scanning import decode
from curate.kernels.unicode_tables import DECIMAL

LOREM_IPSUM, CURLY_BRACKET, JAVASCRIPT, POLICY, CITATIONS, TERMINAL_PUNCTUATION = 1, 2, 4, 8, 16, 32
"""Rules, as bits; the first two are about the document, and in `Edited.verdict` say which was broken first."""


def _pattern(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


_JAVASCRIPT, _LOREM_IPSUM, _COOKIE, _COOKIE_POLICY = map(_pattern, ("javascript", "lorem ipsum", "cookie", " policy"))
_TERMS, _PRIVACY = _pattern("terms of use"), _pattern("privacy policy")
_USES, _USE_OF, _USE = _pattern("uses "), _pattern("use of "), _pattern("use ")
_EDIT, _NEEDED = _pattern("edit]"), _pattern("citation needed]")
_J, _M, _K, _V, _OPEN, _CURLY = 1, 2, 3, 4, 5, 6


def triggers() -> npt.NDArray[np.uint8]:
    """uint8[256]: rare bytes at which the phrases are looked for; 0 for the others."""
    found = np.zeros(256, np.uint8)
    for char, code in (("j", _J), ("m", _M), ("k", _K), ("v", _V), ("[", _OPEN), ("{", _CURLY)):
        found[ord(char)] = code
        if char.isalpha():
            found[ord(char.upper())] = code
    return found


@helper
def _matches(data, at, low, high, pattern):
    """Whether the small letters and spaces of `pattern` are at `at`, within low and high; capitals count as small."""
    if at < low or at + len(pattern) > high:
        return False
    for i in range(len(pattern)):
        byte = data[at + i]
        if 0x41 <= byte <= 0x5A:
            byte |= 0x20
        if byte != pattern[i]:
            return False
    return True


@helper
def look(data, low, high, triggers):
    """Bits of what is in the line `data[low:high]`."""
    marks = 0
    for at in range(low, high):
        trigger = triggers[data[np.uint64(at)]]
        if trigger == 0:
            continue
        if trigger == _OPEN:
            marks |= CITATIONS
        elif trigger == _CURLY:
            marks |= CURLY_BRACKET
        elif trigger == _J:
            marks |= JAVASCRIPT if _matches(data, at, low, high, _JAVASCRIPT) else 0
        elif trigger == _M:
            marks |= LOREM_IPSUM if _matches(data, at - 4, low, high, _LOREM_IPSUM) else 0
            marks |= POLICY if _matches(data, at - 3, low, high, _TERMS) else 0
        elif trigger == _V:
            marks |= POLICY if _matches(data, at - 3, low, high, _PRIVACY) else 0
        elif _matches(data, at - 3, low, high, _COOKIE) and _is_policy(data, at - 3, low, high):
            marks |= POLICY
    return marks


@helper
def _is_policy(data, at, low, high):
    """Whether the `cookie` at `at` is that of `cookie policy`, `uses cookies`, `use of cookies` or `use cookies`."""
    if _matches(data, at + 6, low, high, _COOKIE_POLICY):
        return True
    if at + 6 >= high or data[at + 6] | 0x20 != 0x73:
        return False
    return (
        _matches(data, at - 5, low, high, _USES)
        or _matches(data, at - 7, low, high, _USE_OF)
        or _matches(data, at - 4, low, high, _USE)
    )


@helper
def cut_citations(data, low, high, out, to, classes):
    """Copies `data[low:high]` to `out[to:]` without `[12]`, `[]`, `[edit]`, `[citation needed]`; returns its length."""
    begin, at = to, low
    while at < high:
        byte = data[at]
        if byte == 0x5B:
            end = _citation_end(data, at, high, classes)
            if end:
                at = end
                continue
        out[to] = byte
        to += 1
        at += 1
    return to - begin


@helper
def _citation_end(data, at, high, classes):
    """Where the citation ends whose bracket is at `at`, 0 if it is none."""
    end = at + 1
    while end < high:
        code, size = decode(data, end)
        if not classes[np.uint32(code)] & DECIMAL:
            break
        end += size
    if end < high and data[end] == 0x5D:
        return end + 1
    for pattern in (_EDIT, _NEEDED):
        if at + 1 + len(pattern) <= high:
            same = 0
            for i in range(len(pattern)):
                same += data[at + 1 + i] == pattern[i]
            if same == len(pattern):
                return at + 1 + len(pattern)
    return 0
