"""Long lines on a terminal, and in a pipe."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from curate.cli.wrapping import say

WIDTH = 40


def lines(text, *, terminal=True, mark=""):
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=terminal, width=WIDTH, color_system=None, highlight=False, markup=False, emoji=False
    )
    say(console, Text(text), mark=mark)
    return stream.getvalue().removesuffix("\n").split("\n")


def test_words_go_on_below_and_are_indented():
    assert lines("  the step: gopher_quality: {min_alpha_words: 0.7, max: 1}\nnext") == [
        "  the step: gopher_quality:",
        "    {min_alpha_words: 0.7, max: 1}",
        "next",
    ]
    assert lines("name      two words, and others, and then") == ["name      two words, and others, and", "  then"]
    assert lines("  two words, and others, and then others", mark="| ") == [
        "|   two words, and others, and then",
        "| others",
    ]


def test_a_pipe_gets_whole_lines():
    text = "  a line " + "with many words " * 9
    assert lines(text, terminal=False) == [text]
    assert lines("a\n\nb", terminal=False, mark="| ") == ["| a", "| ", "| b"]


@pytest.mark.parametrize("word", ["https://example.org/" + "x" * 90, "漢字" * 40])
def test_a_word_longer_than_a_line_is_left_whole(word):
    assert word in "\n".join(lines(f"see {word} for more"))


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]) | st.just(" "), max_size=300))
def test_nothing_is_lost_and_only_single_words_are_too_wide(text):
    found = lines(text, mark="| ")
    assert "".join("".join(line.removeprefix("| ").split()) for line in found) == "".join(text.split())
    for line in found:
        assert cell_len(line) <= WIDTH or " " not in line.removeprefix("| ").strip(" ")
