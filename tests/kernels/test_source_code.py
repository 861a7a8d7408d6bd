"""Letters, encoded data and visible text: against Python's own, against a set of places, against html.parser."""

import re
from html.parser import HTMLParser

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.source_code import encoded_one, letter_counts, may_be_encoded, visible_one

PIECES = st.sampled_from(
    [
        "A" * 63,
        "a1+/",
        "=\n",
        "0x1f, ",
        "\\x00",
        "ff ",
        "0a,",
        "\\u00e9",
        "\\u00",
        " ",
        "\n",
        "é",
        "_",
        "٣",
        "Ⅷ",
        "zz",
        "\v",
    ]
)
TEXTS = st.lists(PIECES | st.text(st.characters(codec="utf-8"), max_size=3), max_size=40).map("".join)
PATTERNS = (
    r"[a-zA-Z0-9+/\n=]{64,}",
    r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}",
    r"(?:\\u[0-9a-fA-F]{4}){8,}",
)  # as the paper has them


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_letters_and_digits_are_pythons(texts):
    letters, both = letter_counts(pa.array(texts, pa.large_string()))
    assert letters.tolist() == [sum(map(str.isalpha, text)) for text in texts]
    assert both.tolist() == [sum(map(str.isalnum, text)) for text in texts]


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_encoded_data_is_what_the_expressions_of_the_paper_match(text):
    spans = [match.span() for pattern in PATTERNS for match in re.finditer(pattern, text, re.ASCII)]
    places = {place for begin, end in spans for place in range(begin, end)}
    assert encoded_one(text) == (len(places), max((end - begin for begin, end in spans), default=0))
    assert bool(may_be_encoded(pa.array([text], pa.large_string()))[0]) == bool(spans)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * 64, (64, 64)),
        ("x" * 63, (0, 0)),
        ("a" * 64 + " " + "b" * 70, (134, 70)),
        ("0x00, " * 7, (0, 0)),
        ("0x00,0x01,0x02,0x03,0x04,0x05,0x06,0x07", (39, 39)),
        (r"\u00e9" * 8, (48, 48)),
        (r"\u00e9" * 7, (0, 0)),
    ],
)
def test_known_encoded_data(text, expected):
    assert encoded_one(text) == expected


class Shown(HTMLParser):
    """What a browser would show, by the library's own parser."""

    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.hidden, self.size = False, 0

    def handle_starttag(self, tag, attrs):
        self.hidden = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        self.size += 0 if self.hidden else len(data)

    def handle_entityref(self, name):
        self.size += len(name) + 2

    def handle_charref(self, name):
        self.size += len(name) + 3


PARTS = st.sampled_from(
    ["<p>", "</p>", '<a href="x">', "word ", "é中", "<!-- a <b> c -->", "<script>if (a < b) { }</script>", "<br/>",
     "\n", "<STYLE>p { color: red }</Style>", "<!DOCTYPE html>", "<?php echo 1 ?>", "&amp; ", "a < b ", "<h1>A</h1>"]
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.lists(PARTS, max_size=12).map("".join))
def test_visible_text_is_that_of_html_parser(html):
    parser = Shown()
    parser.feed(html)
    parser.close()
    assert visible_one(html) == parser.size


@pytest.mark.parametrize("html", ["a<!-- b", "a<script>b", "a<p b", "a<", "a</", "<script", "", "<<<"])
def test_what_is_not_closed_is_hidden_to_the_end(html):
    assert visible_one(html) == {"a<": 2, "a</": 3, "": 0, "<<<": 3, "<script": 0}.get(html, 1)


def test_a_megabyte_of_openings_takes_no_time_to_speak_of():
    for part in ("<", "<!--", "<script>", "<script></style>", "<a"):
        visible_one(part * (1 << 18))
    for part in ("ab,", "0x", "ab \v", "\\u00e9", "=" * 63 + " "):
        encoded_one(part * (1 << 16))
