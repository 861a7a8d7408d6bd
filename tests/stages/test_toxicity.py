"""toxicity: what each act does to documents and sentences; tags can be taken out again, and cannot be forged."""

import re
import unicodedata
from itertools import chain, pairwise

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.control_tokens import Tokens
from curate.kernels.segments import segments_one
from curate.stages.toxicity import Toxicity
from tests.stages.harness import batch_of, cut
from tests.stages.test_family import hostile

MILD = "The ferry leaves at seven."
NASTY = "You are a fucking idiot, you stupid bitch."
GOOD, BAD = "<|aligned|>", "<|misaligned|>"


def text_of(stage: Toxicity, text: str) -> str | None:
    outcome = stage.process(batch_of([text]))
    new = text if outcome.text is None else outcome.text[0].as_py()
    assert new == stage.edit_one(text, "d0").text
    return new


def reasons(texts: list[str], **options: object) -> list[str | None]:
    outcome = Toxicity(act="drop", **options).process(batch_of(texts))
    assert outcome.text is None
    return outcome.reason.to_pylist()


def test_a_toxic_sentence_scores_higher_than_a_mild_one():
    outcome = Toxicity(scores=True).process(batch_of([f"{MILD} {NASTY}", MILD, ""]))
    mild, nasty = outcome.columns["toxicity_scores"][0].as_py()
    assert mild < 0.1 < 0.9 < nasty
    assert outcome.columns["toxicity"].to_pylist() == [nasty, pytest.approx(mild, abs=0.02), 0]
    assert outcome.columns["toxic_sentences"].to_pylist() == [1, 0, 0]
    assert outcome.columns["toxicity_sentences"].to_pylist() == [2, 1, 0]
    weights = np.array([len(MILD) + 1, len(NASTY)])
    expected = (weights * [mild, nasty]).sum() / weights.sum()
    assert outcome.columns["toxicity_mean"][0].as_py() == pytest.approx(expected, rel=1e-6)
    assert outcome.columns["toxicity_plain_mean"].to_pylist()[::2] == [pytest.approx((mild + nasty) / 2, rel=1e-6), 0]
    assert outcome.columns["toxicity_starts"].to_pylist() == [[0, len(MILD) + 1], [0], []]
    assert outcome.text is None
    assert outcome.reason is None


def test_drop_cuts_at_both_ends():
    texts = [MILD, f"{MILD * 40} {NASTY}", NASTY, ""]
    assert reasons(texts) == [None, "toxic", "toxic", None]
    assert reasons(texts, level="document") == [None, None, "toxic", None]
    assert reasons(texts, drop_above=0.9, drop_below=0.01) == ["too_clean", "toxic", "toxic", "too_clean"]
    assert reasons(texts, drop_below=0.5) == ["too_clean", None, None, "too_clean"]
    assert reasons(texts, drop_below=0.5, level="document") == ["too_clean", "too_clean", None, "too_clean"]


@pytest.mark.parametrize("level", ["sentence", "document"])
def test_what_is_dropped_can_be_told_from_the_scores(level):
    """A direct recomputation: the mean is over sentences by their characters, as in the column."""
    texts = [f"{MILD * k} {NASTY * n} Shut up." for k in (0, 1, 5, 40) for n in (0, 1, 3)]
    columns = Toxicity(scores=True).process(batch_of(texts)).columns
    for above in (0.02, 0.1, 0.5, 0.9):
        expected = []
        for text, scores in zip(texts, columns["toxicity_scores"].to_pylist(), strict=True):
            sizes = list(map(len, segments_one(text)))
            mean = sum(size * score for size, score in zip(sizes, scores, strict=True)) / sum(sizes)
            expected.append("toxic" if (max(scores) if level == "sentence" else mean) > above else None)
        assert reasons(texts, drop_above=above, level=level) == expected
        assert len(set(expected)) == 2 or above == 0.02


def test_limits_themselves_stay():
    score = Toxicity().edit_one(MILD).columns["toxicity"]
    assert reasons([MILD], drop_above=score, drop_below=score) == [None]
    assert reasons([MILD], drop_above=np.nextafter(score, 0)) == ["toxic"]
    assert reasons([MILD], drop_below=np.nextafter(score, 1)) == ["too_clean"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"{MILD} {NASTY} {MILD}", f"{MILD} {MILD}"),
        (f"{MILD}\n\n{NASTY} {MILD}", f"{MILD}\n\n{MILD}"),
        (f"{MILD} {NASTY}\n{NASTY}\n\n{MILD}", f"{MILD}\n\n{MILD}"),
        (f"{NASTY} {MILD}\n", MILD),
        (f"{MILD}\n{NASTY}", MILD),
        (NASTY, None),
        (f" {MILD}\n", f" {MILD}\n"),
        ("", ""),
    ],
)
def test_sentences_are_cut_out(text, left):
    assert text_of(Toxicity(act="drop_sentences"), text) == left


