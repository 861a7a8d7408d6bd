"""The doorway to stores of objects (`s3://`, `gs://`, `hf://` and all others of fsspec): small, whole operations.

Every request to a store is made here, and only here is one tried again: what may pass (a server that is busy or broken,
a connection that is cut, a body that ends early) after a pause that doubles; what will not (no such object, no
permission, no credentials) never. Errors name the object, what was tried and how often, and hold no secrets.
"""

from __future__ import annotations

import errno
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from curate.errors import RecipeError, StoreError, redacted
from curate.store.files import whole
from curate.store.system import has_no_room
from curate.urls import scheme_of

T = TypeVar("T")

ATTEMPTS = 6
"""How often something is tried."""
PAUSE = 0.5
"""Seconds before the second try at most; twice as many before each further one. A random part of it is waited, so that
many workers do not all come back at once."""
LONGEST_PAUSE = 20.0  # seconds
PATIENCE = 60  # seconds without an answer
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "hf": "hf", "http": "http", "https": "http"}
"""Scheme → the extra of curate that brings its library."""
_FINAL = (
    FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError, NotImplementedError,
    ImportError, ValueError, TypeError, AttributeError, KeyError,
)  # fmt: skip
_FINAL_NUMBERS = {errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG}
_FINAL_NAMES = (
    "NoCredentials",
    "PartialCredentials",
    "TokenRetrieval",
    "UnauthorizedSSO",
    "ProfileNotFound",
    "Offline",
)
"""In the names of errors of libraries: there is nobody to ask as."""


@dataclass(frozen=True)
class Object:
    """An object in a store, as the store tells of it."""

    url: str
    size: int
    """Bytes."""
    version: str
    """What tells two contents of it apart: its ETag, generation or hash, or when it was written."""


class Gone(StoreError):
    """There is no such object."""


class Forbidden(StoreError):
    """The store does not permit it to who asks."""


@lru_cache(maxsize=64)
def _system(scheme: str, bucket: str) -> Any:
    """The file system of fsspec for a store."""
    import fsspec

    options: dict[str, Any] = {"use_listings_cache": False}  # what others write must be seen
    if scheme in (
        "s3",
        "s3a",
    ):  # would try again by itself, at two places, one within the other
        once = {"total_max_attempts": 1, "mode": "standard"}
        options["config_kwargs"] = {"retries": once, "connect_timeout": PATIENCE / 3, "read_timeout": PATIENCE}
    try:
        system = fsspec.filesystem(scheme, **options)
    except (ImportError, ValueError) as error:
        extra = _EXTRAS.get(scheme)
        way = f"install it: pip install 'curate[{extra}]'" if extra else "is the scheme right?"
        raise RecipeError(f"{scheme}://{bucket}: this kind of store needs a library: {error}; {way}") from None
    if hasattr(system, "retries"):
        system.retries = 1
    return system


def _of(url: str) -> tuple[Any, str]:
    """(file system, path in it) of an address."""
    system = _system(scheme_of(url), url.partition("://")[2].partition("/")[0])
    return system, str(system._strip_protocol(url))


def attempt(what: str, url: str, call: Callable[[], T]) -> T:
    """The result of a request, which is made again if it fails for a reason that may pass.

    Raises Gone, Forbidden or StoreError.
    """
    for number in range(1, ATTEMPTS + 1):
        try:
            return call()
        except StoreError:
            raise
        except Exception as error:  # libraries of stores raise errors of their own kinds
            if _is_final(error):
                raise _final(what, url, error) from None
            if number == ATTEMPTS:
                raise StoreError(
                    f"{url}: cannot {what}, tried {ATTEMPTS} times: {_told(error)}; is the store well, and the network?"
                    " Run again when they are: what was done is kept"
                ) from None
        time.sleep(random.uniform(0.5, 1.0) * min(LONGEST_PAUSE, PAUSE * 2 ** (number - 1)))
    raise AssertionError


def look(url: str) -> Object:
    """An object as it is now. Raises Gone, Forbidden or StoreError; of a folder, IsADirectoryError."""
    system, path = _of(url)
    system.invalidate_cache()
    return _object(url, attempt("look at it", url, lambda: system.info(path)))


def kind_of(url: str) -> str | None:
    """`file`, `directory`, or None if there is nothing of this name."""
    system, path = _of(url)
    system.invalidate_cache()
    try:
        found = attempt("look at it", url, lambda: system.info(path))
    except Gone:
        return None
    return str(found["type"])


def below(url: str) -> list[Object]:
    """All objects in a folder and those below it, ordered by address; none if there is no such folder."""
    system, path = _of(url)
    system.invalidate_cache()
    try:
        found = attempt("list it", url, lambda: system.find(path, detail=True))
    except Gone:
        return []
    return sorted(_objects(system, found), key=lambda one: one.url)


def matching(pattern: str) -> list[tuple[str, Object | None]]:
    """(address, the object, or None for a folder) of all that a pattern matches, ordered."""
    system, path = _of(pattern)
    system.invalidate_cache()
    try:
        found = attempt("list what matches", pattern, lambda: system.glob(path, detail=True))
    except Gone:
        return []
    told = sorted((str(system.unstrip_protocol(name)), info) for name, info in found.items())
    return [(url, _object(url, info) if info["type"] == "file" else None) for url, info in told]


def names_in(url: str) -> list[str]:
    """The names in a folder, ordered; none if it is not there or may not be listed."""
    system, path = _of(url)
    system.invalidate_cache()
    try:
        found = attempt("list it", url, lambda: system.ls(path, detail=False))
    except StoreError:
        return []
    return sorted({name.rstrip("/").rpartition("/")[2] for name in found} - {""})


