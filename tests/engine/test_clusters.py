"""Near-duplicates from shards to shards: what is dropped is right, and how the work was cut leaves no trace."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from curate import recipe as recipes
from curate.engine import driver, intake
from curate.engine.clusters import comparing
from curate.engine.events import UnitDone
from curate.executors import Inline
from curate.executors.pool import Pool
from curate.kernels.minhash import lsh_probability
from curate.store import evidence, fixed
from tests.engine.alike import (
    all_similar,
    by_definition,
    deduplicate,
    edited,
    jaccard,
    planted,
    recipe,
    some,
    words,
    write,
)
from tests.engine.corpus import data_bytes, run

DROPPED = "minhash_dedup/near_duplicate"


@pytest.fixture(scope="module")
def rows():
    return planted(1500)


@pytest.fixture(scope="module")
def similar(rows):
    """Place and place → Jaccard similarity, of all pairs of 0.5 and more."""
    return all_similar(rows["text"], 0.5)


def same(found, expected):
    """Whether verdicts are equal; similarities to the precision that is promised."""
    assert found.keys() == expected.keys()
    for name, verdict in expected.items():
        assert found[name][:3] == verdict[:3], name
        assert (found[name].similarity is None) == (verdict.similarity is None), name
        assert verdict.similarity is None or math.isclose(found[name].similarity, verdict.similarity, abs_tol=1e-4), (
            name
        )


@pytest.mark.parametrize("method", ["components", "greedy"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"verify": False},
        {"keep": "first", "threshold": 0.6, "bands": 20, "rows": 4},
        {"keep": "longest", "verify": False, "bands": 30, "rows": 3},
        {"keep": "best", "column": "n", "scope": "source"},
        {"source_column": "source", "source_priority": "[wiki, book]", "copies_column": "n"},
    ],
    ids=str,
)
def test_as_the_definition_says(tmp_path, rows, method, more):
    found = deduplicate(tmp_path, rows, {"method": method, **more}, shards=3)
    own = {**more, "source_priority": ["wiki", "book"]} if "source_priority" in more else more
    expected, decision = by_definition(rows, {"method": method, **own})
    same(found.verdicts, expected)
    assert 100 < len(found.kept) < 1400
    assert found.summary["dropped"] == 1500 - len(found.kept)
    assert found.summary["candidates"] == len(decision.pairs)


@pytest.mark.parametrize("method", ["components", "greedy"])
def test_what_is_said_of_a_document_is_true(tmp_path, rows, method):
    found = deduplicate(tmp_path, rows, {"method": method})
    texts = dict(zip(rows["id"], rows["text"], strict=True))
    dropped = {name: verdict for name, verdict in found.verdicts.items() if verdict.dropped_by is not None}
    assert len(dropped) > 300
    sizes = dict.fromkeys(found.kept, 1)
    for name, verdict in dropped.items():
        assert verdict.like in found.kept
        assert verdict.similarity == pytest.approx(jaccard(texts[name], texts[verdict.like]), abs=1e-4)
        sizes[verdict.like] += 1
    assert {name: found.verdicts[name].size for name in found.kept} == sizes
    assert sum(verdict.similarity < 0.8 for verdict in dropped.values()) == 0 or method == "components"


def test_greedy_leaves_no_candidates_that_are_alike(tmp_path, rows, similar):
    found = deduplicate(tmp_path, rows, {"method": "greedy", "threshold": 0.7, "bands": 30, "rows": 3})
    _, decision = by_definition(rows, {"method": "greedy", "threshold": 0.7, "bands": 30, "rows": 3})
    place = {name: i for i, name in enumerate(rows["id"])}
    heads = [place[text.head.id] for text in decision.texts]
    candidates = {tuple(sorted((heads[a], heads[b]))) for a, b in decision.pairs}
    kept = {place[name] for name in found.kept}
    both_kept = [pair for pair in similar if kept.issuperset(pair) and pair in candidates]
    assert len(both_kept) > 5  # candidates of 0.5 to 0.7
    assert all(similar[pair] < 0.7 for pair in both_kept)


def test_components_are_those_of_all_candidates_that_are_alike(tmp_path, rows):
    found = deduplicate(tmp_path, rows, {})
    _, decision = by_definition(rows, {})
    texts = decision.texts
    by_id = dict(zip(rows["id"], rows["text"], strict=True))
    own = [by_id[text.head.id] for text in texts]
    a, b = np.array([(a, b) for a, b in decision.pairs if jaccard(own[a], own[b]) >= 0.8]).T
    count, labels = connected_components(coo_array((np.ones(len(a)), (a, b)), (len(texts), len(texts))), directed=False)
    assert len(found.kept) == count
    groups = {}
    for label, text in zip(labels, texts, strict=True):
        groups.setdefault(label, set()).update(document.id for document in text.documents)
    for members in groups.values():
        (kept,) = members & found.kept
        assert all(found.verdicts[name].like == kept for name in members - {kept})


@pytest.mark.parametrize(("bands", "count"), [(14, 8), (20, 4)])
def test_recall_is_that_of_the_curve(tmp_path, bands, count):
    """Pairs apart from all others: one of each is dropped if and only if they are candidates."""
    chance = random.Random(5)
    texts = []
    for _ in range(700):
        first = " ".join(words(chance, 120))
        texts += [first, edited(first, chance, chance.choice([0.01, 0.02, 0.04, 0.07, 0.1, 0.14]))]
    rows = {"id": [f"d{i}" for i in range(len(texts))], "text": texts}
    found = deduplicate(tmp_path, rows, {"threshold": 0.3, "bands": bands, "rows": count})
    pairs = [(jaccard(*texts[i : i + 2]), not found.kept.issuperset((f"d{i}", f"d{i + 1}"))) for i in range(0, 1400, 2)]
    for low, high in ((0.3, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0)):
        inside = [(lsh_probability(j, bands, count), hit) for j, hit in pairs if low <= j < high]
        assert len(inside) > 40
        expected, hits = sum(p for p, _ in inside), sum(hit for _, hit in inside)
        assert abs(hits - expected) <= 4 * math.sqrt(sum(p * (1 - p) for p, _ in inside)) + 1
    assert not any(hit for j, hit in pairs if j < 0.3)


POLICIES = [{}, {"keep": "longest"}, {"keep": "best", "column": "n", "method": "greedy"}]


@pytest.mark.parametrize("options", POLICIES, ids=str)
def test_neither_shards_nor_order_matter(tmp_path, rows, options):
    whole = deduplicate(tmp_path / "whole", rows, options)
    order = list(range(len(rows["id"])))
    random.Random(1).shuffle(order)
    for name, corpus, shards in (("cut", rows, 8), ("mixed", some(rows, order), 7)):
        again = deduplicate(tmp_path / name, corpus, options, shards, group=37)
        assert again.verdicts == whole.verdicts


def test_with_keep_first_the_shards_do_not_matter(tmp_path, rows):
    whole = deduplicate(tmp_path / "whole", rows, {"keep": "first", "method": "greedy"})
    cut = deduplicate(tmp_path / "cut", rows, {"keep": "first", "method": "greedy"}, 5, group=50)
    assert cut.verdicts == whole.verdicts
    first = {}
    for name, text in zip(rows["id"], rows["text"], strict=True):
        if name in whole.kept:
            first.setdefault(text, name)
    assert all(whole.verdicts[name].like is None or whole.verdicts[name].like < name for name in rows["id"])


FOLDERS = ("data", "pass-1", "pass-2", "artifacts")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, rows):
    """Seven shards, and the bytes that a run with nothing special writes."""
    root = tmp_path_factory.mktemp("undisturbed")
    data = write(root / "in", rows, 7)
    run(recipe(data, root / "out"))
    return data, results(root / "out")


def results(out):
    """All but the sketches, which are written a chunk at a time."""
    return {name: found for name, found in data_bytes(out, FOLDERS).items() if ".sketches." not in name}


@pytest.mark.parametrize("chunk_bytes", [5_000, 300_000])
def test_same_bytes_for_any_batch_size(tmp_path, undisturbed, chunk_bytes):
    data, expected = undisturbed
    run(recipe(data, tmp_path), chunk_bytes=chunk_bytes)
    assert results(tmp_path) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_same_bytes_for_any_executor(tmp_path, undisturbed, workers):
    data, expected = undisturbed
    with Pool(workers) as pool:
        run(recipe(data, tmp_path), pool)
    assert results(tmp_path) == expected


@pytest.mark.parametrize("method", ["components", "greedy"])
@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (evidence, "RANGE_BYTES", 20_000),
        (fixed, "RANGE_DOCUMENTS", 100),
        (comparing, "CHUNK_VALUES", 2_000),
        (intake, "UNIT_BYTES", 30_000),
    ],
)
def test_ranges_leave_no_trace(tmp_path, rows, monkeypatch, method, module, name, value):
    whole = deduplicate(tmp_path / "whole", rows, {"method": method}, 3, group=37)
    monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(evidence, "FILE_BYTES", 0)
    cut = deduplicate(tmp_path / "cut", rows, {"method": method}, 3, group=37)
    parts = {"RANGE_BYTES": 0, "RANGE_DOCUMENTS": 3, "CHUNK_VALUES": 0, "UNIT_BYTES": 0}[name]
    assert parts == 0 or len(list((cut.out / "artifacts/minhash_dedup").glob("*.parquet"))) == parts
    assert name != "UNIT_BYTES" or len(list((cut.out / "pass-1").glob("*.ledger.parquet"))) > 6
    assert cut.verdicts == whole.verdicts
    assert data_bytes(cut.out) == data_bytes(whole.out)
    counted = ("documents", "groups", "dropped", "largest_group", "identical", "candidates", "large_buckets")
    assert [cut.summary[name] for name in counted] == [whole.summary[name] for name in counted]


def reused(text):
    """Run a recipe → pass → how many of its units were there already."""
    shown = []
    driver.run(recipes.loads(text), Inline(), shown.append)
    return Counter(event.pass_number for event in shown if isinstance(event, UnitDone) and event.reused)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"threshold": 0.6}, 4),
        ({"method": "greedy"}, 4),
        ({"verify": False, "threshold": "null"}, 0),
        ({"bands": 20, "rows": 5}, 0),
        ({"keep": "first"}, 0),
    ],
    ids=str,
)
def test_what_only_decides_needs_no_new_look_at_the_documents(tmp_path, rows, change, again):
    data = write(tmp_path / "in", some(rows, range(500)), 4)
    options = {"threshold": 0.8, "bands": 14, "rows": 8}
    run(recipe(data, tmp_path / "out", options))
    text = recipe(data, tmp_path / "out", {**options, **change})
    assert reused(text)[1] == again
    run(recipe(data, tmp_path / "fresh", {**options, **change}))
    assert data_bytes(tmp_path / "out", FOLDERS) == data_bytes(tmp_path / "fresh", FOLDERS)
    assert not reused(text)  # it is done, and only looked at
