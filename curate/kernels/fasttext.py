"""fastText inference over Arrow buffers: text → the rows of the input matrix that it names → their average.

Rows are added one by one in float32, in the order of the fastText library, so that the result is the library's own to
the last bit, whatever the length of the text. With character n-grams most of the library's time goes into *which* rows
a word names, which repeats: a memory that is kept between calls has that for every word of up to 32 bytes. It holds row
numbers and no sums, hence a result does not depend on what the memory happens to hold. Without them, time goes into
waiting for main memory: many words are looked up together.

Facts of the model (hash, order of tokens and n-grams): the source of fastText, `dictionary.cc`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.kernels.fasttext_tables import (
    BLOCK,
    FNV_START,
    INLINE,
    PACKED,
    ROUNDED_BYTES,
    Grams,
    Memory,
    Products,
    Rows,
    Sums,
    U,
    Words,
    find,
    fnv,
    recall,
    slot_of,
    store,
)
from curate.kernels.fasttext_words import (
    AT_ONCE,
    END,
    LABEL,
    LABEL_TAIL,
    ONES,
    empty_queue,
    fill,
    look_up_all,
    next_word,
)
from curate.kernels.jit import helper, inlined, kernel
from curate.kernels.text import Bytes, Offsets

BEFORE, AFTER = np.uint8(ord("<")), np.uint8(ord(">"))  # the marks around a word
END_HASH = np.int32(-677604519)  # FNV-1a of END


@helper
def _push(bucket, kept, below, order, pruned, n_words, rows, n):
    """Appends the row of an n-gram's bucket, if it has one. Returns the new number of rows."""
    if not pruned:
        rows[n] = n_words + np.int64(bucket)
        return n + 1
    block = kept[bucket >> U(6)]
    bit = bucket & U(63)
    if (block >> bit) & U(1) == U(0):
        return n
    x = block & ((U(1) << bit) - U(1))
    x -= (x >> U(1)) & U(0x5555555555555555)  # from here: the number of bits set in x
    x = (x & U(0x3333333333333333)) + ((x >> U(2)) & U(0x3333333333333333))
    x = (((x + (x >> U(4))) & U(0x0F0F0F0F0F0F0F0F)) * ONES) >> U(56)
    rows[n] = n_words + order[U(below[bucket >> U(6)]) + x]
    return n + 1


@helper
def _unpack(row, matrix, out):
    """A row of a product quantisation."""
    codes, width, norms, centroids = matrix.codes, matrix.width, matrix.norms, matrix.centroids
    for part in range(codes.shape[1]):
        first = part * width
        last = min(first + width, len(out))
        at = 256 * first + codes[row, part] * (last - first)
        for d in range(first, last):
            out[d] = norms[row] * centroids[at + d - first]


@helper
def _multiply(row, matrix, products):
    """Fills in the products of a block of rows: float64, four sums side by side, which take less time than one."""
    x, weights, of_rows = products.row, products.weights, products.of_rows
    first = row & ~np.int64(BLOCK - 1)
    for r in range(first, min(first + BLOCK, len(of_rows))):
        if len(matrix.codes) == 0:
            x = matrix.dense[r]
        else:
            _unpack(r, matrix, products.row)
        for k in range(len(weights)):
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            d = 0
            while d + 4 <= len(x):
                s0 += np.float64(x[d]) * np.float64(weights[k, d])
                s1 += np.float64(x[d + 1]) * np.float64(weights[k, d + 1])
                s2 += np.float64(x[d + 2]) * np.float64(weights[k, d + 2])
                s3 += np.float64(x[d + 3]) * np.float64(weights[k, d + 3])
                d += 4
            while d < len(x):
                s0 += np.float64(x[d]) * np.float64(weights[k, d])
                d += 1
            of_rows[r, k] = np.float32((s0 + s1) + (s2 + s3))


