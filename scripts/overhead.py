"""What curate costs beside its work: a finished run of many units asked for again, and very many small files.

    python scripts/overhead.py FOLDER [--units 1000] [--files 100000] [--workers 2] [--times 5]

In FOLDER it makes a corpus of so many Parquet files of five documents, and one of so many JSONL files of three. Of the
first it prints the seconds that a run takes which is finished already: by the same command, and as the engine finds out
by itself (the note of the command is removed); of the second, the first run, as wall and CPU seconds, files in the run
folder, and the most memory of one process. Beside them the load of the machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

STAGES = "stages: [normalize, gopher_quality, exact_dedup, minhash_dedup, {sample: {share: 0.9}}]\n"


def timed(command: list[str]) -> tuple[float, float]:
    """(wall, CPU) seconds of a command and of the processes that it starts."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def recipe(folder: Path, name: str, stages: str) -> list[str]:
    path, out = folder / f"{name}.yaml", folder / f"{name}-out"
    path.write_text(f"input: {folder / name}\noutput: {out}\n{stages}", encoding="utf-8")
    return [sys.executable, "-m", "curate", "run", str(path)]


def finished(folder: Path, units: int, workers: int, times: int) -> None:
    data = folder / f"units-{units}"
    if not data.exists():
        data.mkdir(parents=True)
        for number in range(units):
            texts = [f"Document {number}.{row}. " + "It says what the others say. " * 20 for row in range(5)]
            pq.write_table(
                pa.table({"id": [f"{number}-{row}" for row in range(5)], "text": texts}), data / f"{number:06d}.parquet"
            )
    command = [*recipe(folder, data.name, STAGES), "--workers", str(workers)]
    note = folder / f"{data.name}-out" / ".again.json"
    timed(command)
    rows = [("the same command", False), ("without its note", True)]
    for what, forget in rows:
        found = []
        for _ in range(times):
            if forget:
                note.unlink(missing_ok=True)
            found.append(timed(command))
        wall, cpu = (statistics.median(one[place] for one in found) for place in (0, 1))
        print(f"finished, {units:,} units, {what}: {wall:.1f} s wall, {cpu:.1f} CPU-s; load {os.getloadavg()[0]:.1f}")


def tiny(folder: Path, files: int, workers: int) -> None:
    data = folder / f"files-{files}"
    if not data.exists():
        data.mkdir(parents=True)
        for number in range(files):
            lines = (f'{{"text": "This is document {number}.{row}, and it is short."}}\n' for row in range(3))
            (data / f"{number:06d}.jsonl").write_text("".join(lines), encoding="utf-8")
    out = folder / f"{data.name}-out"
    shutil.rmtree(out, ignore_errors=True)
    command = recipe(folder, data.name, "stages: [normalize, exact_dedup]\n")
    wall, cpu = timed([*command, "--no-report", "--workers", str(workers)])
    left = sum(1 for path in out.rglob("*") if path.is_file())
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    print(
        f"{files:,} files of three documents: {wall:.0f} s wall, {cpu:.0f} CPU-s, {left:,} files in the run folder,"
        f" {most} MB at most in one process; load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    finished(asked.folder.absolute(), asked.units, asked.workers, asked.times)
    tiny(asked.folder.absolute(), asked.files, asked.workers)


if __name__ == "__main__":
    main()
