"""What is wrong with options, in words: where it is, what was expected, what came, what to try."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from curate.catalog import did_you_mean, in_words
from curate.errors import CurateError, RecipeError
from curate.recipe.notation import Document, Path
from curate.recipe.syntax import inline

M = TypeVar("M", bound=BaseModel)
Schema = dict[str, Any]


class Complaints:
    """All that is wrong with one recipe."""

    def __init__(self, document: Document) -> None:
        """Of a recipe in which nothing is wrong so far."""
        self.document = document
        self.found: list[tuple[int, str]] = []

    def add(self, path: Path, what: str) -> None:
        """Something is wrong at a place in the recipe."""
        one = (self.document.line(path) or 0, f"{self.document.where(path)}: {what}")
        if one not in self.found:
            self.found.append(one)

    def raise_if_any(self) -> None:
        """Raise RecipeError with all that is wrong, in the order of the recipe's lines."""
        if self.found:
            raise RecipeError("\n".join(text for _, text in sorted(self.found, key=lambda one: one[0])))

    def check(
        self, model: type[M], given: Mapping[str, Any], path: Path, name: str, extra: tuple[str, ...] = ()
    ) -> M | None:
        """The options `given` as a model; None, with all complaints noted, if they are not as they must be.

        `name` is who takes the options, as in "stage 2 'language'"; `extra`: further keys that are known there.
        """
        options = _Options(model, given, path, self.document)
        try:
            made = model.model_validate(dict(given))
        except ValidationError as error:
            problems = options.sentences(error, extra)
        except CurateError as error:
            problems = {(): str(error)}
        except Exception as error:  # of a stage's own checks
            problems = {(): f"{type(error).__name__}: {error}"}
        else:
            problems = dict(options.false_numbers(made))
        for at, what in problems.items():
            self.add((*path, *at), f"{name}: {what}")
        return None if problems else made


@dataclass(frozen=True)
class _Options:
    """Options as they were given, beside the model that they are meant for."""

    model: type[BaseModel]
    given: Mapping[str, Any]
    path: Path
    """Where in the recipe they are."""
    document: Document

    def sentences(self, error: ValidationError, extra: tuple[str, ...]) -> dict[Path, str]:
        """Place within the options → what is wrong there."""
        found: dict[Path, str] = {}
        missing: dict[Path, str] = {}
        for one in error.errors(include_url=False):
            at, last = self._place(one["loc"]), one["loc"][-1] if one["loc"] else ""
            match one["type"]:
                case "extra_forbidden":
                    found[at] = f"it has no option '{last}'{self._near(str(last), extra)}"
                case "missing":
                    missing[(*at, last)] = self._missing(str(last))
                case "value_error" | "assertion_error":
                    found[at] = self._came(at) + one["msg"].partition(", ")[2]
                case _:
                    found.setdefault(at, self._came(at) + self._expected(at, one["msg"]))
        return {at: what for at, what in missing.items() if not is_meant(str(at[-1]), found.values())} | found

    def false_numbers(self, made: BaseModel) -> Iterator[tuple[Path, str]]:
        """Pydantic takes true for 1; a person who writes true for a number is mistaken."""
        for name, field in self.model.model_fields.items():
            key = field.alias if field.alias is not None and field.alias in self.given else name
            if isinstance(self.given.get(key), bool) and not isinstance(getattr(made, name), bool):
                yield (key,), self._came((key,)) + self._expected((key,), "")

    def _place(self, loc: tuple[str | int, ...]) -> Path:
        """The part of pydantic's location that names data; the rest names branches of unions."""
        at: list[str | int] = []
        inside: Any = self.given
        for part in loc:
            if part in inside if isinstance(inside, Mapping) else isinstance(inside, list) and isinstance(part, int):
                at.append(part)
                inside = inside[part]
        return tuple(at)

    def _value(self, at: Path) -> Any:
        value: Any = self.given
        for part in at:
            value = value[part]
        return value

    def _near(self, word: str, extra: tuple[str, ...]) -> str:
        """A suggestion, else the options that there are."""
        if word.isdecimal():
            return "; is it behind a decimal comma? A number has a decimal point"
        keys = [field.alias or name for name, field in self.model.model_fields.items()]
        shown = f"; it has {', '.join(keys[:12])}{', …' if len(keys) > 12 else ''}" if keys else "; it has none"
        return did_you_mean(word, [*keys, *extra]) or shown

    def _missing(self, key: str) -> str:
        field = next((f for name, f in self.model.model_fields.items() if key in (name, f.alias)), None)
        about = " ".join((field.description or "").split()) if field else ""
        return f"option '{key}' is missing" + (f": {about}" if about else "")

    def _came(self, at: Path) -> str:
        """What came: `item 2 of keep = 5; `, or nothing for the options as a whole."""
        if not at:
            return ""
        name = ".".join(part for part in at if isinstance(part, str))
        place = f"item {at[-1] + 1} of " if isinstance(at[-1], int) else ""
        return f"{place}{name} = {self.document.shown((*self.path, *at), self._value(at))}; "

    def _expected(self, at: Path, message: str) -> str:
        """What a value must be; pydantic's own words if its schema has no place like that."""
        schema = self.model.model_json_schema()
        definitions: Schema = schema.get("$defs", {})
        for part in at:
            nexts = [_inside(branch, part) for branch in _branches(schema, definitions)]
            schema = next((found for found in nexts if found), {})
        if not schema:
            return message[:1].lower() + message[1:]
        in_percent = self.document.written.get((*self.path, *at), "").endswith("%")
        suggestion = "" if in_percent else _suggestion(self._value(at), _branches(schema, definitions))
        return f"it must be {in_words(schema, definitions)}{suggestion}"