@helper
def _add(rows, n, matrix, products, sums):
    """Adds the n rows, or their products, to the sums, one after the other. Returns n."""
    total, dense = sums.rows, matrix.dense
    if sums.of_products[0]:
        outputs, of_rows = sums.products, products.of_rows
        if len(outputs) == 2:  # most models: the sums stay in registers
            s0, s1 = outputs[0], outputs[1]
            for j in range(n):
                row = U(rows[j])
                if of_rows[row, 0] != of_rows[row, 0]:
                    _multiply(np.int64(row), matrix, products)
                s0 += of_rows[row, 0]
                s1 += of_rows[row, 1]
            outputs[0], outputs[1] = s0, s1
            return n
        for j in range(n):
            row = U(rows[j])
            if of_rows[row, 0] != of_rows[row, 0]:
                _multiply(np.int64(row), matrix, products)
            for k in range(len(outputs)):
                outputs[k] += of_rows[row, k]
    elif len(matrix.codes) == 0:
        for j in range(n):
            row = U(rows[j])
            for d in range(len(total)):
                total[d] += dense[row, d]
    else:
        for j in range(n):
            _unpack(U(rows[j]), matrix, products.row)
            for d in range(len(total)):
                total[d] += products.row[d]
    return n


@inlined
def _spell(data, start, end, grams, n_words, rows, n, matrix, products, sums):
    """Appends the rows of the character n-grams of `<word>`: for each first character, shortest to longest.

    Adds the rows to `sums` when `rows` runs full. Returns (rows waiting, rows added).
    """
    kept, below, order, pruned = grams.kept, grams.below, grams.order, grams.pruned
    shortest, longest, buckets = grams.shortest, grams.longest, U(grams.buckets)
    added = 0
    first = start - 1
    while first < end:
        if n + longest >= len(rows):  # one place is left for the end of the text
            added += _add(rows, n, matrix, products, sums)
            n = np.int64(0)
        h = FNV_START
        size = 0
        if first < start:  # the mark before the word
            h = fnv(h, BEFORE)
            size = 1
            first = start
        i = first
        while size < longest:
            size += 1
            if i == end:  # the mark after the word
                if size > 1 and size >= shortest:
                    n = _push(U(fnv(h, AFTER)) % buckets, kept, below, order, pruned, n_words, rows, n)
                break
            h = fnv(h, data[U(i)])
            i += 1
            while i < end and data[U(i)] & 0xC0 == 0x80:
                h = fnv(h, data[U(i)])
                i += 1
            if size == 1:
                first = i
            if size >= shortest:
                n = _push(U(h) % buckets, kept, below, order, pruned, n_words, rows, n)
    return n, added


@inlined
def _look_up(data, start, size, k0, k1, words, grams, rows, n, matrix, products, sums):
    """Appends the rows of a word not remembered. Returns (rows waiting, rows added, FNV-1a, whether it counts)."""
    h, entry, added = FNV_START, -1, 0
    if size <= words.longest or grams.words > 1:
        for k in range(start, start + size):
            h = fnv(h, data[U(k)])
        entry = find(words, data, start, size, h)
    if entry >= words.n_words or (entry < 0 and k0 == LABEL and k1 & U(0xFF) == LABEL_TAIL):
        return n, added, np.int32(h), False  # a label, of the model or by its looks, is no word
    if entry >= 0:
        rows[n] = entry
        n += 1
    if grams.longest > 0 and k0 != END:
        n, added = _spell(data, start, start + size, grams, words.n_words, rows, n, matrix, products, sums)
    return n, added, np.int32(h), True


@inlined
def _join(hashes, n_hashes, grams, n_words, rows, n, matrix, products, sums):
    """Appends the rows of the word n-grams, by the hashes of the words. Returns (rows waiting, rows added)."""
    added = 0
    for j in range(n_hashes):
        if n + grams.words > len(rows):
            added += _add(rows, n, matrix, products, sums)
            n = np.int64(0)
        h = U(np.int64(hashes[j]))
        for k in range(j + 1, min(j + grams.words, n_hashes)):
            h = h * U(116049371) + U(np.int64(hashes[k]))
            bucket = h % U(grams.buckets)
            n = _push(bucket, grams.kept, grams.below, grams.order, grams.pruned, n_words, rows, n)
    return n, added


