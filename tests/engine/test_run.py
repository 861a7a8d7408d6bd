"""A run from shards to shards: what is kept is right, nothing is lost, and how the work was cut leaves no trace."""

from __future__ import annotations

import datetime
import decimal
import json
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import RecipeError, StageError
from curate.executors import Inline
from curate.executors.pool import Pool
from curate.report.facts import Run
from curate.store.shards import CHUNK_BYTES
from tests.engine.corpus import data_bytes, documents, output, recipe_text, run, write_shards

STAGES = """
  - normalize
  - sample: {share: 0.9, seed: 4}
  - exact_dedup: {level: whitespace}
  - gopher_repetition: {top_2_gram: 0.5, top_3_gram: 0.4, top_4_gram: 0.4}
  - keep_best: {column: n, share: 0.7, by: characters}
"""


@pytest.fixture(scope="module")
def rows():
    return documents(400)


def test_everything_adds_up(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 5)
    done = run(recipe_text(data, tmp_path / "out", STAGES))
    assert done.exit_code == 0
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    books = manifest["accounting"]
    assert books["documents_in"] == 400
    assert books["documents_out"] + books["dropped"] == 400
    assert sum(books["by_reason"].values()) == books["dropped"]
    assert books["by_reason"]["exact_dedup/duplicate"] > 20
    table = output(tmp_path / "out")
    assert table.num_rows == books["documents_out"] == manifest["output"]["rows"]
    assert len(manifest["output"]["shards"]) > 1
    kept = set(table.column("id").to_pylist())
    assert len(kept) == table.num_rows
    assert table.column("n").to_pylist() == sorted(table.column("n").to_pylist())
    flow = [(row.label, row.documents_in, row.documents_out) for row in done.funnel]
    assert [label for label, *_ in flow] == ["normalize", "sample", "exact_dedup", "gopher_repetition", "keep_best"]
    assert all(before[2] == after[1] for before, after in pairwise(flow))


def test_every_document_can_be_asked_why(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 3)
    run(recipe_text(data, tmp_path / "out", STAGES))
    asked = Run(tmp_path / "out")
    kept = set(output(tmp_path / "out").column("id").to_pylist())
    verdicts = {}
    for row in rows:
        document = asked.find(row["id"])
        assert document is not None
        assert (document.dropped_by is None) == (row["id"] in kept)
        assert document.user["n"] == row["n"]
        verdicts[row["id"]] = document
    twin = next(d for d in verdicts.values() if d.dropped_by == "exact_dedup/duplicate")
    assert verdicts[twin.columns["duplicate_of"]].dropped_by != "exact_dedup/duplicate"
    assert len(asked.some(3)) == 3
    assert {d.dropped_by for d in asked.some(4, "exact_dedup")} == {"exact_dedup/duplicate"}
    assert asked.find("nobody") is None


@pytest.mark.parametrize("shards", [1, 7, 8])
def test_ids_kept_do_not_depend_on_the_cut(tmp_path, rows, shards):
    whole = write_shards(tmp_path / "whole", rows, 1)
    run(recipe_text(whole, tmp_path / "one", STAGES))
    cut = write_shards(tmp_path / "cut", rows, shards, group=37)
    run(recipe_text(cut, tmp_path / "many", STAGES))
    one, many = output(tmp_path / "one"), output(tmp_path / "many")
    assert many.column("id").to_pylist() == one.column("id").to_pylist()
    assert many.equals(one)


def test_ids_kept_do_not_depend_on_the_order_of_documents(tmp_path, rows):
    run(recipe_text(write_shards(tmp_path / "a", rows, 3), tmp_path / "one", STAGES))
    mixed = sorted(rows, key=lambda row: hash(str(row["id"])[::-1]))
    run(recipe_text(write_shards(tmp_path / "b", mixed, 4), tmp_path / "two", STAGES))
    first, second = (set(output(tmp_path / name).column("id").to_pylist()) for name in ("one", "two"))
    assert first == second


@pytest.mark.parametrize("chunk_bytes", [1, 3000, CHUNK_BYTES])
def test_same_bytes_for_any_batch_size(tmp_path, rows, chunk_bytes):
    data = write_shards(tmp_path / "in", rows, 3, group=50)
    run(recipe_text(data, tmp_path / "a", STAGES), chunk_bytes=700)
    run(recipe_text(data, tmp_path / "b", STAGES), chunk_bytes=chunk_bytes)
    folders = ("data", "pass-1", "pass-2", "pass-3", "artifacts")
    assert data_bytes(tmp_path / "a", folders) == data_bytes(tmp_path / "b", folders)