def is_meant(key: str, complaints: Iterable[str]) -> bool:
    """Whether a key that is missing is likely there, but misspelt: one of the complaints suggests it."""
    return any(f"did you mean '{key}'?" in complaint for complaint in complaints)


def _inside(schema: Schema, part: str | int) -> Schema:
    """The schema of a part of a value."""
    found = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
    return found if isinstance(found, dict) else {}


def _branches(schema: Schema, definitions: Schema) -> list[Schema]:
    """The alternatives of a schema, references followed."""
    if "$ref" in schema:
        return _branches(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    inner = schema.get("anyOf") or schema.get("oneOf")
    return [leaf for branch in inner for leaf in _branches(branch, definitions)] if inner else [schema]


def _suggestion(value: Any, branches: list[Schema]) -> str:
    """What to add to a message: `; did you mean …?` if it is clear what was meant, else nothing."""
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value == "":
        return ""
    words = [str(word) for branch in branches for word in branch.get("enum", [branch.get("const", "")])]
    near = did_you_mean(str(value), words)
    if near or any(_holds(branch, value) for branch in branches):
        return near or f"; did you mean {inline([value])}?"
    number = _as_number(value)
    for meant in (number, number / 100) if number is not None else ():
        if meant != value and any(_fits(branch, meant) for branch in branches):
            return f"; did you mean {meant:g}?"
    return ""


def _holds(branch: Schema, value: str | int | float) -> bool:
    """Whether a branch is a list, and the value could be an item of it."""
    kinds = {int: "integer", float: "number", str: "string"}
    return branch.get("type") == "array" and branch.get("items", {}).get("type") in (None, kinds[type(value)])


def _as_number(value: str | int | float) -> float | None:
    """A finite number, also one written as "0,5"."""
    try:
        number = float(str(value).replace(",", ".", 1))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _fits(branch: Schema, number: float) -> bool:
    """Whether a branch allows a number; a whole one, if it wants that."""
    if branch.get("type") not in ("number", "integer") or (branch["type"] == "integer" and number != int(number)):
        return False
    within = branch.get("minimum", -math.inf) <= number <= branch.get("maximum", math.inf)
    return bool(
        within and branch.get("exclusiveMinimum", -math.inf) < number < branch.get("exclusiveMaximum", math.inf)
    )
