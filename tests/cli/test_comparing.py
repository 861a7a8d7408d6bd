"""`curate compare`, as a user types it."""

from __future__ import annotations

import json

import pytest

from tests.cli.test_commands import curate
from tests.engine.corpus import documents, recipe_text, write_shards


@pytest.fixture(scope="module")
def outs(tmp_path_factory):
    """Two runs over 100 documents."""
    root = tmp_path_factory.mktemp("compare")
    data = write_shards(root / "in", documents(100), 2)
    for name, stages in (
        ("a", "  - drop: {column: n, below: 30}\n"),
        ("b", "  - normalize\n  - drop: {column: n, above: 79}\n"),
    ):
        (root / f"{name}.yaml").write_text(recipe_text(data, root / name, stages))
        assert curate("run", root / f"{name}.yaml", "--workers", 0, "--no-report").returncode == 0
    return root / "a", root / "b"


def test_who_keeps_what(outs):
    shown = curate("compare", *outs, "-n", 1).stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert any(line.startswith("both keep 50 50.0 %") for line in lines)
    assert any(line.startswith("a alone keeps 20 20.0 %") for line in lines)
    assert any(line.startswith("b alone keeps 30 30.0 %") for line in lines)
    assert "they agree on 50.0% of 100 documents, Cohen's kappa -0.32; of what either keeps, both keep 50.0%" in shown
    assert "drop/n_below kept 30" in lines
    assert "in b: dropped by drop: n_above" in shown
    assert "in a: dropped by drop: n_below" in shown
    assert "kept by both, with other texts" in shown


def test_for_programs(outs):
    found = json.loads(curate("compare", *outs, "--json", "-n", 2).stdout)
    assert found["agreement"] == 0.5
    assert found["both"]["documents"] == 50
    assert len(found["kept_by_first"]) == 2


def test_what_is_no_run_is_said_to_be_none(outs, tmp_path):
    done = curate("compare", outs[0], tmp_path)
    assert done.returncode == 1
    assert "this is not the output folder of a run" in done.stderr
