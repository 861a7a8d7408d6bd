"""What every stage owes: explanations, examples that hold, and an answer that depends on the documents alone.

A new stage is tested here as soon as its file is there. One that has options without defaults, or that reads columns,
needs a line in CASES; without it these tests fail.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import catalog
from curate.documents import ID, TEXT, Batch
from curate.models.fasttext import LANGUAGES
from curate.stage import Annotate, Edit, Filter, Outcome, PerBatch, Rewrite, Stage
from tests.stages.harness import Verdicts, batch_of, cut, run


@dataclass(frozen=True)
class Case:
    """One setting of a stage to test."""

    options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, Callable[[int], Any]] = field(default_factory=dict)
    """Columns that it reads: row number → value."""
    looks_at: str = TEXT
    """What the easy form is given: the text, or the value of this column."""


def _score(row: int) -> float | None:
    return None if row % 7 == 6 else (row * 37 % 11) / 10


def _vector(row: int) -> list[float] | None:
    """One of five directions, more or less; null, now and then."""
    return None if row % 11 == 10 else [float(row % 5 == place) + (row * 31 + place) % 7 / 20 for place in range(5)]


def _address(row: int) -> str | None:
    urls = [
        "http://a.bad.example/x",
        "fine.example/but/this",
        "http://poker.example/Casino",
        None,
        "",
        "//cut-lass",
        "a",
    ]
    return urls[row % 7]


MILD = Path(__file__).parents[2] / "configs/mild_words"
BAD = Path(__file__).with_name("bad_addresses")
CASES = {
    "drop": [
        Case({"column": "q", "below": 0.3, "in": [0.5, 0.7], "missing": "drop"}, {"q": _score}, "q"),
        Case({"column": "q", "not_in": ["a", "b"]}, {"q": lambda row: "abc"[row % 3]}, "q"),
    ],
    "sample": [
        Case({"share": 0.5, "seed": 3}, looks_at=ID),
        Case({"share": 0.5, "by": "host"}, {"host": lambda row: f"host {row // 3}"}, "host"),
    ],
    "keep_best": [
        Case({"column": "q", "share": 0.4, "missing": "drop"}, {"q": _score}),
        Case({"column": "q", "share": 0.4, "by": "characters", "missing": "keep"}, {"q": _score}),
        Case({"column": "q", "budget": 11, "missing": "drop"}, {"q": _score}),
    ],
    "mixture": [
        Case({"domain": "d", "weights": "uniform", "by": "documents"}, {"d": lambda row: "aaab"[row % 4]}),
        Case(
            {"domain": "d", "weights": {"a": 1, "b": 1}, "budget": 900, "shortfall": "accept", "seed": 1},
            {"d": lambda row: [None, "a", "b", "a"][row % 4]},
        ),
    ],
    "select": [
        Case({"criteria": ["q"], "share": 0.4, "missing": "drop"}, {"q": _score}),
        Case(
            {
                "criteria": ["q", "r"],
                "budget": 400_000,
                "by": "characters",
                "strategy": "multi_domain",
                "source": "s",
                "domain": "d",
                "missing": "keep",
                "shortfall": "redistribute",
                "target_domains": ["a", "b"],
            },
            {
                "q": _score,
                "r": lambda row: row % 3,
                "s": lambda row: row % 2,
                "d": lambda row: ["a", "b", None][row % 3],
            },
        ),
        Case(
            {
                "criteria": ["q"],
                "budget": 99,
                "missing": "drop",
                "shortfall": "repeat",
                "temperature": 2.0,
                "seed": 9,
                "strategy": "equi_domain",
                "domain": "d",
                "lowest": True,
                "max_repeats": 20,
            },
            {"q": _score, "d": lambda row: "ab"[row % 2]},
        ),
    ],
    "embed": [Case(), Case({"keep": True})],
    "domain_clusters": [
        Case({"clusters": 6, "domains": 3}, {"embedding": _vector}),
        Case(
            {"column": "v", "distance": "euclidean", "merge_distance": 0.9, "sample": 20, "missing": "drop", "seed": 5},
            {"v": _vector},
        ),
        Case({"prune": {"q": 0.4}, "clusters": 9}, {"embedding": _vector, "q": _score}),
    ],
    "preselect": [Case({"model": str(LANGUAGES), "label": "en"})],
    "exact_dedup": [
        Case({"level": "raw"}),
        Case({"level": "simplified", "keep": "longest"}),
        Case({"keep": "best", "column": "q"}, {"q": _score}),
        Case({"scope": "crawl"}, {"crawl": lambda row: [None, "a", "b"][row % 3]}),
    ],
    "rehydrate": [
        Case({}, {"cluster_size": lambda row: [1, 2, None, 7, 1000][row % 5]}),
        Case(
            {"repeats": "auto", "max_repeats": 5, "column": "n", "by": "lang"},
            {"n": lambda row: 1 + row % 3, "lang": lambda row: [None, "de"][row % 2]},
        ),
    ],
    "url_dedup": [
        Case({}, {"url": lambda row: f"http://{row % 7}.com/{row % 3 * '/'}"}),
        Case({"level": "lowercase", "keep": "any"}, {"url": lambda row: [None, "É/a", "é/A", "b"][row % 4]}),
    ],
    "url_filter": [
        Case({"url_column": TEXT, "words": str(BAD / "words"), "subwords": str(BAD / "subwords")}),
        Case({"domains": str(BAD / "domains"), "words": str(BAD / "words")}, {"url": _address}, "url"),
        Case({name: str(BAD / name) for name in ("urls", "soft_words", "subwords")}, {"url": _address}, "url"),
    ],
    "line_dedup": [
        Case(),
        Case({"keep": "none", "min_chars": 1, "normalize": "off", "min_chars_left": 100}),
        Case(
            {"unit": "paragraph", "normalize": "simplified", "scope": "q", "max_removed": 0.5},
            {"q": lambda row: row % 3},
        ),
    ],
    "sentence_dedup": [
        Case(),
        Case({"sentences": 1, "keep": "none", "min_words": 0, "scope": "q"}, {"q": lambda row: row % 2}),
        Case({"sentences": 2, "min_words_to_remove": 5, "min_sentences": 0}),
    ],
    "minhash_dedup": [
        Case(),
        Case({"unit": "characters", "ngram": 3, "normalize": "off", "threshold": 0.3, "bands": 20, "rows": 2}),
        Case({"verify": False, "method": "greedy", "keep": "best", "column": "q", "ngram": 2}, {"q": _score}),
        Case({"scope": "crawl", "copies_column": "q"}, {"crawl": lambda row: "ab"[row % 2], "q": lambda row: row % 5}),
    ],
    "minhash_signature": [
        Case(),
        Case({"scheme": "affine64", "unit": "characters", "hashes": 8, "max_chars": 99}),
        Case({"scheme": "datatrove", "hash": "sha1", "hashes": 9, "ngram": 2, "words": "whitespace"}),
        Case({"scheme": "datatrove32", "hashes": 5, "ngram": 1, "normalize": "slimpajama", "seed": 7}),
    ],
    "toxicity": [
        Case({"scores": True}),
        Case({"act": "drop", "drop_above": 0.4, "drop_below": 0.01, "level": "document", "scores": True}),
        Case({"act": "drop_sentences", "drop_above": 0.03}),
        Case({"act": "mask", "drop_below": 0.02}),
        Case({"act": "tag", "threshold": 0.02, "drop_token_fraction": 0}),
        Case({"act": "tag", "level": "document", "drop_token_fraction": 0, "good_token": "a|", "bad_token": "the"}),
    ],
    "badwords": [
        Case({"lists": str(MILD)}),
        Case(
            {"lists": str(MILD), "column": "lang", "filter_fraction": 0.5, "url": "url"},
            {"lang": lambda row: None, "url": lambda row: ""},
        ),
        Case({"lists": str(MILD / "ja"), "language": "ja-JP"}),
    ],
    "code_quality": [
        Case(),
        Case({"max_mean_line": 30, "max_line": None, "min_letters": 0.6, "max_encoded_run": 99, "max_encoded": 0.1}),
        Case({"language": "lang", "max_lines": 2, "generated": False, "xml": False}, {"lang": lambda row: None}),
    ],
    "pii": [
        Case(),
        Case({"find": ["phone", "ip", "ipv6"], "inside_numbers": True, "public_only": False, "drop_above": 0}),
    ],
    "tokens": [Case(), Case({"language": "lang"}, {"lang": lambda row: None})],
    "language": [Case(), Case({"keep": ["en", "de"], "min_score": 0.5, "max_chars": 100})],
    "expression": [
        Case({"column": "x", "expression": "log(q) / (q - 0.5) + 1"}, {"q": _score}, "q"),
        Case({"column": "x", "expression": "0.2 < q <= 0.7 or q in (0, 1)"}, {"q": _score}, "q"),
        Case({"column": "x", "expression": "where(q == 'a', 2, 3)"}, {"q": lambda row: ["a", "b", None][row % 3]}, "q"),
    ],
    "fasttext_score": [
        Case({"model": "builtin:lid.176"}),
        Case(
            {"model": "builtin:lid.176", "labels": {"en": "english"}, "top": 3, "normalize": "dclm", "max_chars": 500}
        ),
        Case({"model": "builtin:lid.176", "labels": ["en", "ja"], "normalize": "climb"}),
    ],
}

PROSE = (
    "The ferry leaves at seven, and the last one comes back at noon. Nobody had told the engineer about it; so she "
    "waited on the pier, with 3,141.59 reasons to be angry, until Mr. O'Neill's boat (the red one!) came by."
)
HOSTILE = [
    "", " ", "\n", "\0", "\0\0 a\0b", "\u0301", "a\u0301\u0327 \u0301", "\ufeffBOM", "...", "…", "{", "lorem ipsum",
    "中文文本没有空格，但是有标点。" * 20, "日本語のテキスト。", "한국어 문장입니다.", "ภาษาไทยไม่มีช่องว่าง",
    "मानक हिन्दी", "العربية ١٢٣", "👩\u200d👩\u200d👧🏳\ufe0f\u200d🌈" * 9, "x" * 5000, "word " * 2000,
    PROSE, PROSE.upper(), "\n".join([PROSE] * 6), "\r\n".join([PROSE] * 3), PROSE.replace(" ", "\u3000"), PROSE * 30,
    "\n\n\n".join(["- one", "* two", "• three", "Read more...", "3 likes", "javascript is off", "[1] [edit] x."] * 3),
    "a\rb\x0bc\x0cd\x1ce\x1df\x1eg\x85h\u2028i\u2029j", "\u00a0\u1680\u2000\u2003\u200b\u202f\u205f\u3000",
    "ΣΑΣ ΌΣΟΣ İI ﬁ ß ǅ", "the the the the the the the the", "\n".join(["same line here"] * 30),
    "1 2 3 4 5 6 7 8 9 0 " * 30, "\U0010ffff\U0002f800",
    "'tis I'd've don't e.g. U.S.A. 10a.m. http://a.b/c?d=e x@y.org :-) km/h A-b 5$",
]  # fmt: skip
HUGE = [
    ("word, and " * 100_000)[: 1 << 20],
    "x" * (1 << 20),
    "ü\u0301" * (1 << 18),
    "\n" * (1 << 20),
    "中。" * (1 << 18),
]

hostile = st.lists(
    st.sampled_from(
        [*HOSTILE, "a", "The", "of", ".", "!", "\n", "\n\n", " ", "\u2028", "#", "1,5", "é", "中", "…", "-"]
    )
    | st.text(st.characters(codec="utf-8"), max_size=8),
    max_size=12,
).map("".join)


def cases() -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}-{number}")
        for name in catalog.names()
        for number, case in enumerate(CASES.get(name, [Case()]))
    ]


per_stage = pytest.mark.parametrize("name", catalog.names())
per_case = pytest.mark.parametrize(("name", "case"), cases())


def make(name: str, case: Case) -> Stage:
    return catalog.stage_class(name)(**case.options)


def documents(case: Case, texts: Sequence[str]) -> Batch:
    return batch_of(texts, **{key: [value(row) for row in range(len(texts))] for key, value in case.columns.items()})


def test_no_case_is_for_a_stage_that_is_not_there():
    assert set(CASES) <= set(catalog.names())


@per_stage
def test_has_a_one_line_summary(name):
    first, *rest = (catalog.stage_class(name).__doc__ or "").strip().split("\n")
    assert first.endswith(".")
    assert 20 <= len(first) <= 120
    assert not rest or not rest[0].strip()


@per_stage
def test_every_option_is_explained(name):
    for option, info in catalog.stage_class(name).model_fields.items():
        assert info.description, f"{option} has no docstring"
        assert info.description.rstrip().endswith("."), f"the docstring of {option} is no sentence"


@per_stage
def test_every_number_has_a_range(name):
    for option, schema in catalog.stage_class(name).model_json_schema().get("properties", {}).items():
        kinds = [schema] if "type" in schema else schema.get("anyOf", [])
        if {kind.get("type") for kind in kinds} <= {"integer", "number", "null"}:
            bounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
            assert any(bounds & set(kind) for kind in kinds), f"{option} may be any number"


@per_stage
def test_recipes_in_the_docstring_are_recipes(name):
    for line in (catalog.stage_class(name).__doc__ or "").split("\n"):
        if line.strip().startswith(f"- {name}"):
            (step,) = yaml.safe_load(line)
            catalog.stage_class(name)(**(step[name] if isinstance(step, dict) else {}))


@per_case
def test_stays_the_same_when_stored(name, case):
    stage = make(name, case)
    stored = json.loads(json.dumps(stage.model_dump(mode="json", by_alias=True)))
    assert type(stage).model_validate(stored) == stage


@per_stage
def test_examples_hold(name):
    kind = catalog.stage_class(name)
    if not kind.examples:
        return
    assert issubclass(kind, PerBatch), "examples are of the easy form"
    for said, forms in ((easy, "easy"), (fast, "fast")):
        stage = kind()
        verdicts = said(stage, batch_of(list(kind.examples)))
        for row, (example, expected) in enumerate(kind.examples.items()):
            text, reason, columns = verdicts.texts[f"d{row}"], verdicts.reasons[f"d{row}"], verdicts.columns
            if isinstance(expected, dict):
                found = {"text": text, "reason": reason, **{key: rows[f"d{row}"] for key, rows in columns.items()}}
                for key, value in expected.items():
                    assert like(found[key], value), (forms, example, key)
            else:
                assert (text if isinstance(stage, Rewrite) else reason) == expected, (forms, example)


@per_case
def test_batches_do_not_matter(name, case):
    stage, batch = make(name, case), documents(case, [*HOSTILE, *HUGE])
    whole = run(stage, [[batch]])
    assert len(whole.reasons) == len(batch)
    named = "|".join(map(re.escape, catalog.describe(name).reasons)).replace("<column>", ".+")
    unnamed = {reason for reason in whole.reasons.values() if reason and not re.fullmatch(named, reason)}
    assert not unnamed, "its help does not name them after `Reason:`"
    for sizes in ([1] * len(batch), [3, 1, 7, 2, 11], [len(batch) - 1]):
        pieces = cut(batch, sizes)
        for units in ([pieces], [[piece] for piece in pieces]):
            again = run(stage, units, ranges=2)
            assert again.reasons == whole.reasons
            assert again.texts == whole.texts
            assert repr(again.columns) == repr(whole.columns)  # NaN is NaN, and floats are equal to the last bit


@per_case
def test_what_was_computed_once_follows_the_documents(name, case):
    stage, batch = make(name, case), documents(case, HOSTILE)
    if not isinstance(stage, PerBatch):
        return  # looks at batches in `observe` alone; the test above covers it
    whole, rows = fast(stage, batch), np.arange(1, len(batch), 2)
    again = fast(stage, batch.take(rows))
    for row in rows:
        assert again.reasons[f"d{row}"] == whole.reasons[f"d{row}"]
        assert again.texts[f"d{row}"] == whole.texts[f"d{row}"]
        for key, values in whole.columns.items():
            assert repr(again.columns[key][f"d{row}"]) == repr(values[f"d{row}"])


@per_case
def test_easy_form_is_fast_form_on_hostile_texts(name, case):
    agree(make(name, case), documents(case, HOSTILE), case)


@per_case
@settings(deadline=None, max_examples=25)
@given(texts=st.lists(hostile, min_size=1, max_size=4))
def test_easy_form_is_fast_form(name, case, texts):
    agree(make(name, case), documents(case, texts), case)


def agree(stage: Stage, batch: Batch, case: Case) -> None:
    """The easy form and the batch form say the same; floats to six digits, as sums may be taken in another order."""
    if not isinstance(stage, PerBatch):
        assert not any(hasattr(stage, form) for form in ("annotate_one", "judge_one", "rewrite_one", "edit_one"))
        return
    slow, quick = easy(stage, batch, case.looks_at), fast(stage, batch)
    for row, text in enumerate(batch[TEXT].to_pylist()):
        key = f"d{row}"
        assert slow.reasons[key] == quick.reasons[key], text
        if slow.reasons[key] is None:
            assert slow.texts[key] == quick.texts[key]
        for column, values in slow.columns.items():
            assert like(quick.columns[column][key], values[key]), (column, text)


def easy(stage: PerBatch, batch: Batch, looks_at: str = TEXT) -> Verdicts:
    """What the form for one text says, batch or no batch."""
    given = batch.with_columns({TEXT: batch[looks_at]}) if looks_at != TEXT else batch
    verdicts = Verdicts()
    if isinstance(stage, Annotate):
        outcome = Outcome(columns=Annotate.annotate(stage, given))
    elif isinstance(stage, Filter):
        outcome = Outcome(reason=Filter.judge(stage, given))
    elif isinstance(stage, Rewrite):
        outcome = Outcome(text=Rewrite.rewrite(stage, given))
    elif isinstance(stage, Edit):
        outcome = Edit.edit(stage, given)
    else:
        raise TypeError(f"{type(stage).__name__} is of no kind that has an easy form")
    verdicts.add(stage, batch, outcome)
    return verdicts


def fast(stage: PerBatch, batch: Batch) -> Verdicts:
    """What the form for batches says."""
    verdicts = Verdicts()
    verdicts.add(stage, batch, stage.process(batch))
    return verdicts


def like(found: Any, expected: Any) -> bool:
    """Equal; floats to six digits."""
    if isinstance(found, float) and isinstance(expected, float | int):
        return (found != found and expected != expected) or math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-9)
    return bool(found == expected)
