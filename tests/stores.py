"""A server that speaks S3, on this machine, behind a proxy that can be told to fail."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest

SECRET = "a-secret-that-nobody-may-see"
CUT = 1000
"""For a fault: the body ends in its middle, and the connection with it."""


@dataclass
class Store:
    """A bucket of its own on the server, and what is asked of it."""

    bucket: str
    endpoint: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(method, path) of each request, in order."""
    fault: Callable[[str, str], int | None] = lambda method, path: None
    """(method, path) → a status to answer with, CUT, or None: as the server answers."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    @property
    def system(self) -> fsspec.AbstractFileSystem:
        return fsspec.filesystem("s3", use_listings_cache=False)

    def bytes_of(self, folder: str) -> dict[str, bytes]:
        """Name → content of all objects in a folder."""
        whole = f"{self.bucket}/{folder}"
        return {name.removeprefix(f"{whole}/"): self.system.cat_file(name) for name in self.system.find(whole)}

    def writes(self) -> list[str]:
        """`PUT path` and `DELETE path`, in order, but for the lock."""
        told = [(method, path.partition("?")[0]) for method, path in self.asked if method in ("PUT", "DELETE")]
        return [f"{method} {path.split('/', 2)[2]}" for method, path in told if ".curate.lock" not in path]


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store
    behind: int

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.store.asked.append((self.command, self.path))
        fault = self.store.fault(self.command, self.path)
        if fault is not None and fault != CUT:
            self.send_response(fault)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        there = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=30)
        there.request(self.command, self.path, body, dict(self.headers))
        answer = there.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "server", "date", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if fault == CUT else data)
        self.close_connection = self.close_connection or fault == CUT
        there.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def s3_server():
    """The server and its proxy."""
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], **quiet)
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"behind": port, "store": None}))
    proxy.daemon_threads = True
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        for _ in range(600):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        server.terminate()
        server.wait()


@pytest.fixture
def s3(s3_server, monkeypatch, tmp_path, request):
    """An empty bucket, with the environment that leads to it, and a place for work folders."""
    endpoint = f"http://127.0.0.1:{s3_server.server_port}"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key-of-nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("CURATE_WORK", str(tmp_path / "work"))
    store = Store(f"bucket-{time.time_ns()}", endpoint)
    s3_server.RequestHandlerClass.store = store
    store.system.mkdir(store.bucket)
    return store
