"""Documents of any input, as they are."""

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