@helper
def _finish(added, products, sums, out, i):
    """Writes the average of a text, or what the output layer makes of it."""
    if sums.of_products[0]:
        for k in range(len(sums.products)):
            out[i, k] = np.float32(sums.products[k] / added)
        return
    scale = np.float32(1.0 / added)
    if len(sums.products) == 0:
        for d in range(len(sums.rows)):
            out[i, d] = sums.rows[d] * scale
        return
    for k in range(len(sums.products)):
        x = np.float32(0)
        for d in range(len(sums.rows)):
            x += sums.rows[d] * scale * products.weights[k, d]
        out[i, k] = x


def hidden(
    data: Bytes,
    offsets: Offsets,
    words: Words,
    grams: Grams,
    matrix: Rows,
    products: Products,
    memory: Memory,
    out: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
) -> None:
    """out[i] = average of the rows that text i names, or of their products; counts[i] = how many they are.

    data uint8, offsets int64[n + 1], out float32[n, dim] (of k > 0 products: float32[n, k]), counts int64[n]. A text
    that names no row has out[i] = 0.
    """
    widest = INLINE + 1 + (PACKED + 2) * max(grams.longest, 0)  # rows that a word of up to 32 bytes can append
    rows = np.empty(widest + 2048 + max(grams.words, 0), np.int32)
    longest = int(np.diff(offsets).max(initial=0))
    hashes = np.empty(longest // 2 + 2, np.int32)
    sums = Sums(np.empty(len(products.row), np.float32), np.empty(len(products.weights)), np.zeros(1, np.bool_))
    _hidden(
        data, offsets, words, grams, matrix, products, memory, widest, rows, hashes, empty_queue(), sums, out, counts
    )


@kernel
def _hidden(data, offsets, words, grams, matrix, products, memory, widest, rows, hashes, queue, sums, out, counts):
    """`hidden`, with scratch: rows, int32[more than `widest`], hashes, int32[words of a text + 1], sums.

    widest: no word of up to 32 bytes appends more rows.
    """
    keys, fields, overflow = memory.keys, memory.fields, memory.overflow
    for i in range(len(out)):
        sums.rows[:] = 0
        sums.products[:] = 0
        sums.of_products[0] = len(sums.products) > 0 and offsets[i + 1] - offsets[i] <= ROUNDED_BYTES
        n, added, n_hashes, ended = np.int64(0), np.int64(0), 0, False
        at, end = offsets[i], offsets[i + 1]
        while at < end and not ended and grams.longest <= 0:  # without character n-grams
            if n + AT_ONCE >= len(rows):  # one place is left for the end of the text
                added += _add(rows, n, matrix, products, sums)
                n = np.int64(0)
            many, at, ended = fill(data, at, end, queue)
            n, n_hashes = look_up_all(data, many, words, queue, rows, n, hashes, n_hashes)
        while at < end and not ended:
            size, k0, k1, k2, k3 = next_word(data, at, end)
            start = at
            at += size + 1
            if size == 0:
                continue
            ended = k0 == END  # the library reads no further
            if n + widest > len(rows):
                added += _add(rows, n, matrix, products, sums)
                n = np.int64(0)
            slot = U(0)
            if size <= PACKED:
                slot = slot_of(keys, k0, k1, k2, k3)
                if keys[slot, 0] != U(0):
                    count = recall(fields, overflow, slot, rows, n)
                    n += max(count, 0)
                    if grams.words > 1 and count >= 0:
                        hashes[n_hashes] = fields[slot, 9]
                        n_hashes += 1
                    continue
            before = n
            n, more, h, counted = _look_up(data, start, size, k0, k1, words, grams, rows, n, matrix, products, sums)
            added += more
            if grams.words > 1 and counted:
                hashes[n_hashes] = h
                n_hashes += 1
            if size <= PACKED:
                store(memory, slot, k0, k1, k2, k3, n - before if counted else -1, h, rows, before)
        if not ended:  # the end of the text is a token, too
            if words.end >= 0:
                rows[n] = words.end
                n += 1
            hashes[n_hashes] = END_HASH
            n_hashes += 1
        if grams.words > 1:
            n, more = _join(hashes, n_hashes, grams, words.n_words, rows, n, matrix, products, sums)
            added += more
        added += _add(rows, n, matrix, products, sums)
        counts[i] = added
        _finish(max(added, 1), products, sums, out, i)
