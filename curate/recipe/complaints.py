"""What is wrong with options, in words: where it is, what was expected, what came, what to try."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from curate.catalog import did_you_mean, in_words
from curate.errors import CurateError
from curate.recipe.notation import Document, Path, inline

M = TypeVar("M", bound=BaseModel)


class Complaints:
    """All that is wrong with one recipe, in the order in which it was found."""

    def __init__(self, document: Document) -> None:
        """Of a recipe in which nothing is wrong so far."""
        self.document = document
        self.lines: list[str] = []

    def add(self, path: Path, what: str) -> None:
        """Something is wrong at a place in the recipe."""
        line = f"{self.document.where(path)}: {what}"
        if line not in self.lines:
            self.lines.append(line)

    def check(
        self, model: type[M], given: Mapping[str, Any], path: Path, name: str, extra: tuple[str, ...] = ()
    ) -> M | None:
        """The options `given` as a model; None, with all complaints noted, if they are not as they must be.

        `name` is who takes the options, as in "stage 2 'language'"; `extra`: further keys that are known there.
        """
        try:
            made = model.model_validate(dict(given))
        except ValidationError as error:
            for what, at in _sentences(error, model, given, self.document, path, extra):
                self.add((*path, *at), f"{name}: {what}")
            return None
        except CurateError as error:
            self.add(path, f"{name}: {error}")
            return None
        except Exception as error:
            self.add(path, f"{name}: {type(error).__name__}: {error}")
            return None
        return made if self._has_no_false_numbers(made, given, path, name) else None

    def _has_no_false_numbers(self, made: BaseModel, given: Mapping[str, Any], path: Path, name: str) -> bool:
        """Pydantic takes true for 1; a person who writes true for a number is mistaken."""
        fine = True
        for key, field in type(made).model_fields.items():
            key_given = field.alias if field.alias in given else key
            if isinstance(given.get(key_given), bool) and not isinstance(getattr(made, key), bool):
                expected = _expected(type(made), (key_given,))
                self.add((*path, key_given), f"{name}: {key_given} = {inline(given[key_given])}; it must be {expected}")
                fine = False
        return fine


def _sentences(
    error: ValidationError,
    model: type[BaseModel],
    given: Mapping[str, Any],
    document: Document,
    path: Path,
    extra: tuple[str, ...],
) -> list[tuple[str, Path]]:
    """(what is wrong, where within the options), each place once."""
    found: dict[Path, str] = {}
    for one in error.errors(include_url=False):
        at = _place(one["loc"], given)
        match one["type"]:
            case "extra_forbidden":
                at = (*at, str(one["loc"][-1])) if not at or at[-1] != one["loc"][-1] else at
                found[at] = f"it has no option '{at[-1]}'{_near(str(at[-1]), _keys(model), extra)}"
            case "missing":
                found[(*at, str(one["loc"][-1]))] = _missing(model, str(one["loc"][-1]))
            case "value_error" | "assertion_error":
                words = one["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
                found[at] = f"{_assigned(at, given, document, path)}{words}"
            case _:
                found.setdefault(at, _wrong(model, at, given, document, path, one["msg"]))
    return [(what, at) for at, what in found.items()]


def _place(loc: tuple[str | int, ...], given: Any) -> Path:
    """The part of pydantic's location that names data; the rest names branches of unions."""
    at: list[str | int] = []
    for part in loc:
        inside = (isinstance(given, Mapping) and part in given) or (
            isinstance(given, list | tuple) and isinstance(part, int) and part < len(given)
        )
        if inside:
            at.append(part)
            given = given[part]
    return tuple(at)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _near(word: str, keys: list[str], extra: tuple[str, ...]) -> str:
    """A suggestion, else all options if they are few enough to read."""
    known = [*keys, *extra]
    guess = did_you_mean(word, known)
    if guess:
        return guess
    shown = ", ".join(keys[:12]) + (", …" if len(keys) > 12 else "")
    return f"; it has {shown}" if keys else "; it has none"


