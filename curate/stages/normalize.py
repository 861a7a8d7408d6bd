"""Put the characters, line ends and white space of a text in order; the first stage of most recipes."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.documents import TEXT, Batch
from curate.kernels.normalize import Cleaning, clean, may_change
from curate.stage import Rewrite

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_ZERO_WIDTH = re.compile("[\xad\u200b\u2060\ufeff]")
_SPACES = (
    "\t\x1c\x1d\x1e\x1f \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
"""White space (`str.isspace`) that ends no line."""
_RUN = re.compile(f"[{_SPACES}]{{2,}}")


class Normalize(Rewrite):
    """Normalize Unicode, line ends, control characters and white space.

    The steps are taken in the order of the options, and doing it twice changes nothing more. A text without anything
    but white space is dropped as `empty`. Words are never changed, unless by `unicode: NFKC`.
    """

    line_ends: bool = True
    r"""Make every line end a newline: \r\n, \r, \v, \f, U+0085, U+2028 and U+2029 (Unicode Standard, section 5.8). When
    off, the other options see lines end at \n alone, and leave these characters as they are."""
    controls: bool = True
    r"""Remove the control characters, U+0000 to U+001F and U+007F to U+009F, but for tabs and line ends."""
    zero_width: bool = True
    """Remove what is neither seen nor joins letters: soft hyphens (U+00AD), zero-width spaces (U+200B, U+FEFF: the byte
    order mark) and word joiners (U+2060). The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji need
    them. Turn this off for Khmer, Lao or Burmese texts that mark word boundaries by U+200B."""
    unicode: Literal["NFC", "NFKC", "none"] = "NFC"
    """Unicode normal form. NFC composes letters with their marks and loses nothing; NFKC also replaces characters by
    plainer ones (ligatures, full-width letters, x² by x2), which hurts mathematics and code."""
    trailing_spaces: bool = True
    """Remove white space at the ends of lines."""
    inner_spaces: bool = False
    """Make each run of white space within a line one space; a line's indentation stays. Off, because it destroys
    tables, and code aligned by spaces."""
    max_blank_lines: int | None = Field(1, ge=0)
    """Most blank lines in a row; further ones are removed; null: no limit. DCLM (RefinedWeb) allows 1; Python code has
    up to 2."""
    strip_ends: bool = True
    """Remove white space at both ends of the text."""

    examples = {
        "caf\u0065\u0301 \r\n\r\n\r\n\r\nopen\x00 late\u200b\n": "café\n\nopen late",
        "  x = [ 1,  2 ]\u2028y = x": "x = [ 1,  2 ]\ny = x",
        " \ufeff\n": None,
    }

    def rewrite_one(self, text: str) -> str | None:
        text = self._characters(text)
        if self.unicode != "none":
            text = unicodedata.normalize(self.unicode, text)
        *ended, rest = text.split("\n")
        kept, blanks = [], 0
        for line in [*(line + "\n" for line in ended), rest]:
            blanks = 0 if line.rstrip("\n").strip(_SPACES) else blanks + 1
            if self.max_blank_lines is None or blanks <= self.max_blank_lines:
                kept.append(self._line(line.rstrip("\n")) + "\n" * line.endswith("\n"))
        text = "".join(kept)
        if not text.strip():
            return None
        return text.strip() if self.strip_ends else text

    def rewrite(self, batch: Batch) -> pa.Array:
        return clean(self._normalized(batch[TEXT]), self._cleaning())

    def _characters(self, text: str) -> str:
        if self.line_ends:
            text = _LINE_ENDS.sub("\n", text)
        if self.controls:
            text = _CONTROLS.sub("", text)
        return _ZERO_WIDTH.sub("", text) if self.zero_width else text

    def _line(self, line: str) -> str:
        text = line.rstrip(_SPACES)
        after = "" if self.trailing_spaces else line[len(text) :]
        if self.inner_spaces:
            words = text.lstrip(_SPACES)
            text = text[: len(text) - len(words)] + _RUN.sub(" ", words)
        return text + after

    def _normalized(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        """The texts in the normal form that is asked for. Few need more than the kernel's quick check."""
        if self.unicode == "none":
            return texts
        rows, new = [], []
        for row in np.flatnonzero(may_change(texts, self.unicode)).tolist():
            text = self._characters(
                texts[row].as_py()
            )  # first, for what is removed may stand between a letter and its mark
            if not unicodedata.is_normalized(self.unicode, text):
                rows.append(row)
                new.append(unicodedata.normalize(self.unicode, text))
        if not rows:
            return texts
        mask = np.zeros(len(texts), np.bool_)
        mask[rows] = True
        return pc.replace_with_mask(texts, pa.array(mask), pa.array(new, pa.large_string()))

    def _cleaning(self) -> Cleaning:
        return Cleaning(
            line_ends=self.line_ends,
            controls=self.controls,
            zero_width=self.zero_width,
            trailing=self.trailing_spaces,
            inner=self.inner_spaces,
            max_blank=-1 if self.max_blank_lines is None else self.max_blank_lines,
            strip=self.strip_ends,
        )
