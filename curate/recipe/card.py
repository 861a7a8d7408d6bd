"""The `card` of a recipe: what its author says of the data, for the dataset card."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

STRINGS = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


def as_list(value: object) -> object:
    """One string as a list of it."""
    return [value] if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


_Text = Annotated[str, Field(min_length=1)]
_Code = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
_CODES = {
    "anyOf": [
        {"type": "string", "pattern": r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ],
    "x-words": "a code of a language as in en, or a list of them",
}


class DataSource(_Part):
    """Something that the input was made of."""

    name: _Text
    """What it is called."""
    licence: _Text | None = None
    """Under which licence it was published, as it is written there."""
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """Where it is described: http or https."""


class Card(_Part):
    """What the author of a recipe says of the data: it goes into `README.md` of the output, the dataset card.

    Nothing here changes what a run does.
    """

    title: _Text | None = None
    """Name of the data set. null: that of the output folder."""
    description: _Text | None = None
    """What it is, and what it is for: plain text, paragraphs parted by empty lines."""
    licence: _Text | None = None
    """Licence of the result, best by its identifier on the Hugging Face Hub: `apache-2.0`, `cc-by-4.0`, `odc-by`."""
    language: Annotated[tuple[_Code, ...], BeforeValidator(as_list), WithJsonSchema(_CODES)] = ()
    """Codes of its languages (ISO 639), one or several: `en`, `zh`."""
    sources: tuple[DataSource, ...] = ()
    """What the input was made of, with the licence of each."""
    tags: Annotated[tuple[_Text, ...], BeforeValidator(as_list), WithJsonSchema(STRINGS)] = ()
    """Words by which it is found on the Hub."""
    limits: _Text | None = None
    """What users must know before they use it: plain text. Added to what is known from the run itself."""
