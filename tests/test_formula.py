"""A formula means the same for a row and for columns, and nothing but arithmetic is a formula."""

from __future__ import annotations

import math
import re

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curate.formula import DEEPEST, FUNCTIONS, parse

number = st.sampled_from([None, math.nan, math.inf, 0.0, 1.0, -2.0, 0.5, 3.0, 1e300, -1e-300]) | st.floats(-9, 9)
text = st.sampled_from([None, "", "a", "b", "é'\"\\"])
rows = st.lists(st.fixed_dictionaries({"x": number, "y": number, "a b": number, "d": text}), min_size=1, max_size=5)


def grown(inner):
    numbers, tests = inner
    pair = st.tuples(numbers, numbers)
    more = st.one_of(
        st.builds("({} {} {})".format, numbers, st.sampled_from(["+", "-", "*", "/", "**"]), numbers),
        st.builds("{}({})".format, st.sampled_from(["abs", "sqrt", "exp", "log", "log10", "-", "+"]), numbers),
        pair.map(lambda two: f"min({two[0]}, {two[1]})"),
        st.lists(numbers, min_size=2, max_size=4).map(lambda many: f"max({', '.join(many)})"),
        pair.map(lambda two: f"clip({two[0]}, -1, {two[1]})"),
        pair.map(lambda two: f"coalesce({two[0]}, {two[1]})"),
        st.builds("where({}, {}, {})".format, tests, numbers, numbers),
        st.builds("(({}) + {})".format, tests, numbers),
    )
    judged = st.one_of(
        st.builds("({} {} {})".format, numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers),
        st.builds("({} {} {})".format, tests, st.sampled_from(["and", "or"]), tests),
        tests.map("(not {})".format),
        st.builds("({} < {} <= {})".format, numbers, numbers, numbers),
        st.builds("({} {} [{}, 1])".format, numbers, st.sampled_from(["in", "not in"]), numbers),
    )
    return more, judged


leaf = st.sampled_from(["x", "y", "col('a b')", "2", "0.5", "-3", "0"])
test = st.sampled_from(["(x > 0)", "(d == 'a')", "(d != 'b')", "(d in ['a', ''])", "('b' == d)", "y"])
for _ in range(3):
    leaf, test = (old | new for old, new in zip((leaf, test), grown((leaf, test)), strict=True))


def over_columns(node, table):
    kinds = {"x": pl.Float64, "y": pl.Float64, "a b": pl.Float64, "d": pl.String}
    columns = {name: pl.Series([row[name] for row in table], dtype=kind) for name, kind in kinds.items()}
    return node.over(columns, len(table)).to_list()


@settings(deadline=None, max_examples=200)
@given(written=leaf | test, table=rows)
def test_columns_are_many_rows(written, table):
    assume(re.search(r"\b[xyd]\b|col", written))  # else it is no formula
    node = parse(written)
    for row, found in zip(table, over_columns(node, table), strict=True):
        expected = node.value(row)
        assert (found is None) == (expected is None), (written, row)
        assert found == expected or math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-300), (written, row)


@settings(deadline=None, max_examples=100)
@given(a=st.floats(0.1, 9), b=st.floats(0.1, 9))
def test_operations_are_pythons(a, b):
    row = {"a": a, "b": b}
    for written in ("a + b * 2 - a / b", "a ** b", "-a ** 2", "(a < b) + (a == a)", "abs(a - b)", "max(a, b, 3)"):
        assert parse(written).value(row) == pytest.approx(float(eval(written, dict(row))), rel=1e-12)
    for written in ("exp(a)", "log(a)", "log10(b)", "sqrt(a)"):
        assert parse(written).value(row) == eval(written, {**row, **vars(math)})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.5 * x + 0.5 * y", 2.0),
        ("x / (y - 3)", None),
        ("log(x - 1)", None),
        ("(-x) ** 0.5", None),
        ("x * 1e308 * 10", None),
        ("none + 1", None),
        ("coalesce(none, nan, y)", 3.0),
        ("where(none > 0, 1, 2)", None),
        ("where(x > 0, y, none)", 3.0),
        ("where(x > 5, log(-1 * x), x)", 1.0),
        ("none > 0 or x > 0", True),
        ("none > 0 and x > 5", False),
        ("none > 0 and x > 0", None),
        ("not none", None),
        ("nan != nan", None),
        ("min(x, none)", None),
        ("clip(9, x, y)", 3.0),
        ("clip(-9, x, y)", 1.0),
        ("1 < x < 3", False),
        ("x in (1, 2) and y not in [1]", True),
        ("a.b.c * 2", 14.0),
        ("true + 1", 2.0),
        ("where(true, 1, 0) + 0 * x", 1.0),
        ("(x\n + y)", 4.0),
        ("domain == 'Law'", True),
        ("domain in ['Art', 'Music']", False),
    ],
)
def test_known_answers(written, expected):
    row = {"x": 1, "y": 3, "none": None, "nan": math.nan, "a.b.c": 7, "true": True, "domain": "Law"}
    found = parse(written).value(row)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("x +", "character .: this is no formula"),
        ("x) + (y", "character 2: this is no formula"),
        ("é + foo(x)", r"character 5: there is no function foo\(\); there are abs\(\)"),
        ("__import__('os').system('ls')", "is not allowed"),
        ("x.__class__()", "is not allowed"),
        ("x + (lambda: 1)()", "character 5.*is not allowed"),
        ("[x for x in y]", "is not allowed"),
        ("x if y else 1", "is not allowed"),
        ("x[0]", "is not allowed"),
        ("f'{x}'", "is not allowed"),
        ("x % 2", "is not allowed"),
        ("x is 1", "compare with =="),
        ("min(x)", r"min\(\) takes at least 2 arguments, not 1"),
        ("log(x, base=2)", "is not allowed"),
        ("clip(x, 1)", r"clip\(\) takes 3 arguments, not 2"),
        ("x + True", "character 5: True is no number"),
        ("x + 1e999", "too large"),
        ("x + 1" + "0" * 400, "too large"),
        ("x + 2j", "is not allowed"),
        ("x == 'a' + 1", "character 6: a text"),
        ("where(x, 'a', 'b')", "character 10: a text stands where a number is wanted"),
        ("x < 'a'", "== and !="),
        ("x in y", "takes a list"),
        ("x in []", "takes a list"),
        ("col(x)", "col"),
        ("1 + 1", "names no column"),
        ("'x'", "is a text"),
        ("", "no formula"),
        ("x\0", "no formula"),
        ("x; y", "no formula"),
        ("(" * 300 + "x", "nested"),
        ("x" + "+1" * 300, "nested too deeply"),
        ("x" + "+1" * 3000, "6001 characters"),
        (f"max({', '.join('x' * 60)})", "arguments, not 60"),
        (" or ".join("x" * 60), "more than 50"),
    ],
)
def test_what_is_no_formula(written, says):
    with pytest.raises(ValueError, match=says):
        parse(written)


def test_deep_but_allowed():
    written = "x" + " + 1" * (DEEPEST - 1)
    node = parse(written)
    table = [{"x": 1.0, "y": None, "a b": None, "d": None}]
    assert over_columns(node, table) == [node.value(table[0])] == [float(DEEPEST)]


def test_every_function_is_tried():
    assert set(FUNCTIONS) == {"abs", "sqrt", "exp", "log", "log10", "min", "max", "clip", "where", "coalesce"}
