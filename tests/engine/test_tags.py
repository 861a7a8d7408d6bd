"""Control tokens are the same for any cut into shards."""

from __future__ import annotations

import polars as pl

from tests.engine.corpus import documents, recipe_text, run, write_shards

TAG = "  - toxicity: {act: tag, threshold: 0.01, drop_token_fraction: 0.3, seed: 8}"


def test_tags_do_not_depend_on_shards(tmp_path):
    rows = documents(160)
    found = []
    for shards in (1, 3, 8):
        run(recipe_text(write_shards(tmp_path / f"in-{shards}", rows, shards), tmp_path / f"out-{shards}", TAG))
        found.append(
            pl.read_parquet(tmp_path / f"out-{shards}/data/*.parquet").select("id", "text", "toxicity_control")
        )
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    control = found[0]["toxicity_control"].explode()
    assert set(control.drop_nulls().to_list()) == {-1, 0, 1}
