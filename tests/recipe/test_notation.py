# ruff: noqa: E501
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import RecipeError
from curate.recipe.notation import read, read_value
from curate.recipe.syntax import inline, write

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from("no on y 5% 1e6 1_000 0x1F ~ 2024-01-31 ${X} $${X} $ ${ # ' \" [ {} ? ! &a *a | > @ ` %".split()),
    st.sampled_from(["a: b", "- a", " x", "x ", "\t", "\n", "a\nb", "\x85", "\u2028", "\ufeff", "\U0010fff0", "\0"]),
)
trees = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


@settings(deadline=None, max_examples=300)
@given(trees)
def test_what_is_written_reads_back(data):
    assert read(write({"data": data}), "r", {}).data == {"data": data}


@settings(deadline=None, max_examples=100)
@given(plain)
def test_what_a_message_shows_could_be_written(value):
    if not isinstance(value, str) or "${" not in value:
        assert read_value(inline(value)) == value


def test_numbers_and_words():
    text = (
        "[1, -1, 1_000_000, 0o17, 0x1F, 1e6, .5, 5%, 0.1%, .inf, true, ~, '1', no, on, 2024-01-31, 1:30, 00123, 12_34]"
    )
    values = [1, -1, 1_000_000, 15, 31, 1e6, 0.5, 0.05, 0.001, float("inf"), True, None]
    values += ["1", "no", "on", "2024-01-31", "1:30", 123, "12_34"]
    found = read_value(text)
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


def test_lines_of_everything():
    document = read("a:\n  b: 1\n\n  c: [1,\n    2]\nd: {e: 5}\n", "r", {})
    assert {path: document.line(path) for path in [("a",), ("a", "b"), ("a", "c"), ("a", "c", 1), ("d", "e")]} == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 4,
        ("a", "c", 1): 5,
        ("d", "e"): 6,
    }
    assert document.line(("a", "zzz", 3)) == 1, "of what it would be in"


ENV = {"N": "4", "EMPTY": "", "LIST": "[a, b]", "PATH_TO": "/data/a b", "REF": "${N}"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${N}", 4),
        ("'${N}'", "4"),
        ("x${N}y", "x4y"),
        ("${N}%", 0.04),
        ("${NONE:-7}", 7),
        ("${NONE:-a, b: [c]}", "a, b: [c]"),
        ("${EMPTY:-7}", 7),
        ("${EMPTY}", None),
        ("'${EMPTY}'", ""),
        ("${NONE:-}", None),
        ("${LIST}", "[a, b]"),
        ("${PATH_TO}/${N}", "/data/a b/4"),
        ("${REF}", "${N}"),
        ("$${N}", "${N}"),
        ("$$${N}", "$${N}"),
        ("$N", "$N"),
        ("{x: ${N}, y: ${NONE:-a}}", {"x": 4, "y": "a"}),
        ("[${N}, ${NONE:-[]}]", [4, "[]"]),
    ],
)
def test_variables(text, value):
    assert read(f"k: {text}", "r", ENV).data == {"k": value}
    assert read_value("${N}") == "${N}", "in --set they are the shell's business"


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "PGPASSWORD_PASSWORD", "api_key"])
def test_secrets_of_the_environment_stay_there(name):
    with pytest.raises(RecipeError, match=f"r:1: the variable {name} is not looked at") as error:
        read(f"card: ${{{name}:-x}}", "r", {name: "hush"})
    assert "hush" not in str(error.value)


@pytest.mark.parametrize("name", ["TOKENIZER", "KEYS", "MONKEY", "OUT"])
def test_names_that_only_look_like_secrets(name):
    assert read(f"k: ${{{name}}}", "r", {name: "x"}).data == {"k": "x"}


def test_variables_of_the_process(monkeypatch):
    monkeypatch.setenv("CURATE_TEST_VARIABLE", "x")
    assert read("k: ${CURATE_TEST_VARIABLE}", "r", os.environ).data == {"k": "x"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: ${Q}\n", "r:2: the variable Q is not set; set it, or give a default: ${Q:-default}"),
        ("a: ${1}\n", "r:1: ${1} is no variable; write ${NAME} or ${NAME:-default}, or $${ for a plain ${"),
        ("a: '${x'\n", "r:1: ${x is no variable; write ${NAME} or ${NAME:-default}, or $${ for a plain ${"),
        ("a:\n  b: 1\n  b: 2\n", "r:3: a: the key 'b' is given twice, first in line 2; remove one of them"),
        ("a: 1\nA: 1\na: 2\n", "r:3: the key 'a' is given twice, first in line 1; remove one of them"),
        ("- [{a: 1, a: 2}]\n", "r:1: 1.1: the key 'a' is given twice, first in line 1; remove one of them"),
        ("a:\n\t- x\n", "r:2: there is a tab; YAML indents with spaces, so replace it by two or four of them"),
        ("a: b\n\tc: d\n", "r:2: there is a tab; YAML indents with spaces, so replace it by two or four of them"),
        (
            "a: b: c\n",
            "r:1: this is not YAML: mapping values are not allowed here; is it indented too far, does a value with ': '"
            " lack quotes, or the colon in the line above a space?",
        ),
        ("a: [1,\n  2\nb: 3\n", "r:3: this is not YAML: expected ',' or ']', but got ':' (in the list [ ], from line 1)"),
        ("a: 'x\nb: 3\n", "r:3: this is not YAML: found unexpected end of stream (in the quoted string, from line 1)"),
        ("a: @x\n", "r:1: this is not YAML: found character '@' that cannot start any token; put the value in quotes"),
        ("a: *zz\n", "r:1: this is not YAML: found undefined alias 'zz'"),
        ("a: 1\n---\nb: 2\n", "r:2: a second document begins here, but a recipe is one; remove the line ---"),
        ("a: &x [*x]\n", "r:1: the alias stands for something that it is part of itself"),
        ("a: !!int x\n", "r:1: 'x' is no int"),
        ("a: !!python/name:os.system\n", "r:1: recipes have no tags such as tag:yaml.org,2002:python/name:os.system; leave it out"),
        ("? [a]\n: b\n", "r:1: a key must be a plain name"),
        ("a:\n  b: \0\n", "r:2: the character '\\x00' is not allowed in YAML; in double quotes it can be written as an escape"),
    ],
)  # fmt: skip
def test_what_is_no_recipe(text, message):
    with pytest.raises(RecipeError) as error:
        read(text, "r", {})
    assert str(error.value) == message


def test_all_variables_that_are_not_set_are_named():
    with pytest.raises(RecipeError) as error:
        read("a: ${P}\nb: [1, ${Q}]\na: 3\n", "r", {})
    assert [line.partition(";")[0] for line in str(error.value).split("\n")] == [
        "r:1: the variable P is not set",
        "r:2: the variable Q is not set",
        "r:3: the key 'a' is given twice, first in line 1",
    ]


def test_anchors():
    assert read("a: &x {k: 1}\nb: *x\n", "r", {}).data == {"a": {"k": 1}, "b": {"k": 1}}


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="ab:-[]{}'\"#&*!|>%@`,?$\n \t0.", max_size=40))
def test_any_text_is_read_or_refused_in_words(text):
    with suppress(RecipeError):
        read(text, "r", {})