def test_sentences_that_are_too_clean_are_cut_out():
    assert text_of(Toxicity(act="drop_sentences", drop_below=0.5), f"{MILD} {NASTY} {MILD}") == NASTY


def test_sentences_are_masked():
    assert text_of(Toxicity(act="mask"), f"{MILD}\n\n{NASTY} {MILD}") == f"{MILD}\n\n|||TOXIC||| {MILD}"
    assert text_of(Toxicity(act="mask", mask_with="[x]"), f" {NASTY} {NASTY}\n") == " [x] [x]\n"


@pytest.mark.parametrize("text", [NASTY, f" {NASTY}", f"{NASTY} {NASTY}", f"{NASTY} {MILD}", MILD, ""])
def test_masked_by_nothing_a_sentence_is_gone(text):
    """A document of which nothing at all is left is null, as when its sentences are dropped."""
    left = text.replace(NASTY, "")
    assert text_of(Toxicity(act="mask", mask_with=""), text) == (left if left or not text else None)


def test_every_sentence_is_tagged():
    stage = Toxicity(act="tag", drop_token_fraction=0)
    assert text_of(stage, f"{MILD}\n\n{NASTY} {MILD}") == f"{GOOD}{MILD}{BAD}\n\n{NASTY} {GOOD}{MILD}"
    assert text_of(stage, "") == ""
    outcome = stage.process(batch_of([f"{MILD} {NASTY}", ""]))
    assert outcome.columns["toxicity_control"].to_pylist() == [[1, 0], []]
    assert list(map(len, outcome.columns["toxicity_scores"].to_pylist())) == [2, 0]
    assert text_of(Toxicity(act="tag", drop_token_fraction=1), NASTY) == NASTY
    whole = Toxicity(act="tag", level="document", drop_token_fraction=0)
    assert text_of(whole, f"{NASTY} {NASTY}") == f"{BAD}{NASTY} {NASTY}"
    assert text_of(whole, f"{MILD} {MILD}") == f"{GOOD}{MILD} {MILD}"


def test_the_threshold_itself_is_good():
    scores = [segment.columns["toxicity"] for segment in map(Toxicity().edit_one, (MILD, NASTY))]
    assert text_of(Toxicity(act="tag", drop_token_fraction=0, threshold=scores[1]), NASTY) == GOOD + NASTY
    assert text_of(Toxicity(act="tag", drop_token_fraction=0, threshold=scores[0]), MILD) == GOOD + MILD
    below = np.nextafter(np.float64(scores[1]), 0)
    assert text_of(Toxicity(act="tag", drop_token_fraction=0, threshold=below), NASTY) == BAD + NASTY


def test_some_sentences_get_no_token_whatever_the_shards():
    texts = [f"{MILD} " * 50] * 40
    stage = Toxicity(act="tag", drop_token_fraction=0.2, seed=5)
    batch = batch_of(texts)
    whole = stage.process(batch)
    control = np.array(whole.columns["toxicity_control"].to_pylist())
    assert set(control.ravel().tolist()) == {-1, 1}
    assert abs((control == -1).mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / control.size)
    assert len({row.tobytes() for row in control}) == 40, "documents have draws of their own"
    parts = [stage.process(piece).text.to_pylist() for piece in cut(batch, [1, 7, 3])]
    assert list(chain.from_iterable(parts)) == whole.text.to_pylist()
    assert stage.edit_one(texts[3], "d3").text == whole.text[3].as_py()
    other = Toxicity(act="tag", drop_token_fraction=0.2, seed=6).process(batch)
    assert other.text.to_pylist() != whole.text.to_pylist()


def test_a_forged_token_is_changed_and_counted():
    stage = Toxicity(act="tag", drop_token_fraction=0)
    text = f"{GOOD}{NASTY} <\u200d|misaligned|>"
    outcome = stage.process(batch_of([text, MILD]))
    assert outcome.columns["toxicity_escaped"].to_pylist() == [2, 0]
    tagged = outcome.text[0].as_py()
    assert tagged == f"{BAD}<\u200d|aligned|>{NASTY} {GOOD}<\u200d\u200d|misaligned|>"
    assert Tokens(GOOD, BAD).removed(tagged) == text


