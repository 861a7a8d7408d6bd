"""What a Parquet file says of itself, and what is said of a file that is none."""

import os
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.store.footers import parquet_facts
from curate.store.inputs import BadFile, list_inputs


@pytest.fixture
def shard(tmp_path):
    table = pa.table({"id": ["a", "b", "c"], "meta": [{"text": 1}] * 3, "text": ["x" * 1000, "y" * 2000, None]})
    pq.write_table(table, tmp_path / "shard.parquet", row_group_size=2, use_dictionary=False, write_statistics=False)
    return list_inputs([str(tmp_path)]).files[0]


def test_facts(shard):
    facts = parquet_facts(shard)
    assert facts.schema.names == ["id", "meta", "text"]
    assert facts.rows == 3
    assert [group.rows for group in facts.groups] == [2, 1]
    first, second = facts.groups
    assert 3000 <= first.text_bytes <= 3100
    assert second.text_bytes < 100
    assert first.total_bytes > first.text_bytes
    meta = parquet_facts(shard, "meta")  # a struct has no bytes of its own; its leaf 'text' is not the column 'text'
    assert [group.text_bytes for group in meta.groups] == [0, 0]


def test_a_file_without_rows(tmp_path):
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "none.parquet")
    facts = parquet_facts(list_inputs([str(tmp_path)]).files[0])
    assert (facts.rows, sum(group.rows for group in facts.groups)) == (0, 0)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "empty_file"),
        (lambda data: b'{"text": "a"}\n', "not_parquet"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not_parquet"),
        (lambda data: data[:-1], "truncated"),
        (lambda data: data[:200], "truncated"),
        (lambda data: data[:4], "truncated"),
        (lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1", "corrupt"),
        (lambda data: data[:-60] + b"\xff" * 40 + data[-20:], "corrupt"),
        (lambda data: data[:4] + data[500:], "corrupt"),  # the footer is whole, its data are not
        (lambda data: data[:-4] + b"PARE", "encrypted"),
    ],
)
def test_damage_is_named(shard, damage, reason):
    with open(shard.path, "rb") as file:
        data = file.read()
    with open(shard.path, "wb") as file:
        file.write(damage(data))
    with pytest.raises(BadFile, match=r"^shard\.parquet: ") as caught:
        parquet_facts(shard)
    assert caught.value.reason == reason
    assert caught.value.name == "shard.parquet"


def test_a_git_lfs_pointer_is_told(shard):
    with open(shard.path, "wb") as file:
        file.write(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(BadFile, match="git lfs pull"):
        parquet_facts(shard)


def test_a_file_that_is_gone(shard):
    os.unlink(shard.path)
    with pytest.raises(BadFile) as caught:
        parquet_facts(shard)
    assert caught.value.reason == "gone"


def test_any_cut_is_noticed(shard):
    """Wherever the file ends, it is not taken for a shorter one."""
    with open(shard.path, "rb") as file:
        data = file.read()
    for end in range(0, len(data), 7):
        with open(shard.path, "wb") as file:
            file.write(data[:end])
        with pytest.raises(BadFile):
            parquet_facts(replace(shard, size=end))
