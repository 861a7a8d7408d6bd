from pathlib import Path

import pyarrow as pa
import pytest

from curate.plan import Estimate, describe, make
from curate.recipe import load, loads
from tests.own_stages import write_stages

CONFIGS = Path(__file__).parents[2] / "configs"
SCHEMA = pa.schema({"id": pa.string(), "text": pa.string(), "score": pa.float32()})


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(write_stages(tmp_path))
    text = """\
input: [data/, more/]
output: {path: out, shard_size: 1GiB, compression: gzip, compression_level: 9}
stages:
  - ./lower.py
  - ./shouting.py: {max_upper: 0.4, as: loud, expect: {drop: 5%..60%}}
  - ./median.py: {column: score}
  - ./counts.py
"""
    return loads(text, source=Path("web.yaml"))


def test_a_plan_in_print(recipe):
    printed = describe(make(recipe, SCHEMA), recipe, Estimate(12, 345_678_901, 1_234_567, 9_876_543_210))
    assert (
        printed
        == """\
web.yaml -> out: 4 stages in 3 passes

input    12 files, 345.7 MB: 1,234,567 documents, 9.9 GB of text
pass 1   reads id, text, score
    1  lower               process  edits the text
    2  loud (shouting.py)  process  max_upper: 0.4
                                    expects to drop 5%..60%
    3  median              observe  column: score
         then median decides, for the whole corpus
pass 2   reads id, score, text
    3  median              apply
    4  counts              process  adds n_words, n_lines
pass 3   writes Parquet (gzip 9), a new file after 1GiB of text
columns  id, text, score, n_words, n_lines""".replace("reads id, score, text", "reads id, text, score")
    )


def test_what_is_guessed_or_not_known_says_so(recipe):
    plan = make(recipe, None)
    assert "\ninput    data/, more/\n" in describe(plan, recipe)
    assert describe(plan, recipe).endswith("columns  id, text, n_words, n_lines, and what else the input has")
    guessed = describe(plan, recipe, Estimate(1, 999, 10, 1000, exact=False))
    assert "\ninput    1 file, 999 B: about 10 documents, about 1.0 kB of text\n" in guessed


def test_lines_are_no_wider_than_a_page(recipe):
    wide = pa.schema([(f"a_column_with_a_long_name_{n}", pa.int64()) for n in range(40)] + list(SCHEMA))
    assert max(map(len, describe(make(recipe, wide), recipe).split("\n"))) <= 100


RECIPES = sorted(path for path in CONFIGS.glob("*.yaml") if "\nstages:" in path.read_text())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_recipes_of_the_project_can_be_planned(path):
    recipe = load(path, env={})
    language = "language" if path.name == "code.yaml" else "lang"  # of source files it is known
    plan = make(recipe, pa.schema({name: pa.string() for name in ("id", "text", "source", "path", language)}))
    printed = describe(plan, recipe)
    assert all(f"  {step.index}  {step.label}" in printed for step in recipe.stages)
