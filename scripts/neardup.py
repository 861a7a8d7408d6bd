"""How well near-duplicates are found: precision, recall and F1 of pairs, and the adjusted Rand index of clusters.

    python scripts/neardup.py                                          the labelled sets, every way of ours
    python scripts/neardup.py --options '{like: olmo3, verify: false}' one way
    python scripts/neardup.py --corpus out/corpus                      a corpus of make_corpus.py
    python scripts/neardup.py --corpus out/corpus --unrelated 2000     do its unrelated documents share shingles?
    python scripts/neardup.py --peer datasketch                        beside datasketch's MinHashLSH

Two documents are a pair if they are in one cluster. The truth is the sets' own: pages of one name in several versions
of a manual, planted copies. It knows nothing of how much two texts share, so no recall is 1. `--bins`
takes all pairs by the exact Jaccard similarity of their sets of five-word shingles, computed by brute force, and counts
what is found beside what 14 bands of 8 rows promise; it is meant for sets of some 10,000 documents.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import scipy.sparse
import xxhash
import yaml

from curate.kernels.shingles import shingles
from curate.kernels.simplify import simplify

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("CURATE_SHARED_DATA", ROOT.parent / "shared" / "data"))
WAYS = (
    "{}",
    "{method: greedy}",
    "{threshold: 0.7}",
    "{threshold: 0.7, bands: 14, rows: 8}",
    "{like: fineweb}",
    "{like: refinedweb}",
    "{like: olmo3}",
    "{like: slimpajama}",
    "{like: nemo}",
)
BINS = (0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


# --- labelled sets: a table with id, text and the true cluster as a number ------------------------------------------


def labelled_sets() -> dict[str, pl.DataFrame]:
    """Those of the shared data that are there."""
    folder = SHARED / "neardup"
    if not folder.is_dir():
        return {}
    pages = pl.read_parquet(folder / "powershell_versions.parquet")
    articles = pl.read_parquet(folder / "articles_1000.parquet")
    truth = pl.read_parquet(folder / "articles_1000_truth.parquet")
    same = dict(zip(truth["b"], truth["a"], strict=True))
    graded = pl.read_parquet(SHARED / "quality" / "onestop_levels.parquet")
    return {
        "articles_1000": numbered(articles, [same.get(id, id) for id in articles["id"]]),
        "powershell_versions": numbered(pages, pages["cluster"]),
        "onestop_levels": numbered(
            graded.with_columns(id=pl.int_range(pl.len()).cast(pl.String) + "-" + pl.col("id")), graded["article"]
        ),
    }


def numbered(table: pl.DataFrame, clusters) -> pl.DataFrame:
    """`clusters`: a name for the cluster of each row."""
    _, number = np.unique(np.asarray(list(clusters)), return_inverse=True)
    return table.select("id", "text").with_columns(cluster=pl.Series(number))


def made_corpus(folder: Path) -> pl.DataFrame:
    table = pl.read_parquet(folder / "*.parquet", columns=["id", "text", "cluster"])
    alone = -1 - pl.int_range(pl.len())
    return table.with_columns(cluster=pl.when(pl.col("cluster") < 0).then(alone).otherwise(pl.col("cluster")))


# --- what is found: the number of each document's cluster -----------------------------------------------------------


def found_by_curate(table: pl.DataFrame, options: dict) -> np.ndarray:
    """Run a recipe with `minhash_dedup` alone, and read from its ledger which document each repeats."""
    from curate.report.facts import Run
    from curate.store import ledger

    with tempfile.TemporaryDirectory() as folder:
        table.select("id", "text").write_parquet(f"{folder}/in.parquet")
        recipe = Path(folder) / "recipe.yaml"
        asked = {"input": f"{folder}/in.parquet", "output": f"{folder}/out", "stages": [{"minhash_dedup": options}]}
        recipe.write_text(json.dumps(asked))
        command = [sys.executable, "-m", "curate", "run", str(recipe), "--workers", "0"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 3):
            raise SystemExit(done.stderr)
        run = Run(f"{folder}/out")
        paths = [run.folder.ledger(run.passes, unit.stem) for unit in run.inputs.units]
        found = [ledger.read(path, ["near_duplicate_of"])["near_duplicate_of"] for path in paths]
        repeats = [id for column in found for id in column.to_pylist()]
    number = {id: n for n, id in enumerate(table["id"])}
    return np.array([number[id if other is None else other] for id, other in zip(table["id"], repeats, strict=True)])


def found_by_datasketch(table: pl.DataFrame, options: dict) -> np.ndarray:
    """MinHash and LSH of datasketch on the same shingles, joined by connected components; nothing is verified."""
    from datasketch import MinHash, MinHashLSH

    bands, rows = options.get("bands", 14), options.get("rows", 8)
    lsh = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
    parent = np.arange(len(table))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for n, hashes in enumerate(shingle_sets(table["text"])):
        if len(hashes):
            sketch = MinHash(bands * rows, hashfunc=xxhash.xxh32_intdigest)
            sketch.update_batch([each.tobytes() for each in hashes])
            for other in lsh.query(sketch):
                parent[max(root(n), root(other))] = min(root(n), root(other))
            lsh.insert(n, sketch)
    return np.array([root(n) for n in range(len(table))])


# --- shingles and their exact similarity ----------------------------------------------------------------------------


def shingle_sets(texts: pl.Series) -> list[np.ndarray]:
    """The distinct shingles of each text as `minhash_dedup` has them by default, as sorted 64-bit hashes."""
    found = shingles(simplify(pa.array(texts.to_list(), pa.large_string())), 5, hashed_by="xxh64")
    return [np.unique(each) for each in np.split(found.hashes, found.offsets[1:-1])]


def similarities(sets: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of texts a < b that share a shingle, and their Jaccard similarity: all of them, by brute force."""
    sizes = np.array([len(each) for each in sets])
    _, column = np.unique(np.concatenate(sets), return_inverse=True)
    ends = np.append(0, np.cumsum(sizes))
    table = scipy.sparse.csr_array((np.ones(len(column), np.int32), column, ends))
    common = scipy.sparse.triu(table @ table.T, 1).tocoo()
    a, b = common.coords
    return a, b, common.data / (sizes[a] + sizes[b] - common.data)


