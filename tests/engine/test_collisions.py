"""Awkward corpora and recipes: names that the engine uses itself, odd ids and types, and steps in every order."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import RecipeError
from curate.report.facts import Run
from curate.store.shards import CHUNK_BYTES
from tests.engine.corpus import WORDS, documents, output, run, write_shards
from tests.own_stages import write_stages

GLOBALS = "\n  - exact_dedup\n  - keep_best: {column: n, share: 0.9}"


def finish(tmp_path, stages, *, input="", **settings):
    """Run over tmp_path/in → (documents kept, books); checks that the books add up."""
    text = f"input: {{paths: {tmp_path / 'in'}{input}}}\noutput: {{path: {tmp_path / 'out'}, shard_size: 40kB}}\n"
    done = run(f"{text}stages:\n  - {stages}\n", source=tmp_path / "recipe.yaml", **settings)
    assert done.exit_code == 0
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    books, kept = manifest["accounting"], output(tmp_path / "out")
    assert books["unreadable"] == 0
    assert books["documents_in"] == books["documents_out"] + books["dropped"]
    assert books["documents_out"] == kept.num_rows == manifest["output"]["rows"]
    assert sum(books["by_reason"].values()) == books["dropped"]
    for before, after in pairwise(done.funnel):
        assert before.documents_out == after.documents_in
    return kept, books


def write(tmp_path, **tables):
    """Tables as tmp_path/in/<name>.parquet."""
    (tmp_path / "in").mkdir(exist_ok=True)
    for name, table in tables.items():
        pq.write_table(table, tmp_path / f"in/{name}.parquet")


def texts(n, start=0):
    return [f"  Text  number {i}, and no other.\r\n" for i in range(start, start + n)]


def normal(n, start=0):
    return [text.strip().replace("\r\n", "\n") for text in texts(n, start)]


# Names. Every one is that of a column which curate has in its batches, its ledgers, its evidence or its artifacts.

OURS = {
    "at": pa.array([3, 1, 4, 1], pa.int8()),
    "_chars": pa.array(["a", None, "c", "d"]),
    "_bytes": pa.array([b"\xff", b"", None, b"x"]),
    "row": pa.array([9.5, None, -1.0, 0.0]),
    "document": pa.array([2**64 - 1, 0, 1, 2], pa.uint64()),
    "key": pa.array([0.4, 0.3, 0.2, 0.1], pa.float32()),
    "place": pa.array([[1], [], None, [2, 3]], pa.list_(pa.int16())),
    "dropped_by": pa.array(["someone", None, "", "sample/not_sampled"]),
    "language": pa.array(["en", "de", None, "en"]).dictionary_encode(),
    "check": pa.array([True, None, False, True]),
    "weight": pa.array([1, 2, 3, None], pa.int64()),
    "tie": pa.array([{"x": 1}, {"x": None}, None, {"x": 4}]),
    "kept": pa.array([False, False, False, False]),
    "copies": pa.array([7, 7, 7, 7], pa.int32()),
    "curate:chars": pa.array([-1, -2, -3, -4]),
    "curate:bytes": pa.array(["b", "y", "t", "e"]),
    "curate:place": pa.array([40, 30, 20, 10], pa.int16()),
}
FOUR = pa.table({"id": ["a", "b", "c", "d"], "text": texts(4), **OURS})


def same_but_for_text(got, expected):
    for field in expected.schema:
        assert got.schema.field(field.name).type == field.type, field.name
        wanted = [t.strip() for t in expected["text"].to_pylist()] if field.name == "text" else None
        assert got[field.name].to_pylist() == (wanted or expected[field.name].to_pylist()), field.name


def test_columns_of_any_name_come_out_as_they_went_in(tmp_path):
    write(tmp_path, one=FOUR)
    stages = "normalize\n  - exact_dedup\n  - keep_best: {column: key, share: 0.6}\n  - normalize"
    got, books = finish(tmp_path, stages)
    assert books["by_reason"] == {"keep_best/below_threshold": 1}
    same_but_for_text(got, FOUR.slice(0, 3))
    assert got.column_names == [*FOUR.column_names, "exact_dedup_copies", "duplicate_of"]


@pytest.mark.parametrize("before", ["", "exact_dedup\n  - "], ids=["first pass", "after a global"])
@pytest.mark.parametrize(
    ("name", "condition", "kept"),
    [
        ("at", "above: 2", "bd"),
        ("_chars", "in: [c]", "abd"),
        ("row", "below: 0", "abd"),
        ("document", "above: 18446744073709551614", "bcd"),
        ("key", "below: 0.15", "abc"),
        ("dropped_by", "in: [someone]", "bcd"),
        ("language", "not_in: [de]", "bc"),
    ],
)
def test_stages_read_columns_of_these_names(tmp_path, before, name, condition, kept):
    write(tmp_path, one=FOUR)
    got, _ = finish(tmp_path, f"{before}drop: {{column: '{name}', {condition}, missing: keep}}\n  - normalize")
    same_but_for_text(got, FOUR.filter(pa.array([i in kept for i in "abcd"])))


@pytest.mark.parametrize("name", ["curate:chars", "curate:bytes", "curate:place"])
def test_the_working_columns_are_not_for_stages(tmp_path, name):
    write(tmp_path, one=FOUR)
    with pytest.raises(RecipeError, match=f"reads column '{name}', but that name is curate's own"):
        finish(tmp_path, f"exact_dedup\n  - drop: {{column: '{name}', in: [1], missing: keep}}")


def test_a_global_may_decide_by_columns_of_these_names(tmp_path):
    write(tmp_path, one=FOUR)
    stages = (
        "keep_best: {column: document, share: 0.25}\n"
        "  - keep_best: {column: at, budget: 3, by: tokens, tokens_column: 'at'}"
    )
    got, books = finish(tmp_path, stages)
    assert got["id"].to_pylist() == ["a"]
    assert books["by_reason"]["keep_best/below_threshold"] == 2


def test_these_names_may_be_missing_from_a_shard(tmp_path):
    write(tmp_path, one=FOUR, two=pa.table({"id": ["e"], "text": texts(1, 4)}))
    got, _ = finish(tmp_path, "exact_dedup\n  - drop: {column: row, below: 0, missing: keep}\n  - normalize")
    assert got["id"].to_pylist() == ["a", "b", "d", "e"]
    for name, given in OURS.items():
        assert got[name].to_pylist() == [*given.take([0, 1, 3]).to_pylist(), None], name


def test_a_stage_that_would_write_a_column_of_the_input_says_how_not_to(tmp_path):
    write(tmp_path, one=FOUR)
    with pytest.raises(RecipeError) as caught:
        finish(tmp_path, "language: {}")
    assert str(caught.value).endswith(
        "recipe.yaml:4: stage 1 'language' writes column 'language', which the input has already; name this step, as in"
        " as: language_2, and it writes 'language_2_language' and so on"
    )


@pytest.mark.parametrize("other", [pa.array(["u", "v", None]), pa.array([1, 2, 3]), pa.array([[1], [], None])])
@pytest.mark.parametrize("around", ["", GLOBALS])
def test_the_text_in_one_column_and_another_column_named_text(tmp_path, other, around):
    table = pa.table({"text": other, "id": ["a", "b", "c"], "content": texts(3), "n": [1, 2, 3]})
    write(tmp_path, one=table)
    got, _ = finish(
        tmp_path, f"normalize{around}\n  - drop: {{column: text, in: ['{normal(1, 1)[0]}']}}", input=", text: content"
    )
    alive = [0, 2]
    assert got["text"].type == other.type
    assert got["text"].to_pylist() == other.take(alive).to_pylist()
    assert got["content"].to_pylist() == [normal(3)[i] for i in alive]
    assert got["id"].to_pylist() == ["a", "c"]
    assert Run(tmp_path / "out").find("c").text == normal(3)[2]


def test_the_ids_in_one_column_and_another_column_named_id(tmp_path):
    write(tmp_path, one=pa.table({"id": [7, 7, 7], "name": ["a", "b", "c"], "text": texts(3)}))
    got, _ = finish(tmp_path, "exact_dedup\n  - normalize", input=", id: name")
    assert got["id"].type == pa.int64()
    assert got.select(["id", "name"]).to_pylist() == [{"id": 7, "name": name} for name in "abc"]


@pytest.mark.parametrize("name", ["row", "dropped_by", "document", "key", "place", "at", "text", "curate:place"])
def test_ids_in_a_column_of_these_names(tmp_path, name):
    write(tmp_path, one=pa.table({name: ["a", None, "c"], "content": texts(3)}), two=pa.table({"content": texts(1, 3)}))
    stages = "normalize\n  - exact_dedup\n  - drop: {column: id, in: [c]}\n  - normalize"
    got, _ = finish(tmp_path, stages, input=f", text: content, id: '{name}'")
    assert got.column_names == [name, "content", "exact_dedup_copies", "duplicate_of"]
    assert got[name].to_pylist() == ["a", "one.parquet#1", "two.parquet#0"]
    assert got["content"].to_pylist() == [normal(4)[i] for i in (0, 1, 3)]


@pytest.mark.parametrize("name", ["row", "dropped_by", "document", "key", "place", "at", "id", "curate:bytes"])
def test_texts_in_a_column_of_these_names(tmp_path, name):
    write(tmp_path, one=pa.table({"name": ["a", "b", "c"], name: texts(3), "text": [1, 2, 3]}))
    stages = f"normalize\n  - exact_dedup\n  - drop: {{column: text, in: ['{normal(3)[1]}']}}\n  - normalize"
    got, _ = finish(tmp_path, stages, input=f", text: '{name}', id: name")
    assert got.select(["name", name, "text"]).to_pylist() == [
        {"name": "a", name: normal(3)[0], "text": 1},
        {"name": "c", name: normal(3)[2], "text": 3},
    ]


@pytest.mark.parametrize("label", ["ledger", "text", "evidence", "row", "document", "data", "manifest"])
def test_steps_of_any_name(tmp_path, label):
    write(tmp_path, one=pa.table({"id": list("abcd"), "text": [*texts(3), *texts(1)], "n": range(4)}))
    best = f"keep_best: {{column: n, share: 0.5, as: {label}_2}}"
    got, books = finish(tmp_path, f"exact_dedup: {{keep: first, as: {label}}}\n  - {best}\n  - normalize")
    assert got["id"].to_pylist() == ["b", "c"]
    assert books["by_reason"] == {f"{label}/duplicate": 1, f"{label}_2/below_threshold": 1}
    assert got.column_names[3:] == [f"{label}_exact_dedup_copies", f"{label}_duplicate_of"]


@pytest.mark.parametrize("label", ["ids", "quarantine"])
def test_names_of_steps_that_the_books_use(tmp_path, label):
    write(tmp_path, one=FOUR)
    with pytest.raises(RecipeError, match=f"as = {label}; curate uses that name itself, choose another one"):
        finish(tmp_path, f"exact_dedup: {{as: {label}}}")


# Ids.


def test_ids_that_are_integers(tmp_path):
    write(tmp_path, one=pa.table({"id": [30, 10, -2], "text": texts(3)}))
    got, books = finish(tmp_path, "exact_dedup\n  - drop: {column: id, in: ['10']}")
    assert got["id"].type == pa.int64()
    assert got["id"].to_pylist() == [30, -2]
    assert books["by_reason"] == {"drop/id_in": 1}
    assert Run(tmp_path / "out").find("10").dropped_by == "drop/id_in"
    with pytest.raises(RecipeError, match=r'column \'id\' is large_string; `in: \[10\]` .*; did you mean \["10"\]\?'):
        finish(tmp_path, "drop: {column: id, in: [10]}")


@pytest.mark.parametrize(
    ("given", "expected", "kind"),
    [
        (pa.array([30, None, 10]), ["30", "one.parquet#1", "10"], pa.string()),
        (pa.array(["x", None, "y"]), ["x", "one.parquet#1", "y"], pa.string()),
        (pa.array(["x", None, "y"], pa.large_string()), ["x", "one.parquet#1", "y"], pa.large_string()),
        (pa.nulls(3, pa.int64()), [f"one.parquet#{i}" for i in range(3)], pa.string()),
        (pa.nulls(3), [f"one.parquet#{i}" for i in range(3)], pa.string()),
    ],
)
def test_documents_whose_id_is_null_are_given_one(tmp_path, given, expected, kind):
    write(
        tmp_path,
        one=pa.table({"id": given, "text": texts(3)}),
        two=pa.table({"id": given.slice(0, 0), "text": pa.array([], pa.string())}),
    )
    got, _ = finish(tmp_path, "normalize\n  - exact_dedup")
    assert got["id"].to_pylist() == expected
    assert got["id"].type == kind
    assert Run(tmp_path / "out").find("one.parquet#1").text == normal(3)[1]


@pytest.mark.parametrize("ids", [pa.array(["x", "y"]), pa.array([8, 9])])
@pytest.mark.parametrize("lacking", ["a", "z"])
def test_ids_in_one_of_two_shards_alone(tmp_path, ids, lacking):
    write(tmp_path, m=pa.table({"id": ids, "text": texts(2)}), **{lacking: pa.table({"text": texts(2, 2)})})
    got, _ = finish(tmp_path, "normalize\n  - exact_dedup")
    given, made = [str(i) for i in ids.to_pylist()], [f"{lacking}.parquet#{i}" for i in range(2)]
    assert got["id"].type == pa.string()
    assert got["id"].to_pylist() == (made + given if lacking == "a" else given + made)
    assert got["text"].to_pylist() == (normal(2, 2) + normal(2) if lacking == "a" else normal(4))


# Types of the text.


@pytest.mark.parametrize("around", ["normalize", "normalize\n  - exact_dedup\n  - normalize", "exact_dedup"])
@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.large_string())]
)
def test_text_however_it_is_stored(tmp_path, kind, around):
    given = pa.array([*texts(3), texts(1)[0], ""]).cast(kind)
    write(tmp_path, one=pa.table({"id": list("abcde"), "text": given}))
    got, books = finish(tmp_path, around)
    dropped = int("dedup" in around)
    kept = {"a": 0, "b": 1, "c": 2, "d": 0}
    before = normal(3) if "normalize" in around else texts(3)
    assert got["text"].type == pq.read_schema(tmp_path / "in/one.parquet").field("text").type
    rows = dict(zip(got["id"].to_pylist(), got["text"].to_pylist(), strict=True))
    assert books["by_reason"].get("exact_dedup/duplicate", 0) == dropped
    assert rows.pop("e", "") == ""
    assert rows == {i: before[kept[i]] for i in rows}
    assert len(rows) == 4 - dropped


@pytest.mark.parametrize("around", ["", "exact_dedup\n  - "])
def test_views_beside_the_text(tmp_path, around):
    table = pa.table(
        {
            "id": list("abcd"),
            "text": texts(4),
            "seen": pa.array(["x", "y", None, "y"]).cast(pa.string_view()),
            "unseen": pa.array([b"1", b"2", None, b"4"]).cast(pa.binary_view()),
            "inside": pa.array([["p"], [], None, ["q"]], pa.list_(pa.string_view())),
        }
    )
    write(tmp_path, one=table)
    stages = (
        f"{around}drop: {{column: seen, in: [x], missing: keep}}\n  - sample: {{share: 1, by: seen}}\n  - normalize"
    )
    got, _ = finish(tmp_path, stages)
    same_but_for_text(got, table.slice(1))


@pytest.mark.parametrize("around", ["normalize", "normalize\n  - exact_dedup\n  - normalize", "exact_dedup"])
def test_text_stored_as_views(tmp_path, around):
    write(tmp_path, one=pa.table({"id": list("abcd"), "text": pa.array(texts(4)).cast(pa.string_view())}))
    got, _ = finish(tmp_path, f"drop: {{column: id, in: [b]}}\n  - {around}")
    assert got["text"].type == pa.string_view()
    assert [text.strip() for text in got["text"].to_pylist()] == [normal(4)[i] for i in (0, 2, 3)]


def test_text_stored_in_one_way_here_and_in_another_there(tmp_path):
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    tables = {
        f"t{i}": pa.table({"id": [f"d{i}"], "text": pa.array(texts(1, i)).cast(kind)}) for i, kind in enumerate(kinds)
    }
    write(tmp_path, **tables)
    got, _ = finish(tmp_path, "exact_dedup\n  - normalize")
    assert got["text"].type == pa.large_string()
    assert got["text"].to_pylist() == normal(3)


# Orders of steps.


@pytest.fixture(scope="module")
def rows():
    return documents(150)


def plain_best(rows, share):
    """keep_best by documents, in plain Python; scores are all different."""
    order = sorted((row["n"] for row in rows), reverse=True)
    limit = order[min(int(share * len(order) + 1e-9), len(order) - 1)]
    return [row for row in rows if row["n"] >= limit]


def test_several_globals_in_a_row_and_at_both_ends(tmp_path, rows):
    write_shards(tmp_path / "in", rows, 3)
    stages = "\n  - ".join(f"keep_best: {{column: n, share: {share}}}" for share in (0.9, 0.8, 0.5))
    got, books = finish(tmp_path, stages)
    expected = plain_best(plain_best(plain_best(rows, 0.9), 0.8), 0.5)
    assert got.select(["id", "text", "n", "tags"]).to_pylist() == expected
    assert set(books["by_reason"]) == {f"keep_best{n}/below_threshold" for n in ("", "-2", "-3")}
    assert sorted(path.name for path in (tmp_path / "out").glob("pass-[1-9]")) == [f"pass-{n}" for n in (1, 2, 3, 4)]


def test_one_global_and_nothing_else(tmp_path, rows):
    write_shards(tmp_path / "in", rows, 3)
    got, books = finish(tmp_path, "exact_dedup: {level: raw, keep: first}")
    first = {row["text"]: row["id"] for row in reversed(rows)}
    assert got["id"].to_pylist() == [row["id"] for row in rows if first[row["text"]] == row["id"]]
    assert set(got["duplicate_of"].to_pylist()) == {None}
    assert books["by_reason"] == {"exact_dedup/duplicate": 150 - len(first)}


def test_the_same_stage_three_times(tmp_path, rows):
    write_shards(tmp_path / "in", rows, 2)
    seeds = "\n  - ".join(f"sample: {{share: 0.8, seed: {seed}}}" for seed in (1, 2, 3))
    dedup = "\n  - ".join(
        f"exact_dedup: {{level: {level}, as: d_{level}}}" for level in ("raw", "whitespace", "simplified")
    )
    got, books = finish(tmp_path, f"{seeds}\n  - {dedup}")
    assert {"sample/not_sampled", "sample-2/not_sampled", "sample-3/not_sampled"} <= set(books["by_reason"])
    assert got.column_names[4:] == [
        f"d_{level}_{name}"
        for level in ("raw", "whitespace", "simplified")
        for name in ("exact_dedup_copies", "duplicate_of")
    ]
    assert max(got["d_raw_exact_dedup_copies"].to_pylist()) > 1
    (tmp_path / "second").mkdir()
    (tmp_path / "second/in").symlink_to(tmp_path / "in")
    one_step, _ = finish(tmp_path / "second", seeds.split("\n")[0])
    assert set(got["id"].to_pylist()) < set(one_step["id"].to_pylist())
    with pytest.raises(RecipeError, match=r"stage 2 'exact_dedup-2' writes columns .* as stage 1 'exact_dedup' does"):
        finish(tmp_path, "exact_dedup\n  - exact_dedup")


def test_texts_rewritten_before_and_after_a_global(tmp_path, rows):
    write_shards(tmp_path / "in", rows, 3)
    write_stages(tmp_path)
    (tmp_path / "first_line.py").write_text(
        "from curate import Rewrite\n\n\nclass FirstLine(Rewrite):\n"
        '    """Keep the first line of texts of an even length, and nothing of those with an é."""\n\n'
        "    def rewrite_one(self, text):\n"
        "        return None if 'é' in text else text.split('\\n')[0] if len(text) % 2 == 0 else text\n"
    )
    got, books = finish(
        tmp_path,
        "./lower.py\n  - exact_dedup: {level: raw, keep: first}\n  - ./first_line.py\n"
        "  - keep_best: {column: n, share: 0.5, by: characters}\n  - ./lower.py",
    )
    seen, unique = set(), []
    for row in rows:
        text = row["text"].lower()
        if text not in seen:
            seen.add(text)
            unique.append(row | {"text": text})
    cut = [
        row | {"text": row["text"].split("\n")[0] if len(row["text"]) % 2 == 0 else row["text"]}
        for row in unique
        if "é" not in row["text"]
    ]
    total, running, best = sum(len(row["text"]) for row in cut), 0, []
    for row in reversed(cut):
        best.append(row)
        running += len(row["text"])
        if running > total * 0.5:
            break
    assert got.select(["id", "text"]).to_pylist() == [{k: row[k] for k in ("id", "text")} for row in reversed(best)]
    assert books["by_reason"] == {
        "exact_dedup/duplicate": len(rows) - len(unique),
        "first_line/empty": len(unique) - len(cut),
        "keep_best/below_threshold": len(cut) - len(best),
    }


# Nothing, and a lot.


@pytest.mark.parametrize("after", ["", "\n  - normalize", GLOBALS, GLOBALS + "\n  - normalize"])
@pytest.mark.parametrize("before", ["", "normalize\n  - exact_dedup: {as: early}\n  - "])
def test_all_documents_dropped(tmp_path, before, after):
    write_shards(tmp_path / "in", documents(20), 2)
    got, books = finish(tmp_path, f"{before}drop: {{column: n, above: -1}}{after}")
    assert got.num_rows == 0
    assert books["documents_in"] == books["dropped"] == 20
    assert got.schema.field("tags").type == pa.list_(pa.int32())
    assert got.column_names[:4] == ["id", "text", "n", "tags"]
    assert ("exact_dedup_copies" in got.column_names) == bool("exact_dedup" in after)


@pytest.mark.parametrize("stages", ["normalize", "exact_dedup", "normalize\n  - exact_dedup\n  - normalize"])
def test_an_input_without_any_document(tmp_path, stages):
    write(tmp_path, one=FOUR.slice(0, 0))
    got, books = finish(tmp_path, stages)
    assert books["documents_in"] == got.num_rows == 0
    assert got.column_names[: FOUR.num_columns] == FOUR.column_names
    assert got.schema.field("place").type == FOUR.schema.field("place").type


def test_a_file_without_rows_and_one_with_empty_row_groups(tmp_path):
    table = pa.table({"id": list("abcd"), "text": texts(4), "n": range(4)})
    write(tmp_path, a=table.slice(0, 0))
    with pq.ParquetWriter(tmp_path / "in/b.parquet", table.schema) as writer:
        for part in (table.slice(0, 0), table.slice(0, 1), table.slice(0, 0), table.slice(1, 3), table.slice(0, 0)):
            writer.write_table(part)
    assert [pq.ParquetFile(tmp_path / "in/b.parquet").metadata.row_group(i).num_rows for i in range(5)] == [
        0,
        1,
        0,
        3,
        0,
    ]
    got, books = finish(tmp_path, "normalize\n  - exact_dedup\n  - keep_best: {column: n, share: 0.5}\n  - normalize")
    assert got.select(["id", "text", "n"]).to_pylist() == [
        {"id": i, "text": text, "n": n} for i, text, n in list(zip("abcd", normal(4), range(4), strict=True))[1:]
    ]
    assert books["documents_in"] == 4


def test_one_document_larger_than_a_batch(tmp_path):
    chance = random.Random(9)
    line = " ".join(chance.choices(WORDS, k=4000)) + "  \r\n"
    huge = line * (9_000_000 // len(line) + 1)
    assert len(huge) > max(CHUNK_BYTES, 9_000_000)
    small = texts(6)
    given = [small[0], huge, *small[1:4], huge + "x", *small[4:]]
    write(tmp_path, one=pa.table({"id": [f"d{i}" for i in range(8)], "text": given, "n": range(8)}))
    got, books = finish(
        tmp_path, "normalize\n  - exact_dedup\n  - keep_best: {column: n, share: 0.99, by: characters}\n  - normalize"
    )
    whole = "\n".join([line.rstrip()] * huge.count("\n"))
    expected = [*normal(6)[:1], whole, *normal(6)[1:4], whole + "\nx", *normal(6)[4:]]
    assert got["id"].to_pylist() == [f"d{i}" for i in range(1, 8)]
    assert got["text"].to_pylist() == expected[1:]
    assert books["by_reason"] == {"keep_best/below_threshold": 1}
