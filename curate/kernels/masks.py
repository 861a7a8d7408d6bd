"""Sixty-four bytes at once: which of them lie in a range, as the bits of one number; one vector instruction or few."""

import sys

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

WIDTH = 64
_BYTE, _BITS = ir.IntType(8), ir.IntType(WIDTH)
_BYTES = ir.VectorType(_BYTE, WIDTH)


@intrinsic
def in_range(typing_context, data, at, low, high):
    """uint64: bit j is set if `low <= data[at + j] <= high` (literals). Nothing checks that 64 bytes are there."""
    if not isinstance(low, types.Literal) or not isinstance(high, types.Literal):
        return None
    bounds = (low.literal_value, high.literal_value)

    def every(byte):
        return ir.Constant(_BYTES, [byte] * WIDTH)

    def generate(context, builder, signature, arguments):
        flat = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(flat.data, [context.cast(builder, arguments[1], signature.args[1], types.intp)])
        chunk = builder.load(builder.bitcast(place, _BYTES.as_pointer()))
        chunk.align = 1
        inside = builder.icmp_unsigned("<=", builder.sub(chunk, every(bounds[0])), every(bounds[1] - bounds[0]))
        bits = builder.bitcast(inside, _BITS)
        return bits if sys.byteorder == "little" else builder.bitreverse(bits)

    return types.uint64(data, at, low, high), generate


@intrinsic
def lowest(typing_context, bits):
    """The number of the lowest bit that is set in a uint64, as int64; 64 if none is."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate
