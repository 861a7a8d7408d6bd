"""The tools that `bench.py` measures beside ours: where they are installed, and what they are given."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()


@dataclass(frozen=True)
class Peer:
    """A tool, run by `bench_NAME.py` in an environment of its own."""

    packages: tuple[str, ...]
    works: frozenset[str]
    alone: tuple[str, ...] = ()
    """Packages to install without what they depend on."""


_FILTERS = {"language", "gopher_repetition", "gopher_quality", "c4", "fineweb_quality", "recipe"}
_MINHASH = {"minhash_signature", "minhash_recipe"}
PEERS = {
    "datatrove": Peer(
        ("datatrove[processing]==0.10.1", "spacy>=3.8,<4", "fasttext-numpy2-wheel", "pyarrow", "orjson"),
        frozenset(_FILTERS | _MINHASH),
    ),
    "datasketch": Peer(("datasketch==2.0.0", "pyarrow", "xxhash"), frozenset(_MINHASH)),
    "rensa": Peer(("rensa==0.5.0", "pyarrow"), frozenset(_MINHASH)),
    # all that it depends on includes Spark and TensorFlow, which its MinHash does not use
    "text_dedup": Peer(
        (
            *("datasets", "click", "click-option-group", "rich<14", "scipy", "xxhash", "tqdm", "regex", "fire", "ftfy"),
            *("psutil", "bitarray", "zstandard", "setuptools<81"),
        ),
        frozenset({"minhash_recipe"}),
        alone=("text-dedup==0.4.0",),
    ),
}


def python_of(name: str, folder: Path) -> str:
    """The interpreter of a peer's environment, made when it is not there."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        print(f"installing {name} into {folder / name}", file=sys.stderr)
        venv.create(folder / name, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--only-binary", ":all:"]
        subprocess.run([*install, *PEERS[name].packages], check=True)
        if PEERS[name].alone:
            subprocess.run([*install, "--no-deps", *PEERS[name].alone], check=True)
    return str(python)


def script_of(name: str) -> Path:
    return HERE.with_name(f"bench_{name}.py")


def thinned(files: list[str], megabytes: float, folder: str) -> list[str]:
    """Every n-th document of each file, so that about `megabytes` of text are left: for a peer that is slow."""
    import pyarrow.parquet as pq

    tables = {file: pq.read_table(file, columns=["id", "text"]) for file in files}
    step = max(1, round(sum(table.nbytes for table in tables.values()) / (megabytes * 1e6)))
    made = []
    for number, (file, table) in enumerate(tables.items()):
        made.append(f"{folder}/{number:05d}-{Path(file).name}")
        pq.write_table(table.take(list(range(0, len(table), step))), made[-1])
    return made
