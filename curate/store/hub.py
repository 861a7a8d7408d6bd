"""Fetches a file over HTTP: whole, or not at all, and only when a person asks for it."""

from __future__ import annotations

import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from curate.errors import StoreError
from curate.store.files import sha256, whole

TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20  # bytes copied at a time
HEAD = 512  # bytes that tell what a file is
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|!--|script)", re.IGNORECASE)
_ASK = "open the address in a browser, and see whether a proxy or a login is in the way"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Notes what the Hub says of a large file before it sends on to where that is, and takes no token there."""

    def __init__(self) -> None:
        self.digest: str | None = None
        """SHA-256 of the file, if the server told."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        told = re.fullmatch('"?([0-9a-f]{64})"?', headers.get("X-Linked-Etag", ""))
        self.digest = told[1] if told else self.digest
        onward = super().redirect_request(req, fp, code, msg, headers, newurl)
        if onward is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            onward.remove_header("Authorization")
        return onward


def download(url: str, path: Path, wrong: Callable[[bytes], str | None] = lambda head: None) -> None:
    """Fetch `url` to `path`; a private repository needs HF_TOKEN. Raises StoreError, and leaves no part of a file.

    The length is checked, and the SHA-256 where the server tells it, as the Hub does for large files. `wrong`: says of
    the first HEAD bytes why this is not what was wanted, if so; a page of HTML never is, which a proxy or a portal may
    send in place of the file.
    """
    headers = {"User-Agent": "curate"}
    if os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {os.environ['HF_TOKEN']}"
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer, whole(path) as part:
            with part.open("wb") as file:
                shutil.copyfileobj(answer, file, CHUNK)
            expected = answer.headers.get("Content-Length")
            if expected is not None and part.stat().st_size != int(expected):
                raise StoreError(f"{url}: {part.stat().st_size} bytes came instead of {expected}; try again")
            if redirects.digest is not None and sha256(part) != redirects.digest:
                raise StoreError(f"{url}: what came is damaged: its SHA-256 is not {redirects.digest}; try again")
            with part.open("rb") as file:
                head = file.read(HEAD)
            problem = "it is a page of HTML" if _HTML.match(head) else wrong(head)
            if problem is not None:
                raise StoreError(f"{url}: what came is not this file: {problem}, and begins with {head[:40]!r}; {_ASK}")
    except urllib.error.HTTPError as error:
        error.close()
        raise StoreError(f"{url}: {_meaning(error.code)}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise StoreError(f"{url}: it cannot be fetched: {reason}; without a network, put the file at {path}") from error


def _meaning(code: int) -> str:
    """What an HTTP status means to who wants a model."""
    if code in (401, 403):
        return f"the server wants to know who asks ({code}): set HF_TOKEN, or accept the model's terms on its page"
    if code == 404:
        return "there is no such file (404); look for spelling of repository, file and revision"
    return f"the server answers {code}; try again later"
