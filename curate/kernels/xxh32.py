"""XXH32, the published 32-bit hash, for pieces of a few dozen bytes: four lanes at once, few branches.

Shingles are hashed by the billion, and each has another length: what branches on it waits for wrong guesses longer than
it computes. So the up to three words and three bytes at the end are always mixed in, and the result taken or left.
"""

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from curate.kernels.jit import inlined
from curate.kernels.memory import load8

SPARE = 16
"""Bytes that must be readable behind a piece."""

_PRIMES = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
_P1, _P2, _P3, _P4, _P5 = map(np.uint32, _PRIMES)
_8, _16, _32, _BYTE = np.uint64(8), np.uint64(16), np.uint64(32), np.uint64(0xFF)
_LANES = ir.VectorType(ir.IntType(32), 4)


def _lanes(*values):
    return ir.Constant(_LANES, [value % 2**32 for value in values])


def _rotate_lanes(builder, lanes, *left):
    return builder.or_(builder.shl(lanes, _lanes(*left)), builder.lshr(lanes, _lanes(*(32 - n for n in left))))


@intrinsic
def _blocks(typing_context, data, start, end):
    """The state of a hash after the blocks of 16 bytes from `start` (int64) on, at least one, that end before `end`."""

    def generate(context, builder, signature, arguments):
        flat = context.make_array(data)(context, builder, arguments[0])
        first, second = _PRIMES[:2]
        size = ir.Constant(ir.IntType(64), 16)
        before, loop = builder.block, builder.append_basic_block("blocks")
        builder.branch(loop)
        builder.position_at_end(loop)
        at, state = builder.phi(ir.IntType(64)), builder.phi(_LANES)
        at.add_incoming(arguments[1], before)
        state.add_incoming(_lanes(first + second, second, 0, -first), before)
        block = builder.load(builder.bitcast(builder.gep(flat.data, [at]), _LANES.as_pointer()))
        block.align = 1
        mixed = builder.add(state, builder.mul(block, _lanes(*4 * [second])))
        mixed = builder.mul(_rotate_lanes(builder, mixed, 13, 13, 13, 13), _lanes(*4 * [first]))
        following = builder.add(at, size)
        at.add_incoming(following, loop)
        state.add_incoming(mixed, loop)
        done = builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<=", builder.add(following, size), arguments[2]), loop, done)
        builder.position_at_end(done)
        turned = _rotate_lanes(builder, mixed, 1, 7, 12, 18)
        a, b, c, d = (builder.extract_element(turned, ir.Constant(ir.IntType(32), lane)) for lane in range(4))
        return builder.add(builder.add(a, b), builder.add(c, d))

    return types.uint32(data, types.int64, types.int64), generate


@inlined
def _rotate(x, left):
    """Numba makes 64 bits of any sum, product or shift of 32: each is cut back, which costs nothing once compiled."""
    return np.uint32(np.uint32(x << np.uint32(left)) | np.uint32(x >> np.uint32(32 - left)))


@inlined
def _word(h, word):
    return np.uint32(_rotate(np.uint32(h + np.uint32(np.uint32(word) * _P3)), 17) * _P4)


@inlined
def _byte(h, byte):
    return np.uint32(_rotate(np.uint32(h + np.uint32(np.uint32(byte & _BYTE) * _P5)), 11) * _P1)


@inlined
def _either(first, one, other):
    """`one if first else other`, without the branch that LLVM would make of that."""
    return np.uint32(other ^ ((one ^ other) & np.uint32(np.uint32(0) - np.uint32(first))))


@inlined
def xxh32(data, start, end):
    """XXH32 (seed 0) of `data[start:end]` (uint8), as uint32; `SPARE` more bytes must be there to read."""
    size = end - start
    h = np.uint32((_blocks(data, start, end) if size >= 16 else _P5) + np.uint32(size))
    at, left = start + (size & ~15), size & 15
    low, high, byte = load8(data, at), load8(data, at + 8), load8(data, at + (left & 12))
    h = _either(left >= 4, _word(h, low), h)
    h = _either(left >= 8, _word(h, low >> _32), h)
    h = _either(left >= 12, _word(h, high), h)
    h = _either(left & 3 >= 1, _byte(h, byte), h)
    h = _either(left & 3 >= 2, _byte(h, byte >> _8), h)
    h = _either(left & 3 >= 3, _byte(h, byte >> _16), h)
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(15))) * _P2)
    h = np.uint32(np.uint32(h ^ (h >> np.uint32(13))) * _P3)
    return np.uint32(h ^ (h >> np.uint32(16)))
