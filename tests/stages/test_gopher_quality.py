"""`gopher_quality`: datatrove's verdicts and reasons, thresholds to the document, and kernel = plain form."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.gopher_quality import DATATROVE_REASONS, GopherQuality
from tests.kernels.test_words import texts
from tests.stages.harness import batch_of
from tests.verdicts import ENGLISH, OTHERS, judged, twelve_lines

OFF = {
    option: None for option in GopherQuality.model_fields if option.startswith(("min_", "max_"))
}  # every rule switched off


def reason(text: str, **options: object) -> str | None:
    return GopherQuality(**options).edit(batch_of([text])).reason[0].as_py()


def numbers(text: str, **options: object) -> dict[str, float]:
    columns = GopherQuality(**options).edit(batch_of([text])).columns
    return {name.removeprefix("gopher_"): column[0].as_py() for name, column in columns.items()}


@pytest.mark.parametrize("name", [*ENGLISH, *OTHERS])
def test_agrees_with_datatrove(name):
    """The issue asks for 97 %; as spaCy's words are followed exactly, so are the verdicts, with their reasons."""
    many, theirs = judged(name, "gopher_quality")
    mine = GopherQuality().edit(batch_of(many)).reason.to_pylist()
    assert [why and DATATROVE_REASONS[why] for why in mine] == theirs


def test_golden_documents():
    lines = twelve_lines()
    assert reason("\n".join(lines)) is None
    assert reason("") == "too_few_words"
    assert reason("\n".join("- " + line for line in lines)) == "too_many_bullet_lines"
    assert reason("\n".join("* " + line for line in lines)) is None
    assert reason("\n".join([line[:-1] + "..." for line in lines[:4]] + lines[4:])) == "too_many_ellipsis_lines"
    assert reason("\n".join(lines).upper()) == "too_few_stop_words"
    assert reason("\n".join(lines) + " 7" * 60) == "too_few_alpha_words"
    assert reason(" ".join(lines)) is None


@pytest.mark.parametrize(
    ("rule", "limit", "passes", "breaks"),
    [
        ("min_words", 3, "a b c .", "a b . ."),
        ("max_words", 3, "a b c . .", "a b c d"),
        ("min_mean_word_length", 3, "aaa aaaa aa .", "aaa aaa aa"),
        ("max_mean_word_length", 3, "aaa aaaa aa .", "aaa aaa aaaa"),
        ("max_hash_ratio", 0.25, "# a b c", "# a b"),
        ("max_ellipsis_ratio", 0.5, "a... b…", "a… …"),
        ("max_bullet_lines", 0.5, " - a\n\u2003• b\nc\n* d", "-\n•\nc"),
        ("max_ellipsis_lines", 0.5, "a...\u3000\nb… \nc\nd.. .", "a...\rb…\x85c"),
        ("min_alpha_words", 0.5, "a 1 é .", "a 1 ."),
        ("min_stop_words", 2, "the of", "the the The OF"),
    ],
)
def test_thresholds(rule, limit, passes, breaks):
    stage = GopherQuality(**{**OFF, rule: limit})
    outcome = stage.edit(batch_of([passes, breaks]))
    assert outcome.reason[0].as_py() is None, outcome.columns
    assert outcome.reason[1].as_py() is not None, outcome.columns
    assert GopherQuality(**OFF).edit(batch_of([breaks])).reason.to_pylist() == [None]


def test_six_dots_are_two_ellipses_and_lines_are_those_of_splitlines():
    assert numbers("a......b..")["ellipsis_ratio"] == pytest.approx(2 / 4)  # a | ...... | b | ..
    found = numbers("- a\r\n- b\x0b- c\x1d- d\u2028- e\n\n")
    assert found["bullet_lines"] == pytest.approx(5 / 6)


def test_stop_words_are_distinct_and_as_written():
    assert numbers("The the the of Of")["stop_words"] == 2
    assert numbers("le la le", stop_words=("le", "la", "le"))["stop_words"] == 2
    assert numbers("any", stop_words=())["stop_words"] == 0


def test_words_by_definition():
    text = "Well, it's the end (of it)."
    assert numbers(text)["n_words"] == 7  # it's is two
    assert numbers(text)["alpha_words"] == pytest.approx(7 / 11)
    assert numbers(text, words="whitespace")["n_words"] == 6
    assert numbers(text, words="whitespace")["alpha_words"] == 1


@settings(deadline=None, max_examples=200)
@given(
    st.lists(texts | st.sampled_from(["\n".join(twelve_lines()), "- the\n" * 60, "# of...\n" * 60]), max_size=4),
    st.sampled_from(["spacy", "whitespace"]),
)
def test_kernel_agrees_with_plain_form(many, definition):
    stage = GopherQuality(words=definition, stop_words=("a", "The", "word", "."))
    outcome = stage.edit(batch_of(many))
    ones = [stage.edit_one(text) for text in many]
    assert outcome.reason.to_pylist() == [one.reason for one in ones]
    for name, column in outcome.columns.items():
        assert column.equals(pa.array([one.columns[name] for one in ones], column.type)), name
