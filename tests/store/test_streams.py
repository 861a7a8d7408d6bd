"""Compressed files give all bytes before a break, and lines come in blocks that depend on the bytes alone."""

import gzip
import os
import re
import zlib

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.store import streams
from curate.store.inputs import BadFile, InputFile
from curate.store.streams import Stream, blocks

LINES = b"".join(
    b'{"id": "%d", "text": "%s"}\n' % (n, os.urandom(20).hex().encode()) for n in range(8000)
)  # zstd decodes 128 KiB at a time: five times that


def zstd(data: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True, **options).compress(data)


PACKED = {"gzip": gzip.compress(LINES), "zstd": zstd(LINES)}
SKIPPABLE = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A stream of these bytes, as a file of this name."""
    folder = tmp_path_factory.mktemp("streams")

    def stream(data: bytes, name: str = "x.jsonl") -> Stream:
        path = folder / name
        path.write_bytes(data)
        return Stream(InputFile(0, str(path), name, "jsonl", len(data), 0))

    return stream


def read(stream: Stream) -> bytes:
    data = b"".join(stream)
    assert stream.given == len(data)
    return data


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        PACKED["gzip"],
        PACKED["zstd"],
        gzip.compress(LINES[:999]) + gzip.compress(b"") + gzip.compress(LINES[999:]) + b"\0" * 600,
        zstd(LINES[:999]) + SKIPPABLE + zstd(b"") + zstd(LINES[999:]),
        SKIPPABLE + PACKED["zstd"],
        zstandard.ZstdCompressor(write_content_size=False).compress(LINES),
    ],
    ids=["plain", "gzip", "zstd", "gzip members", "zstd frames", "zstd notes first", "zstd of unknown size"],
)
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_the_bytes_come_out_whatever_the_name_says(stream, data, name):
    if data is LINES and name != "x.jsonl":
        pytest.skip("plain bytes are not taken for compressed ones: below")
    one = stream(data, name)
    assert read(one) == LINES
    assert one.broken is None
    assert one.consumed == len(data)


def test_a_window_of_two_gibibytes_is_allowed(stream):
    options = zstandard.ZstdCompressionParameters(window_log=31, enable_ldm=True, write_content_size=False)
    chunks = zstandard.ZstdCompressor(compression_params=options).compressobj()
    one = stream(chunks.compress(LINES) + chunks.flush())
    assert read(one) == LINES
    assert one.broken is None


@pytest.mark.parametrize("codec", PACKED)
@pytest.mark.parametrize("chunk", [1 << 10, 1 << 20])
def test_a_cut_file_gives_what_a_decoder_can_know(stream, codec, chunk, monkeypatch):
    monkeypatch.setattr(streams, "CHUNK", chunk)
    whole = PACKED[codec]
    for end in [*range(0, len(whole), 9973), len(whole) - 1]:
        cut = whole[:end]
        one = stream(cut, "x.jsonl.gz" if codec == "gzip" else "x.jsonl.zst")
        given_ = read(one)
        if codec == "gzip":
            assert given_ == zlib.decompressobj(wbits=31).decompress(cut)
        else:
            assert given_ == zstandard.ZstdDecompressor().decompressobj().decompress(cut)
        assert LINES.startswith(given_)
        assert (one.broken.reason, one.broken.offset) == ("truncated_stream", len(given_))


@pytest.mark.parametrize("codec", PACKED)
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_flipped_byte_is_noticed_and_what_came_before_it_is_kept(stream, codec, data):
    whole = PACKED[codec]
    first = 10 if codec == "gzip" else 4  # behind a gzip header, whose flags and date are nobody's business
    place = data.draw(st.integers(first, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[place] ^= data.draw(st.integers(1, 255))
    before = next(iter(Stream(stream(whole[:place]).file)), b"")  # a lower bound is enough: the first chunk
    one = stream(bytes(flipped), "x.jsonl.gz" if codec == "gzip" else "x.jsonl.zst")
    given_ = read(one)
    if given_ == LINES and one.broken is None:
        assert codec == "zstd"  # a bit that means nothing: an unused one of the frame's header
        return
    assert one.broken.reason in ("corrupt_stream", "truncated_stream")
    assert one.broken.offset == len(given_)
    assert given_[: len(before)] == before[: len(given_)]
    if codec == "gzip":
        assert given_[: len(before)] == before  # deflate codes are read from left to right


@pytest.mark.parametrize("chunk", [7, 100, 8 << 10, 1 << 20])
def test_what_is_kept_of_a_damaged_file_does_not_depend_on_how_it_is_read(stream, chunk, monkeypatch):
    monkeypatch.setattr(streams, "CHUNK", 1)
    damaged = {
        codec: whole[: len(whole) // 2] + b"\xff" * 64 + whole[len(whole) // 2 + 64 :]
        for codec, whole in PACKED.items()
    }
    expected = {}
    for codec, data in damaged.items():
        one = stream(data)
        expected[codec] = read(one), one.broken
    monkeypatch.setattr(streams, "CHUNK", chunk)
    for codec, data in damaged.items():
        one = stream(data)
        assert (read(one), one.broken) == expected[codec]
        assert one.broken.reason == "corrupt_stream"
        assert len(expected[codec][0]) > len(LINES) // 4


@pytest.mark.parametrize("codec", PACKED)
def test_garbage_behind_the_data(stream, codec):
    one = stream(PACKED[codec] + b"garbage!")
    assert read(one) == LINES
    assert one.broken.reason == "corrupt_stream"
    place = int(re.search(r"at byte (\d+) of the file", one.broken.error)[1])
    assert len(PACKED[codec]) <= place < len(PACKED[codec]) + 4  # a frame is known by its first bytes


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
def test_a_name_that_promises_compression(stream, name):
    one = stream(LINES, name)
    assert read(one) == b""
    assert one.broken.reason == "corrupt_stream"
    assert "rename it" in one.broken.error
    one = stream(b"", name)
    assert read(one) == b""
    assert one.broken.reason == "truncated_stream"


def test_a_failing_disk(stream, monkeypatch):
    def fail(self):
        yield LINES[:100]
        raise OSError(5, "Input/output error")

    one = stream(LINES)
    monkeypatch.setattr(Stream, "_chunks", fail)
    assert read(one) == LINES[:100]
    assert (one.broken.reason, one.broken.offset) == ("read_error", 100)


def test_a_file_that_is_gone(stream):
    one = stream(LINES)
    os.unlink(one.file.path)
    with pytest.raises(BadFile) as caught:
        list(one)
    assert caught.value.reason == "gone"


class Chunks:
    """Stands for a stream: the bytes in chunks of a given size."""

    broken = None

    def __init__(self, data: bytes, chunk: int) -> None:
        self.chunks = [data[at : at + chunk] for at in range(0, len(data), chunk)]

    def __iter__(self):
        return iter(self.chunks)


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=30),
    st.booleans(),
    st.integers(1, 40),
    st.integers(1, 50),
    st.integers(1, 60),
)
@example([b"a" * 100, b"b"], True, 3, 10, 20)
@example([b"", b"", b""], True, 1, 1, 1)
def test_blocks_are_the_lines_in_order(lines, ends, chunk, size, max_line):
    data = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    expected = data.split(b"\n")[: -1 if data.endswith(b"\n") or not data else None]
    offset, line = 0, 1
    for block in blocks(Chunks(data, chunk), max_line=max_line, size=size):
        assert (block.line, block.offset, block.cut) == (line, offset, False)
        for one in block.lines:
            true = expected[line - 1]
            if block.long:
                assert block.long == len(true) > max_line
                assert one == true[:max_line]
            else:
                assert one == true
            line, offset = line + 1, offset + len(true) + 1
        assert len(block.lines) == 1 or sum(map(len, block.lines)) + len(block.lines) <= size + 1
    assert line == len(expected) + 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 60).map(lambda n: b"x" * n), max_size=40), st.integers(1, 40), st.integers(1, 80))
def test_the_cuts_do_not_depend_on_the_chunks(lines, chunk, size):
    data = b"\n".join(lines) + b"\n"

    def shape(chunk):
        found = blocks(Chunks(data, chunk), max_line=30, size=size)
        return [[line[:30] for line in block.lines] for block in found]

    assert shape(chunk) == shape(len(data))


def test_of_a_line_too_long_only_the_beginning_is_held(monkeypatch):
    monkeypatch.setattr(streams, "KEPT", 5)
    data = b"first\n" + b"y" * 1000 + b"\nlast"
    found = list(blocks(Chunks(data, 7), max_line=100, size=20))
    assert [(block.line, block.offset, block.lines, block.long) for block in found] == [
        (1, 0, [b"first"], 0),
        (2, 6, [b"yyyyy"], 1000),
        (3, 1007, [b"last"], 0),
    ]