def read(url: str, start: int, stop: int) -> bytes:
    """Bytes `start:stop` of an object, all of them."""
    system, path = _of(url)

    def once() -> bytes:
        data = bytes(system.cat_file(path, start=start, end=stop))
        if len(data) != stop - start:
            raise ConnectionError(f"{len(data)} bytes came instead of {stop - start}")
        return data

    return attempt(f"read bytes {start} to {stop}", url, once) if stop > start else b""


def read_all(url: str) -> bytes:
    """A small object's content."""
    system, path = _of(url)
    return attempt("read it", url, lambda: bytes(system.cat_file(path)))


def fetch(url: str, path: Path) -> Object:
    """Bring an object to `path`, whole or not at all; what it was."""
    system, name = _of(url)
    with whole(path) as part:

        def once() -> Object:
            before = _object(url, system.info(name))
            system.get_file(name, str(part))
            size = part.stat().st_size
            if size != before.size:
                raise ConnectionError(f"{size} bytes came instead of {before.size}")
            return before

        system.invalidate_cache()
        return attempt("fetch it", url, once)


def put(path: Path, url: str) -> None:
    """Send a file to a store, whole or not at all: an object is there when all of it is."""
    system, name = _of(url)
    size = path.stat().st_size

    def once() -> None:
        system.put_file(str(path), name)
        system.invalidate_cache()
        there = int(system.info(name)["size"])
        if there != size:
            raise ConnectionError(f"{there} bytes arrived instead of {size}")

    attempt("write it", url, once)


def write(url: str, data: bytes) -> None:
    """Write a small object, whole."""
    system, path = _of(url)
    attempt("write it", url, lambda: system.pipe_file(path, data))


def create(url: str, data: bytes) -> bool:
    """Write a small object if none of that name is there; False if one is. Needs a store with conditional writes.

    On a store without them, two that come within a moment of each other may both be told True.
    """
    system, path = _of(url)

    def once() -> bool:
        try:
            system.pipe_file(path, data, mode="create")
        except FileExistsError:
            return bool(system.cat_file(path) == data)  # a first try got through, and its answer was lost
        except (TypeError, NotImplementedError):
            system.invalidate_cache()
            if system.exists(path):
                return False
            system.pipe_file(path, data)
        return True

    return attempt("write it", url, once)


def remove(url: str) -> None:
    """Remove an object, if it is there."""
    system, path = _of(url)
    try:
        attempt("remove it", url, lambda: system.rm_file(path))
    except Gone:
        return


def _objects(system: Any, found: dict[str, dict[str, Any]]) -> Iterator[Object]:
    for name, info in found.items():
        if info["type"] == "file" and not name.endswith("/"):  # which marks an empty folder
            yield _object(str(system.unstrip_protocol(name)), info)


def _object(url: str, info: dict[str, Any]) -> Object:
    if info["type"] == "directory":
        raise IsADirectoryError(url)
    return Object(url, int(info["size"] or 0), _version(info))


def _version(info: dict[str, Any]) -> str:
    """What a store says of a content: of many names, the first that is there."""
    lfs = info.get("lfs")
    if lfs:
        return str(getattr(lfs, "sha256", None) or dict(lfs).get("sha256"))
    for name in ("ETag", "etag", "generation", "blob_id", "md5Hash", "content-md5", "crc32c"):
        if info.get(name):
            return str(info[name]).strip('"')
    for name in ("LastModified", "last_modified", "mtime", "created", "updated"):
        when = info.get(name)
        if when:
            if isinstance(when, int | float):
                when = datetime.fromtimestamp(when, UTC)
            return when.astimezone(UTC).isoformat() if isinstance(when, datetime) else str(when)
    return ""


def _is_final(error: Exception) -> bool:
    """Whether the same request would fail in the same way again."""
    if isinstance(error, TimeoutError | ConnectionError):
        return False
    status = _status_of(error)
    if status is not None:
        return 400 <= status < 500 and status not in (408, 409, 425, 429)
    if any(name in type(error).__name__ for name in _FINAL_NAMES) or isinstance(error, _FINAL):
        return True
    return isinstance(error, OSError) and (error.errno in _FINAL_NUMBERS or has_no_room(error))


def _status_of(error: Exception) -> int | None:
    """The HTTP status behind an error, if it or what it came from tells."""
    status = getattr(error, "status", None)  # of aiohttp
    return status if isinstance(status, int) else _status(error) or _status(error.__cause__)


def _status(error: BaseException | None) -> int | None:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _final(what: str, url: str, error: Exception) -> Exception:
    status = _status_of(error)
    if isinstance(error, FileNotFoundError) or status == 404:
        return Gone(f"{url}: there is no such object, or no such bucket")
    if isinstance(error, PermissionError) or status in (401, 403):
        return Forbidden(f"{url}: cannot {what}: the store refuses it ({_told(error)}); which credentials are in use?")
    if isinstance(error, IsADirectoryError):
        return error
    if any(name in type(error).__name__ for name in _FINAL_NAMES):
        return Forbidden(
            f"{url}: cannot {what}: {_told(error)}; give credentials by the environment, by a profile, or by the "
            "machine's own service"
        )
    return StoreError(f"{url}: cannot {what}: {_told(error)}")


def _told(error: Exception) -> str:
    """An error of a library on one line, without secrets."""
    return redacted(" ".join(f"{type(error).__name__}: {error}".split())[:300])


def digest(url: str) -> str:
    """SHA-256 of an object's content."""
    state = hashlib.sha256()
    size = look(url).size
    step = 8 << 20
    for start in range(0, size, step):
        state.update(read(url, start, min(size, start + step)))
    return state.hexdigest()
