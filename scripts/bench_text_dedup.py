"""Near-duplicates found with text-dedup, for `bench.py --peer text_dedup`; runs in its own environment.

Its MinHash command: 14 bands of 8 rows over five-word shingles, words by non-word characters, hashed by xxh3 (SHA-1 is
its default, and slower), one process.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from bench_peer import run


def whole(files: list[str], folder: str) -> int | None:
    options = {
        "--path": "parquet",
        "--data_files": f"{folder}/in/*.parquet",
        "--split": "train",
        "--cache_dir": f"{folder}/cache",
        "--output": f"{folder}/out",
        "--column": "text",
        "--num_proc": "1",
        "--ngram": "5",
        "--num_perm": "112",
        "--b": "14",
        "--r": "8",
        "--hash_func": "xxh3",
    }
    links(files, f"{folder}/in")
    command = [sys.executable, "-m", "text_dedup.minhash", *[word for pair in options.items() for word in pair]]
    environment = {**os.environ, "COLUMNS": "200"}  # it prints tables as wide as the screen
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    found = re.search(r"After\s*:\s*(\d+)", done.stdout + done.stderr)
    return int(found[1]) if found else None


def links(files: list[str], folder: str) -> None:
    """The files under one folder, as it takes a pattern."""
    Path(folder).mkdir()
    for number, file in enumerate(files):
        (Path(folder) / f"{number:05d}.parquet").symlink_to(Path(file).resolve())


if __name__ == "__main__":
    sys.exit(run({"minhash_recipe": whole}))
