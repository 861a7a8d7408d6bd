"""Tokenizers in files of the user's own: what the library `tokenizers` writes (.json), or tiktoken's ranks."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import StoreError

Counts = npt.NDArray[np.int64]


class Tokenizer(Protocol):
    """Texts to tokens. Nothing is added to a text, and nothing is cut off."""

    name: str
    vocabulary: int
    """Tokens that there are."""

    def encode(self, texts: list[str]) -> list[list[int]]:
        """The tokens of each text."""
        ...

    def decode(self, tokens: list[int]) -> str:
        """The text of tokens."""
        ...

    def unknown(self) -> set[int]:
        """Tokens that stand for what the tokenizer does not know, or for a single byte of it."""
        ...


def count(tokenizer: Tokenizer, texts: pa.LargeStringArray) -> Counts:
    """Tokens of each text, int64[n]."""
    return np.array([len(tokens) for tokens in tokenizer.encode(texts.to_pylist())], np.int64)


@lru_cache(maxsize=4)
def load(path: Path, encoding: str | None = None) -> Tokenizer:
    """The tokenizer in a file, read once in a process.

    Args:
        path: .json of the library `tokenizers`, or a file of tiktoken's ranks.
        encoding: which encoding these ranks are of; None: that by whose name the file is called.

    Raises:
        StoreError: the file is no tokenizer, or the library that reads it is not there.
    """
    try:
        return _Json(path) if path.suffix == ".json" else _Ranks(path, encoding)
    except OSError as error:
        raise StoreError(f"{path}: cannot read it: {error.strerror or error}") from error


class _Json:
    """A tokenizer of the library `tokenizers`."""

    def __init__(self, path: Path) -> None:
        library = _import("tokenizers")
        text = path.read_text(encoding="utf-8")
        try:
            self._made = library.Tokenizer.from_str(text)
        except Exception as error:  # the library raises bare Exceptions
            raise StoreError(f"{path}: it is no tokenizer of the library tokenizers: {error}") from error
        self._made.no_truncation()  # else it would silently count no more than the model takes
        self._made.no_padding()
        self.name, self.vocabulary = path.name, self._made.get_vocab_size()

    def encode(self, texts: list[str]) -> list[list[int]]:
        found = self._made.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def decode(self, tokens: list[int]) -> str:
        return str(self._made.decode(tokens, skip_special_tokens=False))

    def unknown(self) -> set[int]:
        named = getattr(self._made.model, "unk_token", None)
        vocabulary = self._made.get_vocab()
        found = {f"<0x{byte:02X}>" for byte in range(256)} | ({named} if named else set())
        return {vocabulary[token] for token in found if token in vocabulary}


class _Ranks:
    """An encoding of tiktoken: the ranks are the user's file, how texts are split is the library's."""

    def __init__(self, path: Path, encoding: str | None) -> None:
        library, public = _import("tiktoken"), _import("tiktoken_ext.openai_public")
        self.name = encoding or path.name.split(".")[0]
        if self.name not in public.ENCODING_CONSTRUCTORS or self.name == "gpt2":
            known = ", ".join(sorted(set(public.ENCODING_CONSTRUCTORS) - {"gpt2"}))
            raise StoreError(f"{path}: tiktoken has no encoding '{self.name}' in one file; say which: one of {known}")
        ranks = _ranks(path)
        loader = public.load_tiktoken_bpe
        public.load_tiktoken_bpe = lambda *place, **check: ranks  # in place of the download
        try:
            described = public.ENCODING_CONSTRUCTORS[self.name]()
        finally:
            public.load_tiktoken_bpe = loader
        described.pop("explicit_n_vocab", None)  # the file may be cut to fewer tokens, as in tests
        self._made = library.Encoding(**described)
        self.vocabulary = len(ranks) + len(described["special_tokens"])

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [list(tokens) for tokens in self._made.encode_ordinary_batch(texts, num_threads=1)]

    def decode(self, tokens: list[int]) -> str:
        return str(self._made.decode(tokens))

    def unknown(self) -> set[int]:
        return {self._made.encode_single_token(bytes([byte])) for byte in range(128, 256)}


def _ranks(path: Path) -> dict[bytes, int]:
    """Token → rank, of lines with a token in base64 and a number."""
    found = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                token, rank = line.split()
                found[base64.b64decode(token, validate=True)] = int(rank)
            except (ValueError, binascii.Error) as error:
                raise StoreError(f"{path}:{number}: a line of tiktoken's has a token in base64 and its rank") from error
    if len(found) < 256:
        raise StoreError(f"{path}: it has {len(found)} tokens; tiktoken's files have one for each byte and more")
    return found


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.split("_ext")[0]
        raise StoreError(
            f"this tokenizer needs {package}, which is not installed: pip install 'curate[tokens]'"
        ) from error
