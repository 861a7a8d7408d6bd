from __future__ import annotations

import pyarrow as pa
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.terms import terms
from tests.stages.test_family import HOSTILE

WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
PAIRS = regex.compile(r"[\p{Han}\p{Hiragana}]{1,2}|[^\p{Han}\p{Hiragana}]+")


def plain(text: str, max_chars: int) -> list[str]:
    found = []
    for run in WORD.findall("".join(map(lower, text[:max_chars]))):
        found += PAIRS.findall(run)
    return [word for word in found if word[0] not in "0123456789" and (len(word) >= 3 or is_pair(word))]


def is_pair(word: str) -> bool:
    return len(word) == 2 and ord(word[0]) >= 0x3000 and len(word.encode()) >= 6


def lower(char: str) -> str:
    """As Arrow does it: one character for one."""
    return {"İ": "i", "\u1e9e": "ß"}.get(char, char.lower() if len(char.lower()) == 1 else char)


def found(texts: list[str], max_chars: int = 10_000) -> list[list[str]]:
    words = terms(pa.array(texts, pa.large_string()), max_chars)
    rows: list[list[str]] = [[] for _ in texts]
    for word, row in zip(words.words.to_pylist(), words.document.tolist(), strict=True):
        rows[row].append(word)
    return rows


def test_words():
    said = "The Web's 3 servers: v2.4, x86_64 and naïve Ärger."
    assert found([said]) == [["the", "web", "servers", "x86", "and", "naïve", "ärger"]]
    assert found(["", "中文文本，日本語のテキスト", "한국어 문장입니다"]) == [
        [],
        ["中文", "文本", "日本", "語の", "テキスト"],
        ["한국어", "문장입니다"],
    ]
    assert found(["one two three four"], max_chars=11) == [["one", "two", "thr"]]


def test_hostile_texts():
    assert found(HOSTILE) == [plain(text, 10_000) for text in HOSTILE]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(st.sampled_from("abcÉß123 \n-'中の文\u0301가٣") | st.characters(codec="ascii")), max_size=5))
def test_like_a_regular_expression(texts):
    assert found(texts, 12) == [plain(text, 12) for text in texts]


def test_distinct_and_joined():
    words = terms(pa.array(["one two one", "", "two two 12"], pa.large_string()), 99)
    assert words.distinct().joined(3).to_pylist() == ["one two", "", "two"]
    assert words.joined(3).to_pylist() == ["one two one", "", "two two"]
