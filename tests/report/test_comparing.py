"""Two runs compared are two runs asked about each document."""

from __future__ import annotations

from collections import Counter

import pytest

from curate.errors import StoreError
from curate.report.comparing import Cell, Comparison, compare
from curate.report.facts import Run
from tests.engine.corpus import documents, output, recipe_text, run, write_shards


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: two recipes over one corpus, cut into shards in two ways, and one over part of it."""
    root = tmp_path_factory.mktemp("compare")
    rows = documents(300)
    data, cut, part = root / "a-in", root / "b-in", root / "c-in"
    write_shards(data, rows, 3)
    write_shards(cut, rows[150:] + rows[:150], 2)
    write_shards(part, rows[:40], 1)
    run(recipe_text(data, root / "a", "  - normalize\n  - drop: {column: n, below: 90}\n  - exact_dedup\n"))
    run(recipe_text(cut, root / "b", "  - exact_dedup\n  - drop: {column: n, above: 250}\n"))
    run(recipe_text(part, root / "c", "  - normalize\n"))
    return tuple(Run(root / name) for name in "abc")


def fates(facts):
    every = (one for unit in facts.inputs.units for one in facts.documents(unit, range(unit.rows)).values())
    return {one.id: (one.dropped_by or "kept", one) for one in every}


def test_every_document_is_asked_of_both_runs(runs):
    first, second, _ = runs
    found = compare(first, second, samples=5)
    a, b = fates(first), fates(second)
    pairs = Counter((a[id][0], b[id][0]) for id in a)
    assert {(pair.first, pair.second): pair.documents for pair in found.pairs} == dict(pairs)
    assert [pair.documents for pair in found.pairs] == sorted(pairs.values(), reverse=True)
    kept_a, kept_b = (set(output(one.folder.root)["id"].to_pylist()) for one in (first, second))
    assert found.documents == 300
    assert found.both.documents == len(kept_a & kept_b)
    assert found.first == Cell(len(kept_a - kept_b), sum(len(a[id][1].text) for id in kept_a - kept_b))
    assert found.second == Cell(len(kept_b - kept_a), sum(len(b[id][1].text) for id in kept_b - kept_a))
    assert found.neither.documents == 300 - len(kept_a | kept_b)
    assert found.other_texts == sum(len(a[id][1].text) != len(b[id][1].text) for id in kept_a & kept_b) > 0
    assert found.jaccard == len(kept_a & kept_b) / len(kept_a | kept_b)
    assert len(found.kept_by_first) == 5
    for one in found.kept_by_first:
        assert one.first.id == one.second.id
        assert one.first.kept
        assert one.second.dropped_by == b[one.first.id][0]
    assert all(one.first.text != one.second.text for one in found.edited)


def test_a_run_agrees_with_itself(runs):
    found = compare(runs[0], runs[0])
    assert (found.agreement, found.kappa, found.jaccard) == (1.0, 1.0, 1.0)
    assert found.kept_by_first == found.kept_by_second == found.edited == ()


def test_documents_of_one_run_alone_are_counted(runs):
    found = compare(runs[0], runs[2])
    assert (found.documents, found.only_in_first, found.only_in_second) == (40, 260, 0)
    back = compare(runs[2], runs[0])
    assert (back.documents, back.only_in_first, back.only_in_second) == (40, 0, 260)
    assert (back.first, back.second, back.kappa) == (found.second, found.first, found.kappa)


def test_kappa_is_cohens():
    def of(both, first, second, neither):
        cells = (Cell(number, 0) for number in (both, first, second, neither))
        return Comparison(both + first + second + neither, 0, 0, *cells, 0, (), (), (), ())

    assert of(20, 5, 10, 15).kappa == pytest.approx(0.4)  # the example of the literature
    assert of(45, 15, 25, 15).kappa == pytest.approx(0.1304, abs=1e-4)
    assert of(10, 0, 0, 0).kappa is None
    assert of(0, 0, 0, 10).jaccard is None


def test_runs_of_different_corpora_are_refused(runs, tmp_path):
    rows = [{**row, "id": f"x{row['id']}"} for row in documents(10)]
    run(recipe_text(write_shards(tmp_path / "in", rows, 1), tmp_path / "out", "  - normalize\n"))
    with pytest.raises(StoreError, match=r"have no document in common.*Ids look like d0.* and xd0"):
        compare(runs[0], Run(tmp_path / "out"))
