"""text-dedup, for `bench_peers.py`; runs in its own environment.

Its commands `minhash` (14 bands of 8 rows over five-word shingles, words by non-word characters), `exact_hash` and
`ccnet` (lines); hashed by xxh3, the fastest of those that it offers.
"""

import sys

from bench_peer import Work, run, shell


def command(work: Work, name: str, *options: str) -> None:
    given = {
        "--path": "parquet",
        "--data_files": work.pattern,
        "--split": "train",
        "--cache_dir": f"{work.scratch}/cache",
        "--output": work.out,
        "--column": "text",
        "--num_proc": str(work.workers),
        "--hash_func": "xxh3",
    }
    words = [word for pair in given.items() for word in pair]
    shell([sys.executable, "-m", f"text_dedup.{name}", *words, *options], work.scratch, COLUMNS="200")


def minhash(work: Work) -> None:
    command(work, "minhash", "--ngram", "5", "--num_perm", "112", "--b", "14", "--r", "8")


def exact(work: Work) -> None:
    command(work, "exact_hash")


def lines(work: Work) -> None:
    command(work, "ccnet")


if __name__ == "__main__":
    run({"minhash": minhash, "exact": exact, "lines": lines})
