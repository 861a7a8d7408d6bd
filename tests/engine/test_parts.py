"""Output in parts, and documents that are written more than once."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate import recipe as recipes
from curate.engine import driver
from curate.errors import RecipeError
from curate.executors.pool import Pool
from tests.engine.corpus import documents, recipe_text, run, write_shards

PHASES = """
  - ./parity.py
  - mixture:
      domain: parity
      weights: {{even: 1, odd: 1}}
      by: documents
      budget: {budget}
      max_epochs: 8
      repeats: {repeats}
      schedule: [{{name: main, share: 0.8}}, {{name: end, share: 0.2, weights: {{even: 0, odd: 1}}}}]
"""
PARITY = '''
"""Even or odd."""
import pyarrow as pa
import pyarrow.compute as pc
from curate import Annotate

class Parity(Annotate):
    """Say whether `n` is even; every fifth is odd."""
    reads = ("n",)
    writes = {"parity": pa.string()}
    def annotate(self, batch):
        fifth = pc.equal(pc.subtract(batch["n"], pc.multiply(pc.divide(batch["n"], 5), 5)), 0)
        return {"parity": pc.if_else(fifth, "odd", "even")}
'''


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def rows(folder: Path) -> list[str]:
    shards = sorted(folder.glob("*.parquet"))
    return [id for shard in shards for id in pq.read_table(shard)["id"].to_pylist()]


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "parity.py").write_text(PARITY, encoding="utf-8")
    return write_shards(tmp_path / "in", documents(300), 5)


def go(tmp_path, corpus, out, *, budget=400, repeats="rows", executor=None):
    text = recipe_text(corpus, tmp_path / out, PHASES.format(budget=budget, repeats=repeats))
    return run(text, executor, source=tmp_path / "recipe.yaml")


def test_each_phase_has_its_folder_and_repeats_come_round_by_round(tmp_path, corpus):
    done = go(tmp_path, corpus, "out")
    main, end = rows(tmp_path / "out/data/main"), rows(tmp_path / "out/data/end")
    assert len(main) == 320
    assert len(end) == 80
    assert done.rows == 400
    odd = {f"d{n:05d}" for n in range(0, 300, 5)}
    assert sum(id in odd for id in main) == 160
    assert set(end) <= odd
    assert {(main + end).count(id) for id in odd} == {4}  # 240 of 60 documents
    seen: dict[str, int] = {}
    rounds = []
    for id in main:
        seen[id] = seen.get(id, 0) + 1
        rounds.append(seen[id])
    assert rounds == sorted(rounds)
    assert max(rounds) > 1
    assert len(list((tmp_path / "out/data/main").iterdir())) > 1


def test_repeats_as_a_column(tmp_path, corpus):
    go(tmp_path, corpus, "rows")
    done = go(tmp_path, corpus, "column", repeats="column")
    for phase in ("main", "end"):
        shards = sorted((tmp_path / "column/data" / phase).glob("*.parquet"))
        counts = {}
        for shard in shards:
            table = pq.read_table(shard)
            counts |= dict(zip(table["id"].to_pylist(), table[f"repeat_{phase}"].to_pylist(), strict=True))
        repeated = rows(tmp_path / "rows/data" / phase)
        assert counts == {id: repeated.count(id) for id in repeated}
    assert done.rows < 400


def test_the_same_bytes_whoever_works_and_again(tmp_path, corpus):
    go(tmp_path, corpus, "one")
    with Pool(2) as pool:
        go(tmp_path, corpus, "two", executor=pool)
    first = files(tmp_path / "one/data")
    assert files(tmp_path / "two/data") == first
    at = {path: path.stat().st_mtime_ns for path in (tmp_path / "one/data").rglob("*.parquet")}
    go(tmp_path, corpus, "one")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "one/data").rglob("*.parquet")} == at


def test_parts_of_another_recipe_go(tmp_path, corpus):
    go(tmp_path, corpus, "out")
    (tmp_path / "out/data/notes").mkdir()
    (tmp_path / "out/data/notes/00000.parquet").write_bytes(b"mine")
    run(recipe_text(corpus, tmp_path / "out", "  - sample: {share: 0.5}"))
    names = {path.relative_to(tmp_path / "out/data").as_posix() for path in (tmp_path / "out/data").rglob("*")}
    assert names == {"00000.parquet", "00001.parquet", "notes", "notes/00000.parquet"}
    assert not (tmp_path / "out/receipts/main").exists()
    go(tmp_path, corpus, "out")
    names = {path.relative_to(tmp_path / "out/data").as_posix() for path in (tmp_path / "out/data").glob("*")}
    assert names == {"main", "end", "notes"}


def test_only_one_step_says_how_often(tmp_path, corpus):
    steps = "  - mixture: {domain: n, as: one}\n  - mixture: {domain: n, as: two}\n"
    recipe = recipes.loads(recipe_text(corpus, tmp_path / "out", steps))
    with pytest.raises(RecipeError, match="written how often, as stage 1 'one' does"):
        driver.run(recipe, Pool(1))
