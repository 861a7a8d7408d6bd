"""sentence_dedup against datatrove's SentenceDedup, and where it differs on purpose."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.stages.sentence_dedup import SentenceDedup
from tests.stages.harness import batch_of, cut, run

CASES = json.loads(Path(__file__).with_name("datatrove_spans.json").read_text())
"""Small corpora, options, and what datatrove 0.10.1 makes of them in one task: null where it drops a document."""
SAMPLE = Path(__file__).parents[2] / "configs" / "sample"


def left(texts: list[str], **options: object) -> list[str | None]:
    """What is left of each text; None of those that are dropped."""
    found = run(SentenceDedup(**options), [[piece] for piece in cut(batch_of(texts), [2, 300, 1])], 2)
    return [None if found.reasons[key] else found.texts[key] for key in found.reasons]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_is_what_datatrove_leaves(case):
    options = {"sentences": case["n"], "min_words": case["min_words"], "min_sentences": case["min_sentences"]}
    assert left(case["texts"], **options) == case["out"]


def test_is_what_datatrove_leaves_of_real_documents():
    shards = [pq.read_table(SAMPLE / f"shard-0{i}.parquet", columns=["text"]) for i in range(3)]
    found = left([text.strip() for shard in shards for text in shard["text"].to_pylist()])
    kept = [text for text in found if text is not None]
    assert (len(found), len(kept), sum(map(len, kept))) == (699, 647, 3_331_499)
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    assert digest == "1a9dc947590f3df728d2e91cc17cd253f36f67c172aa3e2a3a2a9e979b63c974"


FREE = {"min_words": 0, "min_sentences": 0}


def test_every_sentence_of_a_repeated_span_goes():
    first = "One came. Two came. Three came. Four came."
    assert left([first, "A said. two came? THREE came! Four came. B said."], **FREE)[1] == "A said. B said."
    assert left([first, "A said. Two came. Three came. B said."], **FREE)[1] == "A said. Two came. Three came. B said."
    assert left([first, "Two came. Three came."], **FREE)[1] == "Two came. Three came."
    overlapping = "One came. Two came. Three came. Four came. B said."
    assert left([first, overlapping], **FREE)[1] == "B said."


def test_spans_within_a_document_count():
    assert left(["A said. B said. A said. B said. C said."], sentences=2, **FREE) == ["A said. B said. C said."]


def test_spans_of_punctuation_alone_are_not_compared():
    assert left(["? ! ? a", "? ! ? b"], sentences=1, **FREE) == ["? ! ? a", "? ! ? b"]


def test_white_space_before_a_sentence_goes_with_it():
    assert left(["X said.", "A said.\n\n X said.\n B said."], sentences=1, **FREE)[1] == "A said.\n B said."
    assert left(["X said.", "X said.\n\n  B said.\n"], sentences=1, **FREE)[1] == "B said."


def test_documents_of_which_too_little_is_left():
    words, gone = "word " * 46, "X said. Y said."
    texts = [gone, f"{gone} {words}is here.", f"{gone} word {words}is here.", f"{gone} word {words}is it? No, no."]
    found = run(SentenceDedup(sentences=2), [[batch_of([*texts, gone, "short"])]])
    reasons = [None, "too_few_words", "too_few_sentences", "too_few_sentences", None, None]
    assert [*found.reasons.values()] == reasons, "50 words with the full stop; what lost nothing is not looked at"
    assert found.texts["d4"] is None, "nothing is left, which the engine calls empty"
    assert left(texts, sentences=2, min_sentences=2)[1:] == [None, None, f"word {words}is it? No, no."]
    assert left(texts, sentences=2, min_sentences=1, min_words=49)[1] == f"{words}is here."


def test_white_space_at_the_end_is_no_sentence():
    """Unlike datatrove, which keeps the newline and counts it as the second sentence."""
    texts = ["X said.", "X said. A said.\n"]
    assert left(texts, sentences=1, min_words=0, min_sentences=2)[1] is None
    assert left(texts, sentences=1, min_words=0, min_sentences=1)[1] == "A said."


def test_short_runs_stay_whole():
    """Unlike datatrove, which counts the words of the first sentence of a run, and brings back no more than that."""
    texts = ["X said. Y said. Z said.", "A said. X said. Y said. B said. Z said."]
    assert left(texts, sentences=1, min_words_to_remove=4, **FREE)[1] == "A said. B said. Z said."
    assert left(texts, sentences=1, min_words_to_remove=7, **FREE)[1] == texts[1]


def test_the_first_copy_is_the_first_in_the_order_of_the_input():
    """Unlike datatrove, where the second document of a file goes behind the first of any other file."""
    units = [[batch_of(["A said.", "X said."], ["a", "b"])], [batch_of(["X said. B said."], ["c"])]]
    assert run(SentenceDedup(sentences=1, **FREE), units).texts == {"a": "A said.", "b": "X said.", "c": "B said."}
