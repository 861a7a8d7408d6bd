"""What is known of a stage, as data for help and documentation: all of it read from the stage itself."""

from __future__ import annotations

import ast
import inspect
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from curate.catalog.finding import FOLDER, class_name, is_path, load_path, stage_class
from curate.catalog.words import in_words
from curate.errors import RecipeError
from curate.stage import Annotate, Edit, Filter, Global, Match, Rewrite, Stage, names_a_column


@dataclass(frozen=True)
class Option:
    """One key that a stage takes in a recipe."""

    name: str
    expects: str
    """In words: "a number, 0 to 1"."""
    required: bool
    default: Any
    """None if required."""
    help: str
    names_a_column: bool


@dataclass(frozen=True)
class Facts:
    """All about one stage."""

    name: str
    kind: str
    """Annotate, Filter, Rewrite, Edit, Match or Global."""
    summary: str
    """One line."""
    help: str
    """The rest of the class's docstring."""
    options: tuple[Option, ...]
    reads: tuple[str, ...]
    """Columns that it reads always; further ones are named by options."""
    writes: dict[str, pa.DataType]
    """Columns that it adds, with default options if these have a say."""
    edits_text: bool
    reasons: tuple[str, ...]
    """Why it drops documents. `<column>` in one stands for the name of a column."""
    examples: dict[str, Any]
    """Input → output with default options."""

    def entries(self) -> tuple[str, ...]:
        """How it stands in a recipe: as its help has it between backquotes, else by its name alone; none if its help
        has a block of them, or if it has options that must be given and the help does not show how.
        """
        if re.search(rf"^ +- {self.name}\b", self.help, re.MULTILINE):
            return ()
        within = re.findall(rf"`({self.name}: {{[^`]*}})`", self.help)
        if not within and not any(option.required for option in self.options):
            within = [self.name]
        return tuple(f"- {entry}" for entry in within)


def summary(name: str) -> str:
    """One line on a stage, read without importing it. Raises RecipeError as `describe` does."""
    file = Path(os.path.expanduser(name)) if is_path(name) else FOLDER / f"{name}.py"
    if not os.path.isfile(file):
        return describe(name).summary  # raises, with a suggestion
    tree = ast.parse(file.read_bytes())
    wanted = class_name(file.stem)
    nodes: list[ast.ClassDef | ast.Module] = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == wanted
    ]
    for node in [*nodes, tree]:
        text = ast.get_docstring(node)
        if text:
            return text.partition("\n")[0]
    return ""


def describe(name: str) -> Facts:
    """All about a stage, by name or by the path of its file. Raises RecipeError if it cannot be found or loaded."""
    found = load_path(name) if is_path(name) else stage_class(name)
    first, _, rest = inspect.cleandoc(found.__dict__.get("__doc__") or "").partition("\n")
    options = tuple(_options(found))
    return Facts(
        name=Path(name).stem if is_path(name) else name,
        kind=_kind(found),
        summary=first,
        help=rest.strip("\n"),
        options=options,
        reads=tuple(found.reads),
        writes=_writes(found),
        edits_text=edits_text(found),
        reasons=_reasons(found, [rest, *(option.help for option in options)]),
        examples=dict(found.examples),
    )


def edits_text(stage: Stage | type[Stage]) -> bool:
    """Whether a stage may change texts: what it says itself, else what its kind does."""
    kind = stage if isinstance(stage, type) else type(stage)
    by_kind = not issubclass(kind, Annotate | Filter | Global)
    return bool(getattr(stage, "edits_text", by_kind))


def option_names(found: type[Stage]) -> list[str]:
    """The keys that a stage takes in a recipe, in the order of its fields."""
    return [field.alias or name for name, field in _fields(found).items()]


def _kind(found: type[Stage]) -> str:
    for kind in (Annotate, Filter, Rewrite, Edit, Match, Global):
        if issubclass(found, kind):
            return kind.__name__
    raise RecipeError(f"stage {found.__name__} is of no known kind")


def _fields(found: type[Stage]) -> dict[str, FieldInfo]:
    """A stage's options: its own before those that it shares with others."""
    own = [name for name in vars(found).get("__annotations__", {}) if name in found.model_fields]
    return {name: found.model_fields[name] for name in dict.fromkeys([*own, *found.model_fields])}


def _options(found: type[Stage]) -> list[Option]:
    schema = found.model_json_schema()
    definitions = schema.get("$defs", {})
    properties = schema.get("properties", {})
    return [
        Option(
            name=field.alias or name,
            expects=_expects(field, properties[field.alias or name], definitions),
            required=field.is_required(),
            default=None if field.is_required() else field.get_default(call_default_factory=True, validated_data={}),
            help=_help(field),
            names_a_column=names_a_column(field),
        )
        for name, field in _fields(found).items()
    ]


def _expects(field: FieldInfo, schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    words = in_words(schema, definitions)
    return words.replace("a string", "the name of a column") if names_a_column(field) else words


def _help(field: FieldInfo) -> str:
    return inspect.cleandoc(field.description or "").replace("\n", " ")


_GIVEN = re.compile(r"(?:[Rr]easons?: |dropped as )(.*?)(?:\. |\.$|$)")
_NAME = re.compile(r"`([a-z0-9_<>]+)`")


def _reasons(found: type[Stage], helps: list[str]) -> tuple[str, ...]:
    """What the help of a stage says after "Reason:" or "dropped as", and what its rules are called."""
    said = [name for text in helps for part in _GIVEN.findall(" ".join(text.split())) for name in _NAME.findall(part)]
    try:
        rules = [rule.reason for rule in found().thresholds()]
    except (ValidationError, RecipeError):  # it has options that must be given
        rules = []
    empty = ["empty"] if edits_text(found) else []
    return tuple(dict.fromkeys([*said, *rules, *empty]))


def _writes(found: type[Stage]) -> dict[str, pa.DataType]:
    try:
        return found().columns_written()
    except (ValidationError, RecipeError):  # it has options that must be given
        return dict(found.writes)
