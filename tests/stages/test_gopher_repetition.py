"""`gopher_repetition`: datatrove's verdicts, known values of both definitions, and kernel = plain form."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.gopher_repetition import _RULES, GopherRepetition
from tests.stages.harness import batch_of
from tests.verdicts import ENGLISH, OTHERS, agreement, judged, twelve_lines

SENTENCE = "one two three four five six"
TWICE = f"{SENTENCE}\n{SENTENCE}\nseven eight nine ten"


def values(text: str, **options: str) -> dict[str, float]:
    """The value of each rule, from the fast form."""
    columns = GopherRepetition(**options).edit(batch_of([text])).columns
    return {name.removeprefix("repetition_"): array[0].as_py() for name, array in columns.items()}


def reason(text: str, **options: float | str | None) -> str | None:
    return GopherRepetition(**options).edit(batch_of([text])).reason[0].as_py()


@pytest.mark.parametrize(("name", "least"), [*((name, 0.99) for name in ENGLISH), *((name, 0.97) for name in OTHERS)])
def test_agrees_with_datatrove(name, least):
    texts, theirs = judged(name, "gopher_repetition")
    mine = GopherRepetition().edit(batch_of(texts)).reason
    assert agreement(mine, theirs) >= least
    exactly = sum(a == b for a, b in zip(mine.to_pylist(), theirs, strict=True)) / len(theirs)
    assert exactly >= least, "the reasons differ"


def test_known_values_of_datatrove():
    expected = {"top_2_gram": 14 / 76, "top_3_gram": 26 / 76, "top_4_gram": 36 / 76}
    expected |= {"duplicated_5_n_grams": 19 / 76, "duplicated_6_n_grams": 22 / 76, "duplicated_7_n_grams": 0}
    found = values(TWICE)
    assert {rule: found[rule] for rule in expected} == pytest.approx(expected, abs=1e-6)


def test_known_values_of_dclm():
    expected = {"top_2_gram": 0.295, "top_3_gram": 0.426, "top_4_gram": 0.525}
    expected |= {"duplicated_5_n_grams": 0.721, "duplicated_6_n_grams": 0.721, "duplicated_7_n_grams": 0}
    found = values(TWICE, definition="refinedweb")
    assert {rule: found[rule] for rule in expected} == pytest.approx(expected, abs=5e-4)


def test_the_two_definitions_of_repeated_lines():
    text = "a b\nc d\na b\ne f"
    assert values(text)["dup_line_frac"] == 0.25
    assert values(text, definition="refinedweb")["dup_line_frac"] == 0.5


def test_n_grams_of_datatrove_by_hand():
    found = values("a b c d e a b c d e f")  # 21 characters
    assert found["top_2_gram"] == pytest.approx(6 / 21)
    assert found["duplicated_5_n_grams"] == pytest.approx(5 / 21)
    assert values("x y xx y")["top_2_gram"] == pytest.approx(3 / 8), "the first seen wins a tie, and once is enough"


def test_golden_documents():
    lines = twelve_lines()
    assert reason("\n".join(lines)) is None
    assert reason(" ".join(lines)) is None
    assert reason("\n".join(lines).upper()) is None
    assert reason("\n".join(f"- {line}" for line in lines)) is None
    assert reason("\n".join([*lines, lines[0]])) is None
    assert reason("\n".join([*lines[:8], *lines[:5]])) == "dup_line_frac"
    assert reason("the of and to") == "top_2_gram"
    assert reason("") == "empty"
    assert reason(" \n ", definition="refinedweb") == "empty"
    assert reason("\nword\n", **dict.fromkeys(_RULES[4:])) == "dup_line_frac", "an empty line at each end, as datatrove"


@pytest.mark.parametrize("rule", _RULES)
def test_each_rule_has_a_threshold_that_can_be_moved_and_turned_off(rule):
    line = "a long line of many words that will be said again and again"
    text = f"{line}\n\nsomething else entirely is written here\n\n{line}\n\n{line}"
    off = dict.fromkeys(_RULES)
    value = GopherRepetition().edit_one(text).columns[f"repetition_{rule}"]
    assert value > 0
    assert reason(text, **off) is None
    assert reason(text, **off | {rule: value}) is None, "on the threshold: keep"
    assert reason(text, **off | {rule: value - 1e-9}) == rule


few_words = st.lists(st.sampled_from(["a", "b", "ab", "the", "é", "—", "...", "\n", "\n\n", " \n"]), max_size=60)


@settings(deadline=None, max_examples=300)
@given(
    texts=st.lists(few_words.map(" ".join) | few_words.map("".join), min_size=1, max_size=4),
    definition=st.sampled_from(["datatrove", "refinedweb"]),
    words=st.sampled_from(["spacy", "whitespace"]),
)
def test_fast_form_is_the_easy_form(texts, definition, words):
    stage = GopherRepetition(definition=definition, words=words)
    fast = stage.edit(batch_of(texts))
    for row, one in enumerate(map(stage.edit_one, texts)):
        assert fast.reason[row].as_py() == one.reason
        for name, array in fast.columns.items():
            assert array[row] == pa.scalar(one.columns[name], pa.float32()), name


def test_scratch_is_shared_by_documents_of_very_different_size():
    big = " ".join(f"w{i % 700}" for i in range(40_000))
    texts = ["x y z", big, "", "a a a a a a a", big[:5000]]
    stage = GopherRepetition(words="whitespace")
    together = stage.edit(batch_of(texts))
    for row, text in enumerate(texts):
        alone = stage.edit(batch_of([text]))
        assert {name: array[row] for name, array in together.columns.items()} == {
            name: array[0] for name, array in alone.columns.items()
        }
