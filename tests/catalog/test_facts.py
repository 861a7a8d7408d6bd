import pyarrow as pa
import pytest

from curate import catalog
from curate.catalog.words import in_words
from curate.errors import RecipeError
from tests.own_stages import write_stages


def test_a_stage_in_facts(tmp_path):
    path = str(write_stages(tmp_path) / "shouting.py")
    facts = catalog.describe(path)
    assert (facts.name, facts.kind, facts.reads, facts.writes) == ("shouting", "Filter", ("text",), {})
    assert facts.summary == catalog.summary(path) == "Drop documents written mostly in capitals."
    assert not facts.edits_text
    assert [(o.name, o.expects, o.default, o.required) for o in facts.options] == [
        ("max_upper", "a number, 0 to 1", 0.5, False),
        ("min_letters", "a whole number, 1 or more", 1, False),
        ("scripts", "a list of strings or null", None, False),
        ("strict", "true or false", False, False),
    ]
    assert facts.options[0].help == "Largest share of the letters that may be capitals, 0 to 1."


def test_kinds_and_columns(tmp_path):
    write_stages(tmp_path)
    facts = {name: catalog.describe(str(tmp_path / f"{name}.py")) for name in ("counts", "lower", "median")}
    assert {name: (one.kind, one.edits_text) for name, one in facts.items()} == {
        "counts": ("Annotate", False),
        "lower": ("Rewrite", True),
        "median": ("Global", False),
    }
    assert facts["counts"].writes == {"n_words": pa.int64(), "n_lines": pa.int64()}
    (column,) = facts["median"].options
    assert (column.expects, column.required, column.names_a_column) == ("the name of a column", True, True)


@pytest.mark.parametrize("name", catalog.names())
def test_every_stage_explains_itself(name):
    facts = catalog.describe(name)
    assert facts.summary == catalog.summary(name)
    assert facts.summary.endswith(".")
    assert all(option.help and option.expects != "any value" for option in facts.options)


def test_summary_of_what_is_not_there():
    with pytest.raises(RecipeError, match="did you mean 'drop'"):
        catalog.summary("dropp")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number", "minimum": 0, "maximum": 1}, "a number, 0 to 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "a number above 0 and at most 1"),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "a number, at least 0 and below 1"),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 2**64}, "a whole number, 0 or more"),
        ({"type": "integer", "minimum": 0, "maximum": 2**32 - 1}, "a whole number, 0 to 4294967295"),
        ({"type": "integer", "maximum": 5}, "a whole number, at most 5"),
        ({"type": "integer", "exclusiveMinimum": 0}, "a whole number above 0"),
        ({"enum": ["a", "b", "c"]}, "a, b or c"),
        ({"const": "a"}, "a"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "a list of strings (not empty)"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "a list, each of its items a or b"),
        ({"type": "array"}, "a list"),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, "true or false or null"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "a number"),
        ({"$ref": "#/$defs/X"}, "x or y"),
        ({"type": "string", "format": "path"}, "a path"),
        ({"type": "object"}, "a mapping"),
        ({}, "any value"),
    ],
)
def test_words(schema, words):
    assert in_words(schema, {"X": {"enum": ["x", "y"]}}) == words


def test_reasons_are_what_the_help_says_and_the_rules_are_called():
    assert catalog.describe("exact_dedup").reasons == ("duplicate", "in_index")
    assert catalog.describe("c4").reasons[-1] == "empty"  # it edits texts, of which nothing may be left
    assert "top_2_gram" in catalog.describe("gopher_repetition").reasons  # a rule, named after its option
    assert catalog.describe("tokens").reasons == ()
