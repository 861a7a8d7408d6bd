"""Where vectors come from is kept in their type, and told apart."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.domains.origin import are_of_one, hash_of_files, maker, vectors_by


def test_the_name_goes_with_the_column_and_makes_no_other_type(tmp_path):
    kind = vectors_by("lsa:12", 2)
    assert kind == pa.list_(pa.float16(), 2)
    assert maker(pa.list_(pa.float16(), 2)) is None
    assert maker(vectors_by(None, 2)) is None
    values = pa.array([[1, 2], None], pa.list_(pa.float32(), 2)).cast(kind)
    assert maker(values.take(pa.array([1, 0])).type) == "lsa:12"
    pq.write_table(pa.table({"v": values}), tmp_path / "t.parquet")
    assert maker(pq.read_table(tmp_path / "t.parquet")["v"].type) == "lsa:12"


@pytest.mark.parametrize(
    ("a", "b", "one"),
    [
        ("lsa:1", "lsa:1", True),
        ("lsa:1", "lsa:2", False),
        ("lsa:1", "lsa", True),
        ("lsa", "builtin:1", False),
        (None, "lsa:1", True),
        ("builtin:1", "potion:1", False),
    ],
)
def test_which_can_be_compared(a, b, one):
    assert are_of_one(a, b) == are_of_one(b, a) == one


def test_files_are_told_apart_by_what_is_in_them(tmp_path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("one")
    same = [hash_of_files([tmp_path / name]) for name in "ab"]
    assert same[0] == same[1]
    (tmp_path / "a").write_text("another")
    assert hash_of_files([tmp_path / "a"]) != same[0]
