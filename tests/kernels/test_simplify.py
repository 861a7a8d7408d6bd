"""The reductions against their plain specifications, and against datatrove's own results."""

import sys
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.simplify import _LOOKED_AT, plain, plain_one, simplify, simplify_one, squeeze, squeeze_one

FORMS = [(simplify, simplify_one), (squeeze, squeeze_one), (plain, plain_one)]

# What `simplify_text` of datatrove 0.10.1 gives, default settings, Python 3.11.
DATATROVE = {
    "The quick brown Fox, jumps over the lazy dog -- 3,141.59 times! Café naïve.": (
        "the quick brown fox jumps over the lazy dog 0 0 times cafe naive"
    ),
    "3.141,59 and 1,000,000": "0 0 and 0 0",
    "１２３ and ٣٫١٤ and 1⎖5⎗6": "0 and 0 and 0⎗0",
    "ΣΑΣ ΌΣΟΣ ἐᾳ": "σας οσος εα",
    "İstanbul ISPARTA ǅ ﬁ ß": "istanbul isparta ǆ ﬁ ß",
    "한국어 중 가힣ᄀ": unicodedata.normalize("NFD", "한국어 중 가힣ᄀ"),
    "a \u0301 b": "a  b",
    "\u0301 a b \u0301": "a b",
    "नमस्ते हिंदी ภาษาไทย مُحَمَّد": "नमसत हिदी ภาษาไทย محمد",
    "tab\there\nline\rret\x00nul\x85nel\u2028ls\u200bzw": "tab here line ret nul nel ls\u200bzw",
    "“quoted” – ‘single’ … 5% £3 #tag c++ a_b": "quoted ‘single 0 £0 tag c a b",
    "中文。標點，測試！Ｆｕｌｌ": "中文 標點 測試 ｆｕｌｌ",
    "e\u0301\u0327 \u212b \u2126 \u037e \U0001d15e\U0001f600": "e a ω ; 𝅗𝅥😀",
    "   ": "",
    "...": "",
    "": "",
}

hostile = st.text(
    st.sampled_from(
        "aAzZ 09.,،٫⎖⎘١３１\u0301\u0345\u0327ÀéİΣσßǅ가힣ᄀ\u1161\u11a8中。…\t\n\r\0\x1c\x85\xa0\u2003\u200b\u2028\ufeff"
    )
    | st.sampled_from(
        "😀𝟘𝔸\U0001d15e\U0001d165\u0915\u093f\u302e\u3099かがᾳΌ;\u212b\u2126\u037e\u0958\U0002f800\U000e0100"
    )
    | st.characters(codec="utf-8"),
    max_size=40,
)


def strings(texts):
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize(("fast", "one"), FORMS)
def test_every_code_point(fast, one):
    """The tables are made for the few ranges in which something happens: this proves that nothing happens elsewhere."""
    points = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    looked_at = [char for char in points if any(low <= ord(char) < high for low, high in _LOOKED_AT)]
    others = ["".join(points[at : at + 256]) for at in range(0, len(points), 256)]
    for texts in (looked_at, [f"a{char}b {char}" for char in looked_at[:0x2000]], others):
        found = fast(strings(texts)).to_pylist()
        assert [(ascii(text), have) for text, have in zip(texts, found, strict=True) if have != one(text)] == []


@pytest.mark.parametrize(("fast", "one"), FORMS)
@settings(deadline=None, max_examples=300)
@given(texts=st.lists(hostile, max_size=8))
def test_hostile_texts(fast, one, texts):
    found = fast(strings(texts))
    found.validate(full=True)
    assert found.to_pylist() == [one(text) for text in texts]
    assert fast(strings(["é", *texts])[1:]).to_pylist() == found.to_pylist()


@pytest.mark.parametrize(("fast", "one"), FORMS)
@settings(deadline=None, max_examples=300)
@given(texts=st.lists(st.text(st.sampled_from("aaabbbZZZ    ..,-0é\n\t\x01\x1c_"), max_size=150), max_size=4))
def test_runs_of_letters(fast, one, texts):
    """Sixty-four bytes at once are looked at only where so many follow, be they of the next text."""
    texts = [*texts, "x" * 70, "Ab  c" * 30]
    assert fast(strings(texts)).to_pylist() == [one(text) for text in texts]


@pytest.mark.parametrize(("fast", "one"), FORMS)
def test_long_lines(fast, one):
    texts = ["word, " * 200_000, "힣" * 400_000, "\u0301" * 100_000 + " 1", " " * 1_000_000, "1" * 1_000_000 + ".5"]
    assert fast(strings(texts)).to_pylist() == [one(text) for text in texts]


@pytest.mark.parametrize("text", DATATROVE)
def test_simplify_as_datatrove_does(text):
    assert simplify_one(text) == DATATROVE[text]
    assert simplify(strings([text])).to_pylist() == [DATATROVE[text]]


@settings(deadline=None, max_examples=400)
@given(text=st.text("ΣΣΣασςΑΏώϏ΢\u0390aA1 (.,'\n:\u0301\u00ad\u03a2\u0345Ж", max_size=12))
def test_the_capital_sigma(text):
    assert simplify(strings([text, f"{text}Σ", f"Σ{text}"])).to_pylist() == [
        simplify_one(text), simplify_one(f"{text}Σ"), simplify_one(f"Σ{text}")
    ]  # fmt: skip


@given(text=hostile)
def test_squeezing_again_changes_nothing(text):
    assert squeeze_one(squeeze_one(text)) == squeeze_one(text)
