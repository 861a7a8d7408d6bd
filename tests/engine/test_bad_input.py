"""Whatever cannot be read is counted, named, kept aside, and never silently lost; and the numbers add up."""

from __future__ import annotations

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate import recipe as recipes
from curate.engine import driver, intake
from curate.errors import BadInput, RecipeError, StoreError
from curate.executors import Inline
from curate.store.quarantine import read_quarantine
from tests.engine.corpus import documents, output, recipe_text, run, write_shards

LENIENT = "on_bad_input: {max_documents: 50%, max_shards: 3}"
STRICT = "on_bad_input: {max_documents: 0, max_shards: 0}"
STAGES = "  - normalize\n  - exact_dedup: {keep: first}\n"


@pytest.fixture
def data(tmp_path):
    """Two good shards of 100 documents each."""
    return write_shards(tmp_path / "in", documents(200), 2)


def finish(tmp_path, extra=LENIENT):
    """Run over tmp_path/in → (exit code, manifest, reasons kept aside); checks the books."""
    done = run(recipe_text(tmp_path / "in", tmp_path / "out", STAGES, extra))
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    books = manifest["accounting"]
    assert books["documents_in"] == books["documents_out"] + books["dropped"] + books["unreadable"]
    assert books["documents_out"] == output(tmp_path / "out").num_rows
    aside = list(read_quarantine(tmp_path / "out/quarantine"))
    return done.exit_code, manifest, aside


def lines_of(n):
    return [json.dumps({"id": f"j{i}", "text": f"a line of JSON, number {i}"}).encode() for i in range(n)]


BAD_LINES = {
    "broken_json": b'{"id": "x", "text": "no end',
    "invalid_utf8": b'{"id": "x", "text": "caf\xff"}',
    "not_an_object": b'["id", "text"]',
    "null_text": b'{"id": "x", "text": null}',
    "text_missing": b'{"id": "x", "body": "words"}',
    "text_not_a_string": b'{"id": "x", "text": 123}',
}


