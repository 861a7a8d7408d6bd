"""Documents of any input, as they are."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import RecipeError, StoreError
from curate.store.reading import Reader


def test_all_formats_together(tmp_path):
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["one", None], "q": [1.5, 2.5]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"text": pa.array(["two"]).dictionary_encode()}), tmp_path / "1.parquet")
    (tmp_path / "2.jsonl").write_text('{"id": "c", "text": "three", "q": 3}\n')
    with Reader([str(tmp_path)]) as reader:
        assert [file.name for file in reader.files] == ["0.parquet", "1.parquet", "2.jsonl"]
        for _ in range(2):
            found = [row for table in reader.read(["q"]) for row in table.to_pylist()]
            assert found == [
                {"id": "a", "text": "one", "q": 1.5},
                {"id": "1.parquet#0", "text": "two", "q": None},
                {"id": "c", "text": "three", "q": 3},
            ]
        assert [row["id"] for table in reader.read(text=False) for row in table.to_pylist()] == [
            "a",
            "b",
            "1.parquet#0",
            "c",
        ]
        with pytest.raises(RecipeError, match="no column 'tex'; did you mean 'text'"):
            list(reader.read(["tex"]))


def test_nothing_is_passed_over(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": 2}\n')
    with pytest.raises(StoreError, match=r"a\.jsonl: not all of it can be read: text_not_a_string 1"):
        Reader([str(tmp_path)])
    with pytest.raises(RecipeError, match="there is no"):
        Reader([str(tmp_path / "nothing.parquet")])


def test_a_document_without_an_id_is_called_after_its_place(tmp_path):
    for name, ids in (("0.parquet", ["a", None, "0.parquet#9"]), ("1.parquet", [3, None, None])):
        pq.write_table(pa.table({"id": ids, "text": ["x", "y", None]}), tmp_path / name)
    pq.write_table(pa.table({"text": ["z"]}), tmp_path / "2.parquet")
    (tmp_path / "3.jsonl").write_text('{"id": null, "text": "one"}\n{"id": "b", "text": "two"}\n')
    with Reader([str(tmp_path)]) as reader:
        for _ in range(2):
            ids = [name for table in reader.read() for name in table["id"].to_pylist()]
            assert ids == ["a", "0.parquet#1", "3", "1.parquet#1", "2.parquet#0", "3.jsonl#1", "b"]
            assert reader.without_text == 2  # however often they are read
        assert reader.without_id == {"0.parquet": 1, "1.parquet": 1, "2.parquet": 0, "3.jsonl": 0}
        own = [name for table in reader.read(made_ids=False) for name in table["id"].to_pylist()]
        assert own == ["a", "3", "b"]


def test_where_the_documents_are_from(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"text": "one"}\n')
    digest = hashlib.sha256(b'{"text": "one"}\n').hexdigest()
    (tmp_path / "other").mkdir()
    whole = str(tmp_path / "in" / "a.jsonl")
    for folder, path in ((tmp_path, "in/a.jsonl"), (tmp_path / "in", "a.jsonl"), (tmp_path / "other", whole)):
        monkeypatch.chdir(folder)
        with Reader([str(tmp_path / "in")]) as reader:
            assert reader.provenance() == [{"path": path, "bytes": 16, "sha256": digest}]
