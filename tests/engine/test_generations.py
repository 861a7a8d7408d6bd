"""Nightly runs: each takes what is new, and what was published stays, whatever was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate import recipe as recipes
from curate.cli.app import app
from curate.engine import driver, generations
from curate.engine.events import NothingNew, Warned
from curate.errors import RecipeError, StoreError
from curate.executors import Inline
from tests.engine.corpus import documents, write_shards

STAGES = """
  - exact_dedup: {keep: first}
  - minhash_dedup: {threshold: 0.7, method: greedy, keep: first}
  - line_dedup: {min_chars: 12}
"""
ROWS = documents(300, seed=9)
CUTS = [0, 60, 110, 180, 230, 300]


def text(folder, stages=STAGES, incremental="true"):
    return (
        f"input: {folder / 'in'}\noutput: {{path: {folder / 'out'}, shard_size: 40kB}}\n"
        f"incremental: {incremental}\nstages:{stages}"
    )


def arrive(folder, night):
    """A night's shard."""
    part = write_shards(folder / f"night-{night}", ROWS[CUTS[night] : CUTS[night + 1]], 1)
    (folder / "in").mkdir(exist_ok=True)
    os.replace(part / "s000.parquet", folder / "in" / f"night-{night}.parquet")


def run(folder, said=None, **options):
    recipe = recipes.loads(text(folder, **options))
    return generations.run(recipe, Inline(), (said.append if said is not None else lambda event: None))


def published(folder):
    """id → text of all generations in the manifest."""
    state = json.loads((folder / "out/manifest.json").read_text())
    shards = [
        folder / "out/data" / Path(generation["data"]).name / shard["file"]
        for generation in state["generations"]
        for shard in generation["output"]["shards"]
    ]
    found = {}
    for shard in shards:
        table = pq.read_table(shard, columns=["id", "text"]).to_pydict()
        assert not found.keys() & set(table["id"])
        found |= dict(zip(table["id"], table["text"], strict=True))
    return found