@pytest.mark.parametrize("reason", BAD_LINES)
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_bad_json_line(tmp_path, data, reason, ending):
    lines = lines_of(40)
    lines[17:17] = [BAD_LINES[reason]]
    raw = b"\n".join(lines) + b"\n"
    packed = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[ending](raw)
    (data / f"j.jsonl{ending}").write_bytes(packed)
    code, manifest, aside = finish(tmp_path)
    assert code == 3
    assert manifest["accounting"]["documents_in"] == 241
    assert manifest["accounting"]["unreadable"] == 1
    [row] = aside
    assert (row.file, row.line, row.reason) == (f"j.jsonl{ending}", 18, reason)
    assert row.offset == raw.index(BAD_LINES[reason])
    assert row.raw == BAD_LINES[reason]
    assert manifest["quarantine"]["examples"][0]["file"] == f"j.jsonl{ending}"
    with pytest.raises(BadInput, match=r"max_documents = 0.*1 of 241 documents cannot be read"):
        finish(tmp_path, STRICT)


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_truncated_stream_is_a_bad_shard(tmp_path, data, ending):
    raw = b"\n".join(os.urandom(300).hex().encode().join([b'{"text": "', b'"}']) for _ in range(800)) + b"\n"
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}[ending](raw)
    (data / f"j.jsonl{ending}").write_bytes(packed[: len(packed) // 2])
    code, manifest, _ = finish(tmp_path)
    assert code == 3
    [broken] = manifest["input"]["unreadable_files"]
    assert broken["file"] == f"j.jsonl{ending}"
    assert broken["reason"] == "truncated_stream"
    assert broken["offset"] > 0
    assert manifest["accounting"]["documents_in"] == 200 + broken["rows_kept"] + manifest["accounting"]["unreadable"]
    with pytest.raises(BadInput, match=r"max_shards = 0, but 1 of 3 input files"):
        finish(tmp_path, STRICT)


@pytest.mark.parametrize("keep", [0, 3, 1000, -5])
def test_truncated_parquet_file(tmp_path, data, keep):
    good = (data / "s001.parquet").read_bytes()
    (data / "t.parquet").write_bytes(good[:keep])
    code, manifest, _ = finish(tmp_path)
    assert code == 3
    [broken] = manifest["input"]["unreadable_files"]
    assert broken["file"] == "t.parquet"
    assert broken["error"]
    assert manifest["accounting"]["documents_in"] == 200
    with pytest.raises(BadInput, match=r"t\.parquet"):
        finish(tmp_path, STRICT)


def test_corrupt_page_costs_its_row_group_alone(tmp_path):
    (tmp_path / "in").mkdir()
    rows = documents(300)
    table = pa.Table.from_pylist([{"id": row["id"], "text": row["text"]} for row in rows])
    path = tmp_path / "in/c.parquet"
    pq.write_table(table, path, row_group_size=100, compression="zstd", use_dictionary=False)
    place = pq.read_metadata(path).row_group(1).column(1)
    raw = bytearray(path.read_bytes())
    middle = place.data_page_offset + place.total_compressed_size // 2
    raw[middle : middle + 40] = bytes(255 - b for b in raw[middle : middle + 40])
    path.write_bytes(raw)
    code, manifest, aside = finish(tmp_path)
    assert code == 3
    assert manifest["accounting"]["unreadable"] == 100
    assert manifest["accounting"]["documents_in"] == 300
    [row] = aside
    assert (row.file, row.row, row.reason) == ("c.parquet", 100, "unreadable")
    assert "rows 100 to 199 of row group 1" in row.error
    assert row.offset
    assert set(output(tmp_path / "out").column("id").to_pylist()) <= {r["id"] for r in rows[:100] + rows[200:]}


def test_null_text_and_invalid_utf8_in_parquet(tmp_path, data):
    bad = pa.array([b"fine", b"caf\xe9", None, b"also fine"], pa.binary())
    text = pa.StringArray.from_buffers(4, bad.buffers()[1], bad.buffers()[2], bad.buffers()[0])
    pq.write_table(pa.table({"id": ["p0", "p1", "p2", "p3"], "text": text}), data / "p.parquet")
    code, manifest, aside = finish(tmp_path)
    assert code == 3
    assert manifest["accounting"]["unreadable"] == 2
    assert [(row.id, row.row, row.reason, row.raw) for row in aside] == [
        ("p1", 1, "invalid_utf8", b"caf\xe9"),
        ("p2", 2, "null_text", None),
    ]
    assert {"p0", "p3"} <= set(output(tmp_path / "out").column("id").to_pylist())


def test_missing_text_column_in_one_shard_and_in_all(tmp_path, data):
    pq.write_table(pa.table({"id": ["q"], "txt": ["words"]}), data / "q.parquet")
    code, manifest, _ = finish(tmp_path)
    assert code == 3
    [broken] = manifest["input"]["unreadable_files"]
    assert (broken["file"], broken["reason"]) == ("q.parquet", "missing_column")
    assert "did you mean 'txt'" in broken["error"]
    for path in data.glob("s*.parquet"):
        path.unlink()
    with pytest.raises(RecipeError, match="did you mean 'txt'"):
        finish(tmp_path)


def test_a_column_that_changes_its_type(tmp_path, data):
    pq.write_table(pa.table({"id": ["q"], "text": ["words"], "n": ["seven"]}), data / "z.parquet")
    code, manifest, _ = finish(tmp_path)
    assert code == 3
    [broken] = manifest["input"]["unreadable_files"]
    assert (broken["file"], broken["reason"]) == ("z.parquet", "schema_clash")
    assert "'n'" in broken["error"]


def test_a_column_that_appears_late_is_null_before(tmp_path, data):
    pq.write_table(pa.table({"id": ["late"], "text": ["words"], "url": ["http://x"]}), data / "z.parquet")
    code, _, _ = finish(tmp_path)
    assert code == 0
    table = output(tmp_path / "out")
    urls = dict(zip(table.column("id").to_pylist(), table.column("url").to_pylist(), strict=True))
    assert urls.pop("late") == "http://x"
    assert set(urls.values()) == {None}


def test_duplicate_ids(tmp_path, data):
    twins = [{"id": "d00005", "text": "another text"}, {"id": "new", "text": "a"}, {"id": "new", "text": "b"}]
    pq.write_table(pa.Table.from_pylist(twins), data / "z.parquet")
    code, manifest, aside = finish(tmp_path)
    assert code == 3
    assert manifest["accounting"]["unreadable"] == 2
    assert [(row.file, row.row, row.reason) for row in aside] == [
        ("z.parquet", 0, "duplicate_id"),
        ("z.parquet", 2, "duplicate_id"),
    ]
    ids = output(tmp_path / "out").column("id").to_pylist()
    assert len(ids) == len(set(ids))
    with pytest.raises(BadInput, match="2 of 203"):
        finish(tmp_path, STRICT)


def test_a_share_as_limit(tmp_path, data):
    lines = lines_of(300)
    lines[10] = b"{"
    (data / "j.jsonl").write_bytes(b"\n".join(lines))
    assert finish(tmp_path, "on_bad_input: {max_documents: 0.2%}")[0] == 3
    with pytest.raises(BadInput, match="max_documents"):
        finish(tmp_path, "on_bad_input: {max_documents: 0.1%}")


def test_a_file_that_changes_during_the_run_is_noticed(tmp_path, data):
    (tmp_path / "meddle.py").write_text(
        "import pathlib\nfrom curate import Filter\n\n\nclass Meddle(Filter):\n"
        '    """Appends to the input while it is read."""\n\n    path: str\n    """Of the file."""\n\n'
        "    def judge_one(self, text):\n"
        "        with open(self.path, 'ab') as file:\n            file.write(b' ')\n        return None\n"
    )
    stages = f"  - ./meddle.py: {{path: {data / 's001.parquet'}}}"
    text = recipe_text(data, tmp_path / "out", stages, LENIENT)
    with pytest.raises(StoreError, match=r"s001\.parquet.*since the run began"):
        run(text, source=tmp_path / "r.yaml")
    assert not (tmp_path / "out/data").exists()


def test_a_file_that_appears_during_the_run_is_not_mixed_in(tmp_path, data):
    (tmp_path / "appear.py").write_text(
        "import shutil\nfrom curate import Filter\n\n\nclass Appear(Filter):\n"
        '    """Copies a shard into the input while it is read."""\n\n    path: str\n    """Of the file."""\n\n'
        "    def judge_one(self, text):\n"
        "        shutil.copy(self.path, self.path.replace('s001', 's000b'))\n        return None\n"
    )
    stages = f"  - ./appear.py: {{path: {data / 's001.parquet'}}}\n  - exact_dedup"
    text = recipe_text(data, tmp_path / "out", stages, LENIENT)
    assert run(text, source=tmp_path / "r.yaml").exit_code == 0
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["accounting"]["documents_in"] == 200


def test_an_empty_shard_is_fine(tmp_path, data):
    pq.write_table(pq.read_table(data / "s000.parquet").slice(0, 0), data / "e.parquet")
    (data / "e.jsonl").write_bytes(b"")
    code, manifest, _ = finish(tmp_path)
    assert manifest["accounting"]["documents_in"] == 200
    assert code == 0


def test_what_is_said_before_a_run_is_what_the_run_finds(tmp_path):
    (tmp_path / "in").mkdir()
    texts = ["one text", "another"]
    pq.write_table(pa.table({"id": [1, 2], "text": [text.encode() for text in texts]}), tmp_path / "in/a.parquet")
    pq.write_table(pa.table({"id": [3, 4], "text": texts}), tmp_path / "in/b.parquet")
    pq.write_table(pa.table({"id": [[5], [6]], "text": texts}), tmp_path / "in/c.parquet")
    recipe = recipes.loads(
        recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize", "on_bad_input: {max_shards: 2}")
    )
    said = intake.survey(recipe, intake.listing(recipe).files).problems
    reasons = [(one.file, one.reason) for one in said]
    assert reasons == [("a.parquet", "text_not_a_string"), ("c.parquet", "id_of_no_use")]
    driver.run(recipe, Inline())
    found = json.loads((tmp_path / "out/manifest.json").read_text())["input"]["unreadable_files"]
    assert [(one["file"], one["reason"]) for one in found] == reasons
    (tmp_path / "in/b.parquet").unlink()
    with pytest.raises(RecipeError, match=r"no input file can be used; the first, a\.parquet: column 'text' is binary"):
        intake.survey(recipe, intake.listing(recipe).files)
