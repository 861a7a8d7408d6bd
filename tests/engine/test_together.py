"""Many small files in one unit of work: every document, id, defect and decision is as if each file were a unit."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from curate.engine import imports
from curate.errors import CurateError
from curate.report.facts import Run
from curate.store import gathering
from curate.store.files import read_json
from curate.store.quarantine import read_quarantine
from tests.engine.corpus import data_bytes, documents, output, recipe_text, run, write_shards

LIMITS = "on_bad_input: {max_documents: 50%}"
STAGES = "  - normalize\n  - exact_dedup\n  - sample: {share: 0.9}"


def odd_files(folder: Path) -> Path:
    """Small files with all that may be wrong with one, between files with nothing wrong."""
    write_shards(folder, documents(30), 2)  # s000.parquet, s001.parquet: in the midst of the listing
    lines = {f"{number:03d}": [{"text": f"This is text {number}.{k}."} for k in range(3)] for number in range(40)}
    lines["003"] = [{"text": "wider", "score": 1}, {"text": "Repeated."}]
    lines["004"] = [{"text": "wider still", "score": 0.5, "labels": []}]
    lines["005"] = [{"text": "a list", "labels": ["a"], "score": None}, {"text": "Repeated."}]
    lines["006"] = []
    lines["009"] = [{"text": "an own id", "id": "x"}, {"text": "the same id", "id": "x"}]
    lines["010"] = [{"text": "the same id again", "id": "x"}, {"text": "number", "id": 7}]
    lines["zzz"] = [{"text": "after the Parquet files"}]
    for name, rows in lines.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "011.jsonl").write_bytes(
        b'{"text": "good"}\n{"text": 3}\nno json\n\n{"text": "after"}\n{"text": "caf\xff"}'
    )
    (folder / "012.jsonl").write_bytes(b"\xef\xbb\xbf" + b'{"text": "marked"}\n')
    (folder / "013.jsonl.gz").write_bytes(gzip.compress(b'{"text": "packed"}\n' * 2))
    return folder


@pytest.fixture
def together(monkeypatch):
    """Small files are taken together, seven at a time, however few there are."""

    def begin() -> None:
        monkeypatch.setattr(imports, "MANY", 0)
        monkeypatch.setattr(gathering, "TOGETHER_FILES", 7)

    return begin


def told(out: Path) -> dict[str, object]:
    """All that a run says of its documents and files."""
    manifest = read_json(out / "manifest.json")
    aside = [
        (row.file, row.row, row.line, row.offset, row.reason, row.id, row.raw)
        for row in read_quarantine(out / "quarantine")
    ]
    files = manifest["input"]["unreadable_files"]
    names = ("documents", "unreadable_lines", "notes")
    return {
        "data": data_bytes(out),
        "aside": sorted(aside, key=str),
        "funnel": manifest["funnel"],
        "accounting": manifest["accounting"],
        **{name: manifest["input"][name] for name in names},
        "unreadable_files": [one | {"error": one["error"].partition(", and ")[0]} for one in files],
    }


def units(out: Path) -> int:
    return len(read_json(out / "inputs.json")["units"])


def test_nothing_is_different(tmp_path, together):
    data = odd_files(tmp_path / "in")
    run(recipe_text(data, tmp_path / "each", STAGES, LIMITS))
    together()
    run(recipe_text(data, tmp_path / "all", STAGES, LIMITS))
    assert told(tmp_path / "all") == told(tmp_path / "each")
    assert units(tmp_path / "all") < units(tmp_path / "each") / 3


def test_files_that_do_not_fit(tmp_path, together):
    """A clash of types and a broken stream take away as much as if each file were by itself."""
    data = odd_files(tmp_path / "in")
    (data / "002.jsonl").write_text('{"text": "first", "score": 3}\n')
    (data / "020.jsonl").write_text('{"text": "a word for a score", "score": "high"}\n')
    (data / "021.jsonl").write_text('{"text": "a word again", "score": "low"}\n')
    whole = gzip.compress(b"".join(b'{"text": "packed %d"}\n' % number for number in range(1000)))
    (data / "030.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (data / "031.jsonl.gz").write_bytes(b'{"text": "not packed at all"}\n')
    limits = "on_bad_input: {max_documents: 50%, max_shards: 4}"
    run(recipe_text(data, tmp_path / "each", STAGES, limits))
    together()
    run(recipe_text(data, tmp_path / "all", STAGES, limits))
    found = told(tmp_path / "all")
    assert found == told(tmp_path / "each")
    broken = {one["file"]: one["reason"] for one in found["unreadable_files"]}
    assert broken["020.jsonl"] == broken["021.jsonl"] == "schema_clash"
    assert broken["030.jsonl.gz"] == "truncated_stream"
    before = data_bytes(tmp_path / "all", ("data", "pass-1", "pass-2"))
    (tmp_path / "all/.seal.json").unlink()
    run(recipe_text(data, tmp_path / "all", STAGES, limits))
    assert data_bytes(tmp_path / "all", ("data", "pass-1", "pass-2")) == before


@pytest.mark.parametrize("limit", [7, 45])
def test_the_first_documents_only(tmp_path, together, limit):
    data = odd_files(tmp_path / "in")
    run(recipe_text(data, tmp_path / "each", "  - normalize", LIMITS), limit=limit)
    together()
    run(recipe_text(data, tmp_path / "all", "  - normalize", LIMITS), limit=limit)
    assert output(tmp_path / "all").equals(output(tmp_path / "each"))


def test_a_document_is_found_in_its_file(tmp_path, together):
    together()
    data = odd_files(tmp_path / "in")
    run(recipe_text(data, tmp_path / "out", STAGES, LIMITS))
    found = Run(tmp_path / "out").find("005.jsonl#2")
    assert (found.file, found.row) == ("005.jsonl", 1)
    assert {found.dropped_by, Run(tmp_path / "out").find("003.jsonl#2").dropped_by} == {None, "exact_dedup/duplicate"}


def test_one_file_that_changes(tmp_path, together):
    """Only the unit with the file is done anew; and a change during the run is noticed."""
    together()
    data = odd_files(tmp_path / "in")
    text = recipe_text(data, tmp_path / "out", "  - normalize", LIMITS)
    run(text)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/pass-1").iterdir()}
    (data / "038.jsonl").write_text('{"text": "quite another text"}\n')
    run(text)
    assert "quite another text" in output(tmp_path / "out").column("text").to_pylist()
    again = {path.name[:5] for path, time in times.items() if not path.exists() or path.stat().st_mtime_ns != time}
    assert len(again) == 1
    (tmp_path / "meddle.py").write_text(MEDDLE)
    text = recipe_text(data, tmp_path / "out", f"  - ./meddle.py: {{path: {data / '038.jsonl'}}}", LIMITS)
    with pytest.raises(CurateError, match=r"038\.jsonl: its size changed from .* since the run began"):
        run(text, source=tmp_path / "r.yaml")


MEDDLE = '''import os
from pathlib import Path

from curate import Filter


class Meddle(Filter):
    """Cuts a file off while the run is at work."""

    path: str
    """The file."""

    def judge_one(self, text):
        os.truncate(self.path, 3)
        return None
'''


def test_files_that_grow_when_unpacked(tmp_path, together, monkeypatch):
    """What one Parquet file is made of is limited by the documents, not by the bytes on disk."""
    together()
    monkeypatch.setattr(gathering, "HELD_BYTES", 200_000)
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(6):
        line = json.dumps({"text": f"{number} " * 50_000}) + "\n"
        (folder / f"{number}.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    run(recipe_text(folder, tmp_path / "out", "  - normalize"))
    assert units(tmp_path / "out") == 6
    assert output(tmp_path / "out").column("id").to_pylist() == [f"{number}.jsonl.gz#1" for number in range(6)]


def test_times_of_files_count(tmp_path, together):
    """A file written again with the same size is another file."""
    together()
    data = odd_files(tmp_path / "in")
    text = recipe_text(data, tmp_path / "out", "  - normalize", LIMITS)
    run(text)
    file = data / "001.jsonl"
    file.write_text(file.read_text().replace("text 1.1", "TEXT 1.1"))
    os.utime(file, (1, 1))
    run(text)
    assert "This is TEXT 1.1." in output(tmp_path / "out").column("text").to_pylist()
