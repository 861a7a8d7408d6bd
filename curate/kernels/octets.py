"""Eight bytes at a time: the unaligned load that makes scanning and hashing of short pieces fast."""

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