@pytest.mark.parametrize("workers", [1, 2])
def test_same_bytes_for_any_executor(tmp_path, rows, workers):
    data = write_shards(tmp_path / "in", rows, 7)
    run(recipe_text(data, tmp_path / "inline", STAGES))
    with Pool(workers) as pool:
        run(recipe_text(data, tmp_path / "pool", STAGES), pool)
    folders = ("data", "pass-1", "pass-2", "pass-3", "artifacts")
    assert data_bytes(tmp_path / "inline", folders) == data_bytes(tmp_path / "pool", folders)


def test_user_columns_pass_through_unchanged(tmp_path):
    n = 6
    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
    table = pa.table(
        {
            "id": pa.array([f"x{i}" for i in range(n)], pa.large_string()),
            "text": [f"words number {i}" for i in range(n)],
            "when": pa.array([moment] * (n - 1) + [None], pa.timestamp("us", "UTC")),
            "day": pa.array([moment.date()] * n, pa.date32()),
            "price": pa.array([decimal.Decimal("1.25")] * n, pa.decimal128(10, 2)),
            "blob": pa.array([b"\x00\xff"] * n, pa.binary()),
            "kind": pa.array(["a", "b", None] * 2).dictionary_encode(),
            "nested": pa.array([{"a": [1, None], "b": {"c": "z"}}] * n),
            "pairs": pa.array([[("k", 1.5)]] * n, pa.map_(pa.string(), pa.float64())),
            "vector": pa.array([[1.0, 2.0]] * n, pa.list_(pa.float16(), 2)),
            "small": pa.array([1, 2, None] * 2, pa.uint8()),
            "flag": pa.array([True, None, False] * 2),
            "nothing": pa.nulls(n),
        }
    )
    (tmp_path / "in").mkdir()
    pq.write_table(table, tmp_path / "in/a.parquet")
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - drop: {column: id, in: [x1, x4]}"))
    got = output(tmp_path / "out")
    expected = table.take([0, 2, 3, 5])
    for name in table.column_names:
        assert got.schema.field(name).type == table.schema.field(name).type, name
        assert got.column(name).to_pylist() == expected.column(name).to_pylist(), name


def test_documents_without_ids_get_stable_ones(tmp_path):
    for place in ("a", "b/deeper"):
        (tmp_path / place).mkdir(parents=True)
        pq.write_table(pa.table({"content": ["one", "two", "three"]}), tmp_path / place / "x.parquet")
        text = f"input: {{paths: {tmp_path / place}, text: content}}\noutput: {tmp_path / place / 'out'}\n"
        text += "stages: [normalize]"
        run(text.replace(str(tmp_path / place) + ",", str(tmp_path / place / "*.parquet") + ","))
    ids = [output(tmp_path / p / "out").column("id").to_pylist() for p in ("a", "b/deeper")]
    assert ids[0] == ids[1] == ["x.parquet#0", "x.parquet#1", "x.parquet#2"]


def test_ids_that_a_recipe_names_and_no_file_has_are_missed(tmp_path):
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"doc-id": [1, 2], "text": ["one", "two"]}), tmp_path / "in/x.parquet")
    for name, notes in (
        ("doc_id", ["input.id: no file has a column 'doc_id', so that ids are made of file and row;"
                    " did you mean 'doc-id'? (input: {id: doc-id})"]),
        ("doc-id", []),
        ("id", []),
    ):  # fmt: skip
        out = tmp_path / name
        run(f"input: {{paths: {tmp_path / 'in'}, id: {name}}}\noutput: {out}\nstages: [normalize]")
        assert json.loads((out / "manifest.json").read_text())["input"]["notes"] == notes


def test_jsonl_and_parquet_together(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows[:200], 2)
    lines = [json.dumps(row) for row in rows[200:]]
    (data / "z.jsonl").write_text("\n".join(lines) + "\n")
    run(recipe_text(data, tmp_path / "out", STAGES))
    run(recipe_text(write_shards(tmp_path / "all", rows, 3), tmp_path / "out2", STAGES))
    assert output(tmp_path / "out").column("id").equals(output(tmp_path / "out2").column("id"))


