"""An object in a store as a file to read from: by requests for ranges, so that few columns cost few bytes."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from curate.store import objects
from curate.store.objects import Object
from curate.urls import is_remote

TAIL = 64 << 10  # bytes at the end that come with one request: most footers of Parquet are in them
BUFFER = 8 << 20  # bytes of a column, or of lines, asked for at a time: at 100 ms a request, 80 MB/s for each reader
LOCAL_BUFFER = 1 << 20  # as in the reading of files on a disk


class RangeFile(io.RawIOBase):
    """Reads an object; each read is one request, but for those within the last TAIL bytes, which come together."""

    def __init__(self, url: str, found: Object | None = None) -> None:
        """found: what is known of it already; None: it is looked at. Raises as `objects.look`."""
        super().__init__()
        self.url = url
        self.object = found or objects.look(url)
        self._at = 0
        self._tail: bytes | None = None
        self._ahead = TAIL

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.object.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer only at the end. Raises StoreError when the store does not give them."""
        stop = self.object.size if size is None or size < 0 else min(self.object.size, self._at + size)
        start, self._at = self._at, max(self._at, stop)
        tail_at = max(0, self.object.size - TAIL)
        if start < tail_at:
            return objects.read(self.url, start, stop)
        if self._tail is None:
            self._tail = objects.read(self.url, tail_at, self.object.size)
        return self._tail[start - tail_at : max(start, stop) - tail_at]

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """For who reads on and on: few bytes at first, as many look at the head only, then more and more."""
        size, self._ahead = min(len(buffer), self._ahead), self._ahead * 4
        data = self.read(size)
        buffer[: len(data)] = data
        return len(data)


def opened(path: str, found: Object | None = None) -> BinaryIO:
    """A file to read on and on: on this machine, or in a store. found: what is known of it there."""
    if not is_remote(path):
        return open(path, "rb")
    return io.BufferedReader(RangeFile(path, found), BUFFER)


def parquet_source(path: str) -> Any:
    """What pyarrow is to open for this path: the path, or a file that reads from a store."""
    return RangeFile(path) if is_remote(path) else path


def parquet_options(path: str) -> dict[str, Any]:
    """How pyarrow is to read it: column data a piece at a time, of a size that suits where it lies."""
    return {"buffer_size": BUFFER if is_remote(path) else LOCAL_BUFFER, "pre_buffer": False}
