"""Near-duplicates found with rensa, for `bench_peers.py`; runs in its own environment.

112 hashes of five-word shingles, 14 bands; words by `.lower().split()`, nothing else is normalized: less work than
FineWeb's simplification, and other words. Each document that shares a band with an earlier one is dropped. rensa is a
library: what reads, splits and writes around it is ours.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from bench_peer import Work, run, shingles_of
from rensa import RMinHash, RMinHashLSH

BATCH = 100  # documents; the fastest of 20, 100 and 1000


def minhash(work: Work) -> None:
    key, lsh = 0, RMinHashLSH(0.7, 112, 14)
    for file in work.files:
        table, dropped = pq.read_table(file, columns=["id", "text"]), set()
        texts = table["text"].to_pylist()
        for at in range(0, len(texts), BATCH):
            documents = [shingles_of(text) for text in texts[at : at + BATCH]]
            rows = [at + row for row, document in enumerate(documents) if document]
            matrix = RMinHash.digest_matrix_from_token_byte_sets([each for each in documents if each], 112, 1)
            flags = lsh.insert_matrix_and_query_duplicate_flags(matrix, key)
            dropped |= {row for row, repeated in zip(rows, flags, strict=True) if repeated}
            key += len(rows)
        left = pa.array([row for row in range(len(table)) if row not in dropped], pa.int64())
        pq.write_table(table.take(left), Path(work.out) / Path(file).name, compression="zstd")


if __name__ == "__main__":
    run({"minhash": minhash})
