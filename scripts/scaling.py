"""Time, memory and disk of deduplication by the number of documents, on corpora of `make_corpus.py`; Linux only.

    python scripts/scaling.py FOLDER --documents 10000 100000 1000000 [--stages '["minhash_dedup"]'] [--workers 0 2]
    python scripts/scaling.py FOLDER --documents 20000 --shards 1 16 256

Corpora are made in FOLDER where they are not there yet. Of each run: wall and CPU seconds, start and end included; the
most memory that all processes have at once: anonymous, and resident, which counts pages of mapped files too, though the
system takes them back when it needs them; that of the largest process (anonymous); what the run folder holds beside the
output at the end; and the documents kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from cost import family
from make_corpus import SAMPLE, Asked, make_corpus

KIB = {"RssAnon": 0, "VmRSS": 0}


class Memory(threading.Thread):
    """Looks at the memory of a process and of those that it started, five times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.running = pid, True
        self.anonymous = self.resident = self.largest = 0

    def run(self) -> None:
        while self.running:
            each = [figures for pid in family(self.pid) if (figures := status(pid))]
            self.anonymous = max(self.anonymous, sum(figures["RssAnon"] for figures in each))
            self.resident = max(self.resident, sum(figures["VmRSS"] for figures in each))
            self.largest = max([self.largest, *(figures["RssAnon"] for figures in each)])
            time.sleep(0.2)


def status(pid: int) -> dict[str, int] | None:
    """Memory of a process in bytes, by the names of /proc/PID/status."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = {name: int(rest.split()[0]) * 1024 for name, _, rest in (x.partition(":") for x in lines) if name in KIB}
    return found if len(found) == len(KIB) else None  # a process that has ended has no memory


def measured(corpus: Path, out: Path, stages: list, workers: int) -> dict[str, float]:
    """Run the stages on a corpus."""
    files = sorted(str(path) for path in corpus.glob("*.parquet"))
    size = sum(pc.sum(pc.binary_length(pq.read_table(file, columns=["text"]).column("text"))).as_py() for file in files)
    recipe = out.with_suffix(".yaml")
    recipe.write_text(json.dumps({"input": files, "output": str(out), "stages": stages}))
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--fresh", "--workers", str(workers)]
    before, began = os.times(), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    memory = Memory(process.pid)
    memory.start()
    said = process.stderr.read()
    if process.wait() not in (0, 3):
        sys.exit(said)
    memory.running = False
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return {
        "documents": sum(pq.read_metadata(file).num_rows for file in files),
        "mb": size / 1e6,
        "wall": wall,
        "cpu": cpu,
        "mb_per_cpu_second": size / 1e6 / cpu,
        "anonymous_mb": memory.anonymous / 1e6,
        "resident_mb": memory.resident / 1e6,
        "largest_mb": memory.largest / 1e6,
        "scratch_mb": sum(f.stat().st_size for f in out.rglob("*") if f.is_file() and "data" not in f.parts) / 1e6,
        "kept": manifest["funnel"][-1]["documents_out"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--stages", default='["minhash_dedup"]', help="as in a recipe, in JSON")
    parser.add_argument("--mean-bytes", type=int, default=Asked.mean_bytes)
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument(
        "--shards", type=int, nargs="+", default=[0], help="files; 0: one for 20,000 documents, at least 4"
    )
    parser.add_argument("--json", type=Path, help="write the figures here too")
    asked = parser.parse_args()
    sources = tuple(sorted(str(path) for path in SAMPLE.glob("*.parquet")))
    rows = []
    for documents, shards in itertools.product(asked.documents, asked.shards):
        files = shards or max(4, documents // 20_000)
        corpus = asked.folder / f"corpus-{documents}-{files}"
        if not any(corpus.glob("*.parquet")):
            make_corpus(corpus, Asked(documents, sources, mean_bytes=asked.mean_bytes), files=files, workers=2)
        for workers in asked.workers:
            found = measured(corpus, asked.folder / f"out-{documents}", json.loads(asked.stages), workers)
            rows.append({"shards": files, "workers": workers, **found})
            print("  ".join(f"{name} {value:,.1f}" for name, value in rows[-1].items()), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"stages": json.loads(asked.stages), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
