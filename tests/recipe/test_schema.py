"""The schema is held against recipes as an editor sees them: YAML 1.1, variables not filled in."""

import re
from pathlib import Path

import pytest
import yaml

from curate import catalog
from curate.recipe import json_schema

CONFIGS = Path(__file__).parents[2] / "configs"
TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int,
    "number": int | float,
}  # fmt: skip


@pytest.fixture(scope="module")
def schema():
    return json_schema()


def wrong(schema, value, root, at="recipe"):
    """What a value breaks of a JSON Schema; the part of the standard that recipes need."""
    if "$ref" in schema:
        yield from wrong(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root, at)
    if "anyOf" in schema and all(list(wrong(branch, value, root, at)) for branch in schema["anyOf"]):
        yield f"{at}: fits nothing"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_a(kind, value) for kind in kinds):
        yield f"{at}: no {kinds}"
        return
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        yield f"{at}: not allowed"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{at}: pattern"
    if isinstance(value, int | float) and not isinstance(value, bool):
        within = schema.get("minimum", value) <= value <= schema.get("maximum", value)
        if (
            not within
            or value <= schema.get("exclusiveMinimum", value - 1)
            or value >= schema.get("exclusiveMaximum", value + 1)
        ):
            yield f"{at}: range"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{at}: too few"
        for index, item in enumerate(value):
            yield from wrong(schema.get("items", {}), item, root, f"{at}[{index}]")
    if isinstance(value, dict):
        yield from wrong_object(schema, value, root, at)


def is_a(kind, value):
    return isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def wrong_object(schema, value, root, at):
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 99):
        yield f"{at}: number of keys"
    yield from (f"{at}: lacks {name}" for name in schema.get("required", []) if name not in value)
    for name, inner in value.items():
        patterns = [s for pattern, s in schema.get("patternProperties", {}).items() if re.search(pattern, name)]
        known = [schema["properties"][name]] if name in schema.get("properties", {}) else patterns
        if not known and schema.get("additionalProperties") is False:
            yield f"{at}: unknown {name}"
        for one in known:
            yield from wrong(one, inner, root, f"{at}.{name}")


RECIPES = sorted(path for path in CONFIGS.glob("*.yaml") if "\nstages:" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_recipes_of_the_project_fit(schema, path):
    assert list(wrong(schema, yaml.safe_load(path.read_text()), schema)) == []


HEAD = {"input": "a", "output": "b"}


@pytest.mark.parametrize(
    "recipe",
    [
        HEAD | {"stages": ["exact_dedup", "./mine.py", {"./mine.py": {"x": 1, "as": "y"}}, {"exact_dedup": None}]},
        {"input": ["a", "b"], "output": {"path": "x", "shard_size": "1GiB"}, "stages": [{"sample": {"share": "5%"}}]},
        HEAD | {"stages": [{"sample": {"share": "${SHARE:-0.5}", "expect": {"drop": "5%.."}}}], "workers": "${N}"},
        HEAD | {"stages": ["exact_dedup"], "on_bad_input": {"max_documents": "0.1%", "max_shards": 3}},
        HEAD | {"stages": ["exact_dedup"], "on_bad_input": {"max_documents": 30}},
    ],
)
def test_what_fits(schema, recipe):
    assert list(wrong(schema, recipe, schema)) == []


@pytest.mark.parametrize(
    "recipe",
    [
        {"input": "a", "stages": ["exact_dedup"]},
        HEAD | {"stages": []},
        HEAD | {"stages": ["exact_dedupp"]},
        HEAD | {"stages": ["drop"]},
        HEAD | {"stages": [{"drop": None}]},
        HEAD | {"stages": [{"sample": {"share": 2}}]},
        HEAD | {"stages": [{"sample": {"share": 0.5, "sead": 1}}]},
        HEAD | {"stages": [{"sample": {"share": 0.5, "as": "a/b"}}]},
        HEAD | {"stages": [{"sample": {"share": 0.5, "expect": "5%"}}]},
        HEAD | {"stages": [{"sample": {"share": 0.5}, "exact_dedup": {}}]},
        HEAD | {"stages": ["exact_dedup"], "workers": -1},
        HEAD | {"stages": ["exact_dedup"], "worker": 1},
        HEAD | {"stages": ["exact_dedup"], "output": {"path": "x", "compression": "zst"}},
    ],
)
def test_what_does_not_fit(schema, recipe):
    assert list(wrong(schema, recipe, schema))


def test_every_stage_and_every_option_has_its_help(schema):
    assert set(catalog.names()) <= set(schema["$defs"])
    for name in catalog.names():
        properties = schema["$defs"][name]["properties"]
        assert set(properties) == {option.name for option in catalog.describe(name).options} | {"as", "expect"}
        assert all(option["description"] for option in properties.values())


def test_references_lead_somewhere(schema):
    text = str(schema)
    for name in re.findall(r"'#/\$defs/([^']+)'", text):
        assert name in schema["$defs"]
    assert "x-words" not in text
