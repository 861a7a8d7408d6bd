"""Near-duplicates found with datasketch, for `bench.py --peer datasketch`; runs in its own environment.

112 hashes of five-word shingles, 14 bands of 8; words by `.lower().split()`, nothing else is normalized: less work
than FineWeb's simplification, and other words. Components of all pairs that share a band, one document of each kept.
"""

import sys

from bench_peer import read, run, shingles_of, write
from datasketch import MinHash, MinHashLSH
from xxhash import xxh32_intdigest


def sketches(texts: list[str]):
    documents = (shingles_of(text) for text in texts)
    return MinHash.generator(documents, num_perm=112, hashfunc=xxh32_intdigest)


def signature(texts: list[str]) -> None:
    for _ in sketches(texts):
        pass


def whole(files: list[str], folder: str) -> int:
    kept, number = 0, 0
    lsh, parent = MinHashLSH(num_perm=112, params=(14, 8)), []
    tables = [read(file) for file in files]

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    for table in tables:
        for sketch in sketches(table["text"].to_pylist()):
            parent.append(number)
            if not sketch.is_empty():
                for other in lsh.query(sketch):
                    a, b = root(number), root(other)
                    parent[max(a, b)] = min(a, b)
                lsh.insert(number, sketch)
            number += 1
    number = 0
    for file, table in zip(files, tables):  # noqa: B905
        rows = [row for row in range(len(table)) if root(number + row) == number + row]
        number, kept = number + len(table), kept + len(rows)
        write(table, rows, file, folder)
    return kept


if __name__ == "__main__":
    sys.exit(run({"minhash_signature": signature, "minhash_recipe": whole}))
