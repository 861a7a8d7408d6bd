"""fastText inference beside the fastText library: speed, equality, and the memory of several processes.

    python scripts/bench_fasttext.py CORPUS...                   with a new model: 100 dimensions, 2 M buckets, bigrams
    python scripts/bench_fasttext.py CORPUS... --model my.bin    with this one

CORPUS: Parquet files with a `text` column; the model tells the first half of the files from the second. Both sides
read the same texts in this process, in turn, `--repeat` times; each figure is MB of UTF-8 text per CPU-second: the
best, the median, and the first, since what curate knows of a model grows with use (rows multiplied). Memory is what
Linux tells: Rss, all pages of a process; Pss, shared pages divided among the processes that share them (this one, which
measures, is one of them).
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import statistics
import tempfile
import time
from pathlib import Path

import fasttext as library
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.models.fasttext import load

BATCH_BYTES = 4 << 20
PREFIX = "__label__"


def train(files: list[str], path: Path) -> None:
    """A classifier in the shape of PreSelect's: what it has learned does not matter for its speed."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as lines:
        for number, file in enumerate(files):
            label = "first" if 2 * number < len(files) else "second"
            for text in pq.read_table(file, columns=["text"])["text"].to_pylist():
                lines.write(f"{PREFIX}{label} {' '.join(text[:20_000].split())}\n")
        lines.flush()
        # ten threads: each sets a tenth of the input matrix, and some builds leave the rest as it was in memory
        shape = {"dim": 100, "bucket": 2_000_000, "wordNgrams": 2, "epoch": 1, "lr": 0.1}
        library.train_supervised(lines.name, **shape, thread=10, verbose=0).save_model(str(path))


def ours(path: Path, batches: list[pa.Array]) -> np.ndarray:
    model = load(path)
    return np.concatenate([model.probabilities(batch) for batch in batches])


def theirs(model: object, labels: list[str], batches: list[pa.Array]) -> np.ndarray:
    """As users ask it: one text at a time, line feeds replaced."""
    rows = []
    for batch in batches:
        for text in batch.to_pylist():
            found = dict(zip(*model.predict(text.replace("\n", " "), k=-1), strict=True))
            rows.append([found.get(f"{PREFIX}{label}", np.nan) for label in labels])
    return np.array(rows, np.float32)


def resident(path: str, texts: pa.Array, ready: object, answer: object) -> None:
    """In a process of its own: use the model, wait for the others, and tell the memory."""
    load(Path(path)).probabilities(texts)
    ready.wait()
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8")
    of_file = Path("/proc/self/smaps").read_text(encoding="utf-8").split(Path(path).name)[1:]
    found = [
        *(kilobytes(name, [rollup]) for name in ("Rss", "Pss", "Private_Dirty")),
        *(kilobytes(name, of_file) for name in ("Rss", "Pss")),
    ]
    ready.wait()
    answer.put([value / 1e3 for value in found])


def kilobytes(name: str, parts: list[str]) -> int:
    return sum(int(re.search(rf"^{name}: +(\d+)", part, re.M)[1]) for part in parts)


def memory(path: Path, texts: pa.Array, processes: int) -> list[list[float]]:
    """MB of each of so many processes: Rss, Pss, its own pages; of the model's file in it: Rss, Pss."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=resident, args=(str(path), texts, ready, answers)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    found = [answers.get() for _ in workers]
    for worker in workers:
        worker.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2, help="whose memory is looked up; 0: none")
    asked = parser.parse_args()
    texts = pa.concat_arrays(
        [chunk for file in asked.corpus for chunk in pq.read_table(file)["text"].cast(pa.large_string()).chunks]
    )
    step = max(1, len(texts) * BATCH_BYTES // texts.nbytes)
    batches = [texts.slice(at, step) for at in range(0, len(texts), step)]
    with tempfile.TemporaryDirectory() as folder:
        path = asked.model or Path(folder) / "bench.bin"
        if asked.model is None:
            train(asked.corpus, path)
        judge, labels = library.load_model(str(path)), load(path).labels
        load(path).probabilities(texts.slice(0, 2))  # compiles
        speeds: dict[str, list[float]] = {"curate": [], "fasttext": []}
        answers = {}
        for _ in range(asked.repeat):
            for name, ask in (
                ("curate", lambda: ours(path, batches)),
                ("fasttext", lambda: theirs(judge, labels, batches)),
            ):
                began = time.process_time()
                answers[name] = ask()
                speeds[name].append(texts.nbytes / 1e6 / (time.process_time() - began))
        best = {name: max(values) for name, values in speeds.items()}
        for name, values in speeds.items():
            rest = f"median {statistics.median(values):.1f}, first round {values[0]:.1f}"
            print(f"{name:<10}{best[name]:>7.1f} MB/CPU-s, best of {asked.repeat}; {rest}")
        print(f"ratio     {best['curate'] / best['fasttext']:>7.1f}")
        print(f"largest difference of a probability: {np.nanmax(np.abs(answers['curate'] - answers['fasttext'])):.1e}")
        size = path.stat().st_size / 1e6
        found = memory(path, texts, asked.processes) if asked.processes else []
        for rss, pss, own, file_rss, file_pss in found:
            print(
                f"a process: Rss {rss:.0f} MB, Pss {pss:.0f}, own pages {own:.0f}; of the file of {size:.0f} MB: ",
                end="",
            )
            print(f"Rss {file_rss:.0f}, Pss {file_pss:.0f}")
        if found:
            print(f"{len(found)} processes together: {sum(pss for _, pss, *_ in found):.0f} MB")


if __name__ == "__main__":
    main()
