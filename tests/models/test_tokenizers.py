"""Tokenizers from files: tiktoken's ranks and the library tokenizers, where these are installed."""

from __future__ import annotations

import base64
import json
import sys

import pyarrow as pa
import pytest

from curate.errors import StoreError
from curate.models import tokenizers as ours


def ranks(path, *merges: bytes):
    """A file as tiktoken has them: each byte, then these."""
    tokens = [bytes([byte]) for byte in range(256)] + list(merges)
    path.write_bytes(b"".join(base64.b64encode(t) + b" " + str(n).encode() + b"\n" for n, t in enumerate(tokens)))
    return path


def whitespace(path):
    """A tokenizer whose tokens are words."""
    library = pytest.importorskip("tokenizers")
    words = {word: n for n, word in enumerate(["[UNK]", "one", "two", "three"])}
    made = library.Tokenizer(library.models.WordLevel(words, "[UNK]"))
    made.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    made.enable_truncation(3)
    made.post_processor = library.processors.TemplateProcessing(single="[UNK] $A", special_tokens=[("[UNK]", 0)])
    made.save(str(path))
    return path


def test_bytes_and_merges(tmp_path):
    library = pytest.importorskip("tiktoken")
    plain = ours.load(ranks(tmp_path / "cl100k_base.tiktoken"))
    text = "naïve 日本\n"
    assert ours.count(plain, pa.array([text, ""], pa.large_string())).tolist() == [len(text.encode()), 0]
    merged = ours.load(ranks(tmp_path / "r50k_base.tiktoken", b"th", b"the", b" t"))
    (tokens,) = merged.encode(["the tree"])
    assert tokens == [257, 258, *b"ree"]
    assert merged.decode(tokens) == "the tree"
    assert merged.unknown() == set(range(128, 256))
    table = {bytes([b]): b for b in range(256)} | {b"th": 256, b"the": 257, b" t": 258}
    oracle = library.Encoding("x", pat_str=merged._made._pat_str, mergeable_ranks=table, special_tokens={})
    for said in ("the thetthe  the\n\nThe <|endoftext|>", "a'll b're 12345"):
        assert merged.encode([said])[0] == oracle.encode_ordinary(said)


def test_the_name_says_how_texts_are_split(tmp_path):
    pytest.importorskip("tiktoken")
    path = ranks(tmp_path / "mine.tiktoken", b"12", b"123", b"1234")
    with pytest.raises(StoreError, match="no encoding 'mine' in one file; say which: one of cl100k_base"):
        ours.load(path)
    assert len(ours.load(path, "cl100k_base").encode(["1234"])[0]) == 2  # three digits at most
    assert len(ours.load(path, "r50k_base").encode(["1234"])[0]) == 1


@pytest.mark.parametrize("text", ["", "AAA= x\n", "no rank\n" * 300, "QQ== 1\n"])
def test_damaged_ranks(tmp_path, text):
    pytest.importorskip("tiktoken")
    path = tmp_path / "cl100k_base.tiktoken"
    path.write_text(text)
    with pytest.raises(StoreError, match="tiktoken's"):
        ours.load(path)


def test_words_neither_cut_off_nor_added_to(tmp_path):
    made = ours.load(whitespace(tmp_path / "words.json"))
    (tokens,) = made.encode(["one two three one four"])
    assert tokens == [1, 2, 3, 1, 0]
    assert made.decode([1, 2]) == "one two"
    assert made.unknown() == {0}
    assert made.vocabulary == 4


def test_files_that_are_no_tokenizer(tmp_path):
    pytest.importorskip("tokenizers")
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"a": 1}))
    with pytest.raises(StoreError, match="it is no tokenizer of the library tokenizers"):
        ours.load(path)
    with pytest.raises(StoreError, match="cannot read it: No such file"):
        ours.load(tmp_path / "absent.json")


@pytest.mark.parametrize(("name", "library"), [("a.json", "tokenizers"), ("cl100k_base.tiktoken", "tiktoken")])
def test_without_its_library(tmp_path, monkeypatch, name, library):
    ranks(tmp_path / name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(StoreError, match=rf"needs {library}, which is not installed: pip install 'curate\[tokens\]'"):
        ours.load(tmp_path / name)
