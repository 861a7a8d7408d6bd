"""Near-duplicates found with rensa, for `bench.py --peer rensa`; runs in its own environment.

112 hashes of five-word shingles, 14 bands; words by `.lower().split()`, nothing else is normalized: less work than
FineWeb's simplification, and other words. Each document that shares a band with an earlier one is dropped.
"""

import sys

from bench_peer import read, run, shingles_of, write
from rensa import RMinHash, RMinHashLSH

BATCH = 100  # documents; the fastest of 20, 100 and 1000


def digests(texts: list[str]):
    """Signatures of texts, and which texts they are of: short ones have none."""
    for at in range(0, len(texts), BATCH):
        documents = [shingles_of(text) for text in texts[at : at + BATCH]]
        rows = [at + row for row, document in enumerate(documents) if document]
        yield rows, RMinHash.digest_matrix_from_token_byte_sets([each for each in documents if each], 112, 1)


def signature(texts: list[str]) -> None:
    for _ in digests(texts):
        pass


def whole(files: list[str], folder: str) -> int:
    kept, key = 0, 0
    lsh = RMinHashLSH(0.7, 112, 14)
    for file in files:
        table, dropped = read(file), set()
        for rows, matrix in digests(table["text"].to_pylist()):
            flags = lsh.insert_matrix_and_query_duplicate_flags(matrix, key)
            dropped |= {row for row, repeated in zip(rows, flags, strict=True) if repeated}
            key += len(rows)
        left = [row for row in range(len(table)) if row not in dropped]
        kept += len(left)
        write(table, left, file, folder)
    return kept


if __name__ == "__main__":
    sys.exit(run({"minhash_signature": signature, "minhash_recipe": whole}))
