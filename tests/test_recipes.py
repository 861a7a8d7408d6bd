"""Recipes of `configs/`, run as they are on one of the sample shards; other tests and `make smoke` run the others."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from curate import recipe as recipes
from curate.catalog import stage_class
from curate.engine import driver
from curate.executors import Inline
from curate.report.facts import Run
from tests.engine.corpus import output

ROOT = Path(__file__).resolve().parents[1]
MOST = 10_000  # documents: more than there are


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a recipe over one shard: (its books, the documents that it kept, what can be asked of it)."""

    def go(name):
        monkeypatch.chdir(ROOT)
        out = tmp_path / "out"
        changes = ["input.paths=configs/sample/shard-02.parquet", f"output.path={out}"]
        done = driver.run(recipes.load(Path("configs") / name, changes, env={}), Inline())
        assert done.exit_code == 0
        books = json.loads((out / "manifest.json").read_text())["accounting"]
        assert books["documents_in"] == 233 == books["documents_out"] + books["dropped"]
        return books, output(out).to_pylist(), Run(out)

    return go


@pytest.mark.parametrize(("name", "column"), [("preselect.yaml", "preselect_score"), ("dclm_like.yaml", "dclm_score")])
def test_the_best_of_a_classifier_are_kept(run, name, column):
    _, kept, asked = run(name)
    others = asked.some(MOST, "keep_best")
    assert kept
    assert others
    assert min(row[column] for row in kept) > max(document.columns[column] for document in others)
    assert len({row[column] for row in kept}) > 1


def test_dataman_takes_the_best_of_each_source_and_domain(run):
    books, kept, asked = run("dataman.yaml")
    cells = defaultdict(lambda: ([], []))
    for row in kept:
        assert row["quality_overall"] >= 2
        cells[row["source"], row["quality_domain"]][0].append(row["quality_overall"] + row["quality_coherence"])
    for document in asked.some(MOST, "select"):
        own = document.columns
        cells[document.user["source"], own["quality_domain"]][1].append(
            own["quality_overall"] + own["quality_coherence"]
        )
    both = [(taken, left) for taken, left in cells.values() if taken and left]
    assert len(cells) > 3
    assert both
    assert all(min(taken) >= max(left) for taken, left in both)
    (said,) = [decision["text"] for decision in asked.decisions if decision["label"] == "select"]
    assert f"from {len(cells)} cells" in said
    assert books["by_reason"]["select/not_selected"] > len(kept) / 2


def test_conditional_tags_drops_nothing_for_what_it_says(run):
    books, kept, _ = run("conditional_tags.yaml")
    fields = stage_class("toxicity").model_fields
    good, bad = (fields[name].default for name in ("good_token", "bad_token"))
    assert not any(reason.startswith("toxicity") for reason in books["by_reason"])
    counts = [sum(row["text"].count(token) for row in kept) for token in (good, bad)]
    assert counts[0] > counts[1] > 0
    first = [row["text"].startswith((good, bad)) for row in kept]
    assert sum(first) > 0.9 * len(kept)  # one in a hundred goes without, and what begins with it too
