"""Figures about tokenizers, on texts of which they are known."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from curate.report.token_metrics import gather, measure, ratio


class Words:
    """A token for each word; not in the vocabulary: 0."""

    name, vocabulary = "words", 5

    def __init__(self) -> None:
        self.known = ["?", "one", "two", "three", "four"]

    def encode(self, texts):
        return [[self.known.index(word) if word in self.known else 0 for word in text.split()] for text in texts]

    def decode(self, tokens):
        return " ".join(self.known[token] for token in tokens)

    def unknown(self):
        return {0}


class Bytes:
    name, vocabulary = "bytes", 256

    def encode(self, texts):
        return [list(text.encode()) for text in texts]

    def decode(self, tokens):
        return bytes(tokens).decode()

    def unknown(self):
        return set(range(128, 256))


def table(texts, **columns):
    ids = [f"d{n}" for n in range(len(texts))]
    return pa.table({"id": pa.array(ids, pa.large_string()), "text": pa.array(texts, pa.large_string()), **columns})


def test_a_token_for_each_word():
    (found,) = measure(gather([table(["one two three", "four one", "two five"])], None, None, 100), [Words()])
    assert found.fertility.value == 1
    assert found.continued_words == 0
    assert found.unknown == pytest.approx(1 / 7)
    assert found.vocabulary_used == 1
    assert found.lossy == pytest.approx(1 / 3)
    assert found.relative_length == 1
    assert found.premium is None


def test_a_token_for_each_byte():
    (found,) = measure(gather([table(["é one", "日本"])], None, None, 100), [Bytes()])
    assert found.bytes_per_token.value == 1
    assert found.chars_per_token == pytest.approx(7 / 12)
    assert found.unknown == pytest.approx(8 / 12)
    assert found.lossy == 0
    assert found.continued_words == 1


def test_premium_of_a_language():
    texts = ["one two", "ONE TWO THREE FOUR", "three", "THREE X", "alone", ""]
    given = table(texts, lang=["en", "xx", "en", "xx", "xx", "en"], of=["a", "a", "b", "b", None, "c"])
    groups = gather([given], "lang", "of", 100)
    assert [(group.name, len(group.texts)) for group in groups] == [("en", 2), ("xx", 3)]
    en, xx = measure(groups, [Words()], "en")
    assert en.premium.value == en.byte_premium == 1
    assert xx.pairs == 2
    assert xx.premium.value == 6 / 3
    assert xx.byte_premium == pytest.approx(25 / 12)
    again, _ = measure(groups, [Bytes(), Words()], "en")[2:]
    assert again.relative_length == pytest.approx(3 / 12)


def test_the_sum_over_shards_is_that_of_the_whole():
    texts = [f"one two {'three ' * (n % 7)}" for n in range(50)]
    (whole,) = measure(gather([table(texts)], None, None, 100), [Words()])
    parts = [measure(gather([table(texts[a : a + 10])], None, None, 100), [Words()])[0] for a in range(0, 50, 10)]
    assert whole.tokens == sum(part.tokens for part in parts) == sum(len(text.split()) for text in texts)


def test_which_documents_are_taken_does_not_depend_on_their_order():
    texts = [f"text {n}" for n in range(300)]
    given = table(texts)
    order = np.random.default_rng(0).permutation(300)
    one = gather([given], None, None, 20)
    other = gather([given.take(pa.array(part)) for part in np.array_split(order, 7)], None, None, 20)
    assert len(one[0].texts) == 20
    assert one[0].ids == other[0].ids
    assert one[0].texts == other[0].texts


def test_translations_are_taken_together():
    keys = [f"page {n}" for n in range(100)]
    given = table(["one"] * 200, lang=["en"] * 100 + ["xx"] * 100, of=keys * 2)
    en, xx = gather([given], "lang", "of", 10)
    assert en.pair == xx.pair
    assert len(en.pair) == 10


def test_intervals_are_those_of_the_bootstrap():
    """Near the normal interval of a mean."""
    rng = np.random.default_rng(1)
    above, below = rng.poisson(400, 500), np.full(500, 100)
    found = ratio(above, below, 0)
    assert found.value == pytest.approx(above.sum() / below.sum())
    assert found.high - found.low == pytest.approx(2 * 1.96 * above.std() / 100 / 500**0.5, rel=0.15)
    assert found == ratio(above, below, 0)
    assert np.isnan(ratio(np.zeros(0, np.int64), np.zeros(0, np.int64), 0).value)
