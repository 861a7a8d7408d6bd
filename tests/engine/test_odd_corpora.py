"""Near-duplicates in corpora that others choke on: the work stays linear, and short texts are not lost."""

from __future__ import annotations

import random

import numpy as np
import pytest

from curate import recipe as recipes
from curate.engine import driver
from curate.engine.clusters.deciding import HUBS
from curate.engine.events import Resolved, Warned
from curate.executors import Inline
from tests.engine.alike import by_definition, deduplicate, recipe, words, write


def corpus(texts):
    return {"id": [f"d{i}" for i in range(len(texts))], "text": texts}


def test_one_text_many_times(tmp_path):
    found = deduplicate(tmp_path, corpus(["The same text, of a few words, again and again."] * 100_000), {}, 3)
    assert len(found.kept) == 1
    (kept,) = found.kept
    assert found.verdicts[kept].size == 100_000
    assert found.summary["identical"] == 99_999
    assert found.summary["candidates"] == 0
    assert found.summary["large_buckets"] == 0
    assert {verdict.similarity for verdict in found.verdicts.values()} == {None, 1.0}


@pytest.mark.parametrize("method", ["components", "greedy"])
def test_many_texts_that_differ_a_little(tmp_path, method):
    chance = random.Random(0)
    base = words(chance, 60)
    texts = [" ".join([*base[:-1], *words(chance, 1)]) for _ in range(20_000)]
    found = deduplicate(tmp_path, corpus(texts), {"method": method})
    assert len(found.kept) == 1
    assert found.summary["largest_bucket"] > 15_000
    assert 0 < found.summary["large_buckets"] <= 14
    assert found.summary["candidates"] < 14 * HUBS * 20_000


@pytest.mark.parametrize("method", ["components", "greedy"])
def test_large_buckets_as_the_definition_says(tmp_path, method):
    chance = random.Random(3)
    frames = [words(chance, 60) for _ in range(3)]
    texts = [" ".join([*chance.choice(frames), *words(chance, chance.randint(3, 12))]) for _ in range(600)]
    rows = corpus(texts + [text.upper() for text in texts[::20]])
    found = deduplicate(tmp_path, rows, {"method": method})
    expected, decision = by_definition(rows, {"method": method})
    assert found.summary["large_buckets"] > 10
    assert found.summary["candidates"] == len(decision.pairs)
    assert {name: verdict[:3] for name, verdict in found.verdicts.items()} == {
        name: verdict[:3] for name, verdict in expected.items()
    }
    assert 3 <= len(found.kept) < 400


def test_boilerplate_is_reported_and_drops_nothing(tmp_path):
    chance = random.Random(0)
    frame = words(chance, 80)
    texts = [" ".join([*frame, *words(chance, 20)]) for _ in range(5_000)]
    shown = []
    data = write(tmp_path / "in", corpus(texts))
    driver.run(recipes.loads(recipe(data, tmp_path / "out")), Inline(), shown.append)
    (decided,) = [event.text for event in shown if isinstance(event, Resolved)]
    assert decided.startswith("0 groups; 0 dropped; 0 of ")
    (warned,) = [event.text for event in shown if isinstance(event, Warned)]
    assert "keys are shared by more documents than are compared all with all" in warned
    pairs = int(decided.split(" of ")[-1].split(" ")[0].replace(",", ""))
    assert 0 < pairs < 14 * HUBS * 5_000


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        ([], 0),
        ([""], 1),
        ([""] * 50, 1),
        (["only one, and of enough words for a shingle"], 1),
        (["😀", "😀😀", "🎉", "😀", " 😀"], 3),
        (["...", "?!", "…", "..."], 3),
        (["a few words", "A FEW words!", "a few other words", "words", "words few a"], 4),
        (["one two three four five", "one two three four", "one two three four five"], 2),
    ],
    ids=["none", "one empty", "all empty", "one", "emoji", "punctuation", "short", "a shingle or less"],
)
def test_few_or_empty_or_short(tmp_path, texts, kept, verify):
    found = deduplicate(tmp_path, corpus(texts), {"verify": verify, "keep": "first"})
    assert len(found.kept) == kept
    assert sum(found.verdicts[name].size for name in found.kept) == len(texts)
    for verdict in found.verdicts.values():
        assert verdict.similarity in (None, 1.0)


def long_text(n, seed):
    letters = np.random.default_rng(seed).integers(97, 123, n, np.uint8)
    letters[7::8] = 32
    return letters.tobytes().decode()


def test_a_huge_document_beside_short_ones(tmp_path):
    huge = long_text(30_000_000, 0)
    texts = ["short one", huge, "five words are a shingle", huge.replace("a", "b", 1), "short one"]
    found = deduplicate(tmp_path, corpus(texts), {"max_chars": "null", "keep": "first"})
    assert found.kept == {"d0", "d1", "d2"}
    assert 0.9999 < found.verdicts["d3"].similarity < 1
    assert found.verdicts["d3"].like == "d1"


def test_what_is_beyond_max_chars_is_not_compared(tmp_path):
    frame = long_text(3_000, 0)
    rows = corpus([frame + " " + long_text(40_000, seed) for seed in (1, 2, 3)])
    found = deduplicate(tmp_path / "a", rows, {"max_chars": 3000, "keep": "first"})
    assert found.kept == {"d0"}
    assert found.verdicts["d2"].similarity == 1
    assert len(deduplicate(tmp_path / "b", rows, {}).kept) == 3
