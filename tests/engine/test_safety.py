"""What a run must never do: touch what is not its own, mix runs, take the results of other options for its own."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.engine import shard_pass
from curate.errors import RecipeError, StoreError
from curate.report.facts import Run
from curate.store import ledger
from curate.store.lock import alone
from curate.store.quarantine import read_quarantine
from tests.engine.corpus import data_bytes, documents, output, recipe_text, run, write_shards


def test_a_folder_with_data_of_the_users_own_is_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"text": ["mine"]}), tmp_path / "data/mine.parquet")
    (tmp_path / "README.md").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(RecipeError, match=r"the folder is no run's, and holds README\.md, data"):
            run(recipe_text(tmp_path / "data", tmp_path, "  - normalize"), fresh=fresh)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["README.md", "data", "mine.parquet"]


def test_fresh_leaves_the_users_files_in_a_run_folder_alone(tmp_path):
    data = write_shards(tmp_path / "in", documents(20), 1)
    run(recipe_text(data, tmp_path / "out", "  - normalize"))
    for name in ("notes.txt", "data/mine.parquet", ".hidden"):
        (tmp_path / "out" / name).write_text("mine")
    run(recipe_text(data, tmp_path / "out", "  - normalize"), fresh=True)
    assert (tmp_path / "out/notes.txt").exists()
    assert (tmp_path / "out/data/mine.parquet").exists()
    assert (tmp_path / "out/.hidden").exists()


def test_a_run_does_not_read_what_it_writes(tmp_path):
    data = write_shards(tmp_path / "in", documents(30), 2)
    for _ in range(2):
        run(recipe_text(data, data / "out", "  - normalize"))
        assert json.loads((data / "out/manifest.json").read_text())["accounting"]["documents_in"] == 30


def test_one_run_at_a_time(tmp_path):
    data = write_shards(tmp_path / "in", documents(10), 1)
    run(recipe_text(data, tmp_path / "out", "  - normalize"))
    other = pytest.raises(StoreError, match=rf"a run is at work here \(process {os.getpid()}\)")
    with alone(tmp_path / "out/.lock"), other:
        run(recipe_text(data, tmp_path / "out", "  - normalize"))
    run(recipe_text(data, tmp_path / "out", "  - normalize"))


@pytest.mark.parametrize("text", ["ﬁne ² words", "plain words"])
def test_results_of_a_stopped_run_with_other_options_are_not_taken(tmp_path, monkeypatch, text):
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": ["a", "b"], "text": [text, "two  \nlines "]}), tmp_path / "in/a.parquet")
    stages = "  - normalize: {unicode: NFC}\n  - exact_dedup\n"
    run(recipe_text(tmp_path / "in", tmp_path / "out", stages))
    expected = data_bytes(tmp_path / "out")
    commit = ledger.Writer.commit

    def stop(self, facts=None):
        if "dropped_by" in self.schema.names:
            raise KeyboardInterrupt
        commit(self, facts)

    with monkeypatch.context() as patch:
        patch.setattr(shard_pass.ledger.Writer, "commit", stop)
        with pytest.raises(KeyboardInterrupt):
            run(recipe_text(tmp_path / "in", tmp_path / "out", stages.replace("NFC", "NFKC")))
    run(recipe_text(tmp_path / "in", tmp_path / "out", stages))
    assert data_bytes(tmp_path / "out") == expected


def test_a_helper_in_the_file_of_a_users_stage_counts(tmp_path):
    data = write_shards(tmp_path / "in", documents(40), 1)
    own = (
        "from curate import Filter\n\nLIMIT = 100\n\n\nclass Long(Filter):\n"
        '    """Long ones."""\n\n    def judge_one(self, text):\n        return "long" if len(text) > LIMIT else None\n'
    )
    (tmp_path / "long.py").write_text(own)
    text = recipe_text(data, tmp_path / "out", "  - ./long.py")
    run(text, source=tmp_path / "r.yaml")
    few = output(tmp_path / "out").num_rows
    (tmp_path / "long.py").write_text(own.replace("LIMIT = 100", "LIMIT = 300"))
    run(text, source=tmp_path / "r.yaml")
    assert output(tmp_path / "out").num_rows > few


def test_a_stage_whose_name_begins_with_read_is_a_stage(tmp_path):
    data = write_shards(tmp_path / "in", documents(40), 1)
    run(recipe_text(data, tmp_path / "out", "  - drop: {column: n, above: 9, as: readable}"))
    books = json.loads((tmp_path / "out/manifest.json").read_text())["accounting"]
    assert books["by_reason"] == {"readable/n_above": 30}
    assert Run(tmp_path / "out").reasons() == {"readable/n_above": 30}


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_ids_that_are_missing_here_and_there_are_made(tmp_path, kind):
    (tmp_path / "in").mkdir()
    ids = pa.array([7, None, 9]).cast(pa.string() if kind != pa.int64() else kind).cast(kind)
    pq.write_table(pa.table({"id": ids, "text": ["one", "two", "three"]}), tmp_path / "in/a.parquet")
    pq.write_table(pa.table({"text": ["four"]}), tmp_path / "in/b.parquet")
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - exact_dedup"))
    made = output(tmp_path / "out").column("id").to_pylist()
    assert made == ["7", "a.parquet#1", "9", "b.parquet#0"]
    assert Run(tmp_path / "out").find("b.parquet#0").dropped_by is None


def test_repeated_ids_are_put_aside_with_all_they_hold(tmp_path):
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": ["a", "a", "b"], "text": ["one", "two", "three"]}), tmp_path / "in/a.parquet")
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize", "on_bad_input: {max_documents: 1}"))
    [row] = read_quarantine(tmp_path / "out/quarantine")
    assert (row.id, row.row, row.raw) == ("a", 1, b"two")


def test_limit_reads_no_further_than_it_must(tmp_path):
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"text": f"line {i}"}) for i in range(50)] + ["{broken"] * 30
    (tmp_path / "in/a.jsonl").write_text("\n".join(lines))
    (tmp_path / "in/b.jsonl").write_text("{broken\n")
    assert run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize"), limit=20).exit_code == 0
    assert output(tmp_path / "out").num_rows == 20
    lenient = "on_bad_input: {max_documents: 99%}"
    assert run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize", lenient)).exit_code == 3
    assert output(tmp_path / "out").num_rows == 50


def test_quarantine_of_files_that_are_gone_is_gone(tmp_path):
    data = write_shards(tmp_path / "in", documents(20), 1)
    (data / "z.jsonl").write_text('{"text": "fine"}\n{broken\n')
    text = recipe_text(data, tmp_path / "out", "  - normalize\n  - exact_dedup", "on_bad_input: {max_documents: 1}")
    assert run(text).exit_code == 3
    (data / "z.jsonl").unlink()
    assert run(text).exit_code == 0
    assert not list(read_quarantine(tmp_path / "out/quarantine"))
    run(text.replace("\n  - exact_dedup", ""))
    assert not (tmp_path / "out/pass-2").exists()


def test_a_run_that_keeps_nothing_writes_a_shard_without_rows(tmp_path):
    data = write_shards(tmp_path / "in", documents(20), 1)
    run(recipe_text(data, tmp_path / "out", "  - drop: {column: n, above: -1}"))
    table = output(tmp_path / "out")
    assert table.num_rows == 0
    assert table.column_names == ["id", "text", "n", "tags"]


def test_an_output_that_is_a_file_or_cannot_be_made(tmp_path):
    data = write_shards(tmp_path / "in", documents(5), 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(RecipeError, match="this is a file"):
        run(recipe_text(data, tmp_path / "file", "  - normalize"))
    with pytest.raises(StoreError, match="cannot write there"):
        run(recipe_text(data, "/proc/curate", "  - normalize"))


def test_ids_of_a_type_that_is_no_id(tmp_path):
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"id": [{"a": 1}], "text": ["words"]}), tmp_path / "in/a.parquet")
    with pytest.raises(RecipeError, match="ids are strings or numbers"):
        run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize"))


def test_a_full_disk_is_said_so(tmp_path, monkeypatch):
    data = write_shards(tmp_path / "in", documents(5), 1)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(StoreError, match="make room and run again"):
        run(recipe_text(data, tmp_path / "out", "  - normalize"))
    monkeypatch.undo()
    assert not list((tmp_path / "out").rglob("*.part"))
    run(recipe_text(data, tmp_path / "out", "  - normalize"))