def catch_rate(similarity, bands: int, rows: int):
    """The chance that a pair shares a band."""
    return 1 - (1 - np.asarray(similarity) ** rows) ** bands


# --- scores ---------------------------------------------------------------------------------------------------------


def pair_scores(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of the pairs; the adjusted Rand index (Hubert and Arabie 1985)."""

    def pairs(*labels: np.ndarray) -> int:
        _, sizes = np.unique(np.stack(labels), axis=1, return_counts=True)
        return int((sizes * (sizes - 1) // 2).sum())

    both, true, said, all_ = pairs(truth, found), pairs(truth), pairs(found), len(truth) * (len(truth) - 1) // 2
    chance = true * said / all_ if all_ else 0.0
    spread = (true + said) / 2 - chance
    return {
        "pairs": true,
        "found": said,
        "precision": both / said if said else 1.0,
        "recall": both / true if true else 1.0,
        "f1": 2 * both / (true + said) if true + said else 1.0,
        "ari": (both - chance) / spread if spread else 1.0,
    }


def unrelated(table: pl.DataFrame, sample: int) -> str:
    """How much documents of different clusters share, over all pairs of a sample."""
    some = table.unique("cluster", maintain_order=True)
    some = some.sample(min(sample, len(some)), seed=1)
    *_, values = similarities(shingle_sets(some["text"]))
    total = max(len(some) * (len(some) - 1) // 2, 1)
    steps = ", ".join(f"{(values >= at).sum() / total:.2g} at least {at}" for at in (0.01, 0.05, 0.1, 0.2, 0.5))
    return (
        f"{total:,} unrelated pairs: {len(values) / total:.2%} share a shingle;"
        f" Jaccard: {steps}; largest {values.max(initial=0):.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="a folder made by make_corpus.py")
    parser.add_argument("--options", action="append", help="options of minhash_dedup, as YAML; may be repeated")
    parser.add_argument("--peer", choices=["datasketch"], help="instead of curate; its options: bands, rows")
    parser.add_argument("--unrelated", type=int, metavar="N", help="only compare N documents of different clusters")
    parser.add_argument("--bins", action="store_true", help="what is found of all pairs by similarity")
    asked = parser.parse_args()
    sets = {str(folder): made_corpus(folder) for folder in asked.corpus} or labelled_sets()
    if not sets:
        raise SystemExit(f"no labelled sets in {SHARED}: name a corpus with --corpus")
    find = found_by_datasketch if asked.peer else found_by_curate
    ways = asked.options or (["{bands: 14, rows: 8}"] if asked.peer else WAYS)
    for name, table in sets.items():
        if asked.unrelated:
            print(f"{name}: {unrelated(table, asked.unrelated)}")
            continue
        truth = table["cluster"].to_numpy()
        results = {way: find(table, yaml.safe_load(way)) for way in ways}
        print(f"\n{name}: {len(table):,} documents, {len(np.unique(truth)):,} clusters")
        for way, found in results.items():
            print(
                "  " + "  ".join(f"{key} {round(value, 4):<7}" for key, value in pair_scores(truth, found).items()), way
            )
        if asked.bins:
            by_similarity(table, results)


def by_similarity(table: pl.DataFrame, results: dict[str, np.ndarray]) -> None:
    """Print how many of all pairs were found, by their exact similarity; and how alike the found ones are."""
    first, second, values = similarities(shingle_sets(table["text"]))
    number = np.arange(len(table))
    exact = dict(zip(zip(first.tolist(), second.tolist(), strict=True), values.tolist(), strict=True))
    for way, found in results.items():
        dropped = np.flatnonzero(found != number)
        pairs = zip(
            np.minimum(dropped, found[dropped]).tolist(), np.maximum(dropped, found[dropped]).tolist(), strict=True
        )
        alike = np.array([exact.get(pair, 0.0) for pair in pairs])
        print(f"    dropped {len(alike):,}, {np.mean(alike >= 0.8):.1%} of them at 0.8 or more to the kept one: {way}")
    where = np.searchsorted(BINS, values, side="right") - 1
    for at in np.unique(where[where >= 0]):
        of = where == at
        span = "1" if at == len(BINS) - 1 else f"{BINS[at]:.2f}..{BINS[at + 1]:.2f}"
        promised = catch_rate(values[of], 14, 8).mean()
        shares = "  ".join(f"{np.mean(found[first[of]] == found[second[of]]):.3f}" for found in results.values())
        print(f"    Jaccard {span:<11}{of.sum():>8,} pairs   14 x 8 promises {promised:.3f}   found {shares}")


if __name__ == "__main__":
    main()
