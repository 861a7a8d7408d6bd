"""Daft, for `bench_peers.py`; runs in its own environment.

Its native runner. MinHash goes as in its guide (normalized texts, `minhash` with xxHash, bands exploded and grouped,
edges to the first of a group), but for two things: nodes are hashes of the ids, since numbers given by
`monotonically_increasing_id` are other ones when a plan runs a second time; and where the guide finds connected
components by rounds of joins, SciPy does it here in memory, which is faster. When all is written the process ends at
once: one in three of 0.7.26 was aborted while the interpreter shut down ("Fatal Python error"), its work done.
"""

import os

import daft
import numpy as np
import pyarrow as pa
from bench_peer import Work, run
from daft import col
from daft.functions import chunk, normalize
from daft.functions import hash as hash_of
from daft.functions import minhash as signature
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

BANDS, ROWS = 14, 8


def exact(work: Work) -> None:
    daft.read_parquet(work.pattern).distinct("text").write_parquet(work.out, compression="zstd")


@daft.func()
def numbers(bands: list[list[int]]) -> list[int]:
    return list(range(len(bands)))


def minhash(work: Work) -> None:
    documents = daft.read_parquet(work.pattern).with_column("node", hash_of(col("id")))
    plain = normalize(col("text"), remove_punct=True, lowercase=True, nfd_unicode=True, white_space=True)
    hashes = signature(plain, num_hashes=BANDS * ROWS, ngram_size=5, seed=42, hash_function="xxhash")
    nodes = documents.select("node", chunk(hashes, ROWS).alias("band"))
    groups = (
        nodes.with_column("number", numbers(col("band")))
        .explode("band", "number")
        .groupby("number", "band")
        .agg(col("node").list_agg().alias("nodes"))
        .where(col("nodes").list_count() > 1)
        .with_column("first", col("nodes").list_min())
        .explode("nodes")
        .where(col("nodes") != col("first"))
        .select("first", "nodes")
        .distinct()
        .to_pydict()
    )
    pairs = np.array([groups["first"], groups["nodes"]], np.uint64)
    names, ends = np.unique(pairs, return_inverse=True)
    ends = ends.reshape(2, -1)
    graph = coo_matrix((np.ones(ends.shape[1], bool), ends), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    _, firsts = np.unique(component, return_index=True)
    gone = daft.from_arrow(pa.table({"node": np.delete(names, firsts)}))
    kept = documents.join(gone, on="node", how="anti").exclude("node")
    kept.write_parquet(work.out, compression="zstd")


if __name__ == "__main__":
    run({"exact": exact, "minhash": minhash})
    os._exit(0)
