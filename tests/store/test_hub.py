"""Fetching from a real server on this machine, as it answers well and badly."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curate.errors import StoreError
from curate.store.hub import download

CONTENT = b"a model " * 100_000


@dataclass
class Hub:
    """A server; `place/...` sends on to `store/...`, as the Hub does."""

    url: str
    store: str
    tokens: dict[str, str | None] = field(default_factory=dict)


@pytest.fixture
def hub(monkeypatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            known.tokens[self.path] = self.headers.get("Authorization")
            if self.path.startswith("/place/"):
                self.send_response(302)
                digest = hashlib.sha256(CONTENT).hexdigest()
                self.send_header("X-Linked-Etag", f'"{digest}"')
                self.send_header("Location", f"{known.store}/store/{self.path.removeprefix('/place/')}")
                self.end_headers()
            elif self.path.startswith("/status/"):
                self.send_error(int(self.path.removeprefix("/status/")))
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                content = CONTENT.replace(b"m", b"M", 1) if "damaged" in self.path else CONTENT
                self.wfile.write(content[:5000] if "short" in self.path else content)

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    known = Hub(*(f"http://127.0.0.1:{server.server_port}" for server in servers))
    yield known
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_file_comes_whole_and_the_token_stays_with_the_hub(hub, tmp_path):
    path = tmp_path / "deep" / "model.bin"
    download(f"{hub.url}/place/model.bin", path)
    assert path.read_bytes() == CONTENT
    assert hub.tokens == {"/place/model.bin": "Bearer secret", "/store/model.bin": None}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("status/404", "no such file"),
        ("status/401", "HF_TOKEN"),
        ("status/500", "500"),
        ("place/short", "5000 bytes came instead of 800000"),
        ("place/damaged", "SHA-256"),
    ],
)
def test_what_goes_wrong_leaves_nothing(hub, tmp_path, path, says):
    with pytest.raises(StoreError, match=says):
        download(f"{hub.url}/{path}", tmp_path / "model.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "page", [b"<!DOCTYPE html><title>Sign in</title>", b"\xef\xbb\xbf\n <HTML lang=en>", b"<html>"]
)
def test_a_page_in_place_of_the_file_is_refused(hub, tmp_path, monkeypatch, page):
    monkeypatch.setattr(f"{__name__}.CONTENT", page)
    with pytest.raises(StoreError, match="it is a page of HTML, and begins with"):
        download(f"{hub.url}/any/model.txt", tmp_path / "model.txt")
    assert list(tmp_path.iterdir()) == []


def test_what_the_caller_does_not_want_is_refused(hub, tmp_path):
    with pytest.raises(StoreError, match=r"what came is not this file: odd: b'a model', and begins with b'a model a"):
        download(f"{hub.url}/any/model.bin", tmp_path / "model.bin", lambda head: f"odd: {head[:7]!r}")
    assert list(tmp_path.iterdir()) == []


def test_no_server(tmp_path):
    with pytest.raises(StoreError, match=r"cannot be fetched.*put the file at"):
        download("http://127.0.0.1:9/model.bin", Path(tmp_path / "model.bin"))
    with pytest.raises(StoreError, match="cannot be fetched"):
        download("nonsense", Path(tmp_path / "model.bin"))