def _missing(model: type[BaseModel], key: str) -> str:
    field = next((f for name, f in model.model_fields.items() if key in (name, f.alias)), None)
    about = " ".join((field.description or "").split()) if field else ""
    return f"option '{key}' is missing" + (f": {about}" if about else "")


def _assigned(at: Path, given: Any, document: Document, path: Path) -> str:
    """What came: `item 2 of keep = 5; `, or nothing for the options as a whole."""
    if not at:
        return ""
    for part in at:
        given = given[part]
    return f"{_option(at)} = {document.shown((*path, *at), given)}; "


def _option(at: Path) -> str:
    """keep, 1 → "item 2 of keep"; rules, links → "rules.links"."""
    name = ".".join(part for part in at if isinstance(part, str))
    items = [part + 1 for part in at if isinstance(part, int)]
    return f"item {items[-1]} of {name}" if items else name


def _wrong(model: type[BaseModel], at: Path, given: Any, document: Document, path: Path, msg: str) -> str:
    """A value that does not fit its field."""
    schema, definitions = _schema_at(model, at)
    value = given
    for part in at:
        value = value[part]
    if not schema:
        return f"{_assigned(at, given, document, path)}{msg[:1].lower()}{msg[1:]}"
    expected = in_words(schema, definitions)
    return f"{_assigned(at, given, document, path)}it must be {expected}{_suggestion(value, schema, definitions)}"


def _expected(model: type[BaseModel], at: Path) -> str:
    return in_words(*_schema_at(model, at))


def _schema_at(model: type[BaseModel], at: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema of a field, or of a value in it, with the definitions; empty if there is none."""
    schema = model.model_json_schema()
    definitions: dict[str, Any] = schema.get("$defs", {})
    for part in at:
        nexts = [_inside(branch, part) for branch in _branches(schema, definitions)]
        schema = next((found for found in nexts if found), {})
    return schema, definitions


def _inside(schema: dict[str, Any], part: str | int) -> dict[str, Any]:
    found = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
    return found if isinstance(found, dict) else {}


def _branches(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, references followed."""
    if "$ref" in schema:
        return _branches(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    inner = schema.get("anyOf") or schema.get("oneOf")
    return [leaf for branch in inner for leaf in _branches(branch, definitions)] if inner else [schema]


def _suggestion(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What to add to a message: `; did you mean …?` if it is clear what was meant, else nothing."""
    branches = _branches(schema, definitions)
    words = [str(word) for branch in branches for word in branch.get("enum", [branch.get("const")]) if word is not None]
    if words and isinstance(value, str):
        return did_you_mean(value, words)
    if isinstance(value, str | int | float) and any(_holds(branch, value) for branch in branches):
        return f"; did you mean {inline([value])}?"
    number = _as_number(value)
    for meant in (number, number / 100) if number is not None else ():
        if meant != value and any(_fits(branch, meant) for branch in branches):
            return f"; did you mean {meant:g}?"
    return ""


def _holds(branch: dict[str, Any], value: Any) -> bool:
    """Whether a branch is a list, and the value could be an item of it."""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    items = branch.get("items") or {}
    return branch.get("type") == "array" and items.get("type") in (None, kinds[type(value)])


def _as_number(value: Any) -> float | None:
    """A number, also one written as "0,5"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(str(value).replace(",", ".", 1))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _fits(branch: dict[str, Any], number: float) -> bool:
    """Whether a number is one that a branch allows; an integer for an integer."""
    if branch.get("type") not in ("number", "integer") or (branch["type"] == "integer" and number != int(number)):
        return False
    return branch.get("minimum", -math.inf) <= number <= branch.get("maximum", math.inf) and branch.get(
        "exclusiveMinimum", -math.inf
    ) < number < branch.get("exclusiveMaximum", math.inf)
