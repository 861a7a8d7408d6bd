"""Whether a word is a URL, as spaCy's tokenizer has it, in plain Python: the specification of `spacy_urls.py`."""

from __future__ import annotations

from curate.kernels.unicode_tables import DECIMAL, LOWER, WORD, is_kind


def is_url(text: str) -> bool:
    """Whether a text without white space is a URL: an optional scheme and user, a host with a dot, port, path."""
    if "." not in text:
        return False
    starts = [0]
    scheme = text.find("://")
    if scheme >= 2 and all(is_kind(char, WORD) or char in "+-." for char in text[:scheme]):
        starts.append(scheme + 3)
    starts += [at + 1 for at in range(1, len(text)) if text[at] == "@"]
    return any(_is_host(text, start) for start in starts)


def _is_host(text: str, start: int) -> bool:
    """Whether `text[start:]` is a host name or a public IPv4 address, then a port and a path if any."""
    end = start
    while end < len(text) and text[end] not in ":/?#@":
        end += 1
    after = end
    if text[end : end + 1] == ":":
        after += 1
        while after < len(text) and is_kind(text[after], DECIMAL):
            after += 1
        if not 2 <= after - end - 1 <= 5:
            return False
    if text[after : after + 1] not in ("", "/", "?", "#"):
        return False
    *labels, top = text[start:end].split(".")
    if len(labels) == 3 and _is_public_ip([*labels, top]):
        return True
    if not labels or not 2 <= len(top) <= 63:
        return False
    return all(is_kind(char, LOWER) for char in top) and all(map(_is_label, labels))


def _is_label(label: str) -> bool:
    return (
        1 <= len(label) <= 64
        and all(map(_is_host_char, label.replace("-", "a").replace("_", "a")))
        and _is_host_char(label[0])
        and _is_host_char(label[-1])
    )


def _is_host_char(char: str) -> bool:
    return (char.isascii() and char.isalnum()) or "\u00a1" <= char <= "\uffff"


def _is_public_ip(parts: list[str]) -> bool:
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return False
    numbers = [int(part) for part in parts]
    first, second = numbers[0], numbers[1]
    if parts[0][0] == "0" or parts[3][0] == "0" or any(len(part) == 3 and part[0] == "0" for part in parts):
        return False
    if first in (10, 127) or (first, second) in ((169, 254), (192, 168)) or (first == 172 and 16 <= second <= 31):
        return False
    return first <= 223 and second <= 255 and numbers[2] <= 255 and numbers[3] <= 254
