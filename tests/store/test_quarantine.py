"""Bad rows are kept, counted and shown; where there are none, there is no file."""

import os
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from curate.errors import StoreError
from curate.store import quarantine
from curate.store.quarantine import BadRow, open_quarantine, read_quarantine, summarise

ROW = BadRow("a.jsonl", None, 3, 120, "broken_json", "unexpected end", None, b'{"text": "\xff\x00')


def test_rows_come_back_as_they_were(tmp_path):
    rows = [ROW, BadRow("b.parquet", 7, None, 4096, "null_text", "'text' is null", "doc-7", None)]
    with open_quarantine(tmp_path / "q" / "0.parquet") as kept:
        for row in rows:
            kept.add(row)
        assert kept.counts == {"broken_json": 1, "null_text": 1}
    assert list(read_quarantine(tmp_path / "q" / "0.parquet")) == rows
    assert list(read_quarantine(tmp_path / "q", raw=False)) == [replace(row, raw=None) for row in rows]


def test_no_rows_no_file(tmp_path):
    with open_quarantine(tmp_path / "0.parquet"):
        pass
    assert os.listdir(tmp_path) == []
    assert list(read_quarantine(tmp_path / "0.parquet")) == []
    assert summarise(tmp_path / "none") == quarantine.Summary(0, {}, {}, [])


def test_an_earlier_attempt_is_replaced(tmp_path):
    with open_quarantine(tmp_path / "0.parquet") as kept:
        kept.add(ROW)
    with open_quarantine(tmp_path / "0.parquet"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_no_half_file(tmp_path, monkeypatch):
    monkeypatch.setattr(quarantine, "FLUSH_ROWS", 2)

    def fail() -> None:
        with open_quarantine(tmp_path / "0.parquet") as kept:
            for _ in range(3):
                kept.add(ROW)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert os.listdir(tmp_path) == []


def test_memory_is_bounded_by_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(quarantine, "FLUSH_BYTES", 1000)
    with open_quarantine(tmp_path / "0.parquet") as kept:
        for line in range(100):
            kept.add(replace(ROW, line=line, raw=b"x" * 99))
    assert pq.ParquetFile(tmp_path / "0.parquet").num_row_groups == 10
    assert [row.line for row in read_quarantine(tmp_path)] == list(range(100))


def test_the_summary_counts_all_and_shows_a_few(tmp_path):
    for unit in range(2):
        with open_quarantine(tmp_path / f"{unit}.parquet") as kept:
            for line in range(10):
                kept.add(replace(ROW, file=f"{unit}.jsonl", line=line))
            kept.add(replace(ROW, file=f"{unit}.jsonl", reason="null_text", line=99))
    summary = summarise(tmp_path, examples=3)
    assert summary.rows == 22
    assert list(summary.reasons.items()) == [("broken_json", 20), ("null_text", 2)]
    assert summary.files == {"0.jsonl": 11, "1.jsonl": 11}
    assert [(row.file, row.line) for row in summary.examples] == [
        *[("0.jsonl", line) for line in (0, 1, 2, 99)],
        ("1.jsonl", 99),
    ]
    assert all(row.raw is None for row in summary.examples)


def test_a_damaged_quarantine_is_named(tmp_path):
    (tmp_path / "0.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"0\.parquet: cannot read the quarantine"):
        summarise(tmp_path)
