"""A journal loses nothing but a line that was never whole."""

import os

import pytest

from curate.errors import StoreError
from curate.store.journal import Journal


def noted(path, *entries):
    with Journal(path) as journal:
        for entry in entries:
            journal.append(entry)
        return journal.entries


def test_goes_on_where_it_was(tmp_path):
    path = tmp_path / "deep/j.jsonl"
    assert noted(path, {"a": 1}, {"b": "zwei\n"}) == []
    assert noted(path, {"c": None}) == [{"a": 1}, {"b": "zwei\n"}]
    assert noted(path) == [{"a": 1}, {"b": "zwei\n"}, {"c": None}]


def test_cut_anywhere_it_has_the_lines_that_are_whole(tmp_path):
    path = tmp_path / "j.jsonl"
    noted(path, {"a": 1}, {"b": [2, "é"]})
    full = path.read_bytes()
    first = full.index(b"\n") + 1
    for size in range(len(full)):
        path.write_bytes(full[:size])
        assert noted(path, {"new": True}) == ([{"a": 1}] if size >= first else [])
        assert noted(path)[-1] == {"new": True}


@pytest.mark.parametrize("line", [b"{oops\n", b"[1]\n", b"\n", b"\0\0\0\n"])
def test_damage_before_the_end_is_told(tmp_path, line):
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"a":1}\n' + line + b'{"b":1}\n')
    with pytest.raises(StoreError, match=r"j\.jsonl: line 2 is"):
        Journal(path)
    assert path.read_bytes().endswith(b'{"b":1}\n')


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    path = tmp_path / "j.jsonl"
    real, calls = os.write, []

    def write(file, data):
        calls.append(len(data))
        if len(calls) == 2:
            return real(file, bytes(data)[:5])
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return real(file, data)

    with Journal(path) as journal:
        monkeypatch.setattr("curate.store.journal.os.write", write)
        journal.append({"a": 1})
        with pytest.raises(StoreError, match="No space left on device; make room and run again"):
            journal.append({"b": 2})
        journal.append({"c": 3})
    monkeypatch.undo()
    assert noted(path) == [{"a": 1}, {"c": 3}]


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(StoreError, match="cannot be read or written"):
        Journal(tmp_path / "f/j.jsonl")
