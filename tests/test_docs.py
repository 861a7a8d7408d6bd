"""What is written about the program is what it does: the README, and the plans of the recipes in `configs/`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from curate import catalog, plan, recipe
from curate.engine import intake

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted(path.name for path in (ROOT / "configs").glob("*.yaml") if "\nstages:" in path.read_text())


def test_the_readme_is_what_its_commands_print():
    done = subprocess.run(
        [sys.executable, "scripts/readme.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_reference_pages_are_what_the_code_says():
    done = subprocess.run([sys.executable, "scripts/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", RECIPES)
def test_plans_of_the_recipes(name, monkeypatch):
    """To accept a changed plan, remove the file in `tests/golden/` and run the tests twice."""
    monkeypatch.chdir(ROOT)
    asked = recipe.load(Path("configs") / name, env={})
    survey = intake.survey(asked, intake.listing(asked).files)
    shown = plan.describe(plan.make(asked, survey.schema), asked) + "\n"
    golden = ROOT / "tests/golden" / f"plan-{name.removesuffix('.yaml')}.txt"
    if not golden.exists():
        golden.write_text(shown, encoding="utf-8")
        pytest.fail(f"{golden.name} was not there; it is now: read it, and keep it")
    assert shown == golden.read_text(encoding="utf-8")


def test_the_benchmark_has_every_stage_that_reads_text():
    command = [sys.executable, "scripts/bench.py", "configs/sample", "--list"]
    works = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    reading = {name for name in catalog.names() if "text" in catalog.stage_class(name).reads}
    assert reading <= set(works)
    assert {"recipe", "select_recipe", "mixture_recipe", "domains_recipe", "fasttext", "domains"} <= set(works)


def test_the_benchmark_runs():
    command = [sys.executable, "scripts/bench.py", "configs/sample", "--only", "sample,recipe", "--repeat", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("MB/CPU-s") == 2
