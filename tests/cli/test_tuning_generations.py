"""`curate tune` on a generation of an incremental recipe: what is published is safe from it."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from curate import recipe as recipes
from curate.cli.app import app
from curate.engine import driver, generations
from curate.errors import RecipeError
from curate.executors import Inline
from tests.engine.corpus import documents, write_shards

STAGES = "  - exact_dedup: {keep: first}\n  - drop: {column: n, below: 20}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two generations of 60 documents each."""
    root = tmp_path_factory.mktemp("stream")
    rows = documents(120)
    recipe = recipes.loads(f"input: {root / 'in'}\noutput: {root / 'out'}\nincremental: true\nstages:\n{STAGES}")
    (root / "in").mkdir()
    for night in range(2):
        shard = write_shards(root / f"night{night}", rows[60 * night : 60 * night + 60], 1) / "s000.parquet"
        shutil.move(shard, root / "in" / f"n{night}.parquet")
        assert generations.run(recipe, Inline()).exit_code == 0
    return root


def state(folder):
    """Every file that is published or remembered."""
    return {path: path.read_bytes() for name in ("data", "index") for path in (folder / "out" / name).rglob("*.*")}


def test_the_recipe_of_all_generations_is_written_and_nothing_published_changes(folder):
    before, new = state(folder), folder / "new.yaml"
    words = ["tune", str(folder / "out/generations/gen-0001"), "--set", "drop.below=50", "-o", str(new)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "the recipe with `incremental`" in done.output
    assert generations.run(recipes.load(new), Inline()) is None
    generations.run(recipes.load(new, [f"output.path={folder / 'trial'}"]), Inline())
    manifest = json.loads((folder / "trial/manifest.json").read_text())
    assert [one["accounting"]["documents_in"] for one in manifest["generations"]] == [120]
    reasons = manifest["generations"][0]["accounting"]["by_reason"]
    assert sum(count for reason, count in reasons.items() if reason.startswith("drop/")) > 30
    assert state(folder) == before


@pytest.mark.parametrize("place", ["generations/gen-0001", "generations/gen-0009", "data/gen-0001", "data/gen-0001/x"])
def test_no_other_run_writes_among_generations(folder, place):
    before = state(folder)
    text = f"input: {folder / 'in'}\noutput: {folder / 'out' / place}\nstages:\n{STAGES}"
    for settings in (driver.Settings(), driver.Settings(fresh=True)):
        with pytest.raises(RecipeError, match="among the generations of"):
            driver.run(recipes.loads(text), Inline(), settings=settings)
    with pytest.raises(RecipeError, match="among the generations of"):
        driver.run(recipes.load(folder / "out/generations/gen-0001/recipe.yaml"), Inline())
    assert state(folder) == before


def test_a_frozen_threshold_is_taken_as_it_is(tmp_path):
    stages = "  - drop: {column: n, below: 5}\n  - keep_best: {column: n, share: 0.5}\n"
    text = (
        f"input: {tmp_path / 'in'}\noutput: {tmp_path / 'out'}\nincremental: {{freeze: [keep_best]}}\nstages:\n{stages}"
    )
    (tmp_path / "in").mkdir()
    for night, rows in enumerate([documents(60), [{**row, "n": row["n"] + 10} for row in documents(60, seed=1)]]):
        shutil.move(write_shards(tmp_path / f"n{night}", rows, 1) / "s000.parquet", tmp_path / f"in/n{night}.parquet")
        generations.run(recipes.loads(text), Inline())
    best = json.loads((tmp_path / "out/frozen/keep_best.json").read_text())["artifact"]["threshold"]
    second = str(tmp_path / "out/generations/gen-0002")
    done = CliRunner().invoke(app, ["tune", second, "--set", "drop.below=50", "--json"])
    assert json.loads(done.output)["tuned"]["sure"]["documents"] == sum(10 + n >= max(50, best) for n in range(60))
    assert json.loads(done.output)["tuned"]["decides_anew"] == []
    said = CliRunner().invoke(app, ["tune", second, "--set", "drop.below=50"]).output
    assert f"keep_best: frozen, as the first generation decided: n < {best:g} is dropped" in said
    refused = CliRunner().invoke(app, ["tune", second, "--set", "keep_best.share=0.2"])
    assert "'keep_best' is frozen" in str(refused.exception)
    first = CliRunner().invoke(
        app,
        [
            "tune",
            str(tmp_path / "out/generations/gen-0001"),
            "--set",
            "keep_best.share=0.2",
            "-o",
            str(tmp_path / "f.yaml"),
        ],
    )
    assert "keep_best: frozen, so that only a folder of its own" in first.output
