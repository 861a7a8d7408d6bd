"""A model of the Hub, from `curate fetch` to a run: over the network once, and only when asked."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curate.models.fasttext import LANGUAGES
from tests.engine.corpus import documents, recipe_text, write_shards

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "hf://some/repo/lid.ftz@v1"


@pytest.fixture
def curate(tmp_path, monkeypatch):
    """Runs `curate …` with a cache of its own, beside a server that has one file and counts what it is asked."""
    place = tmp_path / "server/some/repo/resolve/v1/lid.ftz"
    place.parent.mkdir(parents=True)
    place.write_bytes(LANGUAGES.read_bytes())

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "server"))

        def log_message(self, *args):
            asked.append(self.path)

    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "CURATE_MODELS": str(tmp_path / "cache"), "no_proxy": "*"}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "curate", *map(str, words)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    run.asked = asked
    yield run
    server.shutdown()
    server.server_close()


def test_a_run_says_what_to_fetch_and_never_fetches(curate, tmp_path):
    data = write_shards(tmp_path / "in", documents(30), 1)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe_text(data, tmp_path / "out", f'  - fasttext_score: {{model: "{ADDRESS}"}}\n'))
    refused = curate("run", recipe, "--workers", 0)
    assert refused.returncode == 2
    assert f"stage 1 'fasttext_score': {ADDRESS} is not on this machine" in refused.stderr
    assert f"curate fetch {ADDRESS}" in refused.stderr
    assert curate.asked == []
    fetched = curate("fetch", ADDRESS)
    assert fetched.returncode == 0, fetched.stderr
    assert str(tmp_path / "cache/some/repo/v1/lid.ftz") in fetched.stdout
    assert len(curate.asked) == 1
    for _ in range(2):
        done = curate("run", recipe, "--workers", 0)
        assert done.returncode == 0, done.stderr
        assert curate("fetch", ADDRESS).returncode == 0
    assert len(curate.asked) == 1
    assert curate("fetch", ADDRESS, "--again").returncode == 0
    assert len(curate.asked) == 2


def test_what_is_no_model_is_not_kept(curate, tmp_path):
    place = tmp_path / "server/some/repo/resolve/main/other.bin"
    place.parent.mkdir(parents=True)
    for content, says in ((b"<!doctype html>", "page of HTML"), (b"version https://git-lfs", "no fastText model")):
        place.write_bytes(content)
        failed = curate("fetch", "hf://some/repo/other.bin")
        assert failed.returncode == 1
        assert says in failed.stderr
        assert not (tmp_path / "cache/some/repo/main/other.bin").exists()


def test_what_the_server_does_not_have(curate, tmp_path):
    failed = curate("fetch", "hf://some/repo/other.bin")
    assert failed.returncode == 1
    assert "there is no such file (404)" in failed.stderr
    assert not (tmp_path / "cache/some/repo/main/other.bin").exists()
    assert curate("fetch", "some/repo").returncode == 1
