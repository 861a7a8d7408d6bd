"""curate beside datatrove, Dolma's toolkit, text-dedup, Data-Juicer, Daft and MinHash libraries, in one run; Linux.

    python scripts/bench_peers.py                        all tasks, all tools: some 20 minutes on two quiet cores
    python scripts/bench_peers.py --only minhash,exact   some tasks
    python scripts/bench_peers.py --tools curate,daft    some tools
    python scripts/bench_peers.py --write docs           docs/benchmarks.json too; `bench_page.py` makes the page of it

Each tool goes from files to files, in processes of its own, on as many processors as `--cores` says and no more: what
is measured is a user's whole command, by `cost.py`. Tools take turns; what takes less than `--short` CPU-seconds is
done three times, and the median counts. The same on 20 documents is the start: imports, compiled kernels, models,
workers. A tool that fails is left out, and what it said is shown.

Two corpora. `real`: every n-th document of `--corpus`, `--mb` of text; `planted`: made by `make_corpus.py`, with copies
of which it is known what they copy. Of each there is a larger one for tools that are quick. Peers are installed under
build/peers, each in an environment of its own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cost import CommandError, measured
from make_corpus import SAMPLE, Asked, make_corpus
from peers import PEERS, ROOT, TASKS, command_of, python_of

SHARED = Path(os.environ.get("CURATE_SHARED_DATA") or ROOT.parent / "shared" / "data") / "corpus"
SHARDS = 8
LARGER = 4  # times as many documents, for what is quick
LEAST = 0.3  # CPU-seconds behind the start; less cannot be told from noise
FEW = 20  # documents of a corpus that shows what the start costs
WARM = {"PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false"}


def write_corpus(folder: Path, table: pa.Table) -> None:
    """The documents as Parquet and as gzipped JSON lines, in as many files."""
    for form in ("parquet", "json.gz"):
        (folder / form).mkdir(parents=True)
    for n in range(SHARDS):
        low, high = (len(table) * k // SHARDS for k in (n, n + 1))
        if low == high:
            continue
        part = table.slice(low, high - low)
        pq.write_table(part, folder / "parquet" / f"{n:05d}.parquet", compression="zstd")
        with gzip.open(folder / "json.gz" / f"{n:05d}.json.gz", "wt", compresslevel=1, encoding="utf-8") as out:
            for row in part.to_pylist():
                out.write(json.dumps({**row, "source": "bench"}, ensure_ascii=False) + "\n")


def real(corpus: list[str], megabytes: float) -> pa.Table:
    """Every n-th document of the files, so that so much text is left (0: all)."""
    files = [file for name in corpus for file in (sorted(Path(name).glob("*.parquet")) or [Path(name)])]
    table = pa.concat_tables([pq.read_table(file, columns=["id", "text"]) for file in files])
    texts = pc.cast(table["text"], pa.large_string())
    table = pa.table({"id": pc.cast(table["id"], pa.string()), "text": texts}).filter(
        pc.greater(pc.utf8_length(texts), 0)
    )
    step = max(1, round(table["text"].nbytes / (megabytes * 1e6))) if megabytes else 1
    return table.take(pa.array(range(0, len(table), step)))


def planted(folder: Path, documents: int) -> pa.Table:
    sources = tuple(sorted(str(path) for path in SAMPLE.glob("*.parquet")))
    make_corpus(folder, Asked(documents, sources), files=1)
    table = pq.read_table(folder / "00000.parquet", columns=["id", "text", "cluster"])
    shutil.rmtree(folder)
    return table


def kept(out: Path) -> dict[str, int]:
    """Bytes of text by id, of what a tool has written: Parquet, gzipped JSON lines or Arrow; of ours, under `data`."""
    found = {}
    for file in sorted((out / "data" if (out / "data").exists() else out).rglob("*")):
        if file.name.endswith(".json.gz"):
            with gzip.open(file, "rt", encoding="utf-8") as lines:
                rows = [json.loads(line) for line in lines]
            found.update({row["id"]: len(row["text"].encode()) for row in rows})
        elif file.suffix in (".parquet", ".arrow"):
            arrow = file.suffix == ".arrow"
            table = pa.ipc.open_stream(file).read_all() if arrow else pq.read_table(file, columns=["id", "text"])
            sizes = pc.binary_length(table["text"]).to_pylist()
            found.update(zip(table["id"].to_pylist(), sizes, strict=True))
    return found


def describe(found: dict[str, int], reference: dict[str, int] | None, clusters: dict[str, int]) -> dict[str, int]:
    """How many documents are kept; how many of them the reference keeps too, or how they lie in the planted clusters.

    `lost`: clusters, and documents without copies, of which nothing is left; `copies_left`: documents of a cluster
    beyond the first.
    """
    row = {"kept": len(found), "kept_bytes": sum(found.values())}
    if clusters:
        groups = {name: name if cluster == -1 else cluster for name, cluster in clusters.items()}
        left = {groups[name] for name in found}
        row |= {"copies_left": len(found) - len(left), "lost": len(set(groups.values()) - left)}
    elif reference is not None:
        row["kept_by_both"] = len(found.keys() & reference.keys())
    return row


def once(tool: str, task: str, corpus: Path, cores: int, asked: argparse.Namespace) -> dict:
    """One run of one tool; with the documents that it keeps."""
    scratch, out = asked.folder / "scratch", asked.folder / "out"
    for folder in (scratch, out):
        shutil.rmtree(folder, ignore_errors=True)
    scratch.mkdir(parents=True)
    form = "parquet" if tool in TASKS[task].ours else PEERS[tool].form
    files = sorted(str(path.resolve()) for path in (corpus / form).iterdir())
    workers = cores if cores > 1 or tool not in TASKS[task].ours else 0  # ours: 0 is all in one process
    work = {"files": files, "out": str(out.resolve()), "scratch": str(scratch.resolve()), "workers": workers}
    command = command_of(tool, task, work, asked.environments)
    os.environ.update(WARM)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules are kept, as anywhere
    found = measured(command, cores)
    return {**found, "documents": kept(out)}


def machine() -> dict[str, str]:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def facts(asked: argparse.Namespace, corpora: dict[str, dict]) -> dict:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "commit": commit,
        "corpora": corpora,
        "peers": {name: peer.version for name, peer in PEERS.items()},
        "rows": [],
    }


def size(table: pa.Table) -> dict[str, float]:
    return {"documents": len(table), "mb": pc.sum(pc.binary_length(table["text"])).as_py() / 1e6}


def corpora_of(asked: argparse.Namespace) -> tuple[dict[str, dict], dict[str, dict[str, int]]]:
    """Write the corpora; (what they are, cluster by id of the planted ones)."""
    shutil.rmtree(asked.folder, ignore_errors=True)
    made = {
        "real": real(asked.corpus, asked.mb),
        "real-all": real(asked.corpus, 0),
        "planted": planted(asked.folder / "made", asked.documents),
        "planted-all": planted(asked.folder / "made", LARGER * asked.documents),
    }
    columns = {name: (made[name]["id"].to_pylist(), made[name]["cluster"].to_pylist()) for name in made if "pl" in name}
    clusters = {name: dict(zip(*pair, strict=True)) for name, pair in columns.items()}
    for name, table in list(made.items()):
        made[f"{name}-few"] = table.take(pa.array(range(0, len(table), max(1, len(table) // FEW))))
    for name, table in made.items():
        write_corpus(asked.folder / name, table.select(["id", "text"]))
    return {name: size(table) for name, table in made.items()}, clusters


def rows_of(task: str, asked: argparse.Namespace) -> list[tuple[str, str]]:
    """(tool, corpus) of a task, ours first; of ours, and of peers that are quick, on the larger corpus too."""
    wanted, small = asked.tools.split(",") if asked.tools else ["curate", *PEERS], TASKS[task].corpus
    ours = list(TASKS[task].ours) if "curate" in wanted else []
    peers = [name for name in TASKS[task].peers if name in wanted]
    rows = [(name, f"{small}-all") for name in ours + [name for name in peers if PEERS[name].quick]]
    return [(name, small) for name in ours + peers] + rows


def do_task(task: str, cores: int, asked: argparse.Namespace, corpora: dict, clusters: dict) -> list[dict]:
    rows = rows_of(task, asked)
    starts, runs, results, failed = {}, {row: [] for row in rows}, {}, {}
    for row in rows:
        tool, corpus = row
        print(f"{task}, {cores} core(s): {tool}", file=sys.stderr, flush=True)
        try:
            before = tool if tool in PEERS else (tool, task)  # each stage of ours has kernels of its own
            if before not in asked.seen and not asked.warm:
                once(tool, task, asked.folder / f"{corpus}-few", cores, asked)  # compiles, fills caches of the disk
                asked.seen.add(before)
            starts[row] = once(tool, task, asked.folder / f"{corpus}-few", cores, asked)
        except CommandError as error:
            failed[row] = str(error)
    for number in range(asked.repeat):
        for row in rows:
            if row in failed or (number and statistics.median(run["cpu"] for run in runs[row]) > asked.short):
                continue
            try:
                run = once(row[0], task, asked.folder / row[1], cores, asked)
            except CommandError as error:
                failed[row] = str(error)
                continue
            results[row] = run.pop("documents")
            runs[row].append(run)
    for (tool, _), said in failed.items():
        print(f"{task}, {tool} failed:\n{said}", file=sys.stderr, flush=True)
    done = [row for row in rows if row not in failed]
    first = next(iter(TASKS[task].ours))
    made = [figures(task, row, cores, runs[row], starts[row], corpora) for row in done]
    for row, found in zip(done, made, strict=True):
        found |= describe(results[row], results.get((first, row[1])), clusters.get(row[1], {}))
        print(line(found), flush=True)
    return made


def figures(task: str, row: tuple[str, str], cores: int, runs: list[dict], start: dict, corpora: dict) -> dict:
    """What the runs of a row took: the median of times, the most of memory; and the speed behind the start."""
    (tool, corpus), middle = row, {key: statistics.median(run[key] for run in runs) for key in ("wall", "cpu")}
    most = {key: max(run[key] for run in runs) for key in ("largest", "together", "load")}
    mb, few = corpora[corpus]["mb"], corpora[f"{corpus}-few"]["mb"]
    speed = (mb - few) / max(middle["cpu"] - start["cpu"], LEAST)
    rounded = {key: round(value, 3) for key, value in (middle | {"load": most["load"]}).items()}
    return {
        "task": task, "tool": tool, "corpus": corpus, "cores": cores, "runs": len(runs), **rounded,
        "start_cpu": round(start["cpu"], 3), "start_wall": round(start["wall"], 3),
        "mb_per_cpu_second": round(speed, 3),
        "largest": most["largest"], "together": most["together"],
    }  # fmt: skip


def line(row: dict) -> str:
    return (
        f"{row['task']:<9}{row['tool']:<20}{row['corpus']:<12}{row['cores']} {row['cpu']:>8.1f} CPU-s, start "
        f"{row['start_cpu']:>5.1f}, {row['wall']:>7.1f} s, {row['mb_per_cpu_second']:>7.2f} MB/CPU-s, "
        f"{row['largest'] / 1e6:>6.0f} MB, together {row['together'] / 1e6:>6.0f}; keeps {row['kept']:,}"
        f"{', both ' + format(row['kept_by_both'], ',') if 'kept_by_both' in row else ''}"
        f"{', lost {}, copies left {}'.format(row['lost'], row['copies_left']) if 'lost' in row else ''}; "
        f"load {row['load']:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", default=[str(SHARED if SHARED.exists() else SAMPLE)])
    parser.add_argument("--mb", type=float, default=6, help="of the real corpus; all of it for ours once more")
    parser.add_argument("--documents", type=int, default=6000, help="of the planted corpus, 4 kB each")
    parser.add_argument("--only", default=",".join(TASKS), help="tasks, comma-separated")
    parser.add_argument("--tools", help="tools, comma-separated")
    parser.add_argument("--cores", type=int, nargs="+", default=[1])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--short", type=float, default=12, help="CPU-seconds up to which a run is repeated")
    parser.add_argument("--warm", action="store_true", help="all has run here before: no run of each to warm up")
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "peers")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "bench", help="for corpora and outputs; is emptied"
    )
    parser.add_argument(
        "--write", type=Path, help="folder for benchmarks.json; rows of a table that is there are replaced"
    )
    asked = parser.parse_args()
    asked.seen, tasks = set(), asked.only.split(",")
    for name in sorted({tool for task in tasks for tool, _ in rows_of(task, asked)} & PEERS.keys()):
        python_of(name, asked.environments)
    corpora, clusters = corpora_of(asked)
    said = facts(asked, corpora)
    for name, told in corpora.items():
        print(f"{name}: {told['documents']:,} documents, {told['mb']:.1f} MB")
    for cores in asked.cores:
        for task in tasks:
            said["rows"] += do_task(task, cores, asked, corpora, clusters)
            if asked.write:
                save(asked.write / "benchmarks.json", said)


def place(row: dict) -> tuple:
    """What a row is about."""
    return row["task"], row["cores"], row["tool"], row["corpus"]


def save(path: Path, said: dict) -> None:
    """Write the figures; those of an earlier run for what this one has not done stay."""
    if path.exists():
        new = {place(row) for row in said["rows"]}
        before = json.loads(path.read_text(encoding="utf-8"))["rows"]
        said = {**said, "rows": said["rows"] + [row for row in before if place(row) not in new]}
    path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
