"""Look-ups in files without an index agree with what a run makes of the same files."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.documents import ID
from curate.store import ledger, looking
from curate.store.fixed import Inputs
from curate.store.folder import RunFolder
from tests.engine.corpus import recipe_text, run

TEXT = ["some words"] * 6
TABLES = {
    "strings": {"id": ["a", None, "c", "s.parquet#01", None, "ф"], "text": TEXT},
    "numbers": {"id": pa.array([7, 8, None, 10, 11, -1]), "text": TEXT},
    "dictionary": {"id": pa.array(["a", "b", None, "d", "e", "f"]).dictionary_encode(), "text": TEXT},
    "none": {"text": TEXT},
}


@pytest.fixture(params=TABLES)
def folder(request, tmp_path):
    """A run over six documents in row groups of two, of which it takes five, and a JSONL file."""
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table(TABLES[request.param]), tmp_path / "in/s.parquet", row_group_size=2)
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize\n"), limit=5)
    return RunFolder(tmp_path / "out")


def test_ids_are_found_where_the_ledger_has_them(folder):
    [unit] = Inputs.load(folder.inputs).units
    known = ledger.read(folder.ledger(1, unit.stem), [ID])[ID].to_pylist()
    assert len(known) == 5
    assert [looking.row_of(unit, "id", id) for id in known] == [0, 1, 2, 3, 4]
    assert looking.first_ids(unit, "id", 1) == known[:1]
    few = looking.first_ids(unit, "id", 99)
    assert len(few) >= 2
    assert few == known[: len(few)]
    for other in ("nobody", "s.parquet#0", "s.parquet#5", "s.parquet#", "s.parquet#²", "\udcff", "ф", "-1"):
        if other not in known:
            assert looking.row_of(unit, "id", other) is None, other
    shards = sorted(folder.data.glob("*.parquet"))
    assert all(looking.shard_of(shards, "id", id) == shards[0] for id in known)
    assert looking.shard_of(shards, "id", "nobody") is None


def test_ids_of_json_lines(tmp_path):
    (tmp_path / "in").mkdir()
    lines = [{"id": "a", "text": "x"}, {"text": "y"}, {"id": "c", "text": "z"}]
    (tmp_path / "in/t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - normalize\n"))
    folder = RunFolder(tmp_path / "out")
    [unit] = Inputs.load(folder.inputs).units
    known = ledger.read(folder.ledger(1, unit.stem), [ID])[ID].to_pylist()
    assert [looking.row_of(unit, "id", id) for id in known] == [0, 1, 2]


def test_what_cannot_be_read_holds_nothing(folder):
    [unit] = Inputs.load(folder.inputs).units
    for path in folder.root.parent.rglob("*.parquet"):
        path.write_bytes(b"PAR1 no more")
    assert looking.row_of(unit, "id", "a") is None
    assert looking.first_ids(unit, "id", 3) == []
    assert looking.shard_of(folder.data.glob("*.parquet"), "id", "a") is None
