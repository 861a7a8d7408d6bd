"""line_dedup and sentence_dedup against a dict of all passages of a small corpus, made by their plain forms."""

import time
from collections import defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.passages import PassageDedup
from curate.stages.line_dedup import LineDedup
from curate.stages.sentence_dedup import SentenceDedup
from tests.stages.harness import batch_of, cut, run

LINES = st.builds(
    LineDedup,
    keep=st.sampled_from(["first", "none"]),
    min_repeats=st.integers(2, 4),
    unit=st.sampled_from(["line", "paragraph"]),
    normalize=st.sampled_from(["ccnet", "simplified", "whitespace", "off"]),
    min_chars=st.sampled_from([1, 2, 5]),
    min_words=st.sampled_from([0, 1, 2]),
    scope=st.sampled_from([None, "crawl"]),
)
SENTENCES = st.builds(
    SentenceDedup,
    keep=st.sampled_from(["first", "none"]),
    min_repeats=st.integers(2, 3),
    sentences=st.integers(1, 4),
    min_words_to_remove=st.sampled_from([0, 4, 9]),
    min_words=st.just(0),
    min_sentences=st.just(0),
    scope=st.sampled_from([None, "crawl"]),
)
BITS = (
    "One two.|one  two|Three|(Four!)|12|37|…|“No.”|No.|Dr. X?|e\u0301|\u00e9|中。|\n|\n|\n|\n\n| |\t|\r\n|\u2028|\0|..."
).split("|")
TEXTS = st.lists(st.lists(st.sampled_from(BITS), max_size=24).map("".join), min_size=1, max_size=8)


def by_hand(stage: PassageDedup, texts: list[str], scopes: list[str | None]) -> list[tuple[str, int]]:
    """(what is left, pieces taken out) of each text."""
    found: dict[tuple[str | None, str], list[tuple[int, int]]] = defaultdict(list)
    for document, text in enumerate(texts):
        for place, passage in stage.passages_one(text).items():
            found[scopes[document] if stage.scope else None, passage].append((document, place))
    repeats: list[set[int]] = [set() for _ in texts]
    for copies in found.values():
        if len(copies) >= stage.min_repeats:
            for document, place in copies[1:] if stage.keep == "first" else copies:
                repeats[document].add(place)
    left = [stage.rebuild_one(text, gone) for text, gone in zip(texts, repeats, strict=True)]
    return [(new if removed else old, removed) for old, (new, removed) in zip(texts, left, strict=True)]


@settings(deadline=None, max_examples=400)
@given(
    stage=LINES | SENTENCES,
    texts=TEXTS,
    sizes=st.lists(st.integers(1, 3), max_size=6),
    together=st.booleans(),
    ranges=st.integers(1, 3),
    data=st.data(),
)
def test_is_what_a_dict_of_all_passages_gives(stage, texts, sizes, together, ranges, data):
    scopes = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=len(texts), max_size=len(texts)))
    pieces = cut(batch_of(texts, crawl=pa.array(scopes, pa.string())), sizes)
    found = run(stage, [pieces] if together else [[piece] for piece in pieces], ranges)
    for row, (left, removed) in enumerate(by_hand(stage, texts, scopes)):
        key = f"d{row}"
        assert (found.texts[key], found.reasons[key]) == (None if removed and not left else left, None)
        shorter = len(texts[row]) - len(left)
        assert [found.columns[name][key] for name in stage.writes] == [removed, shorter]


BOILERPLATE = "All rights reserved by the owners of this page.\nNo part of it may be copied. Ask first. Then ask again."


@pytest.mark.parametrize("stage", [LineDedup(), SentenceDedup(min_words=0, min_sentences=0)], ids=["line", "sentence"])
def test_an_empty_corpus_and_one_document(stage):
    nothing = batch_of([])
    assert stage.observe(nothing).num_rows == 0
    assert run(stage, [[nothing]]).reasons == {}
    for text in ("", " \n", "word", BOILERPLATE):
        found = run(stage, [[batch_of([text])]])
        assert (found.texts, found.reasons) == ({"d0": text}, {"d0": None})


@pytest.mark.parametrize("stage", [LineDedup(), SentenceDedup(min_words=0, min_sentences=0)], ids=["line", "sentence"])
def test_all_documents_share_boilerplate(stage):
    own = [f"Page {'abcdefghij'[i // 10]}{'abcdefghij'[i % 10]} is unlike any other page here" for i in range(100)]
    texts = [f"{line}.\n{BOILERPLATE}" for line in own]
    found = run(stage, [[piece] for piece in cut(batch_of(texts), [30, 1, 40])], 3)
    assert found.texts["d0"] == texts[0]
    assert [found.texts[f"d{i}"] for i in range(1, 100)] == [f"{line}." for line in own[1:]]


@pytest.mark.parametrize(
    ("stage", "one"),
    [(LineDedup(), "The same line again and again.\n"), (SentenceDedup(sentences=1), "The same sentence again. ")],
    ids=["line", "sentence"],
)
def test_one_passage_100_000_times_takes_linear_time(stage, one):
    run(stage, [[batch_of([one])]])  # compiled
    began = time.perf_counter()
    within = run(stage, [[batch_of([one * 100_000])]])
    assert within.artifact.num_rows == 99_999
    across = run(stage, [[batch_of([one] * 50_000)], [batch_of([one] * 50_000, [f"e{i}" for i in range(50_000)])]])
    assert across.artifact.num_rows == 99_999
    assert time.perf_counter() - began < 20  # it takes 1 to 2 seconds; in quadratic time, an hour
    assert [name for name, text in across.texts.items() if text is not None] == ["d0"]
