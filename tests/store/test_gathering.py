"""Small files taken together: the oracle is the import of each by itself."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.store.gathering import HELD_BYTES, SMALL, TOGETHER_BYTES, TOGETHER_FILES, cut, gather
from curate.store.inputs import InputFile, list_inputs
from curate.store.jsonl import import_jsonl
from curate.store.quarantine import open_quarantine, read_quarantine
from curate.store.schemas import conform, unify

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.lists(st.one_of(st.none(), st.integers(0, 9), st.text(max_size=2)), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 9), st.text(max_size=2)), max_size=2),
)
RECORD = st.fixed_dictionaries(
    {"text": st.one_of(st.text(max_size=5), st.none())},
    optional={"id": st.one_of(st.text(max_size=2)), "x": VALUES, "y": VALUES},
)
LINES = st.lists(st.one_of(RECORD.map(json.dumps), st.sampled_from(["", "[]", "{", "{}", "\ufeff{}"])), max_size=4)


def listed(folder: Path) -> tuple[InputFile, ...]:
    return list_inputs([str(folder)]).files


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, min_size=1, max_size=8))
def test_as_each_by_itself(files):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in").mkdir()
        for number, lines in enumerate(files):
            (folder / f"in/{number}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        found = listed(folder / "in")
        each, rows = [], []
        for file in found:
            with open_quarantine(folder / "alone.bad") as aside:
                each.append(import_jsonl(file, folder / f"alone-{file.index}", aside))
            rows += list(read_quarantine(folder / "alone.bad"))
        with open_quarantine(folder / "all.bad") as aside:
            parts = gather(found, lambda file: folder / f"all-{file.index}", aside)
        assert [done for part in parts for _, done in part] == each
        assert [file for part in parts for file, _ in part] == list(found)
        assert list(read_quarantine(folder / "all.bad")) == rows
        for part in parts:
            together = pq.read_table(folder / f"all-{part[0][0].index}")
            alone = [pq.read_table(folder / f"alone-{file.index}") for file, _ in part]
            schema, problems = unify([(str(number), table.schema) for number, table in enumerate(alone)])
            assert not problems
            assert together.equals(pa.concat_tables([conform(table, schema) for table in alone]))


def write(folder: Path, *texts: str) -> tuple[InputFile, ...]:
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number}.jsonl").write_text(text)
    return listed(folder)


@pytest.mark.parametrize(
    ("values", "files"),
    [
        (["1", "0.5", "null", "2"], [4]),
        (["1", '"one"', '"two"', "1"], [1, 2, 1]),
        (["1.5", "3", str(2**60 + 1), "2.5"], [2, 1, 1]),  # no double is that integer
        (["[]", '["a"]', '[{"a": 1}]'], [2, 1]),
        (['{"a": 1}', '{"b": 2}', "null"], [3]),
    ],
)
def test_what_is_in_one_file(tmp_path, values, files):
    found = write(tmp_path / "in", *(f'{{"text": "a", "x": {value}}}\n' for value in values))
    with open_quarantine(tmp_path / "bad") as aside:
        parts = gather(found, lambda file: tmp_path / str(file.index), aside)
    assert [len(part) for part in parts] == files


def test_a_file_that_is_small_on_disk_only(tmp_path):
    """It is imported by itself, block by block; its bad lines are put aside once."""
    import gzip

    folder = tmp_path / "in"
    folder.mkdir()
    lines = b"[]\n" + b'{"text": "a"}\n' * ((17 << 20) // 14)
    (folder / "1.jsonl.gz").write_bytes(gzip.compress(lines))
    for number in (0, 2):
        (folder / f"{number}.jsonl").write_text('{"text": "b"}\n')
    found = listed(folder)
    assert all(file.size < SMALL for file in found)
    with open_quarantine(tmp_path / "bad") as aside:
        parts = gather(found, lambda file: tmp_path / str(file.index), aside)
    assert [[done.rows for _, done in part] for part in parts] == [[1], [(17 << 20) // 14], [1]]
    assert [row.reason for row in read_quarantine(tmp_path / "bad")] == ["not_an_object"]


def sized(*sizes: int) -> list[InputFile]:
    return [InputFile(index, f"/{index}", str(index), "jsonl", size, 0) for index, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([1] * 3, [3]),
        ([1] * (2 * TOGETHER_FILES + 1), [TOGETHER_FILES, TOGETHER_FILES, 1]),
        ([1, SMALL + 1, 1, 1], [1, 1, 2]),
        ([SMALL] * 20, [TOGETHER_BYTES // SMALL] * 2 + [20 - 2 * TOGETHER_BYTES // SMALL]),
        ([SMALL + 1] * 2, [1, 1]),
    ],
)
def test_where_it_is_cut(sizes, groups):
    files = sized(*sizes)
    found = list(cut(files))
    assert [len(group) for group in found] == groups
    assert [file for group in found for file in group] == files
    assert list(cut(files + sized(5)))[: len(groups) - 1] == found[:-1], "what comes later changes the last only"
    assert HELD_BYTES > TOGETHER_BYTES
