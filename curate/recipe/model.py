"""What a recipe says, validated and frozen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SkipValidation,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from curate.catalog import is_path
from curate.recipe.card import STRINGS, Card, as_list
from curate.recipe.quantities import parse_share, parse_size, share_text
from curate.stage import Global, Grouping, Part, Stage
from curate.urls import is_remote, local, name_of, problem, work_folder

_SIZE = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^[0-9][0-9_.]* ?[kKMGT]?i?B?$"}],
    "x-words": "a size of 1 byte or more, as in 256MB",
}
_LIMIT = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "integer", "minimum": 0}]}
_LEVELS = {"zstd": (1, 22), "gzip": (1, 9), "lz4": (1, 12)}


def _limit(value: Any) -> int | float:
    """A count as it is, a share as a float."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError("it must be a share, as in 0.1%, or a number of documents, 0 or more")
        return value
    try:
        return parse_share(value)
    except ValueError:
        raise ValueError("it must be a share, as in 0.1%, or a whole number of documents") from None


def _can_be_a_path(text: str) -> str:
    if "\0" in text:
        raise ValueError("there is a NUL character in it, which no path has")
    return text


_PathText = Annotated[str, Field(min_length=1), AfterValidator(_can_be_a_path)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Input(_Part):
    """Where the documents come from."""

    paths: Annotated[
        tuple[_PathText, ...],
        BeforeValidator(as_list),
        Field(min_length=1),
        WithJsonSchema(STRINGS),
    ]
    """Folders, globs or files; relative ones are relative to the current directory."""
    format: Literal["auto", "parquet", "jsonl"] = "auto"
    """Format of the files; `auto`: by the ending, .parquet, .jsonl, .jsonl.gz, .jsonl.zst."""
    id: Annotated[str, Field(min_length=1)] = "id"
    """Column with the ids. Where it is absent, ids are made from file and row."""
    text: Annotated[str, Field(min_length=1)] = "text"
    """Column with the texts."""

    @model_validator(mode="after")
    def _has_addresses_without_secrets(self) -> Self:
        for path in self.paths:
            why_not = problem(path) if is_remote(path) else None
            if why_not is not None:
                raise ValueError(why_not)
        return self

    @model_validator(mode="after")
    def _has_two_columns(self) -> Self:
        if self.id == self.text:
            raise ValueError(f"id and text are both column '{self.id}'; they must be two columns")
        return self


class Output(_Part):
    """Where the survivors go, with the ledger of what became of the others."""

    path: _PathText
    """The run's own folder; relative ones are relative to the current directory."""
    work: Annotated[str, Field(min_length=1)] | None = None
    """For an output in a store, such as s3://bucket/out: the folder on this machine in which the run works, in `out`
    there. null: one in the user's cache."""
    shard_size: Annotated[int, BeforeValidator(parse_size), Field(ge=1), WithJsonSchema(_SIZE)] = 256_000_000
    """Text in one file, in bytes of UTF-8, as in 256MB or 1GiB."""
    compression: Literal["zstd", "snappy", "gzip", "lz4", "none"] = "zstd"
    """Compression of the Parquet files."""
    compression_level: StrictInt | None = None
    """Level: 1 to 22 for zstd, 1 to 9 for gzip, 1 to 12 for lz4. null: as the library has it."""

    @property
    def folder(self) -> Path:
        """Where the run works: the output folder, or the folder on this machine that stands for it."""
        if not is_remote(self.path):
            return Path(local(self.path))
        if self.work is None:
            return work_folder(self.path)
        return Path(self.work).expanduser().absolute() / name_of(self.path)

    @model_validator(mode="after")
    def _has_an_address_without_secrets(self) -> Self:
        if self.work is not None and not is_remote(self.path):
            raise ValueError("work is given, but path is on this machine: the run works there; leave work out")
        if self.work is not None and is_remote(self.work):
            raise ValueError(f"work = {self.work}; it must be a folder on this machine")
        why_not = problem(self.path) if is_remote(self.path) else None
        if why_not is not None:
            raise ValueError(why_not)
        return self

    @model_validator(mode="after")
    def _has_a_level_that_exists(self) -> Self:
        if self.compression_level is not None:
            low, high = _LEVELS.get(self.compression, (1, 0))
            if low > high:
                raise ValueError(f"compression_level is given, but {self.compression} has no levels; leave it out")
            if not low <= self.compression_level <= high:
                raise ValueError(
                    f"compression_level = {self.compression_level}; for {self.compression} it must be {low} to {high}"
                )
        return self


class BadInputLimits(_Part):
    """How much of the input may be unreadable before the run stops. All of it is kept aside and named."""

    max_documents: Annotated[float | int, BeforeValidator(_limit), WithJsonSchema(_LIMIT)] = 0.001
    """Largest number of unreadable documents: a share of all, as in 0.1%, or a count (a whole number)."""
    max_shards: Annotated[StrictInt, Field(ge=0)] = 0
    """Largest number of input files that cannot be read to their end."""

    def documents(self, total: int) -> int:
        """How many of `total` documents may be unreadable. A share counts as it is written: 29% of 100 is 29."""
        if isinstance(self.max_documents, int):
            return self.max_documents
        return int(Fraction(repr(self.max_documents)) * total)


class Incremental(_Part):
    """Each run takes the files that are new or changed, as a generation; what was published stays as it is."""

    freeze: tuple[str, ...] = ()
    """Steps, by name, whose decision is that of the first generation, such as the threshold of `keep_best`, the domains
    of `domain_clusters`, the rates of `mixture`. The others decide for each generation by itself; deduplication always
    sees all that was kept before."""


@dataclass(frozen=True)
class Expect:
    """What share of the documents that reach a step it may drop, both ends included."""

    low: float | None
    high: float | None

    def holds(self, share: float) -> bool:
        """Whether a share dropped, 0 to 1, is as expected."""
        return (self.low is None or share >= self.low) and (self.high is None or share <= self.high)

    @classmethod
    def parse(cls, text: Any) -> Expect:
        """'5%..60%', '..20%', '10%..' → the limits. Raises ValueError with words that follow on a semicolon."""
        parts = [part.strip() for part in re.split(r"\.\.", str(text).strip())]
        if len(parts) != 2 or not any(parts) or not isinstance(text, str):
            shown = share_text(text) if isinstance(text, float) else text
            shown = f"{text}%" if isinstance(text, int) and 1 < text <= 100 else shown  # ..5 would be refused in turn
            hint = f"; did you mean ..{shown}?" if len(parts) == 1 else ""
            raise ValueError(f"it must be a range of shares, as in 5%..60%, ..20% or 10%..{hint}")
        low, high = (parse_share(part) if part else None for part in parts)
        if low is not None and high is not None and low > high:
            raise ValueError(f"the range is upside down; did you mean {parts[1]}..{parts[0]}?")
        return cls(low, high)

    def __str__(self) -> str:
        """As it is written in a recipe."""
        return "..".join("" if limit is None else share_text(limit) for limit in (self.low, self.high))


@dataclass(frozen=True)
class Step:
    """A stage in its place in a recipe."""

    index: int
    """Place among the stages, from 1, as in messages."""
    name: str
    """The stage's name; for a stage of the user's own, the absolute path of its file."""
    label: str
    """What it is called in `dropped_by`, in file names and in messages; unique in the recipe."""
    stage: Stage
    renames: dict[str, str] = field(default_factory=dict)
    """Column as the stage calls it → column as the documents have it."""
    expect: Expect | None = None
    named: bool = False
    """Whether the label was given by `as:`."""
    line: int | None = field(default=None, compare=False)
    """Where the recipe file has it, from 1."""

    def written(self) -> dict[str, pa.DataType]:
        """Columns that it adds, as the documents have them."""
        return {self.renames.get(name, name): kind for name, kind in self.stage.columns_written().items()}

    def kept_back(self) -> tuple[str, ...]:
        """Columns that it adds and that are not written with the documents, as later steps know them."""
        return tuple(self.renames.get(name, name) for name in self.stage.columns_kept_back())

    def grouping(self) -> Grouping | None:
        """Where it says which documents belong together, with columns as the documents have them."""
        own = self.stage.grouping if isinstance(self.stage, Global) else None
        if own is None:
            return None
        kept, size = (self.renames.get(name, name) for name in (own.kept, own.size))
        return replace(own, kept=kept, size=size, similarity=self.renames.get(own.similarity or "", own.similarity))

    def parts(self) -> tuple[Part, ...]:
        """How it wants the survivors to be written, with columns as the documents have them."""
        parts = self.stage.parts()
        return tuple(replace(part, column=self.renames.get(part.column or "", part.column)) for part in parts)

    def read(self) -> tuple[str, ...]:
        """Columns that it reads."""
        return self.stage.columns_read()

    def without_expectation(self) -> Step:
        """The same step, whatever it drops."""
        return replace(self, expect=None)


class Recipe(BaseModel):
    """A whole recipe. It means the same wherever and however it is carried out."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    source: Path | None = None
    """The file that it came from, as it was named."""
    input: Input
    output: Output
    workers: int | Literal["auto"] = "auto"
    """Processes; 0: none but this one; auto: as many as there are cores, none for a small input."""
    on_bad_input: BadInputLimits = BadInputLimits()
    incremental: Incremental | None = None
    card: Card = Card()
    stages: tuple[SkipValidation[Step], ...]

    def code(self) -> tuple[str, ...]:
        """Files of stages of the user's own: programs that it runs. They were permitted when it was loaded."""
        return tuple(step.name for step in self.stages if is_path(step.name))
