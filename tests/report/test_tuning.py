"""What `tune` foretells is what a run with those thresholds does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import recipe as recipes
from curate.cli.describing import steps_of
from curate.cli.tuning import changes, with_stages
from curate.errors import RecipeError
from curate.report.facts import Run
from curate.report.steps import Best
from curate.report.tuning import Tuner, threshold
from tests.engine.corpus import documents, output, recipe_text, run, write_shards
from tests.stages.harness import batch_of
from tests.stages.harness import run as run_stage

STAGES = """
  - normalize
  - gopher_quality: {min_words: 20, min_alpha_words: 0.5, as: gq}
  - drop: {column: n, below: 100}
  - fineweb_quality: {line_punct_ratio: 0.3, char_dup_ratio: null, short_line_ratio: null}
  - drop: {column: fineweb_list_ratio, above: 0.12, as: lists}
  - keep_best: {column: n, share: 0.6, by: characters}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run over 800 documents in four shards."""
    root = tmp_path_factory.mktemp("tune")
    run(recipe_text(write_shards(root / "in", documents(800), 4), root / "out", STAGES))
    return root


@pytest.fixture(scope="module")
def tuner(finished):
    """Of that run."""
    facts = Run(finished / "out")
    return Tuner(facts, steps_of(facts)[1], "n")


def foretold(finished, tuner, *overrides):
    old = recipes.load(finished / "out/recipe.yaml")
    wanted = [with_stages(one, old) for one in overrides]
    new = recipes.load(finished / "out/recipe.yaml", wanted)
    return tuner.tune(changes(tuner.run, old, new, tuner.steps, wanted))


def really(finished, *overrides):
    """(documents, characters, sum of n) that a run with these options keeps."""
    text = recipe_text(finished / "in", finished / "again", STAGES)
    recipe = recipes.loads(text, overrides=[with_stages(one, recipes.loads(text)) for one in overrides])
    from curate.engine import driver
    from curate.executors import Inline

    driver.run(recipe, Inline())
    table = output(finished / "again")
    kept = Run(finished / "again").manifest["passes"]
    return table.num_rows, kept[max(kept)]["kept_chars"], sum(table["n"].to_pylist())


def amounts(amount):
    return amount.documents, amount.chars, amount.tokens


def test_without_a_change_it_is_what_the_run_kept(finished, tuner):
    found = tuner.tune({})
    assert found.sure == found.most == found.before
    assert amounts(found.before) == really(finished)
    assert [step.sure for step in found.steps] == [step.before for step in found.steps]
    manifest = tuner.run.manifest
    assert [step.before for step in found.steps] == [row["documents_out"] for row in manifest["funnel"]]


@pytest.mark.parametrize(
    "overrides",
    [
        ["gq.min_words=40"],
        ["gq.min_words=25", "gq.max_mean_word_length=4.2"],
        ["drop.below=333"],
        ["drop.above=600"],
        ["lists.above=0.1"],
        ["keep_best.share=0.25"],
        ["keep_best.share=1.0"],
        ["fineweb_quality.line_punct_ratio=0.6"],
        ["gq.min_words=35", "drop.below=200", "lists.above=0.11", "keep_best.share=30%"],
        ["gq.min_stop_words=7", "gq.min_words=null"],
    ],
)
def test_stricter_thresholds_are_foretold_exactly(finished, tuner, overrides):
    found = foretold(finished, tuner, *overrides)
    if "gq.min_words=null" not in overrides:
        assert found.sure == found.most
    documents, chars, n = really(finished, *overrides)
    assert found.sure.documents <= documents <= found.most.documents
    if found.sure == found.most:
        assert amounts(found.sure) == (documents, chars, n)


@pytest.mark.parametrize(
    ("overrides", "unsure"),
    [
        (["keep_best.share=0.9"], ()),
        (["lists.above=0.9"], ()),
        (["fineweb_quality.line_punct_ratio=0.1", "keep_best.share=1.0"], ()),
        (["drop.below=10", "keep_best.share=1.0"], ("fineweb_quality",)),
        (["gq.min_words=5", "keep_best.share=1.0"], ("fineweb_quality",)),
    ],
)
def test_the_truth_of_laxer_ones_is_between_the_two_answers(finished, tuner, overrides, unsure):
    found = foretold(finished, tuner, *overrides)
    documents, chars, tokens = really(finished, *overrides)
    assert found.sure.documents <= documents <= found.most.documents
    assert found.sure.tokens <= tokens <= found.most.tokens * 1.02, "those that nobody counted go by characters"
    assert found.sure.chars <= chars <= found.most.chars * 1.02, "lengths of what the first pass dropped are means"
    assert found.unsure_after[:1] == unsure
    assert documents > found.before.documents
    if not unsure:
        assert found.sure == found.most
    assert found.won
    assert not found.lost


def test_documents_that_are_lost_are_those_that_go(finished, tuner):
    found = foretold(finished, tuner, "gq.min_words=45", "keep_best.share=1.0")
    really(finished, "gq.min_words=45", "keep_best.share=1.0")
    units = {unit.index: unit for unit in tuner.run.inputs.units}
    kept = set(output(finished / "again")["id"].to_pylist())
    for unit, row in found.lost:
        document = tuner.run.document(units[unit], row)
        assert document.kept
        assert document.id not in kept


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("gq.words=whitespace", r"to change gq\.words, the documents must be looked at anew"),
        ("drop.missing=keep", "What can be moved here: drop.above, drop.below"),
        ("normalize.unicode=NFKC", "must be looked at anew"),
        ("keep_best.column=fineweb_list_ratio", "What can be moved here: keep_best.budget, keep_best.share"),
        ("nothing.below=1", "there is no stage 'nothing'"),
    ],
)
def test_what_needs_a_run_is_refused(finished, tuner, override, told):
    with pytest.raises(RecipeError, match=told):
        foretold(finished, tuner, override)


def test_levels_of_a_column(finished, tuner):
    values = np.array(output(finished / "out")["n"].to_pylist())
    for level in tuner.levels("n", (0.0, 0.25, 0.5, 0.99)):
        assert level.left.documents == int((values >= level.value).sum())
        assert level.left.tokens == int(values[values >= level.value].sum())
        assert abs((values < level.value).mean() - level.quantile) < 0.01
    with pytest.raises(RecipeError, match="there is no column 'gopher_n_words' of numbers in this run; there are: gq_"):
        list(tuner.levels("gopher_n_words"))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=30),
    st.floats(0.01, 1) | st.integers(1, 400),
)
def test_the_threshold_is_that_of_keep_best(rows, much):
    from curate import catalog

    share, budget = (much, None) if isinstance(much, float) else (None, much)
    scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    given = {"column": "q", "by": "tokens", "tokens_column": "w"} | ({"share": share} if share else {"budget": budget})
    cut = run_stage(
        catalog.stage_class("keep_best")(**given), [[batch_of(["x"] * len(rows), q=scores, w=weights)]]
    ).artifact
    found = threshold(scores.astype(float), weights, Best("q", share, budget, "tokens", "w"))
    if share is not None:
        assert found == cut.threshold
    kept = np.ones(len(rows), bool) if found is None else scores >= found
    whole = cut.documents_kept if cut.tie_cut is None else None
    assert whole is None or int(kept.sum()) == whole
    if budget is not None and cut.threshold is not None:
        assert kept.sum() <= cut.documents_kept
        assert weights[kept].sum() <= budget
