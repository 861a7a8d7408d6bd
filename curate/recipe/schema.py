"""The JSON Schema of whole recipes, so that editors complete and check them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from curate.catalog import names, stage_class, summary
from curate.errors import RecipeError
from curate.recipe.card import Card
from curate.recipe.model import BadInputLimits, Incremental, Input, Output
from curate.recipe.quantities import PERCENT
from curate.recipe.steps import LABEL
from curate.stage import Stage

Schema = dict[str, Any]

_SHARE = r"[0-9.]+%?"
_VARIABLE: Schema = {
    "type": "string",
    "pattern": r"\$\{.*\}",
    "description": "A variable: ${NAME} or ${NAME:-default}.",
}
_PERCENT: Schema = {"type": "string", "pattern": f"^{PERCENT}$", "description": "A share, as in 5%."}
OF_STEPS: Schema = {
    "as": {
        "type": "string",
        "pattern": f"^{LABEL.pattern}$",
        "description": "Name of this step, in `dropped_by` and file names; also of the column that it adds, or put"
        " before the names of several.",
    },
    "expect": {
        "type": "object",
        "description": "What the step should do; outside of it, the run stops before the next pass.",
        "properties": {
            "drop": {
                "type": "string",
                "pattern": rf"^({_SHARE})?\.\.({_SHARE})?$",
                "description": "Share of the documents reaching the step that it may drop: 5%..60%, ..20% or 10%..",
            }
        },
        "required": ["drop"],
        "additionalProperties": False,
    },
}
"""What every entry of `stages` takes beside the options of its stage."""


def json_schema() -> Schema:
    """JSON Schema (draft 2020-12) of recipes, with every stage's options and their help."""
    stages = {name: found for name in names() if (found := _found(name)) is not None}
    definitions: Schema = {"variable": _VARIABLE, "percent": _PERCENT}
    parts = {name: _model(model, name, definitions) for name, model in _parts().items()}
    definitions |= {name: _stage(found, name, definitions) for name, found in stages.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe for curate",
        "type": "object",
        "properties": {
            "input": {"description": _line(Input), "anyOf": [*_strings(), parts["input"]]},
            "output": {"description": _line(Output), "anyOf": [{"type": "string"}, parts["output"]]},
            "workers": {
                "description": "Processes. 0: none but this one; auto: as many as cores, none for a small input.",
                "anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}, {"$ref": "#/$defs/variable"}],
            },
            "on_bad_input": parts["on_bad_input"],
            "incremental": {"description": _line(Incremental), "anyOf": [{"type": "boolean"}, parts["incremental"]]},
            "card": parts["card"],
            "stages": {
                "description": "What is done, in this order.",
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": _entries(stages)},
            },
        },
        "required": ["input", "output", "stages"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _parts() -> dict[str, type[BaseModel]]:
    parts: dict[str, type[BaseModel]] = {"input": Input, "output": Output, "on_bad_input": BadInputLimits}
    return parts | {"incremental": Incremental, "card": Card}


def _strings() -> list[Schema]:
    return [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]


def _line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _found(name: str) -> type[Stage] | None:
    """A stage's class; None if it lacks a package here."""
    try:
        return stage_class(name)
    except RecipeError:
        return None


def _entries(stages: dict[str, type[Stage]]) -> list[Schema]:
    """What an entry of `stages` may be: a name, or a mapping with one name as its key.

    One mapping for all stages, not one for each: editors then complete the names, and say which option is wrong rather
    than that nothing fits.
    """
    bare = [
        {"const": name, "description": summary(name)}
        for name, found in stages.items()
        if not any(field.is_required() for field in found.model_fields.values())
    ]
    options: Schema = {}
    for name in stages:
        given: list[Schema] = [{"$ref": f"#/$defs/{name}"}]
        given += [{"type": "null"}] if any(name == one["const"] for one in bare) else []
        options[name] = {"description": summary(name), "anyOf": given}
    own: Schema = {"description": "A stage of your own.", "type": ["object", "null"], "properties": OF_STEPS}
    mapping = {
        "type": "object",
        "properties": options,
        "patternProperties": {r"\.py$": own},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return [*bare, {"type": "string", "pattern": r"\.py$", "description": "A stage of your own."}, mapping]


def _stage(found: type[Stage], name: str, definitions: Schema) -> Schema:
    schema = _model(found, name, definitions)
    schema["properties"] = {**schema.get("properties", {}), **OF_STEPS}
    return schema


def _model(model: type[BaseModel], name: str, definitions: Schema) -> Schema:
    """The schema of options; what it refers to goes into `definitions`."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    for inner, definition in schema.pop("$defs", {}).items():
        definitions[f"{name}.{inner}"] = _lenient(definition)
    return _lenient(schema)


def _lenient(schema: Schema) -> Schema:
    """The schema without titles, and with variables and percentages where the notation allows them."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "x-words")}
    if "properties" in kept:
        kept["properties"] = {name: _lenient(inner) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _lenient(kept["items"])
    if isinstance(kept.get("additionalProperties"), dict):
        kept["additionalProperties"] = _lenient(kept["additionalProperties"])
    if "anyOf" in kept:
        kept["anyOf"] = list({str(one): one for inner in kept["anyOf"] for one in _flat(_lenient(inner))}.values())
    elif kept.get("type") in ("number", "integer", "boolean") or "enum" in kept:
        outer: Schema = {key: kept.pop(key) for key in ("description", "default", "examples") if key in kept}
        percent = [{"$ref": "#/$defs/percent"}] if kept.get("type") == "number" else []
        return {**outer, "anyOf": [kept, *percent, {"$ref": "#/$defs/variable"}]}
    return kept


def _flat(schema: Schema) -> list[Schema]:
    """The alternatives of a schema that is nothing but alternatives."""
    alternatives: list[Schema] = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return alternatives
