"""Groups of repeats, for reading: the document that was kept, and the words in which the others differ from it."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from curate.cli.escapes import on_one_line, visible
from curate.cli.meter import counted
from curate.cli.wrapping import say

if TYPE_CHECKING:
    from curate.report.differences import Differences
    from curate.report.groups import Group, Member

WIDEST = 100  # columns of running text
FIRST_WORDS = 24  # of the document that was kept
AROUND = 4  # equal words that are shown on either side of a difference
LONGEST = 30  # words of a difference that are shown
INDENT = 4
PLACES = 8  # differences that are shown of a document
MOST_CHARS = 200  # of a word: a text without any white space is one
STYLES = {"both": "", "first": "red strike", "second": "green"}
MARKS = {"both": ("", ""), "first": ("[-", "-]"), "second": ("{+", "+}")}


class GroupPages:
    """Prints groups on standard output. Nothing in their documents can steer the terminal."""

    def __init__(self, out: str, *, whole: bool = False, places: int = PLACES) -> None:
        """out: the run folder, for commands to go on with. whole: texts to their end. places: differences to show."""
        self.out, self.whole, self.places = out, whole, places
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._console.width = min(self._console.width, WIDEST)
        self.in_colour = self._console.color_system is not None and not self._console.no_color
        self._marked_any = False

    def legend(self) -> None:
        """How differences are marked, if there were any."""
        if self._marked_any:
            kept, here = self._marked("first", "only in the kept one"), self._marked("second", "only in the repeat")
            self._say(Text.assemble(("words: ", "dim"), kept, " ", here))

    def group(self, group: Group, *, asked: str | None = None, more: str = "") -> None:
        """A group; `asked`: the id that was asked for. more: how to see the repeats that are not shown."""
        head = Text(group.step, "bold")
        head.append(f": {self._size(group)}", "")
        self._say(head)
        names = [
            "repeat" if member.similarity is None else f"alike {similarity(member.similarity)}"
            for member in group.repeats
        ]
        kept = "kept".ljust(max(map(len, names), default=0))
        self._kept(group, kept, asked)
        for name, member in zip(names, group.repeats, strict=True):
            self._line(name, "red", member, asked)
            if group.original is not None:
                self.differences(group.original, member)
        left = group.size - 1 - len(group.repeats)
        if left > 0:
            self._say(Text(f"and {counted(left, 'more repeat')}{more}", "dim"))

    def _size(self, group: Group) -> str:
        if group.earlier is not None:
            return f"{counted(group.size - 1, 'document')} of this run like one that an earlier run kept"
        counts = group.stands_for
        copies = f"; with their own copies, {counts:,}" if counts is not None and counts != group.size else ""
        return f"{counted(group.size, 'document')}, one kept{copies}"

    def _kept(self, group: Group, name: str, asked: str | None) -> None:
        dropped_by = group.original.document.dropped_by if group.original is not None else None
        later = f"  dropped later by {dropped_by.split('/')[0]}" if dropped_by else ""
        if group.original is not None and group.earlier is None:
            self._line(name, "green", group.original, asked, later)
        else:
            line = Text.assemble((name, "bold green"), "  ", (on_one_line(group.kept), "bold"))
            line.append(f"  (by an earlier run, in {on_one_line(str(group.earlier))})", "dim")
            line.append("  ← asked for" if group.kept == asked else "", "cyan")
            line.append(
                "  its text is not there to compare" if group.original is None else on_one_line(later), "yellow"
            )
            self._say(line)
        if group.original is not None and group.original.text is not None and not self.whole:
            self._opening(group.original.text)

    def _line(self, what: str, style: str, member: Member, asked: str | None, after: str = "") -> None:
        document = member.document
        line = Text.assemble((what, f"bold {style}"), "  ", (on_one_line(document.id), "bold"))
        line.append(f"  ({on_one_line(document.file)}, row {document.row})", "dim")
        line.append("  ← asked for" if document.id == asked else "", "cyan")
        line.append(on_one_line(after), "yellow")
        self._say(line)

    def _opening(self, text: str) -> None:
        words = text[: FIRST_WORDS * MOST_CHARS].split()
        shown = " ".join(_word(word) for word in words[:FIRST_WORDS])
        self._indented(Text(shown + (" …" if len(words) > FIRST_WORDS else ""), "dim"))

    def differences(self, original: Member, member: Member) -> None:
        """The words that only one of two texts has, marked."""
        from curate.report.differences import differences

        if original.text is None or member.text is None:
            self._indented(Text("the input with its text cannot be read any more", "yellow"))
            return
        if original.text == member.text:
            self._indented(Text("the same text", "dim"))
            return
        found = differences(original.text, member.text)
        if found.equal:
            self._indented(Text("the same words; white space differs", "dim"))
        elif self.whole:
            say(self._console, self._whole(found), mark="  │ ")
        else:
            self._indented(self._places(found))
        self._marked_any |= not found.equal
        if any(found.rest):
            kept, here = found.rest
            self._indented(Text(f"not compared: the last {kept:,} characters of the kept one, {here:,} of this", "dim"))

    def _whole(self, found: Differences) -> Text:
        """The text with its differences marked."""
        parts = []
        for run, then in zip_longest(found.runs, found.runs[1:]):
            words = visible("".join(run.words))
            is_replaced = then is not None and (run.which, then.which) == ("first", "second")
            parts.append(self._marked(run.which, words.rstrip() if is_replaced else words))
        return Text.assemble(*parts)

    def _places(self, found: Differences) -> Text:
        """The differences with some words around them, and `…` for what is equal."""
        shown = Text()
        changes = 0
        for number, run in enumerate(found.runs):
            is_replaced = number > 0 and found.runs[number - 1].which == "first" and run.which == "second"
            if shown and not (is_replaced and not self.in_colour) and not shown.plain.endswith(" "):
                shown.append(" ")
            if run.which == "both":
                before, behind = (AROUND if number else 0), (AROUND if number + 1 < len(found.runs) else 0)
                shown.append(_some(run.words, before, behind))
                continue
            changes += not is_replaced
            if changes > self.places:
                break
            shown.append(self._marked(run.which, _some(run.words, LONGEST // 2, LONGEST // 2, counts=True).rstrip()))
        left = _changes(found) - self.places
        if left > 0:
            shown.append(f"… and {counted(left, 'more difference')}; all: --text", "dim")
        return shown

    def _marked(self, which: str, words: str) -> Text:
        """Words in the colour that says whose they are; between marks where there are no colours."""
        if self.in_colour or which == "both":
            return Text(words, STYLES[which])
        begin, end = MARKS[which]
        body = words.rstrip()
        return Text(f"{begin}{body}{end}{words[len(body) :]}")

    def _indented(self, text: Text) -> None:
        for line in text.wrap(self._console, self._console.width - INDENT):
            line.rstrip()
            self._console.print(Text.assemble(" " * INDENT, line), soft_wrap=True)

    def _say(self, text: Text) -> None:
        say(self._console, text)


def _changes(found: Differences) -> int:
    """Places where the texts differ: words in place of others are one."""
    kinds = ["both", *(run.which for run in found.runs)]
    return sum(kind != "both" and not (kind == "second" and b == "first") for b, kind in pairwise(kinds))


def as_data(group: Group) -> dict[str, Any]:
    """A group for programs."""
    return asdict(group)


def compare(out: str, id: str) -> str:
    """The command that shows the group of a document, with an id that a terminal may be shown."""
    return f"curate dups {_quoted(out)} {_quoted(id)}"


def _quoted(word: str) -> str:
    r"""For a shell; what would not be seen, or would steer the terminal, as `$'\x1b'`."""
    if word.isprintable():
        return shlex.quote(word)
    shown = "".join(
        char if char.isprintable() and char not in "'\\" else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in word
    )
    return f"$'{shown}'"


def similarity(value: float) -> str:
    """Two digits, and never 1.00 for what is less."""
    return "1.00" if value == 1 else f"{min(value, 0.9949):.2f}"


def _word(word: str) -> str:
    return on_one_line(word if len(word) <= MOST_CHARS else word[:MOST_CHARS] + "…")


def _some(words: tuple[str, ...], before: int, behind: int, *, counts: bool = False) -> str:
    """Words on one line; of many only so many at the beginning and at the end."""
    if len(words) <= before + behind + 1:
        return "".join(_on_line(word) for word in words)
    left = len(words) - before - behind
    gap = f"… {left:,} words … " if counts else "… "
    return "".join(map(_on_line, words[:before])) + gap + "".join(map(_on_line, words[len(words) - behind :]))


def _on_line(word: str) -> str:
    """A word, and a space for what white space follows it."""
    body = word.rstrip()
    return _word(body) + (" " if len(body) < len(word) else "")
