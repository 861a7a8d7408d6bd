"""UTF-8 bytes: eight at a time for scanning and hashing short pieces, and one character at a time."""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_MULTIPLY = np.uint64(0xA0761D6478BD642F)
_FINISH = np.uint64(0xE7037ED1A0B428DB)
_ONES = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)


@intrinsic
def load64(_context, data, at):
    """The eight bytes `data[at:at + 8]` (uint8, any alignment, in bounds) as a uint64 in the machine's byte order."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(64).as_pointer())
        loaded = builder.load(address)
        loaded.align = 1
        return loaded

    return types.uint64(data, at), generate


@njit(inline="always")
def has_byte(word, pattern):
    """Whether one of the eight bytes of `word` is the one that `pattern` (uint64) repeats eight times."""
    other = word ^ pattern
    return (other - _ONES) & ~other & _HIGH != 0


@njit(cache=True, nogil=True)
def hash_bytes(data, begin, stop):
    """A 64-bit hash of `data[begin:stop]`, for equality within one process: not published, depends on the byte order."""
    mixed = np.uint64(stop - begin) * _MULTIPLY
    at = begin
    while at + 8 <= stop:
        mixed = (mixed ^ load64(data, at)) * _MULTIPLY
        mixed ^= mixed >> np.uint64(32)
        at += 8
    rest = np.uint64(0)
    while at < stop:
        rest = (rest << np.uint64(8)) | np.uint64(data[at])
        at += 1
    mixed = (mixed ^ rest) * _FINISH
    return mixed ^ (mixed >> np.uint64(29))


@njit(cache=True, nogil=True)
def count_chars(data, begin, stop):
    """Code points in `data[begin:stop]`."""
    count = 0
    for at in range(np.uint64(begin), np.uint64(stop)):  # unsigned: no check for negative indices, so it is vectorised
        count += (data[at] & 0xC0) != 0x80
    return count


@njit(inline="always")
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


@njit(inline="always")
def decode(data, at):
    """(code point, bytes) of the character that starts at `at`; the bytes must be valid UTF-8."""
    byte = np.uint32(data[at])
    if byte < 0x80:
        return byte, 1
    one = np.uint32(data[at + 1]) & np.uint32(0x3F)
    if byte < 0xE0:
        return (byte & np.uint32(0x1F)) << np.uint32(6) | one, 2
    two = np.uint32(data[at + 2]) & np.uint32(0x3F)
    if byte < 0xF0:
        return (byte & np.uint32(0x0F)) << np.uint32(12) | one << np.uint32(6) | two, 3
    three = np.uint32(data[at + 3]) & np.uint32(0x3F)
    return (byte & np.uint32(7)) << np.uint32(18) | one << np.uint32(12) | two << np.uint32(6) | three, 4
