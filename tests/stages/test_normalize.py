"""`normalize`: the kernel does what the plain form says, on any text and with any options."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.documents import Batch
from curate.kernels.normalize import may_change
from curate.stages.normalize import Normalize

ODD = "\n\n\n\r\v\f\x1c\x1f\x85\u2028\u2029\0\x7f\x9f\t  \xa0\u1680\u2003\u3000\u200b\u200c\u2060\ufeff\xad"
MARKS = "e\u0301\u0323\u1100\u1161\u11a8\uac00ﬁÅ²か\u3099अ\u093c\U0002f800😀\u200d\ue000z"
TEXTS = st.text(st.sampled_from(ODD + MARKS) | st.characters(codec="utf-8"), max_size=60)
STAGES = st.builds(
    Normalize,
    line_ends=st.booleans(),
    controls=st.booleans(),
    zero_width=st.booleans(),
    unicode=st.sampled_from(["NFC", "NFKC", "none"]),
    trailing_spaces=st.booleans(),
    inner_spaces=st.booleans(),
    max_blank_lines=st.none() | st.integers(0, 3),
    strip_ends=st.booleans(),
)


def fast(stage: Normalize, texts: list[str]) -> list[str | None]:
    array = pa.array(["ahead", *texts], pa.large_string()).slice(1)
    out = stage.rewrite(Batch({"text": array}))
    out.validate(full=True)
    return out.to_pylist()


@settings(deadline=None, max_examples=600)
@given(stage=STAGES, texts=st.lists(TEXTS, max_size=4))
def test_fast_form_is_the_easy_form(stage: Normalize, texts: list[str]) -> None:
    assert fast(stage, texts) == [stage.rewrite_one(text) for text in texts]


@settings(deadline=None, max_examples=300)
@given(stage=STAGES, text=TEXTS)
def test_twice_is_once(stage: Normalize, text: str) -> None:
    once = stage.rewrite_one(text)
    assert once is None or stage.rewrite_one(once) == once


@settings(deadline=None, max_examples=300)
@given(texts=st.lists(TEXTS, max_size=4), form=st.sampled_from(["NFC", "NFKC"]))
def test_the_quick_check_never_misses(texts: list[str], form: str) -> None:
    suspected = may_change(pa.array(texts, pa.large_string()), form)  # type: ignore[arg-type]
    for text, flag in zip(texts, suspected, strict=True):
        assert flag or unicodedata.is_normalized(form, text)  # type: ignore[arg-type]


def test_the_quick_check_knows_every_code_point_and_passes_ordinary_text() -> None:
    chars = [chr(code) for code in [*range(0xD800), *range(0xE000, 0x33000), *range(0xE0000, 0xE0200), 0x10FFFF]]
    array = pa.array(["a" + char + "b" for char in chars], pa.large_string())
    for form in ("NFC", "NFKC"):
        flags = may_change(array, form)  # type: ignore[arg-type]
        moved = np.array(
            [unicodedata.normalize(form, char) != char or unicodedata.combining(char) > 0 for char in chars]
        )
        assert not (moved & ~flags).any()
    plain = ["naïve café “quotes” — and more", "普通の日本語の文章です。", "Обычный русский текст", "한국어 문장"]
    assert not may_change(pa.array(plain, pa.large_string()), "NFC").any()


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("a\r\nb\rc\u2028d\x85e\ff", {}, "a\nb\nc\nd\ne\nf"),
        ("a\r\nb", {"line_ends": False}, "a\r\nb"),
        ("a\x00b\x1b[0m\x9fc", {}, "ab[0mc"),
        ("\ufeffa\u200bb\xadc", {}, "abc"),
        ("\ufeffa\u200bb", {"zero_width": False}, "\ufeffa\u200bb"),
        ("e\u200b\u0301", {}, "é"),
        ("a \t\n  b\u3000\n\n \n\nc", {}, "a\n  b\n\nc"),
        ("a\n\n\n\nb", {"max_blank_lines": 2}, "a\n\n\nb"),
        ("a\n\n\n\nb", {"max_blank_lines": 0}, "a\nb"),
        ("a\n\n\n\nb", {"max_blank_lines": None}, "a\n\n\n\nb"),
        ("  a  b\t\tc\n  d", {"inner_spaces": True, "strip_ends": False}, "  a b c\n  d"),
        ("\n a \n", {"strip_ends": False}, "\n a\n"),
        ("ﬁ Ａ", {"unicode": "NFKC"}, "fi A"),
        ("ﬁ", {}, "ﬁ"),
        ("\u200b \n", {}, None),
        ("", {}, None),
    ],
)
def test_known_texts(text: str, options: dict, expected: str | None) -> None:
    stage = Normalize(**options)
    assert stage.rewrite_one(text) == expected
    assert fast(stage, [text, "x", text]) == [expected, "x", expected]


def test_a_very_long_line() -> None:
    text = "word é  " * 150_000
    assert fast(Normalize(inner_spaces=True), [text]) == ["word é " * 149_999 + "word é"]