def test_a_second_run_does_no_work_and_a_changed_option_only_what_follows(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 3)
    run(recipe_text(data, tmp_path / "out", STAGES))
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    run(recipe_text(data, tmp_path / "out", STAGES))
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    run(recipe_text(data, tmp_path / "out", STAGES.replace("share: 0.7", "share: 0.2")))
    again = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    redone = {p.parent.name for p, t in again.items() if times.get(p) != t}
    assert "pass-1" not in redone
    assert "data" in redone
    run(recipe_text(data, tmp_path / "fresh", STAGES.replace("share: 0.7", "share: 0.2")))
    assert data_bytes(tmp_path / "out") == data_bytes(tmp_path / "fresh")


def test_a_changed_shard_is_done_anew_and_only_it(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 4)
    stages = "  - normalize\n  - sample: {share: 0.8}"
    run(recipe_text(data, tmp_path / "out", stages))
    ledgers = sorted((tmp_path / "out/pass-1").glob("*.ledger.parquet"))
    before = [p.stat().st_mtime_ns for p in ledgers]
    pq.write_table(pq.read_table(data / "s002.parquet").slice(5), data / "s002.parquet")
    run(recipe_text(data, tmp_path / "out", stages))
    after = [p.stat().st_mtime_ns for p in ledgers]
    assert [b != a for b, a in zip(before, after, strict=True)] == [False, False, True, False]
    run(recipe_text(data, tmp_path / "fresh", stages))
    assert data_bytes(tmp_path / "out") == data_bytes(tmp_path / "fresh")


def test_fewer_shards_leave_nothing_behind(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 6)
    run(recipe_text(data, tmp_path / "out", STAGES))
    (data / "s005.parquet").unlink()
    run(recipe_text(data, tmp_path / "out", STAGES))
    run(recipe_text(data, tmp_path / "fresh", STAGES))
    assert data_bytes(tmp_path / "out") == data_bytes(tmp_path / "fresh")
    left, fresh = (sorted(p.name for p in (tmp_path / run / "pass-1").iterdir()) for run in ("out", "fresh"))
    assert left == fresh


def test_limit_takes_the_first_documents(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 4)
    run(recipe_text(data, tmp_path / "out", "  - normalize"), limit=130)
    assert output(tmp_path / "out").column("n").to_pylist() == list(range(130))


def test_expectation_stops_the_run_before_the_next_pass(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 2)
    stages = "  - sample: {share: 0.5, expect: {drop: 0%..10%}}\n  - exact_dedup\n"
    with pytest.raises(StageError, match=r"stage 'sample' dropped \d+\.\d+% of 400 documents; expected 0%\.\.10%"):
        run(recipe_text(data, tmp_path / "out", stages))
    assert not (tmp_path / "out/data").exists()
    assert not (tmp_path / "out/pass-2").exists()
    assert json.loads((tmp_path / "out/manifest.json").read_text())["state"] == "failed"
    run(recipe_text(data, tmp_path / "out", stages.replace("10%", "70%")))


def test_a_stage_of_ones_own_by_path(tmp_path, rows):
    (tmp_path / "shout.py").write_text(
        "from curate import Filter\n\n\nclass Shout(Filter):\n"
        '    """Drop documents with an exclamation mark."""\n\n    marks: int = 1\n    """How many."""\n\n'
        "    def judge_one(self, text):\n        return 'loud' if text.count('!') >= self.marks else None\n"
    )
    data = write_shards(tmp_path / "in", rows, 2)
    with Pool(2) as pool:
        run(recipe_text(data, tmp_path / "out", "  - ./shout.py: {marks: 2}"), pool, source=tmp_path / "r.yaml")
    expected = [row["n"] for row in rows if str(row["text"]).count("!") < 2]
    assert output(tmp_path / "out").column("n").to_pylist() == expected


def test_a_stage_that_breaks_its_contract_is_named(tmp_path, rows):
    (tmp_path / "short.py").write_text(
        "import pyarrow as pa\nfrom curate import Filter\n\n\nclass Short(Filter):\n"
        '    """One too few."""\n\n    def judge(self, batch):\n        return pa.nulls(len(batch) - 1, pa.string())\n'
    )
    data = write_shards(tmp_path / "in", rows, 1)
    with pytest.raises(
        StageError, match=r"(?s)stage 'short' failed.*s000.parquet, near id d00000.*399 reasons for 400"
    ):
        run(recipe_text(data, tmp_path / "out", "  - ./short.py"), source=tmp_path / "r.yaml")


