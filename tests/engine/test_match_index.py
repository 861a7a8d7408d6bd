"""What exact, URL, line and sentence deduplication remember between runs."""

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate.cli.app import app
from curate.errors import RecipeError, StoreError
from tests.engine.corpus import documents, output, recipe_text, run, write_shards

LINE = "This line of a licence is long enough to be compared with all the others."


@pytest.fixture(scope="module")
def rows():
    made = documents(240, seed=4)
    for number, row in enumerate(made):
        if number % 9 == 2:
            row["text"] = f"{LINE}\n{row['text']}"
    return made


def kept(out):
    """id → text of what was written."""
    found = [pq.read_table(path, columns=["id", "text"]).to_pydict() for path in sorted((out / "data").iterdir())]
    return {id: text for table in found for id, text in zip(table["id"], table["text"], strict=True)}


def dropped_by(out):
    ledgers = [pq.read_table(path) for path in sorted((out / "pass-2").glob("*.ledger.parquet"))]
    return [reason for table in ledgers for reason in table["dropped_by"].to_pylist() if reason]


def go(tmp_path, name, rows, stage, shards=3):
    folder = tmp_path / f"in-{name}"
    if not folder.exists():
        write_shards(folder, rows, shards)
    run(recipe_text(folder, tmp_path / name, f"  - {stage}"))
    return tmp_path / name


STAGES = {
    "exact_dedup": "keep: first",
    "url_dedup": "keep: first, url_column: text",
    "line_dedup": "min_chars: 10",
    "sentence_dedup": "sentences: 1, min_words: 0, min_sentences: 0",
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("cuts", [[100], [30, 170]])
def test_one_after_another_is_all_at_once(tmp_path, rows, stage, cuts):
    whole = kept(go(tmp_path, "whole", rows, f"{stage}: {{{STAGES[stage]}}}"))
    found = {}
    for number, (low, high) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        options = f"{STAGES[stage]}, index: {tmp_path / 'index'}"
        found |= kept(go(tmp_path, str(number), rows[low:high], f"{stage}: {{{options}}}", shards=number + 1))
    assert found == whole
    assert len(whole) < len(rows) or any(whole[row["id"]] != row["text"] for row in rows)


def test_what_an_earlier_run_kept_is_kept_whatever_is_preferred(tmp_path, rows):
    options = f"{{keep: best, column: n, index: {tmp_path / 'index'}}}"
    one = go(tmp_path, "1", rows[:120], f"exact_dedup: {options}")
    later = [{**row, "id": f"later-{row['id']}", "n": row["n"] + 1000} for row in rows]
    two = go(tmp_path, "2", later, f"exact_dedup: {options}")
    assert set(dropped_by(two)) == {"exact_dedup/in_index", "exact_dedup/duplicate"}
    texts = set(kept(one).values())
    assert not texts & set(kept(two).values())
    table = pq.read_table(next((two / "pass-2").glob("*.ledger.parquet"))).to_pylist()
    like = next(row["duplicate_of"] for row in table if row["dropped_by"] == "exact_dedup/in_index")
    assert like in kept(one)
    answer = CliRunner().invoke(app, ["dups", str(two), like])
    assert answer.exit_code == 0, answer.output
    assert str(one) in answer.output


def test_again_is_the_same_and_other_options_are_refused(tmp_path, rows):
    stage = f"exact_dedup: {{index: {tmp_path / 'index'}}}"
    one = go(tmp_path, "1", rows[:100], stage)
    before, state = output(one), {p.name: p.read_bytes() for p in (tmp_path / "index").rglob("keys.arrow")}
    go(tmp_path, "1", rows[:100], stage)
    assert output(one) == before
    assert {p.name: p.read_bytes() for p in (tmp_path / "index").rglob("keys.arrow")} == state
    with pytest.raises(RecipeError, match="level: whitespace in the index, raw here"):
        go(tmp_path, "2", rows, f"exact_dedup: {{level: raw, index: {tmp_path / 'index'}}}")
    keys = next((tmp_path / "index").rglob("keys.arrow"))
    keys.write_bytes(keys.read_bytes()[:-100])
    with pytest.raises(StoreError, match="put back a copy of the index"):
        go(tmp_path, "3", rows, stage)
