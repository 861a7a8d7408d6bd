"""Whether control tokens are single tokens of a tokenizer, wherever they stand in a text.

A control token that the tokenizer cuts into pieces is punctuation to the model: it cannot be forbidden in what the
model writes, and what it means has to be learned from several tokens that other texts have as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import CurateError, StoreError

AROUND = [(before, after) for before in ("", "end. ", "end.", "end\n") for after in ("Begin", " begin", "2", "")]
"""What the stage toxicity puts around tokens: the end of a sentence with its white space, and the next sentence."""


@dataclass(frozen=True)
class Atom:
    """What a tokenizer makes of a control token."""

    token: str
    id: int | None
    """Its number; None if it is none of the vocabulary."""
    pieces: tuple[str, ...]
    """What it becomes, alone."""
    trouble: str | None
    """Why it cannot serve as a control token; None if it can."""


def load(path: Path) -> Any:
    """The tokenizer in a file of the library tokenizers (`tokenizer.json`). Raises StoreError if there is none."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise CurateError(
            "a tokenizer.json is read with the library tokenizers: pip install 'curate[tokens]'"
        ) from None
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file; expected is the tokenizer.json of a model")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise StoreError(f"{path}: this is no tokenizer.json: {error}") from error


def atom(tokenizer: Any, token: str) -> Atom:
    """Look at a token alone, and in all surroundings of AROUND."""
    alone = tokenizer.encode(token, add_special_tokens=False)
    number = tokenizer.token_to_id(token)
    trouble = None
    if number is None:
        trouble = "it is not in the vocabulary"
    elif alone.ids != [number]:
        trouble = "it is in the vocabulary, and the tokenizer cuts it nevertheless"
    else:
        for before, after in AROUND:
            found = tokenizer.encode(f"{before}{token}{after}", add_special_tokens=False).ids
            if found.count(number) != 1:
                trouble = f"in {before + token + after!r} it is not the token that it is alone"
                break
    return Atom(token, number, tuple(alone.tokens), trouble)
