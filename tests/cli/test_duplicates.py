"""`curate dups` and `curate inspect --clusters`: a group is found by any of its members, and shown as it is."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate import catalog
from curate.cli.app import app
from curate.errors import CurateError
from curate.stage import Global
from tests.engine.corpus import recipe_text, run

LETTERS = "abcdefghijklmnopqrstuvwxyz"
STORY = " ".join(f"word{a}{b} and more of it" for a in "xyz" for b in LETTERS)
ROWS = {
    "k": STORY + " at the very end of a long story",
    "a": STORY.replace("wordxh ", "WORT ") + " at the end of a long story",
    "b": STORY.replace("wordxh ", "mot\x1b[31m "),
    "c": STORY.replace("wordxh ", "mot\x1b[31m "),
    "alone": "something else altogether, which nothing is like",
    "short": "gone",
}
STAGES = """\
  - drop: {column: n, below: 1}
  - exact_dedup: {keep: first, as: twins}
  - minhash_dedup: {keep: longest, threshold: 0.7, bands: 20, rows: 5}
"""


def command(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def said(*words):
    done = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.output)
    return done.stdout


def write(folder, rows):
    folder.mkdir(parents=True)
    items = list(rows.items())
    for part in range(2):
        ids, texts = zip(*items[part::2], strict=True)
        numbers = [0 if text == "gone" else 1 for text in texts]
        pq.write_table(pa.table({"id": ids, "text": texts, "n": numbers}), folder / f"s{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    root = tmp_path_factory.mktemp("dups")
    run(recipe_text(write(root / "in", ROWS), root / "out", STAGES))
    return root / "out"


def groups(*words):
    return [json.loads(line) for line in said(*words, "--json").splitlines()]


def members(group):
    return group["kept"], [member["document"]["id"] for member in group["repeats"]]


def test_a_group_is_found_by_any_of_its_members(out):
    assert {
        id: [members(group) for group in groups("dups", out, id)] for id in ROWS if id not in ("alone", "short")
    } == {
        "k": [("k", ["a", "b"])],
        "a": [("k", ["a", "b"])],
        "b": [("b", ["c"]), ("k", ["b", "a"])],  # asked for: before the others
        "c": [("b", ["c"]), ("k", ["b", "a"])],  # b stands for it
    }
    only = groups("dups", out, "b", "--step", "twins")
    assert [(group["step"], group["size"], *members(group)) for group in only] == [("twins", 2, "b", ["c"])]
    [one] = groups("dups", out, "k", "-n", 1)
    assert (one["size"], len(one["repeats"])) == (3, 1)
    assert one["repeats"][0]["similarity"] >= 0.7


def test_what_is_shown_of_a_group(out):
    told = said("dups", out, "a")
    assert "minhash_dedup: 3 documents, one kept\n" in told
    assert "kept        k  (s0.parquet, row 0)\n    wordxa and more of it wordxb" in told
    assert re.search(r"alike 0\.\d\d  a  \(s1\.parquet, row 0\)  ← asked for\n", told)
    flat = " ".join(told.split())
    assert "… and more of it [-wordxh-]{+WORT+} and more of it …" in flat
    assert "at the [-very-] end of a long story" in flat
    assert "{+mot\\x1b[31m+}" in flat
    assert told.endswith("words: [-only in the kept one-] {+only in the repeat+}\n")
    assert "and 1 more repeat; all: -n 2\n" in said("dups", out, "k", "-n", 1)
    twins = said("dups", out, "c", "--step", "twins")
    assert "dropped later by minhash_dedup" in twins
    assert "    the same text\n" in twins
    assert "only in" not in twins
    whole = " ".join(said("dups", out, "a", "--text").split())
    assert "wordxg and more of it [-wordxh-]{+WORT+} and more of it wordxi" in whole.replace("-] {+", "-]{+")


def test_documents_that_no_other_is_like(out):
    assert said("dups", out, "alone") == "alone: no document like it was found by twins or minhash_dedup\n"
    assert "short: it was dropped before twins or minhash_dedup, by drop: " in said("dups", out, "short")


def test_the_largest_groups(out):
    told = said("inspect", out, "--clusters", "largest")
    assert re.findall(r"^(\w+): (\d) documents", told, re.MULTILINE) == [("twins", "2"), ("minhash_dedup", "3")]
    assert [members(group) for group in groups("inspect", out, "--clusters", "random", "--dropped-by", "twins")] == [
        ("b", ["c"])
    ]
    wrong = command("inspect", out, "--clusters", "biggest")
    assert isinstance(wrong.exception, CurateError)
    assert "largest, random" in str(wrong.exception)


def test_why_names_the_document_that_was_kept(out):
    told = said("why", out, "a")
    assert re.search(r"dropped by minhash_dedup: near_duplicate of k, similarity 0\.\d\d\n", told)
    assert f"\n  compare: curate dups {out} a\n" in told
    assert "dropped by twins: duplicate of b\n" in said("why", out, "c")
    assert f"\n  its repeats: curate dups {out} k\n" in said("why", out, "k")
    assert "curate dups" not in said("why", out, "alone")


def test_what_cannot_be_asked(out, tmp_path):
    unknown = command("dups", out, "nobody")
    assert unknown.exit_code == 1
    assert "no document has the id 'nobody'; ids of this run look like: " in unknown.output
    with pytest.raises(CurateError, match="no step 'x' looks for repeats here; it is: twins, minhash_dedup"):
        CliRunner().invoke(app, ["dups", str(out), "a", "--step", "x"], catch_exceptions=False)
    run(recipe_text(out.parent / "in", tmp_path / "plain", "  - normalize\n"))
    with pytest.raises(CurateError, match=r"no step of this run looks for repeats; .* - minhash_dedup"):
        CliRunner().invoke(app, ["dups", str(tmp_path / "plain"), "a"], catch_exceptions=False)


def test_before_a_step_has_decided(tmp_path, out):
    (tmp_path / "boom.py").write_text(
        'from curate import Filter\n\n\nclass Boom(Filter):\n    """Fails."""\n\n'
        '    def judge_one(self, text):\n        raise RuntimeError("boom")\n'
    )
    with pytest.raises(CurateError, match="boom"):
        run(
            recipe_text(out.parent / "in", tmp_path / "out", "  - ./boom.py\n  - exact_dedup\n"),
            source=tmp_path / "r.yaml",
        )
    with pytest.raises(
        CurateError, match=r"exact_dedup has not decided yet: pass 2 is not complete \(the run: failed\)"
    ):
        CliRunner().invoke(app, ["dups", str(tmp_path / "out"), "a"], catch_exceptions=False)


def test_documents_that_an_earlier_run_kept(tmp_path):
    stages = f"  - minhash_dedup: {{threshold: 0.7, bands: 20, rows: 5, keep: first, index: {tmp_path}/index}}\n"
    for name, rows in (("one", {"k": ROWS["k"], "x": "other"}), ("two", {"a": ROWS["a"], "b": ROWS["b"]})):
        run(recipe_text(write(tmp_path / name, rows), tmp_path / f"out-{name}", stages))
    two = tmp_path / "out-two"
    told = said("dups", two, "b")
    assert "minhash_dedup: 2 documents of this run like one that an earlier run kept\n" in told
    assert f"kept        k  (by an earlier run, in {tmp_path}/out-one)\n" in told
    assert "[-wordxh-]{+mot\\x1b[31m+}" in told.replace("\n    ", " ")
    assert "in_index, like k of an earlier run, similarity 0." in said("why", two, "b")
    assert "2 documents of this run" in said("inspect", two, "--clusters", "largest")
    of_k = said("dups", two, "k")
    assert "2 documents of this run like one that an earlier run kept\n" in of_k
    assert f"k  (by an earlier run, in {tmp_path}/out-one)  ← asked for\n" in of_k
    assert command("dups", two, "x").exit_code == 1
    funnel = said("funnel", two).splitlines()
    assert funnel[-1].startswith(
        "minhash_dedup: 1 group of 3 documents; 2 dropped, 2 of them for what earlier runs kept"
    )
    (tmp_path / "out-one/manifest.json").unlink()
    assert "its text is not there to compare\n" in said("dups", two, "b")


def shorter(text):
    return text.replace("wordxh ", "")


def test_ids_that_are_those_of_several_runs(tmp_path):
    """Made ids are file and row: which run is meant, its number in the index says."""
    story = STORY.replace("word", "tale").replace("more", "less")
    texts = {"one": [STORY, "one alone"], "two": [story, "two alone"], "three": [shorter(STORY), shorter(story)]}
    stages = f"  - minhash_dedup: {{threshold: 0.7, bands: 20, rows: 5, index: {tmp_path}/index}}\n"
    for name, column in texts.items():
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"text": column}), tmp_path / name / "a.parquet")
        later = "  - ./gone.py\n" if name == "two" else ""
        (tmp_path / "gone.py").write_text(
            'from curate import Filter\n\n\nclass Gone(Filter):\n    """Drops all."""\n\n'
            '    def judge_one(self, text):\n        return "gone"\n'
        )
        run(recipe_text(tmp_path / name, tmp_path / f"out-{name}", stages + later), source=tmp_path / "r.yaml")
    three = tmp_path / "out-three"
    for row, (output, text) in enumerate([("one", STORY), ("two", story)]):
        [group] = groups("dups", three, f"a.parquet#{row}")
        assert members(group) == ("a.parquet#0", [f"a.parquet#{row}"])
        assert group["earlier"] == str(tmp_path / f"out-{output}")
        assert group["original"]["text"] == text
        assert (group["size"], group["repeats"][0]["similarity"] > 0.7) == (2, True)
    assert "(by an earlier run, in " in said("dups", three, "a.parquet#0")
    assert "dropped later by" not in said("dups", three, "a.parquet#0")
    assert "out-two)  dropped later by gone\n" in said("dups", three, "a.parquet#1")
    assert len(groups("inspect", three, "--clusters", "largest")) == 2
    stages_before = "  - ./gone.py\n" + stages  # that run again, and now it does not keep the document
    run(recipe_text(tmp_path / "two", tmp_path / "out-two", stages_before), source=tmp_path / "r.yaml")
    [group] = groups("dups", three, "a.parquet#1")
    assert group["original"] is None
    assert "out-two)  its text is not there to compare\n" in said("dups", three, "a.parquet#1")
    for part in (three / "artifacts/minhash_dedup").glob("*.parquet"):
        part.unlink()
    with pytest.raises(CurateError, match=r"000\.parquet: it is gone, though the run is past that decision"):
        CliRunner().invoke(app, ["dups", str(three), "a.parquet#1"], catch_exceptions=False)


@pytest.mark.parametrize("name", catalog.names())
def test_stages_name_columns_that_they_write(name):
    kind = catalog.stage_class(name)
    grouping = kind.grouping if issubclass(kind, Global) else None
    if grouping is not None:
        assert {grouping.kept, grouping.size, grouping.similarity} - {None} <= set(kind.writes)
    else:
        assert not any(column.endswith(("duplicate_of", "same_url_as")) for column in kind.writes)


def test_commands_that_are_shown_steer_no_terminal():
    from curate.cli.group_pages import compare

    told = compare("out", "\x1b]0;owned\x07it's\u202e\\ a")
    assert told.isprintable()
    assert told == r"curate dups out $'\x1b]0;owned\x07it\x27s\xe2\x80\xae\x5c a'"
    assert compare("out", "it's a") == "curate dups out 'it'\"'\"'s a'"
