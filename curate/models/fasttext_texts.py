r"""How texts are made ready for a fastText classifier: in the way in which its training texts were.

fastText takes one line. What replaced the line feeds in training, and what else was done, differs from model to model,
and a model is to be asked in the way in which it was taught. What fastText takes for white space (`\n`, `\t`, `\v`,
`\f`, `\r`, NUL, space) separates words whatever it is, so that a way which only swaps these needs no work here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, get_args

Way = Literal["space", "join", "dclm", "dolma", "climb"]
"""`space`: a line feed becomes a space, as PreSelect and most others have it. `join`: line feeds are deleted, as the
default of datatrove's fastText filter has it. `dclm`: stripped, and all kinds of line ends become spaces. `dolma`: as
`space`, then stripped. `climb`: a line feed becomes `<newline>`, then spaces around `.!?,'/()`, lower case, and one
space wherever white space was."""

_AROUND = re.compile(r"([.!?,'/()])")
_WHITE = re.compile(r"\s+")


def _dclm(text: str) -> str:
    return " ".join(text.strip().splitlines())


def _dolma(text: str) -> str:
    return text.replace("\n", " ").strip()


def _join(text: str) -> str:
    return text.strip().replace("\n", "")


def _climb(text: str) -> str:
    return _WHITE.sub(" ", _AROUND.sub(r" \1 ", text.replace("\n", "<newline>")).lower()).strip()


_WAYS: dict[str, Callable[[str], str] | None] = {
    "space": None,
    "join": _join,
    "dclm": _dclm,
    "dolma": _dolma,
    "climb": _climb,
}
assert set(_WAYS) == set(get_args(Way))


def made_ready(text: str, way: Way, *, lowercase: bool = False, max_chars: int | None = None) -> str:
    """A text as the model is to see it; `max_chars` code points of what came, from its beginning."""
    text = text[:max_chars]
    change = _WAYS[way]
    text = change(text) if change is not None else text
    return text.lower() if lowercase else text


def changes(way: Way, *, lowercase: bool = False) -> bool:
    """Whether a text that is made ready may be another one in the eyes of fastText."""
    return _WAYS[way] is not None or lowercase