def data_files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted((folder / "out/data").rglob("*.parquet"))}


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Five nights, nothing killed."""
    folder = tmp_path_factory.mktemp("five")
    seen = {}
    for night in range(5):
        arrive(folder, night)
        assert run(folder).exit_code == 0
        now = data_files(folder)
        assert {path: now[path] for path in seen} == seen  # what was published is never touched
        seen = now
    return folder


def test_five_nights_are_all_at_once(five, tmp_path):
    (tmp_path / "in").mkdir()
    for shard in (five / "in").iterdir():
        shutil.copy(shard, tmp_path / "in")
    recipe = recipes.loads(f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'out'}\nstages:{STAGES}")
    driver.run(recipe, Inline())
    whole = {}
    for shard in (tmp_path / "out/data").iterdir():
        table = pq.read_table(shard, columns=["id", "text"]).to_pydict()
        whole |= dict(zip(table["id"], table["text"], strict=True))
    assert published(five) == whole
    assert 100 < len(whole) < 300
    names = sorted(path.name for path in (five / "out/data").iterdir())
    assert names == [f"gen-{number:04d}" for number in range(1, 6)]


def test_nothing_new_is_said_at_once(five):
    before, said = data_files(five), []
    assert run(five, said) is None
    assert said == [NothingNew(5, 5, str(five / "out"))]
    assert data_files(five) == before
    (five / "recipe.yaml").write_text(text(five), encoding="utf-8")
    answer = CliRunner().invoke(app, ["run", str(five / "recipe.yaml"), "--log-format", "plain"])
    assert answer.exit_code == 0
    assert "nothing new: 5 files of the input, all known to 5 generations" in answer.output


def test_files_that_were_taken_may_all_be_gone(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(RecipeError, match="there is no file in the folder"):  # the first night has nothing to take
        run(tmp_path)
    arrive(tmp_path, 0)
    assert run(tmp_path).exit_code == 0
    before = data_files(tmp_path)
    (tmp_path / "in/night-0.parquet").unlink()
    recipe = tmp_path / "r.yaml"
    for paths in (tmp_path / "in", tmp_path / "in/*.parquet"):
        recipe.write_text(text(tmp_path).replace(f"input: {tmp_path / 'in'}\n", f"input: {paths}\n"))
        done = CliRunner().invoke(app, ["run", str(recipe)])
        assert done.exit_code == 0, done.output
        assert "nothing new" in done.output
    (tmp_path / "in").rmdir()
    assert CliRunner().invoke(app, ["run", str(recipe)]).exit_code == 2
    arrive(tmp_path, 1)
    assert run(tmp_path).exit_code == 0
    assert before.items() < data_files(tmp_path).items()


def test_a_run_that_was_killed_goes_on_and_the_bytes_are_the_same(five, tmp_path):
    kills = 0
    for night in range(5):
        arrive(tmp_path, night)
        (tmp_path / "recipe.yaml").write_text(text(tmp_path), encoding="utf-8")
        command = [sys.executable, "-m", "curate", "run", str(tmp_path / "recipe.yaml"), "--workers", "0"]
        if night in (1, 3):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            folder = tmp_path / f"out/generations/gen-{night + 1:04d}"
            moment = folder / ("pass-1" if night == 1 else "pass-2")
            while process.poll() is None and not (moment.exists() and list(moment.glob("*.ledger.parquet"))):
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
            assert not (tmp_path / f"out/data/gen-{night + 1:04d}").exists()
        run(tmp_path)
    assert kills
    assert published(tmp_path) == published(five)
    assert data_files(tmp_path) == data_files(five)


def _then_stop(write, name, stop):
    """Write, and stop after the file of this name."""

    def written(path, value):
        write(path, value)
        if path.name == name:
            raise stop

    return written


@pytest.mark.parametrize("moment", ["_publish", "rename", "manifest"])
def test_stopped_while_publishing(five, tmp_path, monkeypatch, moment):
    """Stopped before the data have their name, between that and the manifest, and before the notes are away."""

    class Stop(Exception):
        pass

    def stop(*args, **kwargs):
        raise Stop

    for night in range(2):
        arrive(tmp_path, night)
        if night == 1:
            with monkeypatch.context() as patch:
                if moment == "_publish":
                    patch.setattr(generations._Next, "_publish", stop)
                elif moment == "rename":
                    patch.setattr(generations, "sha256", stop)
                else:
                    patch.setattr(generations, "write_json", _then_stop(generations.write_json, "manifest.json", Stop))
                with pytest.raises(Stop):
                    run(tmp_path)
            count = len(json.loads((tmp_path / "out/manifest.json").read_text())["generations"])
            assert count == (2 if moment == "manifest" else 1)
        run(tmp_path)
    for night in range(2, 5):
        arrive(tmp_path, night)
        run(tmp_path)
    assert data_files(tmp_path) == data_files(five)


def test_files_that_come_while_a_generation_is_made_are_of_the_next(tmp_path, monkeypatch):
    arrive(tmp_path, 0)
    monkeypatch.setattr(generations._Next, "_publish", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    arrive(tmp_path, 1)
    run(tmp_path)
    state = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [file["name"] for file in state["generations"][0]["files"]] == ["night-0.parquet"]
    run(tmp_path)
    state = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [file["name"] for file in state["generations"][1]["files"]] == ["night-1.parquet"]


def test_a_file_that_changed_is_taken_again_and_said(tmp_path):
    arrive(tmp_path, 0)
    run(tmp_path)
    before = data_files(tmp_path)
    write_shards(tmp_path / "again", [{**row, "text": f"{row['text']} Twice."} for row in ROWS[:60]], 1)
    os.replace(tmp_path / "again/s000.parquet", tmp_path / "in/night-0.parquet")
    said = []
    run(tmp_path, said, stages="\n  - exact_dedup: {keep: first}")
    assert any("night-0.parquet has changed since generation 1" in e.text for e in said if isinstance(e, Warned))
    assert {path: data_files(tmp_path)[path] for path in before} == before
    assert (tmp_path / "out/data/gen-0002").exists()


def test_a_generation_begun_with_files_that_changed_begins_anew(tmp_path, monkeypatch):
    arrive(tmp_path, 0)
    monkeypatch.setattr(generations._Next, "_publish", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    monkeypatch.undo()
    arrive(tmp_path, 1)
    os.replace(tmp_path / "in/night-1.parquet", tmp_path / "in/night-0.parquet")
    said = []
    run(tmp_path, said)
    assert any("begins anew" in event.text for event in said if isinstance(event, Warned))
    assert set(published(tmp_path)) <= {row["id"] for row in ROWS[60:110]}
    assert len(json.loads(next((tmp_path / "out/index").rglob("index.json")).read_text())["runs"]) == 1


BEST = "\n  - keep_best: {column: n, share: 0.5}"


def test_a_threshold_is_frozen_or_found_anew(tmp_path):
    for name, incremental, expected in [("anew", "true", 26), ("frozen", "{freeze: [keep_best]}", 50)]:
        folder = tmp_path / name
        folder.mkdir()
        for night in range(2):
            arrive(folder, night)
            run(folder, stages=BEST, incremental=incremental)
        state = json.loads((folder / "out/manifest.json").read_text())
        assert [generation["accounting"]["documents_out"] for generation in state["generations"]] == [31, expected]


DOMAINS = "\n  - embed: {model: lsa, dimensions: 8}\n  - domain_clusters: {domains: 3, clusters: 9}"


def test_domains_are_frozen_with_the_vectors_that_they_are_of(tmp_path):
    arrive(tmp_path, 0)
    with pytest.raises(
        RecipeError, match=r"reads column 'embedding', and 'embed', .*freeze: \[embed, domain_clusters\]"
    ):
        run(tmp_path, stages=DOMAINS, incremental="{freeze: [domain_clusters]}")
    for night in range(2):
        arrive(tmp_path, night)
        run(tmp_path, stages=DOMAINS, incremental="{freeze: [embed, domain_clusters]}")
    for label in ("embed", "domain_clusters"):
        both = [tmp_path / f"out/generations/gen-000{number}/artifacts/{label}.json" for number in (1, 2)]
        first, second = (json.loads(path.read_text())["artifact"] for path in both)
        assert first == second
    assert first["embedding"].startswith("lsa:")
    fixed = DOMAINS.replace("model: lsa, dimensions: 8", "model: builtin")
    other = tmp_path / "other"
    other.mkdir()
    arrive(other, 0)
    run(other, stages=fixed, incremental="{freeze: [domain_clusters]}")  # nothing is learned that could change


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"incremental": "{freeze: [line_dedup]}"}, "no step whose decision could be kept; there is none here"),
        ({"incremental": "{freeze: [kep_best]}", "stages": BEST}, "there are keep_best"),
        ({"incremental": "{thaw: 1}"}, "thaw"),
        ({"incremental": "7"}, "must be true"),
    ],
)
def test_recipes_that_cannot_be(tmp_path, options, words):
    arrive(tmp_path, 0)
    with pytest.raises(RecipeError, match=words):
        run(tmp_path, **options)


def test_folders_of_others_are_left_alone(tmp_path):
    arrive(tmp_path, 0)
    recipe = recipes.loads(text(tmp_path).replace("incremental: true\n", ""))
    driver.run(recipe, Inline())
    before = data_files(tmp_path)
    with pytest.raises(RecipeError, match="without `incremental`"):
        run(tmp_path)
    assert data_files(tmp_path) == before
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(RecipeError, match="other files"):
        run(tmp_path)
    (tmp_path / "out/thesis.txt").unlink()
    run(tmp_path)
    with pytest.raises(RecipeError, match=r"(?s)holds"):
        driver.run(recipe, Inline())
    recipe = recipes.loads(text(tmp_path))
    with pytest.raises(RecipeError, match="--fresh"):
        generations.run(recipe, Inline(), settings=driver.Settings(fresh=True))
    answer = CliRunner().invoke(app, ["inspect", str(tmp_path / "out")])
    assert "name a generation" in str(answer.exception or answer.output)


def test_two_runs_at_once(tmp_path):
    arrive(tmp_path, 0)

    def show(event):
        with pytest.raises(StoreError, match="a run is at work here"):
            run(tmp_path)

    generations.run(recipes.loads(text(tmp_path)), Inline(), show)
