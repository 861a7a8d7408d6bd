"""Where a model is: `builtin:NAME`, a path, or `hf://ORG/REPO/FILE[@REVISION]`; nothing here uses a network.

A file of the Hugging Face Hub is looked for on this machine, where `curate fetch` puts it and where the Hub's own tools
do. The address of one that is in neither place is refused, with the command that fetches it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import BeforeValidator, Field

from curate.errors import StoreError

Address = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(min_length=1), BeforeValidator(lambda given: str(given) if type(given) is int else given)]
"""Of a classifier, without `__label__`. YAML reads 1 as a number; PreSelect's labels are 1 and 0."""

FOLDER = Path(__file__).parent
BUILTIN, HUB = "builtin:", "hf://"
NO_MODELS = {".py", ".pyc", ".md", ".json"}
_FASTTEXT = re.compile(re.escape((793712314).to_bytes(4, "little")))  # as in fasttext_file
_BEGINNINGS = {
    ".bin": ("fastText model", _FASTTEXT),
    ".ftz": ("fastText model", _FASTTEXT),
    ".npz": ("zip file of numpy's", re.compile(rb"PK\x03\x04")),
    ".safetensors": ("file of tensors", re.compile(rb".{8}\{", re.DOTALL)),
    ".json": ("JSON", re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")),
}
"""Ending of a name → what such a file is, and how it begins."""
_HUB = re.compile(r"hf://(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[^@\s]+?)(?:@(?P<revision>[\w./-]+))?")


def located(address: str) -> Path:
    """The file that an address means. A path may name a file that is not there; else StoreError says what to do."""
    if address.startswith(BUILTIN):
        return _bundled(address.removeprefix(BUILTIN))
    if address.startswith(HUB):
        return HubFile.parse(address).located()
    return Path(address).expanduser()


def bundled() -> dict[str, Path]:
    """Name → file of the models that are part of the package."""
    files = sorted(path for path in FOLDER.iterdir() if path.is_file() and path.suffix not in NO_MODELS)
    return {path.stem: path for path in files}


def _bundled(name: str) -> Path:
    known = bundled()
    if name not in known:
        near = get_close_matches(name, known, 1)
        what = f"did you mean {BUILTIN}{near[0]}?" if near else f"there is {', '.join(BUILTIN + one for one in known)}"
        raise StoreError(f"no model is named '{BUILTIN}{name}'; {what}")
    return known[name]


@dataclass(frozen=True)
class HubFile:
    """A file of a repository of the Hugging Face Hub."""

    repo: str
    """ORG/REPO."""
    file: str
    """Path within the repository."""
    revision: str
    """Branch, tag or commit. Only a commit always means the same file; the manifest of a run has its SHA-256."""

    @staticmethod
    def parse(address: str) -> HubFile:
        """The file that an address means. Raises StoreError if it is not of the right form."""
        found = _HUB.fullmatch(address)
        parts = address.split("/")
        if found is None or ".." in parts or "." in parts:
            raise StoreError(f"'{address}' is no address of a model; it has the form hf://ORG/REPO/FILE[@REVISION]")
        return HubFile(found["repo"], found["file"], found["revision"] or "main")

    @property
    def address(self) -> str:
        return f"{HUB}{self.repo}/{self.file}@{self.revision}"

    @property
    def url(self) -> str:
        """Where it is fetched from; HF_ENDPOINT names a mirror, as for the Hub's own tools."""
        endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        return f"{endpoint}/{self.repo}/resolve/{quote(self.revision, safe='')}/{quote(self.file)}"

    @property
    def path(self) -> Path:
        """Where `curate fetch` puts it: under CURATE_MODELS, else in the user's cache."""
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        root = Path(os.environ.get("CURATE_MODELS") or f"{cache}/curate/models").expanduser()
        return root / self.repo / quote(self.revision, safe="") / self.file

    def wrong(self, head: bytes) -> str | None:
        """Why a file that begins so is not what its name says; None if it may well be."""
        kind = Path(self.file).suffix.lower()
        if kind not in _BEGINNINGS or _BEGINNINGS[kind][1].match(head):
            return None
        return f"it is no {_BEGINNINGS[kind][0]}, as {kind} means here"

    def located(self) -> Path:
        """The file on this machine. Raises StoreError if it is not there."""
        for path in (self.path, *self._in_hub_cache()):
            if path.is_file():
                return path
        raise StoreError(
            f"{self.address} is not on this machine, and a run fetches nothing; fetch it once: curate fetch "
            f"{self.address}  (without a network: put the file at {self.path})"
        )

    def _in_hub_cache(self) -> list[Path]:
        """Where the Hub's own tools would have put it."""
        home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
        root = Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
        folder = root / f"models--{self.repo.replace('/', '--')}"
        named = folder / "refs" / self.revision
        commit = named.read_text("ascii").strip() if named.is_file() else self.revision
        return [folder / "snapshots" / commit / self.file]
