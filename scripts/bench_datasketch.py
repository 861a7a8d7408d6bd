"""Near-duplicates found with datasketch, for `bench_peers.py`; runs in its own environment.

112 hashes of five-word shingles, 14 bands of 8; words by `.lower().split()`, nothing else is normalized: less work
than FineWeb's simplification, and other words. Components of all pairs that share a band, one document of each kept.
datasketch is a library: what reads, splits and writes around it is ours.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from bench_peer import Work, run, shingles_of
from datasketch import MinHash, MinHashLSH
from xxhash import xxh32_intdigest


def minhash(work: Work) -> None:
    lsh, parent = MinHashLSH(num_perm=112, params=(14, 8)), []
    tables = [pq.read_table(file, columns=["id", "text"]) for file in work.files]

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for table in tables:
        documents = (shingles_of(text) for text in table["text"].to_pylist())
        for sketch in MinHash.generator(documents, num_perm=112, hashfunc=xxh32_intdigest):
            number = len(parent)
            parent.append(number)
            if sketch.is_empty():
                continue
            for other in lsh.query(sketch):
                a, b = root(number), root(other)
                parent[max(a, b)] = min(a, b)
            lsh.insert(number, sketch)
    number = 0
    for file, table in zip(work.files, tables, strict=True):
        rows = pa.array([row for row in range(len(table)) if root(number + row) == number + row], pa.int64())
        number += len(table)
        pq.write_table(table.take(rows), Path(work.out) / Path(file).name, compression="zstd")


if __name__ == "__main__":
    run({"minhash": minhash})
