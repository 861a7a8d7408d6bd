"""`why`, `inspect` and `funnel`: what is said is so, and nothing of the web steers the terminal."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curate.cli.app import app
from curate.cli.escapes import on_one_line, visible
from curate.errors import CurateError
from tests.engine.corpus import documents, recipe_text, run, write_shards

LENIENT = "on_bad_input: {max_documents: 100%, max_shards: 9}"
BOOM = '''from curate import Filter


class Boom(Filter):
    """Fails on a document of the second shard."""

    def judge_one(self, text):
        if "café" in text:
            raise RuntimeError("boom")
        return None
'''


def said(*words):
    """What a command prints on standard output, which is all it may print."""
    done = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def half(tmp_path):
    """→ a function that runs stages until one fails, over two units; the output folder."""
    (tmp_path / "boom.py").write_text(BOOM)
    rows = documents(60)
    for row in rows[:30]:
        row["text"] = str(row["text"]).replace("café", "coffee")
    data = write_shards(tmp_path / "in", rows, 2)

    def go(stages):
        with pytest.raises(CurateError, match="boom"):
            run(recipe_text(data, tmp_path / "out", stages), source=tmp_path / "r.yaml")

    return go, tmp_path / "out", data


def test_a_run_that_stopped_after_a_pass(half):
    go, out, _ = half
    go("  - exact_dedup\n  - ./boom.py\n")
    told = said("why", out, "d00001")
    assert "still in after pass 1 of 3; the run is not complete" in told
    assert "kept" not in told
    assert "still in after pass 1 of 3" in said("inspect", out, "-n", 1)
    assert json.loads(said("inspect", out, "-n", 1, "--json"))["kept"] is None


def test_a_run_that_stopped_in_its_first_pass(half):
    go, out, _ = half
    go("  - ./boom.py\n")
    assert "not decided yet: pass 1 of 2 is not complete" in said("why", out, "d00001")
    told = said("why", out, "d00031")
    assert "not read yet: pass 1 of 2 is not complete, and its unit 00001 has not been done" in told
    nothing = CliRunner().invoke(app, ["inspect", str(out)])
    assert nothing.exit_code == 1
    assert "pass 1 of 2 is not complete: nothing is decided of any document" in nothing.output


def test_data_of_an_earlier_run_is_called_so(half):
    go, out, data = half
    run(recipe_text(data, out, "  - exact_dedup\n"))
    assert "earlier" not in said("funnel", out)
    go("  - ./boom.py\n")
    assert said("funnel", out).splitlines()[-2:] == ["the run is not complete: failed", "data/ is of an earlier run"]
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "passes": {"1": {}}}))
    assert said("funnel", out).endswith("data/ is of an earlier run, or but a part of this one\n")


def test_why_names_the_shard_of_a_kept_document(tmp_path):
    data = write_shards(tmp_path / "in", documents(200), 2)
    run(recipe_text(data, tmp_path / "out", "  - normalize\n"))
    shards = sorted((tmp_path / "out/data").glob("*.parquet"))
    assert len(shards) > 1
    last = pq.read_table(shards[-1]).column("id")[0].as_py()
    assert f"kept, in data/{shards[-1].name}" in said("why", tmp_path / "out", last)


def test_why_names_the_limit_and_the_number(tmp_path):
    data = write_shards(tmp_path / "in", documents(40), 2)
    stages = "  - drop: {column: n, below: 9}\n  - keep_best: {column: n, share: 0.5}\n"
    run(recipe_text(data, tmp_path / "out", stages))
    assert "\n  the rule: dropped if n < 9; here it is 3\n" in said("why", tmp_path / "out", "d00003")
    found = json.loads((tmp_path / "out/artifacts/keep_best.json").read_text())["artifact"]["threshold"]
    told = said("why", tmp_path / "out", "d00010")
    assert f"\n  the rule: dropped if n < {float(found):g}; here it is 10\n" in told


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A run that kept all kinds of rows aside → its output folder."""
    root = tmp_path_factory.mktemp("bad")
    (root / "in").mkdir()
    table = pa.table({"id": ["a", "b", "b", "c"], "text": ["one", "two", "three", None]})
    pq.write_table(table, root / "in/s.parquet")
    (root / "in/t.jsonl").write_bytes(b'{"id": "j", "text": "fine"}\n{"id": "k\x1b[31m", "te\n')
    (root / "in/u.parquet").write_bytes(b"no parquet")
    assert run(recipe_text(root / "in", root / "out", "  - normalize\n", LENIENT)).exit_code == 3
    return root / "out"


