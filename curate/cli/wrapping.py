"""Long lines on a terminal go on below, between words and indented; in a pipe every line stays whole."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

HANG = 2  # columns by which what goes on below is indented further
NARROWEST = 20  # columns; less is not worth wrapping


def say(console: Console, text: Text, *, mark: str = "", hang: int | None = None) -> None:
    """Print lines; a word that is longer than a line is left to the terminal.

    mark: stands before every line, and before what goes on below in place of an indent. hang: columns to indent it by;
    default: a little more than the line.
    """
    for line in text.split("\n", allow_blank=True) if text.plain else [text]:
        console.print(Text("\n").join(_pieces(console, line, mark, hang)), soft_wrap=True)


def _pieces(console: Console, line: Text, mark: str, hang: int | None) -> list[Text]:
    """What stands on one line each."""
    lead = mark or " " * (len(line.plain) - len(line.plain.lstrip(" ")))
    below = mark or (lead + " " * HANG if hang is None else " " * hang)
    room = console.width - len(below)
    if not console.is_terminal or room < NARROWEST:
        return [Text.assemble(mark, line)]
    rest = line if mark else line[len(lead) :]
    rest.expand_tabs(8)
    pieces = rest.divide(_breaks(rest.plain, console.width - len(lead), room))
    for piece in pieces:
        piece.rstrip()
    return [Text.assemble(below if number else lead, piece) for number, piece in enumerate(pieces)]


def _breaks(words: str, first: int, room: int) -> list[int]:
    """Where lines begin, the first apart, so that it is not wider than `first`, and no other than `room`.

    Single words may be.
    """
    found: list[int] = []
    width = 0
    for word in re.finditer(r"\s*\S+\s*", words):
        cells = cell_len(word[0].rstrip())
        if width and width + cells > (room if found else first):
            found.append(word.start())
            width = 0
        width += cell_len(word[0])
    return found
