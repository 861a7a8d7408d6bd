"""Nightly runs when somebody moved, renamed, touched, removed or changed what they go by."""

import json
import os
import shutil

import pyarrow.parquet as pq
import pytest

from curate import recipe as recipes
from curate.engine import driver, generations
from curate.engine.events import NothingNew, Resolved, Warned
from curate.errors import BadInput, RecipeError, StoreError
from curate.executors import Inline
from tests.engine.corpus import documents

EXACT = "\n  - exact_dedup: {keep: first}"
BEST = "\n  - keep_best: {column: n, share: 0.5}"
ROWS = documents(120, seed=3)


def put(path, rows):
    """A file of JSON lines; without ids of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": row["text"], "n": row["n"]}) + "\n" for row in rows))


def run(folder, stages=EXACT, incremental="true", paths="[in]", said=None):
    places = "[" + ", ".join(str(folder / one.strip()) for one in paths.strip("[]").split(",")) + "]"
    recipe = recipes.loads(
        f"input: {{paths: {places}}}\noutput: {folder / 'out'}\nincremental: {incremental}\nstages:{stages}"
    )
    return generations.run(recipe, Inline(), (said.append if said is not None else lambda event: None))


def entries(folder):
    return json.loads((folder / "out/manifest.json").read_text())["generations"]


def taken(folder):
    """Documents that each generation took."""
    return [one["accounting"]["documents_in"] for one in entries(folder)]


def warnings(said):
    """But for that documents have no ids."""
    return [event.text for event in said if isinstance(event, Warned) and "column 'id'" not in event.text]


def ids(folder):
    return [
        id for path in sorted((folder / "out/data").rglob("*.parquet")) for id in pq.read_table(path)["id"].to_pylist()
    ]


def test_a_root_that_brings_a_name_in_use_brings_nothing_else_again(tmp_path):
    put(tmp_path / "a/s0.jsonl", ROWS[:10])
    put(tmp_path / "b/s1.jsonl", ROWS[10:15])
    run(tmp_path, paths="[a, b]")
    put(tmp_path / "b/s0.jsonl", ROWS[15:20])
    run(tmp_path, paths="[a, b]")
    assert taken(tmp_path) == [15, 5]
    put(tmp_path / "c/s0.jsonl", ROWS[20:23])
    run(tmp_path, paths="[a, b, c]")  # a root that comes later
    assert taken(tmp_path) == [15, 5, 3]
    assert len(set(ids(tmp_path))) == len(ids(tmp_path))


def test_files_of_one_root_stay_known_when_another_root_joins(tmp_path):
    put(tmp_path / "a/s0.jsonl", ROWS[:10])
    run(tmp_path, paths="[a]")
    state = json.loads((tmp_path / "out/manifest.json").read_text())
    for file in state["generations"][0]["files"]:  # as was written before paths were noted
        del file["path"], file["sha256"]
    (tmp_path / "out/manifest.json").write_text(json.dumps(state))
    put(tmp_path / "b/s0.jsonl", ROWS[10:14])
    said = []
    run(tmp_path, paths="[a, b]", said=said)
    assert taken(tmp_path) == [10, 4]
    assert warnings(said) == ["not taken again, since they were taken under other names: a/s0.jsonl was s0.jsonl"]


def test_a_file_that_was_touched_or_moved_is_known_by_its_contents(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:10])
    put(tmp_path / "in/s1.jsonl", ROWS[10:20])
    run(tmp_path)
    os.utime(tmp_path / "in/s0.jsonl", (1, 1))
    (tmp_path / "in/old").mkdir()
    os.rename(tmp_path / "in/s1.jsonl", tmp_path / "in/old/s1.jsonl")
    said = []
    assert run(tmp_path, said=said) is None
    assert len(warnings(said)) == 2
    assert isinstance(said[-1], NothingNew)
    text = (tmp_path / "in/s0.jsonl").read_text()
    (tmp_path / "in/s0.jsonl").write_text(text.replace("the", "thy"))  # as long as it was
    run(tmp_path)
    assert taken(tmp_path) == [20, 10]


def test_ids_made_for_a_file_that_is_taken_again_are_new_ones(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:10])
    run(tmp_path)
    for night, rows in enumerate([ROWS[20:30], ROWS[30:45]]):
        put(tmp_path / "in/s0.jsonl", rows)
        said = []
        run(tmp_path, said=said)
        assert f"as s0.jsonl@gen-000{night + 2}" in warnings(said)[0]
    assert len(set(ids(tmp_path))) == len(ids(tmp_path))
    assert {id.split("#")[0] for id in ids(tmp_path)} == {"s0.jsonl", "s0.jsonl@gen-0002", "s0.jsonl@gen-0003"}


FREEZE = "{freeze: [keep_best]}"


@pytest.mark.parametrize("begun_before", [False, True])
def test_a_frozen_step_with_other_options_is_refused(tmp_path, begun_before):
    """begun_before: by a version that kept decisions in the run folder of the first generation only."""
    put(tmp_path / "in/s0.jsonl", ROWS[:40])
    run(tmp_path, BEST, FREEZE)
    if begun_before:
        shutil.rmtree(tmp_path / "out/frozen")
    put(tmp_path / "in/s1.jsonl", ROWS[40:80])
    with pytest.raises(RecipeError, match=r"keep_best\.share: 0\.5 then, 0\.2 now"):
        run(tmp_path, BEST.replace("0.5", "0.2"), FREEZE)
    with pytest.raises(RecipeError, match=r"keep_best\.column: n then, m now"):
        run(tmp_path, BEST.replace("column: n", "column: m"), FREEZE)
    assert len(entries(tmp_path)) == 1
    run(tmp_path, BEST, FREEZE)
    assert taken(tmp_path) == [40, 40]


def test_a_frozen_step_whose_column_is_made_otherwise_is_refused(tmp_path):
    stages = "\n  - expression: {column: score, expression: n * 2}" + BEST.replace("column: n", "column: score")
    put(tmp_path / "in/s0.jsonl", ROWS[:40])
    run(tmp_path, stages, FREEZE)
    put(tmp_path / "in/s1.jsonl", ROWS[40:80])
    with pytest.raises(RecipeError, match=r"n \* 2 then, n \* 3 now"):
        run(tmp_path, stages.replace("n * 2", "n * 3"), FREEZE)


def test_a_frozen_decision_outlives_its_run_folder_and_says_no_numbers_of_then(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:40])
    run(tmp_path, BEST, FREEZE)
    shutil.rmtree(tmp_path / "out/generations/gen-0001")
    put(tmp_path / "in/s1.jsonl", ROWS[40:80])
    said = []
    run(tmp_path, BEST, FREEZE, said=said)
    texts = {event.text for event in said if isinstance(event, Resolved)}
    assert texts == {"as generation 1 decided", "frozen, as generation 1 decided: n >= 19"}
    manifest = json.loads((tmp_path / "out/generations/gen-0002/manifest.json").read_text())
    assert [one["text"] for one in manifest["decisions"]] == ["frozen, as generation 1 decided: n >= 19"]
    shutil.rmtree(tmp_path / "out/frozen")
    put(tmp_path / "in/s2.jsonl", ROWS[80:90])
    with pytest.raises(RecipeError, match="gen-0001 are gone, and with them what generation 1 decided as 'keep_best'"):
        run(tmp_path, BEST, FREEZE)


def test_an_index_that_is_lost_is_not_a_new_one(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:20])
    run(tmp_path)
    assert entries(tmp_path)[0]["index"]["exact_dedup"]["documents"] > 10
    shutil.move(tmp_path / "out/index", tmp_path / "index")
    put(tmp_path / "in/s1.jsonl", ROWS[:20])
    with pytest.raises(StoreError, match="it lacks what generation 1 kept"):
        run(tmp_path)
    shutil.move(tmp_path / "index", tmp_path / "out/index")
    run(tmp_path)
    assert entries(tmp_path)[1]["accounting"]["documents_out"] == 0


def test_a_step_that_was_renamed_is_refused_and_one_that_is_new_said(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:20])
    run(tmp_path)
    put(tmp_path / "in/s1.jsonl", ROWS[20:40])
    with pytest.raises(RecipeError, match="call it by its name: as: exact_dedup"):
        run(tmp_path, "\n  - exact_dedup: {keep: first, as: repeats}")
    said = []
    more = EXACT + "\n  - line_dedup: {min_chars: 12}"
    run(tmp_path, more, said=said)
    assert [text for text in warnings(said) if "knows nothing" in text] == [
        "line_dedup: new here; it knows nothing of what generation 1 kept, so repeats of that are not found"
    ]
    put(tmp_path / "in/s2.jsonl", ROWS[40:60])
    said.clear()
    run(tmp_path, more, said=said)
    assert not warnings(said)


def test_a_manifest_that_is_lost_or_old_is_refused(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:20])
    run(tmp_path)
    first = (tmp_path / "out/manifest.json").read_bytes()
    put(tmp_path / "in/s1.jsonl", ROWS[20:40])
    run(tmp_path)
    (tmp_path / "out/manifest.json").unlink()
    with pytest.raises(StoreError, match=r"it is gone, but data/gen-0001 is there"):
        run(tmp_path)
    (tmp_path / "out/manifest.json").write_bytes(first)
    with pytest.raises(StoreError, match=r"it names 1 generation, but data/gen-0002 is there"):
        run(tmp_path)


def test_a_first_night_that_came_to_nothing_is_no_harm(tmp_path):
    put(tmp_path / "in/s0.jsonl", ROWS[:20])
    with pytest.raises(RecipeError, match="no_such"):
        run(tmp_path, "\n  - drop: {column: no_such, below: 1}")
    run(tmp_path)
    assert taken(tmp_path) == [20]


BROKEN = b"PAR1 this is no Parquet file"


@pytest.mark.parametrize("incremental", [True, False])
def test_a_night_of_broken_files_only_names_them_and_publishes_nothing(tmp_path, incremental):
    (tmp_path / "in").mkdir()
    if incremental:
        put(tmp_path / "in/s0.jsonl", ROWS[:10])
        run(tmp_path)
    (tmp_path / "in/x.parquet").write_bytes(BROKEN)
    text = f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'out'}\non_bad_input: {{max_shards: 3}}\n"
    text += f"{'incremental: true' if incremental else ''}\nstages:{EXACT}"
    begin = generations.run if incremental else driver.run
    for _ in range(2):
        with pytest.raises(BadInput, match=r"the only input file cannot be read.*\n  x\.parquet: "):
            begin(recipes.loads(text), Inline())
    put(tmp_path / "in/s1.jsonl", ROWS[10:15])
    assert begin(recipes.loads(text), Inline()).exit_code == 3
