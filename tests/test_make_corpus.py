"""The corpus that deduplication is measured with is what it says it is."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.kernels.simplify import simplify_one

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "scripts"))

import make_corpus as corpus  # noqa: E402  scripts are not a package

ASKED = corpus.Asked(600, (str(ROOT / "configs/sample/shard-00.parquet"),), mean_bytes=1500, seed=3)


@pytest.fixture(scope="module")
def rows():
    return corpus.make_documents(ASKED, 0, ASKED.documents).to_pylist()


def shingles(text):
    words = simplify_one(text).split()
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def jaccard(a, b):
    return len(a & b) / len(a | b)


def test_files_and_batches_do_not_matter(tmp_path, monkeypatch, rows):
    for files, batch in ((1, 1024), (7, 50)):
        monkeypatch.setattr(corpus, "BATCH", batch)
        folder = tmp_path / str(files)
        size = corpus.make_corpus(folder, ASKED, files=files)
        tables = [pq.read_table(path) for path in sorted(folder.iterdir())]
        made = [row for table in tables for row in table.to_pylist()]
        assert [row["text"] for row in made] == [row["text"] for row in rows]
        assert [row["id"] for row in made] == [row["id"] for row in rows]
        assert len(tables) == files
        assert sum(len(row["text"].encode()) for row in made) <= size


def test_another_seed_is_another_corpus(rows):
    others = corpus.make_documents(replace(ASKED, seed=4), 0, ASKED.documents).to_pylist()
    assert not {row["id"] for row in rows} & {row["id"] for row in others}
    assert not {row["text"] for row in rows} & {row["text"] for row in others}


def test_as_many_copies_as_asked_for(rows):
    clusters = {}
    for row in rows:
        if row["cluster"] >= 0:
            clusters.setdefault(row["cluster"], []).append(row)
    assert min(map(len, clusters.values())) >= 2
    assert sum(len(members) - 1 for members in clusters.values()) == 600 * 0.3
    assert len({row["id"] for row in rows}) == 600
    assert all(row["edit"] == 0 for row in rows if row["cluster"] < 0)
    # originals, and near copies that happen to have no edit, have a text of their own; exact copies have none
    assert 0.05 * 600 <= 600 - len({row["text"] for row in rows}) <= 0.15 * 600


def test_unrelated_documents_share_next_to_nothing(rows):
    sets = [shingles(row["text"]) for row in rows if row["cluster"] < 0][:200]
    assert max(jaccard(a, b) for a, b in itertools.combinations(sets, 2)) < 0.2


def test_copies_are_as_near_as_their_edits(rows):
    """`edit` is a share of words; each edit breaks up to five of a document's shingles."""
    plan = corpus.make_plan(ASKED)
    by_number = dict(zip(plan.order.tolist(), rows, strict=True))
    nearer, further = [], []
    for number, row in by_number.items():
        original = by_number[int(plan.original[number])]
        if original is row or not plan.near[number]:
            assert row["text"] == original["text"]
            continue
        (nearer if row["edit"] < 0.01 else further if row["edit"] > 0.08 else []).append(
            jaccard(shingles(row["text"]), shingles(original["text"]))
        )
    assert len(nearer) > 10
    assert len(further) > 10
    assert sum(nearer) / len(nearer) > 0.8
    assert sum(further) / len(further) < 0.7


@pytest.mark.parametrize("documents", [1, 2])
def test_small_ones(documents):
    asked = replace(ASKED, documents=documents, near=0.5, exact=0.4)
    assert corpus.make_documents(asked, 0, documents)["cluster"].to_pylist() == [[-1], [0, 0]][documents - 1]


def test_too_few_words_are_refused(tmp_path):
    path = tmp_path / "few.parquet"
    pq.write_table(pq.read_table(ASKED.sources[0]).slice(0, 1), path)
    with pytest.raises(SystemExit, match="name more with --from"):
        corpus.read_words((str(path),))