@pytest.mark.parametrize(
    ("kind", "form", "answer", "told"),
    [
        ("Filter", "judge_one", "True", "judge_one returned True; it must be a reason to drop it, a string, or None"),
        ("Rewrite", "rewrite_one", "3", "rewrite_one returned 3; it must be the new text, or None if nothing is left"),
        ("Annotate", "annotate_one", "{'m': 'x'}", "annotate_one: m = 'x'; it must be of type int32, as in `writes`"),
        ("Edit", "edit_one", "One('a', 7, {'m': 1})", "edit_one: reason = 7; it must be a reason to drop it"),
        ("Filter", "judge_one", "1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_stage_that_answers_something_else_is_told_so_with_the_document(tmp_path, rows, kind, form, answer, told):
    writes = "    writes = {'m': pa.int32()}\n" if "'m'" in answer else ""
    good = {"Rewrite": "text", "Annotate": "{'m': 1}", "Edit": "One(text, None, {'m': 1})"}.get(kind, "None")
    (tmp_path / "odd.py").write_text(
        f"import pyarrow as pa\nfrom curate import {kind}, One\n\n\nclass Odd({kind}):\n"
        f'    """Odd."""\n\n{writes}    def {form}(self, text):\n'
        f'        return {answer} if "third" in text else {good}\n'
    )
    given = [{**row, "text": "the third"} if number == 3 else row for number, row in enumerate(rows)]
    data = write_shards(tmp_path / "in", given, 1)
    with pytest.raises(StageError) as failed:
        run(recipe_text(data, tmp_path / "out", "  - ./odd.py"), source=tmp_path / "r.yaml")
    assert "stage 'odd' failed in process on s000.parquet, at id d00003: " in str(failed.value)
    assert told in str(failed.value)


@pytest.mark.parametrize(("reason", "meant"), [("Too Loud!", "too_loud"), ("a/b", "a_b"), ("", "too_loud")])
def test_a_reason_that_is_no_name(tmp_path, rows, reason, meant):
    (tmp_path / "loud.py").write_text(
        "from curate import Filter\n\n\nclass Loud(Filter):\n"
        f'    """All of it."""\n\n    def judge_one(self, text):\n        return {reason!r} if "a" in text else None\n'
    )
    data = write_shards(tmp_path / "in", rows, 1)
    with pytest.raises(StageError, match=rf"(?s)stage 'loud' failed.*gave the reason '{reason}'.*such as '{meant}'"):
        run(recipe_text(data, tmp_path / "out", "  - ./loud.py"), source=tmp_path / "r.yaml")


def test_an_output_folder_with_other_things_in_it_is_refused(tmp_path, rows):
    data = write_shards(tmp_path / "in", rows, 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.docx").write_text("years of work")
    with pytest.raises(RecipeError, match=r"thesis\.docx"):
        run(recipe_text(data, tmp_path / "out", "  - normalize"), fresh=True)
    assert (tmp_path / "out/thesis.docx").exists()


def test_memory_asked_of_the_executor(tmp_path, rows):
    """A pass needs what the hungriest of its steps needs, a decision what its own step does."""
    asked = []

    class Places(Inline):
        def run(self, work, tasks, **options):
            asked.append((f"{work.__module__.rpartition('.')[2]}.{work.__name__}", options["memory"]))
            return super().run(work, tasks, start=options["start"], lost=options["lost"])

    data = write_shards(tmp_path / "in", rows[:20], 1)
    stages = "  - normalize\n  - exact_dedup\n  - sample: {share: 0.9}\n"
    run(recipe_text(data, tmp_path / "out", stages), Places(), memory={"": 2, "sample": 7, "exact_dedup": 1})
    found = list(dict.fromkeys(one for one in asked if one[0] in ("shard_pass.run", "resolve.run")))
    assert found == [("resolve.run", 2), ("shard_pass.run", 2), ("resolve.run", 1), ("shard_pass.run", 7)]
    assert asked[-1] == ("export.run", None)
