"""The recipes of `configs/`, each run as it is on one of the sample shards; `make smoke` runs `smoke.yaml`."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from curate import recipe as recipes
from curate.catalog import stage_class
from curate.engine import driver
from curate.executors import Inline
from curate.report.facts import Run
from tests.engine.corpus import output

ROOT = Path(__file__).resolve().parents[1]
SHARD = "configs/sample/shard-02.parquet"
MOST = 10_000  # documents: more than there are
NAMES = sorted(path.name for path in (ROOT / "configs").glob("*.yaml") if "\nstages:" in path.read_text())
FIELD = {
    "c4": "language url_dedup c4 sentence_dedup badwords",
    "climb": "normalize exact_dedup minhash_dedup line_dedup quality toxicity tokens embed domain_clusters",
    "code": "exact_dedup code_quality minhash_dedup pii tokens fasttext_score",
    "dataman": "normalize exact_dedup language minhash_dedup quality drop select",
    "dclm_like": "normalize language gopher_quality gopher_repetition refinedweb_lines minhash_dedup fasttext_score "
    "keep_best",
    "dolma_web": "language url_dedup exact_dedup c4 gopher_quality gopher_repetition toxicity pii line_dedup",
    "fineweb": "language gopher_repetition gopher_quality c4 fineweb_quality minhash_dedup pii",
    "fineweb2_multilingual": "language expression drop minhash_dedup gopher_repetition expression drop fineweb_quality "
    "expression drop gopher_quality expression drop rehydrate pii",
    "preselect": "normalize exact_dedup language preselect keep_best",
    "refinedweb": "language gopher_repetition gopher_quality refinedweb_lines minhash_dedup line_dedup url_dedup",
}
"""Recipes of the field, and their steps in the order of the originals."""


class Done(NamedTuple):
    books: dict[str, Any]
    kept: list[dict[str, Any]]
    asked: Run
    folder: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a recipe, once for all tests: over one shard of the samples, or over what it names if that is no folder."""
    runs: dict[str, Done] = {}
    before = Path.cwd()
    os.chdir(ROOT)

    def go(name: str, source: str | None = None) -> Done:
        if name in runs:
            return runs[name]
        out = tmp_path_factory.mktemp("run") / "out"
        asked = recipes.load(Path("configs") / name, env={})
        paths = source or (SHARD if asked.input.paths == ("configs/sample/",) else asked.input.paths[0])
        changed = [f"input.paths={paths}", f"output.path={out}"]
        done = driver.run(recipes.load(Path("configs") / name, changed, env={}), Inline())
        assert done.exit_code == 0
        folder = next(iter(sorted(out.glob("data/gen-*"))), out) if name == "nightly.yaml" else out
        books = json.loads((out / "manifest.json").read_text())["accounting"]
        assert books["documents_in"] == books["documents_out"] + books["dropped"]
        runs[name] = Done(books, output(folder).to_pylist(), Run(out), out)
        return runs[name]

    yield go
    os.chdir(before)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"smoke.yaml"}))
def test_every_recipe_runs_as_it_is(run, name):
    done = run(name)
    assert 0 < len(done.kept) == done.books["documents_out"]
    assert done.books["documents_in"] > 100


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_begins_by_saying_what_it_is(name):
    text = (ROOT / "configs" / name).read_text()
    assert text.startswith("# ")
    assert max(map(len, text.split("\n"))) <= 160


@pytest.mark.parametrize("name", FIELD)
def test_recipes_of_the_field_follow_the_original(name):
    path = ROOT / f"configs/{name}.yaml"
    asked = recipes.load(path, env={})
    assert [step.name for step in asked.stages] == FIELD[name].split()
    head = path.read_text().partition("input:")[0]
    assert "arXiv:" in head or "JMLR" in head
    assert "Not as there:" in head


@pytest.mark.parametrize(
    "name", sorted({*NAMES} - {"smoke.yaml", "own_stage.yaml", "own_threshold.yaml", "quickstart.yaml"})
)
def test_recipes_say_under_which_licence_the_data_are(name):
    asked = recipes.load(ROOT / "configs" / name, env={})
    assert asked.card.licence
    assert all(source.licence for source in asked.card.sources)
    assert asked.card.sources


@pytest.mark.parametrize(("name", "column"), [("preselect.yaml", "preselect_score"), ("dclm_like.yaml", "dclm_score")])
def test_the_best_of_a_classifier_are_kept(run, name, column):
    _, kept, asked, _ = run(name)
    others = asked.some(MOST, "keep_best")
    assert kept
    assert others
    assert min(row[column] for row in kept) > max(document.columns[column] for document in others)
    assert len({row[column] for row in kept}) > 1


