"""Tokens of a text without a tokenizer: its bytes by what a token holds in its language, and its marks and digits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.kernels.text import buffers
from curate.models.fasttext import LANGUAGES, load

FIGURES = Path(__file__).with_name("token_figures.json")
LOOKED_AT = 1000  # characters by which the language is found

REST, DIGIT, MARK, LINE = range(4)
"""Kinds of bytes: letters, spaces, and all beyond ASCII; digits; other ASCII characters; line feeds."""


def kinds() -> npt.NDArray[np.uint8]:
    """uint8[256]: the kind of each byte."""
    table = np.full(256, REST, np.uint8)
    for byte in range(33, 127):
        table[byte] = DIGIT if chr(byte).isdigit() else REST if chr(byte).isalpha() else MARK
    table[10] = LINE
    return table


_KINDS = kinds()


@dataclass(frozen=True)
class Figures:
    """Fitted by `scripts/token_figures.py`, of the tokenizer named there."""

    tokenizer: str
    sample: str
    bytes_per_token: dict[str, float]
    """Language (ISO 639-1) → bytes of the first kind."""
    other: float
    """Of any other language."""
    digit: float
    """Tokens for a digit."""
    mark: float
    line: float

    def tokens(self, counts: npt.NDArray[np.int64], language: list[str | None]) -> npt.NDArray[np.int64]:
        """int64[n] of counts int64[n, 4] of the kinds of bytes, and languages; 1 at least where there is a text."""
        held = np.array([self.bytes_per_token.get(name or "", self.other) for name in language], np.float64)
        found: npt.NDArray[np.float64] = counts[:, REST] / held
        found = found + self.digit * counts[:, DIGIT] + self.mark * counts[:, MARK] + self.line * counts[:, LINE]
        least = counts.any(axis=1).astype(np.int64)
        return np.maximum(np.rint(found).astype(np.int64), least)


@lru_cache(maxsize=1)
def figures() -> Figures:
    """The figures that the package ships."""
    stored: dict[str, Any] = json.loads(FIGURES.read_bytes())
    return Figures(**stored)


def byte_counts(texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """int64[n, 4]: bytes of each kind in each text."""
    data, offsets = buffers(texts)
    sizes = np.diff(offsets)
    out = np.zeros((len(texts), 4), np.int64)
    there = np.flatnonzero(sizes)
    if len(there):
        kind = _KINDS[data[offsets[0] : offsets[-1]]]
        first = offsets[:-1][there] - offsets[0]
        for number in (DIGIT, MARK, LINE):
            out[there, number] = np.add.reduceat(kind == number, first, dtype=np.int64)
    out[:, REST] = sizes - out.sum(1)
    return out


def languages(texts: pa.LargeStringArray) -> list[str | None]:
    """The language of each text by its beginning, as the bundled identifier says; None where it has no answer."""
    model = load(LANGUAGES)
    label, _ = model.predict(pc.utf8_slice_codeunits(texts, 0, LOOKED_AT))
    return [model.labels[number] if number >= 0 else None for number in label.tolist()]


def language_one(text: str) -> str | None:
    """The specification of `languages`, for one text."""
    return load(LANGUAGES).predict_one(text[:LOOKED_AT])[0]
