"""What a run folder says of documents: only what is so, on unfinished runs too."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import StageError, StoreError
from curate.report.facts import Run
from tests.engine.corpus import documents, output, recipe_text, run, write_shards

BOOM = '''from curate import Filter


class Boom(Filter):
    """Fails."""

    def judge_one(self, text):
        raise RuntimeError("boom")
'''
BLANK = '''from curate import Rewrite


class Blank(Rewrite):
    """Leaves nothing."""

    def rewrite_one(self, text):
        return ""
'''


@pytest.fixture
def corpus(tmp_path):
    """Sixty documents in two shards, and stages beside the recipe."""
    (tmp_path / "boom.py").write_text(BOOM)
    (tmp_path / "blank.py").write_text(BLANK)
    return write_shards(tmp_path / "in", documents(60), 2)


def go(corpus, stages, **settings):
    root = corpus.parent
    return run(recipe_text(corpus, root / "out", stages), source=root / "r.yaml", **settings)


def test_nothing_is_kept_before_the_run_is_done(corpus):
    with pytest.raises(StageError, match="boom"):
        go(corpus, "  - normalize\n  - exact_dedup\n  - ./boom.py\n")
    facts = Run(corpus.parent / "out")
    assert (facts.state, facts.passes) == ("failed", 1)
    found = facts.find("d00001")
    assert (found.kept, found.dropped_by, found.passes) == (None, None, 1)
    assert facts.shard_of("d00001") is None
    assert {document.kept for document in facts.some(5)} == {None}


def test_what_an_earlier_run_found_is_not_taken_for_this_ones(corpus):
    go(corpus, "  - exact_dedup\n")
    out = corpus.parent / "out"
    dropped = Run(out).some(1, "exact_dedup")[0]
    assert (dropped.kept, dropped.passes) == (False, 2)
    assert not Run(out).has_other_data()
    with pytest.raises(StageError, match="boom"):
        go(corpus, "  - ./boom.py\n  - exact_dedup\n")
    facts = Run(out)
    again = facts.find(dropped.id)
    assert (again.kept, again.dropped_by, again.passes, again.columns) == (None, None, 0, {})
    assert again.text == dropped.text
    assert facts.find("nobody") is None
    assert facts.some(5) == facts.some(5, "exact_dedup") == []
    assert facts.example_ids() == ["d00000", "d00001", "d00002"]
    assert facts.has_other_data()


def test_a_killed_run_is_not_done(corpus):
    go(corpus, "  - normalize\n")
    path = corpus.parent / "out/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "state": "running"}))
    assert Run(path.parent).find("d00001").kept is None


def test_a_text_that_became_empty_is_shown_empty(corpus):
    go(corpus, "  - ./blank.py\n")
    found = Run(corpus.parent / "out").find("d00001")
    assert found.kept
    assert found.text == ""


def test_the_shard_that_a_document_is_in(corpus):
    go(corpus, "  - exact_dedup\n", limit=50)
    out = corpus.parent / "out"
    for path in sorted((out / "data").glob("*.parquet")):
        for id in pq.read_table(path).column("id").to_pylist()[::7]:
            assert Run(out).shard_of(id) == f"data/{path.name}"
    assert Run(out).shard_of(Run(out).some(1, "exact_dedup")[0].id) is None


def test_rows_kept_aside_are_found_by_id_and_chosen_the_same_every_time(tmp_path):
    (tmp_path / "in").mkdir()
    table = pa.table({"id": ["a", "b", "b", "c"], "text": ["one", "two", "three", None]})
    pq.write_table(table, tmp_path / "in/s.parquet")
    lines = [json.dumps({"id": f"j{i}", "text": "x"}) if i % 2 else "{" for i in range(40)]
    (tmp_path / "in/t.jsonl").write_text("\n".join(lines))
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize\n", "on_bad_input: {max_documents: 100%}"))
    facts = Run(tmp_path / "out")
    assert [(row.row, row.reason) for row in facts.bad_rows("b")] == [(2, "duplicate_id")]
    assert facts.find("b").row == 1
    assert facts.find("b").kept
    assert facts.reasons_aside() == {"broken_json": 20, "duplicate_id": 1, "null_text": 1}
    few = facts.kept_aside(5)
    assert few == facts.kept_aside(5)
    assert [row for row in facts.kept_aside(100) if row in few] == few
    assert {row.reason for row in facts.kept_aside(100, "broken_json")} == {"broken_json"}
    assert output(tmp_path / "out").num_rows == 22


def test_a_ledger_that_was_removed_is_named(corpus):
    go(corpus, "  - normalize\n")
    ledger = corpus.parent / "out/pass-1/00001.ledger.parquet"
    ledger.unlink()
    with pytest.raises(StoreError, match=r"00001\.ledger\.parquet: it is gone, though pass 1 is complete"):
        Run(corpus.parent / "out").find("nobody")