def test_dataman_takes_the_best_of_each_source_and_domain(run):
    books, kept, asked, _ = run("dataman.yaml")
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
    books, kept, _, _ = run("conditional_tags.yaml")
    fields = stage_class("toxicity").model_fields
    good, bad = (fields[name].default for name in ("good_token", "bad_token"))
    assert not any(reason.startswith("toxicity") for reason in books["by_reason"])
    counts = [sum(row["text"].count(token) for row in kept) for token in (good, bad)]
    assert counts[0] > counts[1] > 0
    first = [row["text"].startswith((good, bad)) for row in kept]
    assert sum(first) > 0.9 * len(kept)  # one in a hundred goes without, and what begins with it too


FINEWEB2 = {  # fra_Latn.yml, deu_Latn.yml, spa_Latn.yml; FineWeb's for English
    "fr": (0.824, 0.264, 0.161, 0.149, 0.134, 0.15, 0.141, 0.131, 0.121, 0.111, 0.1, 0.1, 0.185, 2, 11, 0.812),
    "de": (0.821, 0.263, 0.169, 0.153, 0.137, 0.141, 0.134, 0.126, 0.117, 0.108, 0.098, 0.0, 0.152, 0, 15, 0.774),
    "es": (0.84, 0.265, 0.077, 0.097, 0.112, 0.152, 0.137, 0.123, 0.114, 0.107, 0.099, 0.3, 0.171, 4, 14, 0.825),
    "en": (0.65, 0.3, 0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.1, 0.12, 0.3, 3, 10, 0.8),
}
REPETITION = [
    "dup_line_frac",
    *(f"top_{n}_gram" for n in (2, 3, 4)),
    *(f"duplicated_{n}_n_grams" for n in range(5, 11)),
]


def fineweb2(row: dict[str, Any]) -> str | None:
    """The first step by the thresholds of its language that drops a document; columns are null behind that."""
    sure, *most, marks, newlines, shortest, longest, alpha = FINEWEB2[row["language"]]
    if row["language_score"] < sure:
        return "language_score"
    if row["repetition_dup_line_frac"] is None:
        return "another"
    if any(row[f"repetition_{rule}"] > limit for rule, limit in zip(REPETITION, most, strict=True)):
        return "repetition_by_language"
    if row["fineweb_line_punct_ratio"] < marks or row["fineweb_list_ratio"] > newlines:
        return "lines_by_language"
    if row["gopher_stop_words"] is None:
        return "another"
    if not shortest <= row["gopher_mean_word_length"] <= longest or row["gopher_alpha_words"] < alpha:
        return "words_by_language"
    return None


def test_fineweb2_goes_by_the_thresholds_of_each_language(run):
    _, kept, asked, _ = run("fineweb2_multilingual.yaml")
    assert {row["language"] for row in kept} >= {"en", "fr"}
    assert all(fineweb2(row) is None and row["repeats"] >= 1 for row in kept)
    found = Counter()
    for label in ("language_score", "repetition_by_language", "lines_by_language", "words_by_language"):
        for document in asked.some(MOST, label):
            own = defaultdict(lambda: None, document.columns)
            found[label, own["language"]] += 1
            assert fineweb2(own) == label
    assert len({label for label, _ in found}) == 4
    assert len({language for _, language in found}) >= 3


def test_code_drops_what_was_made_to_be_dropped(run):
    books, kept, _, _ = run("code.yaml")
    sample = pq.read_table(ROOT / "configs/code_sample.parquet").to_pylist()
    assert {row["path"] for row in kept if row["source"] == "made"} <= {"copy/url_dedup.py", "near/url_dedup.py"}
    assert len(kept) == sum(row["source"] == "curate" for row in sample)  # one of three that are alike
    assert books["by_reason"] == {
        "exact_dedup/duplicate": 1,
        "code_quality/encoded_run": 1,
        "code_quality/generated": 1,
        "code_quality/long_mean_line": 1,
        "code_quality/too_few_letters": 1,
        "code_quality/too_little_visible": 1,
        "code_quality/too_much_data": 1,
        "code_quality/xml": 1,
        "minhash_dedup/near_duplicate": 1,
    }
    assert all(0 <= row["code_score"] <= 1 for row in kept)


def test_code_takes_the_best_of_each_language_then_the_best_of_these(run):
    first = run("code.yaml")
    second = run("code/phase2.yaml", str(first.folder / "data"))
    third = run("code/phase3.yaml", str(second.folder / "data"))
    languages = {row["language"] for row in first.kept}
    assert {row["language"] for row in second.kept} == languages
    assert len(languages) > 2
    chosen = {row["id"] for row in second.kept}
    for language in languages:
        scores = [(row["code_score"], row["id"] in chosen) for row in first.kept if row["language"] == language]
        assert min(score for score, taken in scores if taken) >= max(
            (score for score, taken in scores if not taken), default=0
        )
    best = max(row["code_score"] for row in second.kept)
    assert [row["code_score"] for row in third.kept] == [best]
