"""Columns whose types a stage cannot use are refused when the plan is made, with a way out."""
# ruff: noqa: E501

import pyarrow as pa
import pytest

from curate.errors import RecipeError
from curate.plan import make
from curate.recipe import loads

SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "url": pa.string(),
        "view": pa.string_view(),
        "host": pa.dictionary(pa.int32(), pa.string()),
        "n": pa.int64(),
        "score": pa.float32(),
        "price": pa.decimal128(9, 2),
        "adult": pa.bool_(),
        "day": pa.date32(),
        "fetched_at": pa.timestamp("us", "UTC"),
        "took": pa.duration("s"),
        "tags": pa.list_(pa.string()),
        "nothing": pa.null(),
    }
)
TIMES = "give a date or time, as 2024-01-31 or 2024-01-31T12:00:00Z"


def plan(entry, schema=SCHEMA):
    return make(loads(f"input: data\noutput: out\nstages:\n  - normalize\n  - {entry}\n", env={}), schema)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("drop: {column: url, below: 5}", "column 'url' is string; `below: 5` compares numbers; did you mean in / not_in?"),
        ("drop: {column: view, above: 5}", "column 'view' is large_string; `above: 5` compares numbers; did you mean in / not_in?"),
        ("drop: {column: url, in: [a, 5]}", "column 'url' is string; `in: [5]` compares numbers; did you mean [\"5\"]?"),
        ("drop: {column: n, above: x}", "column 'n' is int64; `above: \"x\"` compares strings; give a number"),
        ("drop: {column: n, not_in: [1, true]}", "column 'n' is int64; `not_in: [true]` compares booleans; give a number"),
        ("drop: {column: adult, below: 1}", "column 'adult' is bool; `below` is for what has an order; did you mean in / not_in?"),
        ("drop: {column: adult, in: [1]}", "column 'adult' is bool; `in: [1]` compares numbers; give true or false"),
        ("drop: {column: day, below: 5}", f"column 'day' is date32[day]; `below: 5` compares numbers; {TIMES}"),
        ("drop: {column: fetched_at, in: [soon]}", f"column 'fetched_at' is timestamp[us, tz=UTC]; `in: [\"soon\"]` compares strings; {TIMES}"),
        ("drop: {column: tags, in: [a]}", "column 'tags' is list<item: string>; `in` compares numbers, strings, booleans, dates and times"),
        ("keep_best: {column: url, share: 0.5}", "column 'url' is string; a score is a number; did you mean drop, with in / not_in?"),
        ("keep_best: {column: nothing, share: 0.5}", "column 'nothing' is null; a score is a number"),
        ("keep_best: {column: n, share: 0.5, by: tokens, tokens_column: score}", "tokens_column 'score' is float; numbers of tokens are integers"),
        ("exact_dedup: {keep: best, column: day}", "column 'day' is date32[day]; `keep: best` compares numbers; did you mean keep: newest?"),
        ("exact_dedup: {keep: best, column: tags}", "column 'tags' is list<item: string>; `keep: best` compares numbers"),
        ("exact_dedup: {keep: newest, column: took}", "column 'took' is duration[s]; `keep: newest` compares dates, times, ISO 8601 strings or numbers"),
        ("exact_dedup: {source_column: tags, source_priority: [a]}", "source_column 'tags' is list<item: string>; sources have names: strings or integers"),
        ("exact_dedup: {scope: fetched_at}", "scope 'fetched_at' is timestamp[us, tz=UTC]; documents are put together by strings, integers, booleans or dates"),
        ("url_dedup: {url_column: n}", "url_column 'n' is int64; URLs are strings"),
        ("url_dedup: {keep: best, column: day}", "column 'day' is date32[day]; `keep: best` compares numbers; did you mean keep: newest?"),
        ("rehydrate: {column: score}", "column 'score' is float; sizes of clusters are integers"),
        ("rehydrate: {column: n, by: day}", "by 'day' is date32[day]; tables are made for strings, integers or booleans"),
        ("sample: {share: 0.5, by: tags}", "column 'tags' is list<item: string>; `by` hashes values as strings, and there is no such form of these; take a column of strings or numbers"),
    ],
)  # fmt: skip
def test_a_type_that_a_stage_cannot_use_is_refused_before_any_work(entry, complaint):
    name = entry.split(":")[0]
    with pytest.raises(RecipeError) as caught:
        plan(entry)
    assert str(caught.value) == f"recipe:5: stage 2 '{name}': {complaint}"


@pytest.mark.parametrize(
    "entry",
    [
        "drop: {column: url, below: b, in: [a], not_in: [c]}",
        "drop: {column: view, above: b}",
        "drop: {column: host, not_in: [a.com]}",
        "drop: {column: n, below: 1.5, in: [1, 2.0]}",
        "drop: {column: price, above: 9}",
        "drop: {column: adult, in: [true]}",
        "drop: {column: day, below: 2024-01-31}",
        "drop: {column: fetched_at, above: '2024-01-31T12:00:00Z'}",
        "drop: {column: nothing, below: 1, missing: keep}",
        "keep_best: {column: price, share: 0.5, by: tokens, tokens_column: n}",
        "exact_dedup: {keep: newest, column: url, source_column: host, source_priority: [a]}",
        "exact_dedup: {keep: newest, column: fetched_at, source_column: n, source_priority: ['1']}",
        "exact_dedup: {keep: best, column: score, source_column: nothing, source_priority: [a]}",
        "exact_dedup: {keep: newest, column: host}",
        "exact_dedup: {scope: adult}",
        "url_dedup: {url_column: host, keep: newest, column: fetched_at, scope: day}",
        "rehydrate: {column: n, by: host}",
        "rehydrate: {column: n, by: adult, repeats: auto}",
        "sample: {share: 0.5, by: fetched_at}",
        "sample: {share: 0.5, by: nothing}",
    ],
)
def test_types_that_fit_are_planned(entry):
    assert plan(entry).passes


def test_a_column_that_an_earlier_stage_writes_has_its_type():
    with pytest.raises(RecipeError, match="column 'duplicate_of' is large_string; `above: 1` compares numbers"):
        make(
            loads(
                "input: d\noutput: o\nstages: [exact_dedup, drop: {column: duplicate_of, above: 1, missing: keep}]",
                env={},
            ),
            SCHEMA,
        )


def test_without_a_schema_there_is_nothing_to_check():
    assert plan("drop: {column: url, below: 5}", None).passes
