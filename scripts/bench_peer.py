"""What the scripts that measure peers have in common: they run in environments without curate."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def shingles_of(text: str) -> list[bytes]:
    """Five-word shingles, words by spaces, in lower case: as the documentations of MinHash libraries make them."""
    words = text.lower().encode().split()
    return [b" ".join(words[at : at + 5]) for at in range(len(words) - 4)]


def read(file: str) -> pa.Table:
    return pq.read_table(file, columns=["id", "text"])


def write(table: pa.Table, rows: list[int], file: str, folder: str) -> None:
    """The survivors of a file."""
    pq.write_table(table.take(pa.array(rows, pa.int64())), Path(folder) / Path(file).name, compression="zstd")


def cpu_seconds() -> float:
    """Of this process and of those that it started and saw end."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_bytes() -> int:
    used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(used) * (1 if sys.platform == "darwin" else 1024)


def run(works: dict[str, Callable]) -> None:
    """Do the work that the command line asks for; print seconds, bytes of text and peak memory as JSON.

    A work named `…_recipe` is given files and a folder to write to, and answers how many documents are kept; another
    one is given texts in memory.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--work", required=True, choices=sorted(works))
    parser.add_argument("--workers")
    asked = parser.parse_args()
    texts = [text for file in asked.files for text in read(file)["text"].to_pylist()]
    result: dict[str, float | None] = {"bytes": sum(len(text.encode()) for text in texts), "documents": len(texts)}
    work = works[asked.work]
    if asked.work.endswith("recipe"):
        del texts
        with tempfile.TemporaryDirectory() as folder:
            began = cpu_seconds()
            result["kept"] = work(asked.files, folder)
    else:
        work(texts[:1])
        began = cpu_seconds()
        work(texts)
    print(json.dumps({**result, "seconds": cpu_seconds() - began, "peak": peak_bytes()}))
