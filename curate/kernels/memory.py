"""Eight bytes at once, and bytes from one array to another: one instruction and one call of the C library.

Written as loops, both are what LLVM needs longest to see through, and what it unrolls and vectorises wherever they are
called from.
"""

import sys

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _address(context, builder, array_type, array, at_type, at):
    """A pointer to byte `at` of an array of bytes."""
    flat = context.make_array(array_type)(context, builder, array)
    return builder.gep(flat.data, [context.cast(builder, at, at_type, types.intp)])


@intrinsic
def load8(typing_context, data, at):
    """The eight bytes `data[at:at + 8]` (uint8) as one little-endian uint64. Nothing checks that they are there."""

    def generate(context, builder, signature, arguments):
        place = _address(context, builder, data, arguments[0], signature.args[1], arguments[1])
        word = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        word.align = 1
        return word if sys.byteorder == "little" else builder.bswap(word)

    return types.uint64(data, at), generate


@intrinsic
def move(typing_context, out, to, data, at, size):
    """Copies `data[at:at + size]` to `out[to:to + size]` (uint8), which may overlap. Nothing checks for room."""

    def generate(context, builder, signature, arguments):
        source, where, _, begin, count = signature.args
        target = _address(context, builder, source, arguments[0], where, arguments[1])
        origin = _address(context, builder, data, arguments[2], begin, arguments[3])
        size = context.cast(builder, arguments[4], count, types.intp)
        cgutils.raw_memmove(builder, target, origin, size, 1)
        return context.get_dummy_value()

    return types.void(out, to, data, at, size), generate
