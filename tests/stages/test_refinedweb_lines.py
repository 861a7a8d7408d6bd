"""`refinedweb_lines`: each rule on lines that it removes and lines that it leaves, and kernel = plain form."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.stages.refinedweb_lines import RefinedwebLines
from tests.stages.harness import batch_of

AROUND = "a line before it, in plain prose"


def corrected(line: str, **options: float | bool | None) -> str | None:
    """What becomes of a line in the middle of a page, by the fast form; None when it is removed."""
    stage = RefinedwebLines(**{"max_removed_words": None, **options})
    (text,) = stage.edit(batch_of([f"{AROUND}\n{line}\n{AROUND}"])).text.to_pylist()
    _, *middle, _ = text.split("\n")
    assert len(middle) <= 1
    return middle[0] if middle else None


@pytest.mark.parametrize(
    "line",
    [
        "SALE ENDS SOON", "AbCDEF gH", "ÄÖÜ ÄÖÜ", "12345", "٣٤٥", "3 likes", "1,234 Views", "12k followers!",
        "• 4.5M views •", "7 Retweets", "٣ likes", "10b\u3000shares", "word", " \t ", "    x", "Items in cart",
        "Read more...", "Sign-in",
    ],
)  # fmt: skip
def test_lines_that_go(line):
    assert corrected(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "", "NASA flew to the Moon", "12 34", "3 Likes and more", "likes 3", "3 like", "a 3 likes", "3likes it has",
        "_3 likes", "two words", "read more ok", "the sign-in page", "cart items", "A B. c",
        "one two three four five six seven eight nine ten items in cart",
    ],
)  # fmt: skip
def test_lines_that_stay(line):
    assert corrected(line) == line


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("You have 2 items in cart today", "You have 2 today"),
        ("ITEMS IN CART items in cart: two of them", ": two of them"),
        ("The end is near. Read More...", "The end is near."),
        ("Sign-in to read more", "to read more"),
        ("sign-in  here read more...", " here"),
        ("Sign-ing the paper", "g the paper"),  # as in DCLM, no word need end there
    ],
)
def test_phrases_are_cut_out_of_short_lines(line, left):
    assert corrected(line) == left
    assert corrected(line, phrases=False) == line
    assert corrected(f"{line}, and a good many other words behind it, so that it is long") is not None


def test_compat_reads_the_dots_as_dclm_does():
    assert corrected("but read more ok", compat=True) == "but"
    assert corrected("but read more...", compat=True) == "but"
    assert corrected("but read more....", compat=True) == "but read more...."


@pytest.mark.parametrize(
    ("line", "off"),
    [
        ("SALE ENDS SOON", {"max_upper": None}),
        ("12345", {"digit_lines": False, "min_words": None}),
        ("3 likes", {"counter_lines": False}),
        ("word", {"min_words": None}),
        ("word", {"min_words": 1}),
        ("in our Read more... shop items in cart", {"phrase_max_words": 7}),
    ],
)
def test_each_rule_can_be_turned_off(line, off):
    assert corrected(line) != line
    assert corrected(line, **off) == line


def test_documents_that_lose_much_are_dropped():
    words = " ".join(["word"] * 95)
    five, six = ("NO\n" * n for n in (5, 6))
    stage = RefinedwebLines()
    outcome = stage.edit(batch_of([words + "\n" + five, words + "\n" + six, "", "NO", "…\n-"]))
    assert outcome.reason.to_pylist() == [None, "removed_words", None, "removed_words", None]
    assert outcome.text.to_pylist() == [words, words, None, None, None]
    assert outcome.columns["refinedweb_removed_lines"].to_pylist() == [5, 6, 0, 1, 2]
    assert outcome.columns["refinedweb_removed_words"][0].as_py() == pytest.approx(0.05)
    assert RefinedwebLines(max_removed_words=None).edit(batch_of([words + "\n" + six])).reason.null_count == 1


PIECES = (
    "items in cart|Read more...|read more|Sign-in|3 likes|12K|views| |\n|\n|\u3000|.|A|b|é|Ⓐ|ſ|K|İ|1|²|٣|_|…|two words"
).split("|")
STAGES = st.builds(
    RefinedwebLines,
    max_upper=st.sampled_from([None, 0.0, 0.5]),
    digit_lines=st.booleans(),
    counter_lines=st.booleans(),
    min_words=st.sampled_from([None, 0, 2]),
    phrases=st.booleans(),
    phrase_max_words=st.sampled_from([0, 3, 10]),
    compat=st.booleans(),
    max_removed_words=st.sampled_from([None, 0.05, 0.5]),
)


@settings(deadline=None, max_examples=600)
@given(
    stage=STAGES, texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), min_size=1, max_size=4)
)
def test_fast_form_is_the_easy_form(stage, texts):
    fast = stage.edit(batch_of(texts))
    for row, one in enumerate(map(stage.edit_one, texts)):
        assert (fast.text[row].as_py(), fast.reason[row].as_py()) == (one.text, one.reason)
        for name, array in fast.columns.items():
            assert array[row] == pa.scalar(one.columns[name], array.type), name
