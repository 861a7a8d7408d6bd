"""Text of others, for terminals and pages: what would steer them is shown as an escape, and never sent."""

from __future__ import annotations

import re

# C0 without tab and line feed, DEL, C1; what breaks lines or turns the direction of writing; halves of characters.
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text with control characters as `\x1b`, `\r`, `\u202e`; tabs and line feeds stay."""
    return STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def on_one_line(text: str) -> str:
    r"""As `visible`, with tabs and line feeds as `\t` and `\n`: for ids, names and values."""
    return visible(text).replace("\t", "\\t").replace("\n", "\\n")
