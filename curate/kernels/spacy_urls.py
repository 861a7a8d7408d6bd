"""Whether a word is a URL, as spaCy's tokenizer has it: such a word is left whole."""

from curate.kernels.jit import helper
from curate.kernels.spacy_join import CODE, KIND
from curate.kernels.unicode_tables import DECIMAL, DIGIT, LETTER, LOWER, WORD

_PLUS, _HYPHEN, _STOP, _SLASH, _COLON, _AT = 0x2B, 0x2D, 0x2E, 0x2F, 0x3A, 0x40
_HASH, _QUESTION, _UNDERSCORE, _ZERO, _NINE = 0x23, 0x3F, 0x5F, 0x30, 0x39


@helper
def is_url(s, low, high):
    """Whether the characters low to high are a scheme and a user if any, a host, a port and a path if any.

    s: see `spacy_join`.
    """
    code, kind = s[CODE], s[KIND]
    if _is_host(code, kind, low, high):
        return True
    at = low
    while at < high and (kind[at] & WORD or code[at] == _PLUS or code[at] == _HYPHEN or code[at] == _STOP):
        at += 1
    if at - low >= 2 and at + 2 < high and code[at] == _COLON and code[at + 1] == _SLASH and code[at + 2] == _SLASH:
        if _is_host(code, kind, at + 3, high):
            return True
    for at in range(low + 1, high):
        if code[at] == _AT and _is_host(code, kind, at + 1, high):
            return True
    return False


@helper
def _is_host(code, kind, low, high):
    labels, begin, at, label, top = 0, low, low, True, True
    while at < high:
        char = code[at]
        if char == _COLON or char == _SLASH or char == _QUESTION or char == _HASH or char == _AT:
            break
        if char == _STOP:
            if not label or at == begin or at - begin > 64 or _inner(code[begin]) or _inner(code[at - 1]):
                return False
            labels, begin, label, top = labels + 1, at + 1, True, True
        else:
            label &= _inner(char) or 0xA1 <= char <= 0xFFFF or (char < 0x80 and kind[at] & (LETTER | DIGIT) != 0)
            top &= kind[at] & LOWER != 0
            if not label and not top:
                return False
        at += 1
    end = at
    if at < high and code[at] == _COLON:
        at += 1
        while at < high and kind[at] & DECIMAL:
            at += 1
        if at - end < 3 or at - end > 6:
            return False
    if at < high and code[at] != _SLASH and code[at] != _QUESTION and code[at] != _HASH:
        return False
    if labels and top and 2 <= end - begin <= 63:
        return True
    return labels == 3 and _is_public_address(code, low, end)


@helper
def _inner(char):
    return char == _HYPHEN or char == _UNDERSCORE  # in a host's label, but neither first nor last


@helper
def _is_public_address(code, low, high):
    """Whether the parts between three full stops are numbers that make a public IPv4 address."""
    part, value, digits, first, second = 0, 0, 0, 0, 0
    for i in range(low, high + 1):
        char = _STOP if i == high else code[i]
        if char == _STOP:
            zero = code[i - digits] == _ZERO
            if digits == 0 or (zero and (digits == 3 or part == 0 or part == 3)):
                return False
            if value > (223 if part == 0 else 254 if part == 3 else 255):
                return False
            first = value if part == 0 else first
            second = value if part == 1 else second
            part, value, digits = part + 1, 0, 0
        elif _ZERO <= char <= _NINE and digits < 3:
            value = value * 10 + char - _ZERO
            digits += 1
        else:
            return False
    private = first == 10 or first == 127 or (first == 172 and 16 <= second <= 31)
    return not (private or (first == 169 and second == 254) or (first == 192 and second == 168))