def test_why_shows_a_second_row_with_the_same_id(bad):
    told = said("why", bad, "b")
    assert "kept, in data/00000.parquet" in told
    assert "kept aside: s.parquet, row 2: duplicate_id: " in told
    assert "kept aside: s.parquet, row 3: null_text: the text is null" in said("why", bad, "c")


def test_inspect_shows_what_is_in_quarantine(bad):
    told = said("inspect", bad, "--dropped-by", "quarantine")
    assert "None" not in told
    for line in (
        "u.parquet\nnot read: not_parquet: it is not Parquet",
        "s.parquet, row 2  (b)\nkept aside: duplicate_id: ",
        "s.parquet, row 3  (c)\nkept aside: null_text: the text is null",
        "t.jsonl, line 2, byte 28\nkept aside: broken_json: ",
        r'  │ {"id": "k\x1b[31m", "te',
        "documents in quarantine: broken_json 1, duplicate_id 1, null_text 1",
    ):
        assert line in told
    one = said("inspect", bad, "--dropped-by", "quarantine/null_text")
    assert "s.parquet, row 3" in one
    assert "row 2" not in one
    rows = [json.loads(line) for line in said("inspect", bad, "--dropped-by", "quarantine", "--json").splitlines()]
    assert [row["file"] for row in rows] == ["u.parquet", "t.jsonl", "s.parquet", "s.parquet"]
    assert rows[1]["raw"] == '{"id": "k\x1b[31m", "te'
    assert CliRunner().invoke(app, ["inspect", str(bad), "--dropped-by", "quarantine/nothing"]).exit_code == 1


def test_the_funnel_says_how_to_look_at_the_quarantine(bad):
    look = f"look: curate inspect {bad} --dropped-by quarantine"
    assert said("funnel", bad).endswith(f"3 documents could not be read, kept aside; {look}\n")


HOSTILE = "\x1b]0;owned\x07 \x1b[31mred\x00\x9b2J\x7f\r\u202e :red_circle: [bold]tag[/bold]\ttab\nline\u2028x"


def test_nothing_in_a_document_steers_the_terminal(tmp_path):
    (tmp_path / "in").mkdir()
    row = {"id": f"i{HOSTILE}", "text": HOSTILE, "u\x1b[2J": HOSTILE, "keys": {"k\x1b": 1}}
    pq.write_table(pa.Table.from_pylist([row, {**row, "text": None}]), tmp_path / "in/s\x1b[31m.parquet")
    run(recipe_text(tmp_path / "in", tmp_path / "out", "  - exact_dedup\n", LENIENT))
    told = [
        said("why", tmp_path / "out", row["id"]),
        said("inspect", tmp_path / "out", "--text"),
        said("inspect", tmp_path / "out", "--dropped-by", "quarantine"),
        CliRunner().invoke(app, ["why", str(tmp_path / "out"), "\x1bnobody"]).output,
    ]
    for text in told:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202e]", text)
        assert r"\x1b" in text
    assert (
        "  │ \\x1b]0;owned\\x07 \\x1b[31mred\\x00\\x9b2J\\x7f\\r\\u202e :red_circle: [bold]tag[/bold]\ttab\n" in told[0]
    )
    assert "  │ line\\u2028x\n" in told[0]
    assert json.loads(said("inspect", tmp_path / "out", "--json"))["text"] == HOSTILE


@given(st.text())
def test_what_is_shown_can_always_be_written_and_is_otherwise_the_same(text):
    shown = visible(text)
    shown.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    if text.isprintable():
        assert shown == text
    assert len(on_one_line(text).splitlines()) <= 1


def test_the_funnel_says_what_the_global_steps_decided(tmp_path):
    (tmp_path / "in").mkdir()
    letters = [a + b for a in "abcdefghi" for b in "abcdefghi"][:80]
    texts = [" ".join([*(f"word{one}" for one in letters), "only", last]) for last in letters] + ["something else"]
    pq.write_table(pa.table({"id": [f"d{i}" for i in range(81)], "text": texts}), tmp_path / "in/a.parquet")
    stages = "  - exact_dedup\n  - minhash_dedup\n  - keep_best: {column: cluster_size, share: 0.4}\n"
    text = recipe_text(tmp_path / "in", tmp_path / "out", stages)
    for _ in range(2):  # and when the decisions are those of before
        run(text)
        notes = said("funnel", tmp_path / "out").splitlines()[-3:]
        assert notes[0].startswith("minhash_dedup: 1 group of 80 documents; 79 dropped; ")
        assert re.match(r"warning: minhash_dedup: \d+ keys are shared by more .* by (7|8)\d; it is", notes[1])
        assert notes[2] == "keep_best: cluster_size >= 80: 1 of 2 (50.0%) documents"
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [decision["label"] for decision in manifest["decisions"]] == ["minhash_dedup", "keep_best"]
