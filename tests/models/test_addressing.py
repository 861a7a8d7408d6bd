"""Where models are looked for, and what is said when they are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.errors import StoreError
from curate.models.addressing import HubFile, bundled, located
from curate.models.fasttext import LANGUAGES
from curate.models.raters import BUNDLED


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path) -> Path:
    for name in ("CURATE_MODELS", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_bundled_models_have_names():
    assert located("builtin:lid.176") == LANGUAGES
    assert bundled()["lid.176"] == LANGUAGES
    assert all((path.parent / f"{name}.md").exists() for name, path in bundled().items()), "a card for each"


def test_a_path_is_a_path(home):
    assert located("models/mine.bin") == Path("models/mine.bin")
    assert located("~/mine.bin") == home / "mine.bin"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("builtin:lid.17", "did you mean builtin:lid.176"),
        ("builtin:qqq", "there is builtin:"),
        ("hf://org/model.bin", "hf://ORG/REPO/FILE"),
        ("hf://org/repo/", "hf://ORG/REPO/FILE"),
        ("hf://org/../x/model.bin", "hf://ORG/REPO/FILE"),
        ("hf://org/repo/a/../../model.bin", "hf://ORG/REPO/FILE"),
        ("hf://org/repo/model.bin@", "hf://ORG/REPO/FILE"),
        ("hf://org/repo/model.bin", r"curate fetch hf://org/repo/model\.bin@main"),
    ],
)
def test_bad_addresses(address, says):
    with pytest.raises(StoreError, match=says):
        located(address)


def test_files_of_the_hub(home, monkeypatch):
    file = HubFile.parse("hf://some-org/a.repo/deep/model.bin@refs/pr/1")
    assert (file.repo, file.file, file.revision) == ("some-org/a.repo", "deep/model.bin", "refs/pr/1")
    assert HubFile.parse(file.address) == file
    assert file.url == "https://huggingface.co/some-org/a.repo/resolve/refs%2Fpr%2F1/deep/model.bin"
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror:1/")
    assert file.url.startswith("http://mirror:1/some-org/")
    assert file.path == home / ".cache/curate/models/some-org/a.repo/refs%2Fpr%2F1/deep/model.bin"
    monkeypatch.setenv("CURATE_MODELS", str(home / "models"))
    assert file.path == home / "models/some-org/a.repo/refs%2Fpr%2F1/deep/model.bin"


def test_what_the_tools_of_the_hub_fetched_is_found(home, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    folder = home / "hf/hub/models--org--repo"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("abc123")
    (folder / "snapshots/abc123").mkdir(parents=True)
    (folder / "snapshots/abc123/model.bin").write_text("theirs")
    for address in ("hf://org/repo/model.bin", "hf://org/repo/model.bin@abc123"):
        assert located(address).read_text() == "theirs"
    with pytest.raises(StoreError, match="not on this machine"):
        located("hf://org/repo/model.bin@v2")
    ours = HubFile.parse("hf://org/repo/model.bin").path
    ours.parent.mkdir(parents=True)
    ours.write_text("ours")
    assert located("hf://org/repo/model.bin").read_text() == "ours"


@pytest.mark.parametrize(
    ("name", "head", "says"),
    [
        ("m.bin", b"\xba\x16\x4f\x2f\x0c\0\0\0", None),
        ("m.ftz", LANGUAGES.read_bytes()[:512], None),
        ("m.ftz", b"", "no fastText model"),
        ("m.bin", b"PK\x03\x04", "no fastText model"),
        ("m.bin", b"version https://git-lfs.github.com/spec/v1", "no fastText model"),
        ("m.npz", BUNDLED.read_bytes()[:512], None),
        ("m.npz", b"{}", "no zip file"),
        ("m.safetensors", b"\x10\0\0\0\0\0\0\0{}", None),
        ("m.safetensors", b"version https://git-lfs", "no file of tensors"),
        ("tokenizer.json", b' \n{"a": 1}', None),
        ("tokenizer.json", b"Not found", "no JSON"),
        ("words.txt", b"anything", None),
    ],
)
def test_files_begin_as_their_names_say(name, head, says):
    wrong = HubFile.parse(f"hf://some/repo/{name}").wrong(head)
    assert wrong is None if says is None else says in wrong