def test_a_token_that_a_normalisation_makes_is_changed_too():
    stage = Toxicity(act="tag", drop_token_fraction=0)
    text = f"＜|aligned|＞ {MILD}"
    outcome = stage.process(batch_of([text, "＜ | é", MILD]))
    assert outcome.columns["toxicity_escaped"].to_pylist() == [1, 0, 0]
    tagged = outcome.text[0].as_py()
    assert unicodedata.normalize("NFKC", tagged).count(GOOD) == tagged.count(GOOD)
    assert Tokens(GOOD, BAD).removed(tagged) == text


words = st.sampled_from(
    [GOOD, BAD, "<", "\u200d", "|aligned|>", "misaligned|>", "<|", "＜", "｜", "＞", ". A", " ", "\n", NASTY, MILD]
)


@settings(deadline=None, max_examples=150)
@given(text=st.lists(words | hostile, max_size=10).map("".join), fraction=st.sampled_from([0, 0.5, 1]))
def test_tagged_texts_can_be_had_back(text, fraction):
    stage = Toxicity(act="tag", drop_token_fraction=fraction, threshold=0.02)
    one = stage.edit_one(text, "d0")
    outcome = stage.process(batch_of([text]))
    tagged = outcome.text[0].as_py()
    assert tagged == one.text
    assert Tokens(GOOD, BAD).removed(tagged) == text
    escaped, number = Tokens(GOOD, BAD).escape(text)
    assert outcome.columns["toxicity_escaped"][0].as_py() == number
    assert tagged.replace(GOOD, "").replace(BAD, "") == escaped
    control = outcome.columns["toxicity_control"][0].as_py()
    assert [control.count(said) for said in (1, 0)] == [tagged.count(GOOD), tagged.count(BAD)]
    assert len(control) == len(segments_one(escaped))
    starts = outcome.columns["toxicity_starts"][0].as_py()
    assert starts == one.columns["toxicity_starts"]
    tags = {1: GOOD, 0: BAD, -1: ""}
    pieces = [tagged[begin:end] for begin, end in pairwise([*starts, len(tagged)])]
    assert pieces == [tags[said] + piece for said, piece in zip(control, segments_one(escaped), strict=True)]


@settings(deadline=None, max_examples=40)
@given(text=st.lists(words | hostile, max_size=6).map("".join))
def test_sentences_and_the_authors_filter_can_be_had_from_the_columns(text):
    """Korbak et al. keep documents whose mean over sentences, each counted once, is no more than a threshold."""
    columns = Toxicity(scores=True).process(batch_of([text])).columns
    scores, starts = columns["toxicity_scores"][0].as_py(), columns["toxicity_starts"][0].as_py()
    assert [text[begin:end] for begin, end in pairwise([*starts, len(text)])] == segments_one(text)
    assert columns["toxicity_plain_mean"][0].as_py() == np.float32(sum(scores) / max(len(scores), 1))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"drop_above": 0.5}, "nothing does"),
        ({"act": "drop", "drop_above": 0.2, "drop_below": 0.3}, "nothing could stay"),
        ({"act": "mask", "level": "document"}, "is about sentences"),
        ({"act": "tag", "good_token": "x"}, "two characters or more"),
        ({"act": "tag", "good_token": "a b"}, "white space"),
        ({"act": "tag", "good_token": "<x>", "bad_token": "<x>y"}, "contains the other"),
        ({"act": "tag", "good_token": "aba"}, "overlap"),
        ({"act": "tag", "good_token": "ab", "bad_token": "bc"}, "overlap"),
    ],
)
def test_what_makes_no_sense_is_refused(options, complaint):
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        Toxicity(**options)


def test_raising_the_threshold_turns_nothing_bad():
    texts = [f"{MILD} {NASTY} {word} Shut up." for word in ("Damn it.", "Go away!", "You fool.")]
    before = np.zeros(1)
    for threshold in (0.0, 0.01, 0.1, 0.5, 0.9, 1.0):
        stage = Toxicity(act="tag", threshold=threshold, drop_token_fraction=0)
        control = pc.list_flatten(stage.process(batch_of(texts)).columns["toxicity_control"]).to_numpy()
        assert (control >= before).all()
        before = control
    assert before.all()
