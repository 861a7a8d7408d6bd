"""The n-gram proxy against a plain model that counts words in dictionaries."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.kernels.words import words, words_one
from curate.mixing import ngram_counts
from curate.mixing.corpus import prepare
from curate.mixing.ngram import NGramProxy
from curate.mixing.options import NGram
from curate.mixing.sampling import repeats
from curate.mixing.tokens import vocabulary_of
from curate.mixing.vocabulary import BYTES, Vocabulary
from curate.mixing.vocabulary import Counter as WordCounter
from curate.store import arrow
from curate.store.reading import Reader
from tests.mixing.corpora import options, write

SCRIPTS = "Han Hiragana Katakana Thai Lao Khmer Myanmar"
UNSPACED = "([" + "".join(rf"\p{{{script}}}" for script in SCRIPTS.split()) + "])"
TEXTS = ["", "a b c", "héllo  wörld", "数学 is 42.", "\x00", "no\nyes\n", "x" * 300, "🙂 ok"]


def learned(texts, size):
    counter = WordCounter()
    counter.add(pa.array(texts, pa.large_string()), np.ones(len(texts), np.int64))
    return counter.vocabulary(size)


def plain_tokens(text, known):
    """What `encode` does, word by word: known words as themselves, others as bytes, and the end."""
    found = []
    for word in words_of(text):
        if word in known:
            found.append(word)
        else:
            found += [(byte, place > 0) for place, byte in enumerate(word.encode())]
    return [*found, None]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(TEXTS) | st.text(max_size=30), min_size=1, max_size=5), st.integers(16, 40))
def test_encode_is_the_plain_one(texts, size):
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    vocabulary = learned([*texts, "a b c d"], size)
    tokens, offsets = vocabulary.encode(pa.array(texts, pa.large_string()))
    there = sorted({word for text in texts for word in words_of(text)})
    hashes = words(pa.array(there, pa.large_string()), "whitespace").hash
    known = dict(zip(vocabulary.hashes.tolist(), range(size), strict=False))
    names = {word: known[key] for word, key in zip(there, hashes.tolist(), strict=True) if key in known}
    for number, text in enumerate(texts):
        wanted = [
            vocabulary.end if token is None
            else names[token] if isinstance(token, str)
            else len(vocabulary.hashes) + token[0] + 256 * token[1]
            for token in plain_tokens(text, names)
        ]  # fmt: skip
        assert tokens[offsets[number] : offsets[number + 1]].tolist() == wanted


def words_of(text):
    return words_one(pc.replace_substring_regex(pa.scalar(text), UNSPACED, r" \1 ").as_py())


def test_the_vocabulary_is_of_the_most_frequent():
    vocabulary = learned(["b b b a a c"], 2)
    tokens, _ = vocabulary.encode(pa.array(["a b c"], pa.large_string()))
    assert sorted(tokens[:2].tolist()) == [0, 1]
    assert tokens[2:].tolist() == [2 + ord("c"), 2 + BYTES]
    assert vocabulary.size == 2 + BYTES + 1


def plain_nats(training, measured, order, strengths, size):
    """-ln p of the measured tokens by a model of the training tokens (pairs of tokens and times)."""
    grams, contexts, distinct = Counter(), Counter(), Counter()
    for tokens, times in training:
        padded = ["<"] * (order - 1) + tokens
        for at in range(order - 1, len(padded)):
            for n in range(1, order + 1):
                grams[tuple(padded[at - n + 1 : at + 1])] += times
                contexts[tuple(padded[at - n + 1 : at])] += times
                distinct[tuple(padded[at - n + 1 : at])] += min(times, 1)
    nats = 0.0
    for tokens in measured:
        padded = ["<"] * (order - 1) + tokens
        for at in range(order - 1, len(padded)):
            p = 1 / size
            for n in range(1, order + 1):
                context = tuple(padded[at - n + 1 : at])
                strength = strengths[n - 1] * (contexts[context] / distinct[context] if contexts[context] else 1)
                p = (grams[(*context, padded[at])] + strength * p) / (contexts[context] + strength)
            nats -= math.log(p)
    return nats


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_losses_are_those_of_a_plain_model(tmp_path, order):
    path = write(tmp_path / "d.parquet", {"a": 30, "b": 20, "c": 10})
    asked = options(path, tmp_path / "out", budget=10_000)
    with Reader([str(path)]) as reader:
        prepared = prepare(reader, asked, tmp_path)
    ngram_counts.write(tmp_path, NGram(order=order, vocabulary=60))
    proxy = NGramProxy(tmp_path, prepared.names, {"a": 1.0})
    proxy.strengths = [0.5, 3.0, 2.0, 7.0][:order]
    weights = {"a": 0.2, "b": 0.7, "c": 0.1}
    found = proxy.evaluate(weights, 10_000, 5)

    pool = pa.Table.from_batches(arrow.ArrowFile(tmp_path / "pool.arrow").batches).sort_by(
        [("domain", "ascending"), ("key", "ascending")]
    )
    targets = pa.Table.from_batches(arrow.ArrowFile(tmp_path / "targets.arrow").batches)
    vocabulary = vocabulary_of(
        arrow.ArrowFile(tmp_path / "pool.arrow"), arrow.ArrowFile(tmp_path / "targets.arrow"), 60
    )
    domain, key, size = (pool[name].to_numpy() for name in ("domain", "key", "size"))
    wanted = np.array([weights[name] for name in prepared.names]) * 10_000
    times = repeats(domain, key, size, wanted, np.bincount(domain, size).astype(np.int64), 5)
    assert times.max() > 1
    assert ((times % 1) > 0).any()

    def tokens_of(texts):
        tokens, offsets = vocabulary.encode(texts.combine_chunks())
        return [tokens[a:b].tolist() for a, b in pairwise(offsets)]

    nats = plain_nats(
        list(zip(tokens_of(pool["text"]), times, strict=True)), tokens_of(targets["text"]), order, proxy.strengths,
        vocabulary.size,
    )  # fmt: skip
    octets = sum(len(text.encode()) for text in targets["text"].to_pylist())
    assert found.loss == pytest.approx(nats / math.log(2) / octets, rel=1e-9)
    assert found.losses == {"a": found.loss}


def test_strengths_are_fitted_on_the_natural_mixture(tmp_path):
    path = write(tmp_path / "d.parquet", {"a": 60, "b": 60})
    asked = options(path, tmp_path / "out")
    with Reader([str(path)]) as reader:
        prepared = prepare(reader, asked, tmp_path)
    ngram_counts.write(tmp_path, NGram())
    proxy = NGramProxy(tmp_path, prepared.names, {"a": 1.0})
    proxy.fit(prepared.natural, 5000)
    best = proxy.evaluate(dict(zip(prepared.names, prepared.natural, strict=True)), 5000, 0).loss
    for place in range(3):
        for factor in (0.5, 2.0):
            chosen = list(proxy.strengths)
            proxy.strengths[place] *= factor
            assert proxy.evaluate(dict(zip(prepared.names, prepared.natural, strict=True)), 5000, 0).loss > best - 0.02
            proxy.strengths = chosen
    only_a = proxy.evaluate({"a": 1.0}, 5000, 0).loss
    only_b = proxy.evaluate({"b": 1.0}, 5000, 0).loss
    assert only_a < best < only_b


def test_to_repeat_all_is_as_good_as_once_and_fresh_text_is_better(tmp_path, monkeypatch):
    path = write(tmp_path / "d.parquet", {"a": 80, "b": 10})
    with Reader([str(path)]) as reader:
        prepared = prepare(reader, options(path, tmp_path / "out", budget=100_000, max_epochs=99), tmp_path)
    ngram_counts.write(tmp_path, NGram())
    proxy = NGramProxy(tmp_path, prepared.names, {"a": 1.0})
    proxy.strengths = [10.0, 10.0, 10.0]

    def loss(times):
        monkeypatch.setattr("curate.mixing.ngram.repeats", lambda *_: times)
        return proxy.evaluate({}, 1, 0).loss

    half = np.zeros(len(proxy._domain))
    half[:20] = 1.0
    assert loss(3 * half) == pytest.approx(loss(half), rel=1e-9)
    assert loss(np.ones(len(half))) < loss(half)
    mixed = half.copy()
    mixed[-5:] = 1.0
    emphasised = mixed + 2 * half
    assert loss(mixed) != pytest.approx(loss(emphasised), rel=1e-6)


def test_repeats_meet_the_weights_and_do_not_depend_on_the_order():
    generator = np.random.default_rng(0)
    domain = np.sort(generator.integers(0, 3, 300)).astype(np.int32)
    key = generator.integers(0, 2**63, 300).astype(np.uint64)
    size = generator.integers(1, 100, 300)
    has = np.bincount(domain, size).astype(np.int64)
    wanted = np.array([0.5, 3.25, 0.0]) * has
    times = repeats(domain, key, size, wanted, has, 7)
    assert np.allclose(np.bincount(domain, times * size), wanted)
    assert set(np.unique(times[domain == 1]).round(9)[[0, -1]]) == {3.0, 4.0}
    assert ((times[domain == 0] > 0) & (times[domain == 0] < 1)).sum() <= 1
    other = repeats(domain, key, size, wanted, has, 8)
    assert (other != times).any()
    back = np.lexsort((generator.random(300), domain))
    assert np.array_equal(repeats(domain[back], key[back], size[back], wanted, has, 7), times[back])
    more = repeats(domain, key, size, wanted * np.array([1.2, 1, 1]), has, 7)
    assert (more[domain == 0] >= times[domain == 0] - 1e-12).all()  # a larger sample has the smaller one in it


def test_vocabulary_is_the_same_in_any_order():
    texts = [f"w{n % 7} w{n % 5} v{n}" for n in range(50)]
    one, other = WordCounter(), WordCounter()
    one.add(pa.array(texts, pa.large_string()), np.full(50, 3))
    for text in reversed(texts):
        other.add(pa.array([text], pa.large_string()), np.full(1, 3))
    assert np.array_equal(one.vocabulary(20).hashes, other.vocabulary(20).hashes)
    assert isinstance(one.vocabulary(20), Vocabulary)
