"""Sixty-four bytes at once: which of them lie in a range, as the bits of one number; a vector instruction or a few."""

import sys

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

WIDTH = 64
_BITS, _BOOLS = ir.IntType(WIDTH), ir.VectorType(ir.IntType(1), WIDTH)
_BYTES = ir.VectorType(ir.IntType(8), WIDTH)


def _place(context, builder, array_type, array, at_type, at):
    """A pointer to the 64 bytes at `at` of an array of bytes."""
    flat = context.make_array(array_type)(context, builder, array)
    place = builder.gep(flat.data, [context.cast(builder, at, at_type, types.intp)])
    return builder.bitcast(place, _BYTES.as_pointer())


def _load(builder, place):
    chunk = builder.load(place)
    chunk.align = 1
    return chunk


def _every(byte):
    return ir.Constant(_BYTES, [byte] * WIDTH)


def _in_order(builder, bits):
    """Bit j for byte j, where a vector of bits is a number."""
    return bits if sys.byteorder == "little" else builder.bitreverse(bits)


@intrinsic
def in_range(typing_context, data, at, low, high):
    """uint64: bit j is set if `low <= data[at + j] <= high` (literals). Nothing checks that 64 bytes are there."""
    if not isinstance(low, types.Literal) or not isinstance(high, types.Literal):
        return None
    first, last = low.literal_value, high.literal_value

    def generate(context, builder, signature, arguments):
        chunk = _load(builder, _place(context, builder, data, arguments[0], signature.args[1], arguments[1]))
        inside = builder.icmp_unsigned("<=", builder.sub(chunk, _every(first)), _every(last - first))
        return _in_order(builder, builder.bitcast(inside, _BITS))

    return types.uint64(data, at, low, high), generate


@intrinsic
def put_lower(typing_context, out, to, data, at, capitals, blanks):
    """Copies 64 bytes from `data[at:]` to `out[to:]`: spaces where `blanks` says, small letters where `capitals` does.

    Nothing checks that 64 bytes are there, or room for them.
    """

    def generate(context, builder, signature, arguments):
        def chosen(bits):
            return builder.bitcast(_in_order(builder, bits), _BOOLS)

        target = _place(context, builder, out, arguments[0], signature.args[1], arguments[1])
        chunk = _load(builder, _place(context, builder, data, arguments[2], signature.args[3], arguments[3]))
        small = builder.select(chosen(arguments[4]), builder.or_(chunk, _every(0x20)), chunk)
        stored = builder.store(builder.select(chosen(arguments[5]), _every(0x20), small), target)
        stored.align = 1
        return context.get_dummy_value()

    return types.void(out, to, data, at, types.uint64, types.uint64), generate


@intrinsic
def lowest(typing_context, bits):
    """The number of the lowest bit that is set in a uint64, as int64; 64 if none is."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate
