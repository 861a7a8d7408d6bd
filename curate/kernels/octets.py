"""Small questions about UTF-8 bytes: white space, the number of characters, one byte among eight."""

import numpy as np

from curate.kernels.jit import helper, inlined

_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)


@inlined
def has_byte(word, pattern):
    """Whether one of the eight bytes of `word` is the one that `pattern` (uint64) repeats eight times."""
    other = word ^ pattern
    return (other - _ONES) & ~other & _HIGH != 0


@helper
def count_chars(data, begin, stop):
    """Code points in `data[begin:stop]`."""
    count = 0
    for at in range(np.uint64(begin), np.uint64(stop)):  # unsigned: no check for negative indices, so it is vectorised
        count += (data[at] & 0xC0) != 0x80
    return count


@inlined
def space_length(data, at):
    """Bytes of the white space character that starts at `at`, 0 if it is none; white space as `str.isspace` has it."""
    byte = data[at]
    if byte < 0x80:
        return 1 if byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31 else 0
    if byte == 0xC2:
        return 2 if data[at + 1] == 0x85 or data[at + 1] == 0xA0 else 0
    if byte < 0xE1 or byte > 0xE3:
        return 0
    rest = np.uint32(data[at + 1]) << np.uint32(8) | np.uint32(data[at + 2])
    if byte == 0xE2:
        wide = 0x8080 <= rest <= 0x808A or rest == 0x80A8 or rest == 0x80A9 or rest == 0x80AF or rest == 0x819F
        return 3 if wide else 0
    return 3 if rest == (0x9A80 if byte == 0xE1 else 0x8080) else 0
