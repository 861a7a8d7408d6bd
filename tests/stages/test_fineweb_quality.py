"""`fineweb_quality`: datatrove's verdicts, both editions at their thresholds, and kernel = plain form."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.fineweb_quality import _TERMINAL, FinewebQuality
from tests.stages.harness import batch_of
from tests.verdicts import ENGLISH, OTHERS, agreement, judged, twelve_lines


def reason(text: str, **options: float | str | bool | None) -> str | None:
    return FinewebQuality(**options).edit(batch_of([text])).reason[0].as_py()


@pytest.mark.parametrize(("name", "least"), [*((name, 0.995) for name in ENGLISH), *((name, 0.97) for name in OTHERS)])
def test_agrees_with_datatrove(name, least):
    texts, theirs = judged(name, "fineweb")
    assert agreement(FinewebQuality().edit(batch_of(texts)).reason, theirs) >= least


def test_golden_documents():
    lines = twelve_lines()
    assert reason("\n".join(lines)) is None
    assert reason(" ".join(lines)) is None
    assert reason("\n".join(lines).upper()) is None
    assert reason("\n".join([*lines[:8], *lines[:5]])) == "char_dup_ratio"
    assert reason("\n".join([*lines, lines[0]])) == "char_dup_ratio"
    assert reason("\n".join(part + "." for line in lines for part in (line[:24], line[24:48]))) == "short_line_ratio"
    assert reason("\n".join(lines).replace(".", "")) == "line_punct_ratio"
    assert reason("\n".join(lines).replace(".", '."')) == "line_punct_ratio"
    assert reason("\n".join(lines).replace(".", '."'), edition="v1") is None
    assert reason("") == reason("\n \n") == "empty"


def test_159_marks_end_a_line():
    assert len(set(_TERMINAL)) == 159
    assert {*".?!。！？؟।…\"':"} - set(_TERMINAL) == {*"…\"':"}
    for mark in _TERMINAL:
        assert FinewebQuality().edit_one(f"a line{mark}").columns["fineweb_line_punct_ratio"] == 1


def test_editions_differ_on_the_threshold_and_on_blank_lines():
    long = "this line is longer than thirty characters, so it is not short"
    at_threshold = "\n".join([f"{long} {i}{'.' if i < 3 else ''}" for i in range(25)])  # 3 / 25 = 0.12
    assert reason(at_threshold) is None
    assert reason(at_threshold, edition="v1") == "line_punct_ratio"
    spaced = "\n\n\n\n".join(f"{long} {i}." for i in range(5))  # 5 full lines, 12 blank ones
    assert reason(spaced) is None
    assert reason(spaced, edition="v1") == "short_line_ratio"


def test_repeated_lines_are_measured_against_the_text_without_newlines():
    lines = [f"{i:03}".rjust(98) + "." for i in range(101)]  # of 99 characters
    assert reason("\n".join([*lines[:99], lines[0]]), list_ratio=None) is None, "1 of 100 is on the threshold"
    assert reason("\n".join([*lines[:98], lines[0]]), list_ratio=None) == "char_dup_ratio"


def test_options():
    menu = "Home\nAbout\nContact"
    off = {"line_punct_ratio": None, "short_line_ratio": None, "list_ratio": None}
    assert reason(menu) == "line_punct_ratio"
    assert reason(menu, line_punct_exclude_zero=True) == "short_line_ratio"
    assert reason(menu, line_punct_ratio=None, short_line_length=4) == "list_ratio"
    assert reason(menu, stop_chars="tet", short_line_ratio=None) == "list_ratio"
    assert reason(menu, **off) is None
    assert reason(f"{menu}\nHome", **off) == "char_dup_ratio"
    assert reason(f"{menu}\nHome", **off, char_dup_ratio=None) is None


text = st.lists(
    st.sampled_from(["word", " ", "\n", "\n", ".", '."', "。", "!", "𑁇", "…", "é", "\r", "\u3000", "x" * 31])
)


@settings(deadline=None, max_examples=300)
@given(
    texts=st.lists(text.map("".join), min_size=1, max_size=4),
    edition=st.sampled_from(["v1", "v2"]),
    zero=st.booleans(),
    stops=st.sampled_from([None, ".", "é𑁇", ""]),
    words=st.sampled_from(["spacy", "whitespace"]),
)
def test_fast_form_is_the_easy_form(texts, edition, zero, stops, words):
    stage = FinewebQuality(edition=edition, line_punct_exclude_zero=zero, stop_chars=stops, words=words)
    fast = stage.edit(batch_of(texts))
    for row, one in enumerate(map(stage.edit_one, texts)):
        assert fast.reason[row].as_py() == one.reason
        for name, array in fast.columns.items():
            assert array[row] == pa.scalar(one.columns[name], pa.float32()), name
