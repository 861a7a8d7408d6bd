"""Speed and memory of stages and of whole recipes: MB of UTF-8 text per CPU-second (user + system, all processes).

    python scripts/bench.py CORPUS...                     every stage, recipes, and the other benchmarks
    python scripts/bench.py CORPUS... --only c4,language  some of it
    python scripts/bench.py CORPUS... --list              what there is to measure
    python scripts/bench.py CORPUS... --peer datatrove    beside datatrove 0.10.1, in turn, with the ratio; also
                                                          datasketch, rensa and text_dedup, for minhash_…

CORPUS: folders or Parquet files with a `text` column. Stages are timed on texts in memory after one warm-up, global
ones without what they do between two passes; recipes from files to files, as users run them, in a process of their
own. Bytes are always those of the texts; `url_dedup` is left out where the corpus has no column `url`. Each figure is
the median of `--repeat` runs. What reads no text is measured in a recipe behind what makes its columns.

`fasttext` (beside its library, and the memory of two processes with one large model) and `domains` (k-means beside
none) are scripts of their own, which this one runs; what they print is shown as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from peers import PEERS, python_of, script_of, thinned

HERE = Path(__file__).resolve()
FIVE = ["language", "gopher_repetition", "gopher_quality", "c4", "fineweb_quality"]
OTHERS = [
    "normalize", "refinedweb_lines", "sample", "quality", "toxicity", "badwords", "pii", "fasttext_score", "preselect",
    "embed", "tokens", "code_quality",
]  # fmt: skip
COPIES = ["exact_dedup", "url_dedup", "line_dedup", "sentence_dedup", "minhash_signature", "minhash_dedup"]
ROOT = HERE.parents[1]
OPTIONS = {
    "sample": {"share": 0.5},
    "badwords": {"lists": str(ROOT / "configs/mild_words"), "language": "en"},
    "fasttext_score": {"model": "builtin:lid.176", "top": 3},
    "preselect": {"model": str(ROOT / "configs/toy_preselect.ftz")},
    "select": {"criteria": ["quality_overall"], "share": 0.5, "strategy": "uniform"},
    "mixture": {"domain": "language", "weights": "temperature", "budget": 1_000_000, "shortfall": "redistribute"},
    "domain_clusters": {"domains": 8},
}
RECIPES = {
    "recipe": FIVE,
    "minhash_recipe": ["minhash_dedup"],
    "select_recipe": ["quality", "select"],
    "mixture_recipe": ["language", "mixture"],
    "domains_recipe": ["embed", "domain_clusters"],
}
SCRIPTS = {"fasttext": ["bench_fasttext.py", "CORPUS"], "domains": ["bench_domains.py", "--rows", "20000"]}
BATCH_BYTES = 4 << 20


def files_of(corpus: list[str]) -> list[str]:
    found: list[Path] = []
    for name in corpus:
        path = Path(name)
        found += sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return [str(path) for path in found]


def batches_of(files: list[str], columns: list[str]):
    """The corpus in memory, as the batches that the engine would give to a stage that reads these columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from curate import Batch

    for file in files:
        table = pq.read_table(file, columns=columns)
        whole = {name: pa.concat_arrays(table.column(name).cast(pa.large_string()).chunks) for name in columns}
        rows = len(table)
        step = max(1, rows * BATCH_BYTES // max(whole["text"].nbytes, 1))
        for at in range(0, rows, step):
            pieces = {name: pa.concat_arrays([values.slice(at, step)]) for name, values in whole.items()}
            yield Batch(
                {"id": pa.array([f"{file}#{n}" for n in range(at, min(at + step, rows))], pa.large_string()), **pieces}
            )


def one_stage(name: str, files: list[str]) -> dict[str, float]:
    """Time one stage in this process."""
    from curate.catalog import stage_class
    from curate.documents import Batch
    from curate.stage import Global

    stage = stage_class(name)(**OPTIONS.get(name, {}))
    work = stage.process if not isinstance(stage, Global) else stage.observe
    if isinstance(stage, Global) and stage.is_decided():
        work = partial(stage.apply, artifact=None)
    batches = list(batches_of(files, ["text", "url"] if name == "url_dedup" else ["text"]))
    size = sum(batch["text"].get_total_buffer_size() for batch in batches)
    work(Batch(batches[0].columns))
    began = cpu_seconds()
    for batch in batches:
        work(Batch(batch.columns))
    return {"seconds": cpu_seconds() - began, "bytes": size, "peak": peak_bytes()}


def one_recipe(stages: list[str], files: list[str], workers: int) -> dict[str, float]:
    """Run a recipe as a user would, and ask the system what it cost."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = (pq.read_table(file, columns=["text"]).column("text") for file in files)
    size = sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns)
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "bench.yaml"
        steps = [{name: OPTIONS[name]} if name in OPTIONS else name for name in stages]
        anything = {"max_documents": "100%", "max_shards": len(files)}
        asked = {"input": files, "output": f"{folder}/out", "on_bad_input": anything, "stages": steps}
        recipe.write_text(json.dumps(asked))
        before = cpu_seconds(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "curate", "run", str(recipe), "--workers", str(workers)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 3):
            raise SystemExit(done.stderr)
        seconds = cpu_seconds(resource.RUSAGE_CHILDREN) - before
    return {"seconds": seconds, "bytes": size, "peak": peak_bytes(resource.RUSAGE_CHILDREN)}


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def peak_bytes(who: int = resource.RUSAGE_SELF) -> int:
    """Largest resident size of a single process."""
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(python: str, script: Path, work: str, files: list[str], workers: int) -> dict[str, float]:
    """One run of one piece of work, in a fresh process."""
    command = [python, str(script), "--work", work, "--workers", str(workers), *files]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{work}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def work_here(work: str, files: list[str], workers: int) -> None:
    result = one_recipe(RECIPES[work], files, workers) if work in RECIPES else one_stage(work, files)
    print(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+")
    parser.add_argument("--only", help="stages, comma-separated; recipe: the five filters, from files to files")
    parser.add_argument("--peer", choices=sorted(PEERS))
    parser.add_argument("--peer-mb", type=float, default=4, help="MB of text for the peer, taken evenly from all files")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="for recipes; 0: all in one process")
    parser.add_argument("--environments", type=Path, default=Path(".bench"), help="where peers are installed")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--list", action="store_true", help="print what there is to measure, and measure nothing")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    files = files_of(asked.corpus)
    if asked.work:
        work_here(asked.work, files, asked.workers)
        return
    works = asked.only.split(",") if asked.only else everything(files)
    if asked.list:
        print("\n".join(works))
        return
    table = []
    for work in works:
        if work in SCRIPTS:
            run_script(work, files)
            continue
        runs, peers = [], []
        for number in range(asked.repeat):
            if number == 0:
                measure(sys.executable, HERE, work, files, asked.workers)  # compiles what is not compiled yet
            runs.append(measure(sys.executable, HERE, work, files, asked.workers))
            if asked.peer and work in PEERS[asked.peer].works and number == 0:
                python, script = python_of(asked.peer, asked.environments), script_of(asked.peer)
                with tempfile.TemporaryDirectory() as folder:
                    peers.append(measure(python, script, work, thinned(files, asked.peer_mb, folder), asked.workers))
        row = {"work": work, "mb_per_cpu_second": speed(runs), "peak_mb": max(r["peak"] for r in runs) / 1e6}
        if peers:
            row |= {asked.peer: speed(peers), "ratio": speed(runs) / speed(peers)}
        table.append(row)
        print(line(row), flush=True)
    if asked.json:
        facts = {"corpus": [Path(file).name for file in files], "date": time.strftime("%Y-%m-%d"), "figures": table}
        asked.json.write_text(json.dumps(facts, indent=2) + "\n")


def everything(files: list[str]) -> list[str]:
    """All that can be measured on these files."""
    import pyarrow.parquet as pq

    works = [*FIVE, *OTHERS, *COPIES, *RECIPES, *SCRIPTS]
    has_url = all("url" in pq.read_schema(file).names for file in files)
    return works if has_url else [work for work in works if work != "url_dedup"]


def run_script(work: str, files: list[str]) -> None:
    """Run a benchmark that is a script of its own; what it prints is shown as it is."""
    script, *words = SCRIPTS[work]
    words = [word for given in words for word in (files if given == "CORPUS" else [given])]
    print(f"{work}, {script}:", flush=True)
    done = subprocess.run([sys.executable, str(HERE.with_name(script)), *words])
    if done.returncode:
        raise SystemExit(f"{script} failed")


def speed(runs: list[dict[str, float]]) -> float:
    return statistics.median(run["bytes"] / 1e6 / run["seconds"] for run in runs)


def line(row: dict[str, float]) -> str:
    shown = f"{row['work']:<20}{row['mb_per_cpu_second']:>9.1f} MB/CPU-s {row['peak_mb']:>7.0f} MB peak"
    if "ratio" in row:
        other = next(name for name in PEERS if name in row)
        shown += f"   {other} {row[other]:.2f} MB/CPU-s, ratio {row['ratio']:.0f}"
    return shown


if __name__ == "__main__":
    main()
