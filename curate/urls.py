"""Addresses of objects in stores (`s3://bucket/folder`), told from paths; what may not stand in one."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from curate.errors import redacted

_LOCAL = ("file", "local")
_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory")
_MAGIC = re.compile(r"[*?[]")


def is_remote(path: str) -> bool:
    """Whether a path is an address in a store, and not one on this machine."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme) is not None and scheme not in _LOCAL


def local(path: str) -> str:
    """A path as this machine takes it: `file:///data` is /data."""
    scheme, mark, rest = path.partition("://")
    return rest if mark and scheme in _LOCAL else path


def is_in_store(value: object) -> bool:
    """Whether an option is the address of a file in a store: not of the web, nor of the Hub, which models come from."""
    return isinstance(value, str) and is_remote(value) and scheme_of(value) in _STORES


def scheme_of(url: str) -> str:
    """`s3` of `s3://bucket/folder`."""
    return url.partition("://")[0].lower()


def has_magic(url: str) -> bool:
    """Whether it is a pattern of names; in addresses of the web, a question mark is none."""
    return _MAGIC.search(url.replace("?", "") if scheme_of(url) in ("http", "https") else url) is not None


def problem(url: str) -> str | None:
    """Why an address cannot be used, in words that hold no secret; None if it can."""
    if redacted(url) != url:
        return (
            f"'{redacted(url)}' has a password, key or signature in it, and would be written down with it; "
            "leave it out: stores find credentials in the environment, in a profile, or at the machine's own service"
        )
    if "::" in url:
        return f"'{url}' is an address within another; only plain ones can be used"
    if not url.partition("://")[2].strip("/"):
        return f"'{url}' names no bucket"
    if any(part in (".", "..") for part in url.partition("://")[2].split("/")):
        return f"'{url}' has . or .. in it, which stores take for names"
    return None


def joined(url: str, name: str) -> str:
    """The address of what is called `name` in the folder `url`."""
    return f"{url.rstrip('/')}/{name}"


def work_folder(url: str) -> Path:
    """Where a run with this output works if nothing else is said: below CURATE_WORK, else in the user's cache."""
    return cache_folder() / "runs" / _digest(url) / name_of(url)


def looks_folder(url: str) -> Path:
    """Where a run of another machine is brought to be looked at."""
    return cache_folder() / "looks" / _digest(url) / name_of(url)


def name_of(url: str) -> str:
    """The last part of an address, as a folder can be called on any machine."""
    return re.sub(r"[^\w.-]+", "-", url.rstrip("/").rpartition("/")[2])[-80:]


def cache_folder() -> Path:
    """Where what is brought from stores lies: CURATE_WORK, else in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("CURATE_WORK") or f"{cache}/curate/work").expanduser().absolute()


def _digest(url: str) -> str:
    return hashlib.blake2b(url.rstrip("/").encode(), digest_size=6).hexdigest()
