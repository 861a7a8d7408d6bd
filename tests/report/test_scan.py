"""What one look at the ledgers finds is what counting the documents one by one finds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from curate.cli.describing import steps_of
from curate.report import scan as scanning
from curate.report import tables
from curate.report.facts import Run
from curate.report.numbers import gather
from curate.report.steps import Limit
from tests.engine.corpus import documents, output, recipe_text, run, write_shards

STAGES = """
  - normalize
  - exact_dedup
  - gopher_quality: {min_words: 20, min_alpha_words: 0.5, as: gq}
  - drop: {column: n, above: 900}
  - minhash_dedup: {threshold: 0.6}
  - keep_best: {column: n, share: 0.5}
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """A run over a thousand documents, cut into small tables."""
    root = tmp_path_factory.mktemp("scan")
    rows = documents(1000)
    for number, row in enumerate(rows):
        row["tags"] = [number % 3]
    data = write_shards(root / "in", rows, 5)
    run(recipe_text(data, root / "out", STAGES))
    return Run(root / "out")


def rows_of(facts):
    """Each document, as `curate why` tells of it."""
    return [one for unit in facts.inputs.units for one in facts.documents(unit, range(unit.rows)).values()]


def look(facts, **options):
    steps = steps_of(facts)[1]
    return steps, scanning.scan(
        facts, steps, options.get("tokens"), options.get("by", ["n"]), 3, options.get("most", 10_000)
    )


@pytest.mark.parametrize("rows", [64, 1 << 17])
def test_histograms_count_every_document(facts, monkeypatch, rows):
    monkeypatch.setattr(tables, "TABLE_ROWS", rows)
    _, found = look(facts)
    every = rows_of(facts)
    assert found.documents == found.of == 1000
    assert [column.name for column in found.columns if column.limits]
    for column in found.columns:
        deciding = {label for label, _ in column.limits} or {column.step}
        expected = np.zeros_like(column.counts)
        broken = [0] * len(column.limits)
        for one in every:
            value = {**one.user, **one.columns}.get(column.name)
            if value is None:
                continue
            step = (one.dropped_by or "").split("/")[0]
            kind = 0 if not step else 1 if step in deciding else 2
            expected[kind, column.axis.bin(np.array([value]))[0]] += 1
            for number, (_, limit) in enumerate(column.limits):
                broken[number] += bool(
                    limit.breaks(np.array([value], np.float32 if isinstance(value, float) else int))[0]
                )
        assert column.counts.tolist() == expected.tolist(), column.name
        assert column.broken.tolist() == broken, column.name


def test_limits_are_those_of_the_recipe_and_those_that_were_found(facts):
    steps, found = look(facts)
    by_step = {step.label: step.limits for step in steps}
    assert Limit("min_words", "gq_gopher_n_words", "<", 20.0, "too_few_words") in by_step["gq"]
    assert [str(limit) for limit in by_step["drop"]] == ["n > 900"]
    best = by_step["keep_best"][0]
    assert best.column == "n"
    assert min(output(facts.folder.root)["n"].to_pylist()) == best.value
    assert {label for label, _ in found.rules} == {"gq", "drop", "keep_best"}


def test_groups_say_where_documents_ended(facts):
    steps, found = look(facts, by=["n"])
    group = next(group for group in found.groups if group.name == "n")
    labels = [step.label for step in steps]
    for one in rows_of(facts)[:50]:
        ends = group.ends[str(one.user["n"])]
        at = labels.index(one.dropped_by.split("/")[0]) if one.dropped_by else len(labels)
        assert np.flatnonzero(ends[: len(labels) + 1]).tolist() == [at]
    assert (
        sum(int(ends[-1]) for ends in group.ends.values()) == facts.manifest["passes"][str(facts.passes)]["kept_chars"]
    )


def test_overlaps_are_counted_by_document(facts):
    _, found = look(facts)
    masks: Counter[int] = Counter()
    for one in rows_of(facts):
        values = {**one.user, **one.columns}
        mask = 0
        for number, (_, limit) in enumerate(found.rules):
            value = values.get(limit.column)
            kind = np.float32 if isinstance(value, float) else np.int64
            mask |= int(value is not None and bool(limit.breaks(np.array([value], kind))[0])) << number
        masks[mask] += 1
    assert found.masks == masks
    first = next(rule for rule in range(len(found.rules)) if found.broken(rule))
    assert found.both(first, first) == found.broken(first) >= found.alone(first)


def test_tokens_are_summed_by_step(facts):
    steps, found = look(facts, tokens="n")
    every = rows_of(facts)
    assert found.tokens[-1] == sum(one.user["n"] for one in every if one.kept)
    numbers = gather(facts, steps, "", "out")
    assert numbers.tokens.column is None, "no column has tokens"


def test_of_many_documents_some_units_are_looked_at(facts):
    _, found = look(facts, most=450, tokens="n")
    assert found.sampled
    assert found.documents == 400
    assert found.tokens.tolist() == look(facts, tokens="n")[1].tokens.tolist(), "tokens are always of all"
    numbers = gather(facts, steps_of(facts)[1], "", "out", most=450)
    assert "400 of the 1,000 documents" in numbers.notes[0]
    assert numbers.duplicates


def test_an_input_that_is_gone_leaves_its_columns_empty(tmp_path):
    data = write_shards(tmp_path / "in", documents(40), 1)
    run(recipe_text(data, tmp_path / "out", "  - drop: {column: n, below: 10}\n"))
    next(data.glob("*.parquet")).unlink()
    facts = Run(tmp_path / "out")
    numbers = gather(facts, steps_of(facts)[1], "", "out")
    assert numbers.scan.columns == []
    assert numbers.documents_out == 30
    assert numbers.kept[0].text is None
