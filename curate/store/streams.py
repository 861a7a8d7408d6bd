"""A file as a stream of lines: decompressed, cut into blocks of bounded size, and kept up to where it is damaged."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import zstandard

from curate.store.inputs import InputFile, open_input

CHUNK = 8 << 10  # compressed bytes decoded at a time: zstd packs at most 128 KiB into 4 bytes, so 256 MiB come out
PLAIN_CHUNK = 1 << 20  # bytes read at a time when there is nothing to decode
BLOCK = 16 << 20  # bytes of whole lines in a block
WINDOW = 1 << 31  # bytes that a zstd frame may look back, if it asks for it: `zstd --long=31`, as in dumps of forums
KEPT = 1 << 20  # bytes kept of a line that is too long

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after one byte 0x50 to 0x5f
_CALLED = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class Broken:
    """Where and why a file could be read no further; what came before was read."""

    reason: str
    """`truncated_stream`, `corrupt_stream` or `read_error`."""
    offset: int
    """Bytes of the decompressed stream that came before the break."""
    error: str


@dataclass(frozen=True)
class Block:
    """Some whole lines of a file, without their line ends."""

    line: int
    """Number of the first line, from 1."""
    offset: int
    """Of the first line, in bytes of the decompressed stream."""
    lines: list[bytes]
    long: int = 0
    """If not 0: the block is one line of so many bytes, too long to hold; `lines` has at most `KEPT` bytes of it."""
    cut: bool = False
    """The last line was cut off by damage to the file."""


class Stream:
    """The decompressed bytes of a file, as chunks; iterate once. Ends early and sets `broken` if the file is damaged.

    gzip (any number of members, zeros behind them) and zstd (any number of frames) are told by their first bytes, which
    no JSON begins with, so that a wrong ending of the name does no harm.
    """

    def __init__(self, file: InputFile) -> None:
        """Nothing is opened yet."""
        self.file = file
        self.broken: Broken | None = None
        self.consumed = 0
        """Bytes of the file read so far."""
        self.given = 0
        """Bytes of the decompressed stream given so far."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks():
                self.given += len(chunk)
                yield chunk
        except _Break as end:
            self.broken = Broken(end.reason, self.given, end.error)
        except OSError as error:
            self.broken = Broken("read_error", self.given, f"the disk failed: {error.strerror or error}")

    def _chunks(self) -> Iterator[bytes]:
        with open_input(self.file) as data:
            head = data.read(4)
        codec = _codec(head, self.file.path)
        if codec is None:
            with open_input(self.file) as data:
                while chunk := data.read(PLAIN_CHUNK):
                    self.consumed += len(chunk)
                    yield chunk
            return
        given = 0
        try:
            for chunk in self._decode(codec):
                given += len(chunk)
                yield chunk
        except _Damage as damage:
            # What the failing call had already decoded went with it: go there again, byte by byte.
            try:
                for chunk in self._decode(codec, careful_from=damage.position):
                    fresh = chunk[given:]
                    given = max(0, given - len(chunk))
                    if fresh:
                        yield fresh
            except _Damage as place:
                error = f"{codec} data is damaged at byte {place.position} of the file: {place.error}"
                raise _Break("corrupt_stream", error) from place

    def _decode(self, codec: str, careful_from: int | None = None) -> Iterator[bytes]:
        """Decoded chunks; from byte `careful_from` of the file on, as small as they come."""
        new = _DECODERS[codec]
        decoder: Any = None
        position = 0
        with open_input(self.file) as data:
            while chunk := data.read(CHUNK if careful_from is None or position < careful_from else 1):
                start, position = position, position + len(chunk)
                self.consumed = position
                while chunk := (chunk.lstrip(b"\0") if decoder is None and codec == "gzip" else chunk):
                    decoder = decoder or new()
                    try:
                        decoded = decoder.decompress(chunk)
                    except (zlib.error, zstandard.ZstdError) as error:
                        raise _Damage(start, str(error)) from error
                    if decoded:
                        yield decoded
                    chunk = b""
                    if decoder.eof:
                        chunk, decoder = decoder.unused_data, None
        if decoder is not None or not position:
            raise _Break("truncated_stream", f"the file ends within its {codec} data, after {position} bytes")


def blocks(stream: Stream, *, max_line: int, size: int = BLOCK) -> Iterator[Block]:
    """The lines of a stream, in blocks of at most `size` bytes, or of one longer line.

    The cuts depend on the bytes alone: a block ends with the last line that ends within `size` bytes, or with its first
    line. Memory: `size`, or the longest line up to `max_line`, twice; and a chunk.
    """
    chunks = iter(stream)
    held: list[bytes] = []
    length, line, offset = 0, 1, 0
    for chunk in chunks:
        held.append(chunk)
        length += len(chunk)
        is_one_line = length - len(chunk) >= size  # else what was held would have been cut already
        if length < size or (is_one_line and b"\n" not in chunk and length <= max_line):
            continue
        data, held = b"".join(held), []
        while len(data) >= size:
            if cut := data.rfind(b"\n", 0, size) + 1 or data.find(b"\n", size) + 1:
                lines, data = data[: cut - 1].split(b"\n"), data[cut:]
                yield Block(line, offset, lines)
                line, offset = line + len(lines), offset + cut
            elif len(data) > max_line:
                long, rest = _skip_line(chunks, len(data))
                yield Block(line, offset, [data[: min(KEPT, max_line)]], long=long)
                line, offset, data = line + 1, offset + long + 1, rest
            else:
                break
        held, length = [data], len(data)
    data = b"".join(held)
    if data:
        complete = data.endswith(b"\n")
        lines = data[: len(data) - complete].split(b"\n")
        yield Block(line, offset, lines, cut=stream.broken is not None and not complete)


def _skip_line(chunks: Iterator[bytes], length: int) -> tuple[int, bytes]:
    """Read on to the end of a line of which `length` bytes were seen → (its length, what follows its end)."""
    for chunk in chunks:
        end = chunk.find(b"\n")
        if end >= 0:
            return length + end, chunk[end + 1 :]
        length += len(chunk)
    return length, b""


class _Break(Exception):
    def __init__(self, reason: str, error: str) -> None:
        self.reason, self.error = reason, error


class _Damage(Exception):
    def __init__(self, position: int, error: str) -> None:
        self.position, self.error = position, error


def _codec(head: bytes, path: str) -> str | None:
    if head.startswith(_GZIP):
        return "gzip"
    if head == _ZSTD or (head[1:] == _ZSTD_SKIPPABLE and head[0] & 0xF0 == 0x50):
        return "zstd"
    called = next((codec for ending, codec in _CALLED.items() if path.lower().endswith(ending)), None)
    if called and head:
        advice = "; it seems to be plain JSON lines: rename it" if head.lstrip().startswith(b"{") else ""
        raise _Break("corrupt_stream", f"it is no {called} file: it begins with {head!r}{advice}")
    return called


def _gzip() -> Any:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _zstd() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj()


_DECODERS: dict[str, Callable[[], Any]] = {"gzip": _gzip, "zstd": _zstd}
