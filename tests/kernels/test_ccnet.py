"""CCNet's normal form: what CCNet's own function gives, and the kernel = the plain form on any text."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.ccnet import ccnet, ccnet_one

CCNET = {  # line: `normalize_for_dedup` of it, as the code of CCNet computes it
    "  “Ünïcode” it’s 3,141.59 % off…\r": "ünïcode its 0,000.00 % off",
    "【重要】第１２条：ＡＢＣ（税込）！": "重要第00条ａｂｃ税込",
    "«Привет», мир: ١٢٣ № 4": "привет, мир: 000 № 0",
    "a - b_c 'd' \"e\" (f) [g] #h": "a - b_c 'd' \"e\" (f) [g] #h",
    "ΟΔΟΣ ΣΑΣ İstanbul ẞ ﬁ": "οδος σας i\u0307stanbul ß ﬁ",
    "x\x00y\x7fz\x9fw": "xyzw",
    "…": "",
    "Copyright © 2004-2024 ACME, Inc.": "copyright © 0000-0000 acme, inc.",
}


def fast(texts: list[str]) -> list[str]:
    return ccnet(pa.array(texts, pa.large_string())).to_pylist()


def test_is_that_of_ccnet():
    assert [ccnet_one(line) for line in CCNET] == [*CCNET.values()]
    assert fast([*CCNET]) == [*CCNET.values()]


@pytest.mark.parametrize("line", ["\ta  b\u3000c ", "a\tb — c", "a b\x85… \x00c\n"])
def test_white_space_is_squeezed(line):
    assert fast([line]) == ["a b c"] == [ccnet_one(line)]


def test_every_code_point():
    texts = [f"a{chr(point)}B {chr(point)}" for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    assert fast(texts) == [ccnet_one(text) for text in texts]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.text() | st.sampled_from(["Σ", "ΑΣ", " ", "\t", "…", "1,5", "İ", "\x00"])).map("".join)))
def test_kernel_agrees_with_plain_form(texts):
    assert fast(texts) == [ccnet_one(text) for text in texts]
