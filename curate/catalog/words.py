"""What an option may be, in words that a person reads: made from the JSON Schema of its field."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ONE = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
    "object": "a mapping",
    "array": "a list",
}
_MANY = {"string": "strings", "integer": "whole numbers", "number": "numbers", "object": "mappings", "array": "lists"}
_HUGE = 2**53  # a limit that no person needs to be told
_LARGE = 10**6
_FORMATS = {
    "date": "a date",
    "date-time": "a time",
    "path": "a path",
    "file-path": "a path",
    "directory-path": "a path",
}


def in_words(schema: Schema, definitions: Schema | None = None) -> str:
    """{"type": "number", "minimum": 0, "maximum": 1} → "a number, 0 to 1". `definitions`: the schema's `$defs`."""
    return " or ".join(_alternatives(schema, definitions or {}))


def _alternatives(schema: Schema, definitions: Schema) -> list[str]:
    """All forms that a value may have, each once, null last."""
    if "x-words" in schema:
        return [str(schema["x-words"])]
    if "$ref" in schema:
        return _alternatives(definitions.get(schema["$ref"].rpartition("/")[2], {}), definitions)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        found = list(dict.fromkeys(words for branch in branches for words in _alternatives(branch, definitions)))
        if "a number" in found and "a whole number" in found:
            found.remove("a whole number")
        return sorted(found, key=lambda words: words == "null")
    return [_single(schema, definitions)]


def _single(schema: Schema, definitions: Schema) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return _choice([str(value) for value in schema["enum"]])
    kind = schema.get("type")
    if kind == "array":
        return _list(schema, definitions)
    if kind in ("integer", "number"):
        return _ONE[kind] + _range(schema)
    if kind == "string":
        words = _FORMATS.get(schema.get("format", ""), "a string")
        return words + (" (not empty)" if schema.get("minLength") else "")
    return _ONE.get(str(kind), "any value")


def _choice(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _list(schema: Schema, definitions: Schema) -> str:
    """A list, and what its items are."""
    if schema.get("minItems") == schema.get("maxItems") and schema.get("prefixItems"):
        return f"a list of {len(schema['prefixItems'])} values"
    items = _alternatives(schema.get("items") or {}, definitions)
    many = {one: _MANY[kind] for kind, one in _ONE.items() if kind in _MANY}
    if items == ["any value"]:
        words = "a list"
    elif all(item in many for item in items):
        words = f"a list of {' or '.join(many[item] for item in items)}"
    else:
        words = f"a list, each of its items {' or '.join(items)}"
    return words + (" (not empty)" if schema.get("minItems") else "")


def _range(schema: Schema) -> str:
    """The limits of a number, to follow on "a number"."""
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if below is not None and below > _HUGE:
        below = None
    if low is not None and high is not None:
        return f", {_figure(low)} to {_figure(high)}"
    if high is not None or below is not None:
        upper = f"at most {_figure(high)}" if high is not None else f"below {_figure(below)}"
        lower = (
            f", at least {_figure(low)}" if low is not None else f" above {_figure(above)}" if above is not None else ""
        )
        return f"{lower}{' and' if lower else ','} {upper}"
    return f", {_figure(low)} or more" if low is not None else f" above {_figure(above)}" if above is not None else ""


def _figure(limit: float | None) -> str:
    """Without an exponent, so that it can be copied."""
    return f"{limit:g}" if limit is None or abs(limit) < _LARGE else f"{limit:.0f}"
