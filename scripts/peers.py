"""The tools that `bench_peers.py` measures: versions, how they are installed, and what each is asked to do."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
FILTERS = ["gopher_repetition", "gopher_quality", "c4", "fineweb_quality"]
ENGLISH = {"language": {"keep": ["en"], "min_score": 0.65}}
LINES = {"min_chars": 1}
FINEWEB = {"minhash_dedup": {"like": "fineweb"}}


@dataclass(frozen=True)
class Task:
    """A piece of work, from files to files."""

    corpus: str
    """`real` or `planted`."""
    title: str
    ours: dict[str, list]
    """Stages of a recipe of ours, by the name of the row."""
    peers: tuple[str, ...]


TASKS = {
    "filters": Task(
        "real", "Gopher's, C4's and FineWeb's filters", {"curate": FILTERS}, ("datatrove", "dolma", "data_juicer")
    ),
    "language": Task(
        "real", "Language, by lid.176.ftz", {"curate": [ENGLISH]}, ("datatrove", "dolma", "data_juicer")
    ),
    "recipe": Task(
        "real",
        "Language, the filters, near-duplicates",
        {"curate": [ENGLISH, *FILTERS, FINEWEB]},
        ("datatrove", "data_juicer"),
    ),
    "exact": Task(
        "planted",
        "Exact duplicates",
        {"curate": ["exact_dedup"]},
        ("datatrove", "dolma", "text_dedup", "data_juicer", "daft"),
    ),
    "lines": Task(
        "planted",
        "Repeated lines",
        {"curate": [{"line_dedup": LINES}], "curate, as they are": [{"line_dedup": {**LINES, "normalize": "off"}}]},
        ("dolma", "text_dedup"),
    ),
    "minhash": Task(
        "planted",
        "Near-duplicates by MinHash, 14 bands of 8",
        {"curate": [FINEWEB], "curate, compared": ["minhash_dedup"]},
        ("datatrove", "text_dedup", "data_juicer", "daft", "datasketch", "rensa"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """A tool, run by `bench_NAME.py` in an environment of its own."""

    title: str
    packages: tuple[str, ...]
    """The first is the tool."""
    form: str = "parquet"
    """The files that it is given: `parquet` or `json.gz`."""
    alone: tuple[str, ...] = ()
    """Packages to install without what they depend on."""
    quick: bool = False
    """Whether it does all of a larger corpus in seconds, too."""
    pinned: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pinned", (*self.alone, *self.packages)[0])

    @property
    def version(self) -> str:
        return self.pinned.split("==")[1]


PEERS = {
    "datatrove": Peer(
        "datatrove", ("datatrove[processing]==0.10.1", "spacy==3.8.18", "fasttext-numpy2-wheel", "pyarrow", "orjson")
    ),
    "dolma": Peer("Dolma toolkit", ("dolma==1.2.1",), form="json.gz"),
    # 0.4.1 is for Python 3.12 alone. What it depends on includes Spark and TensorFlow, which is not used here
    "text_dedup": Peer(
        "text-dedup",
        (
            *("datasets", "click", "click-option-group", "rich<14", "scipy", "xxhash", "tqdm", "regex", "fire", "ftfy"),
            *("psutil", "bitarray", "zstandard", "setuptools<81"),
        ),
        alone=("text-dedup==0.4.0",),
    ),
    # aiohttp is imported, and not among what it depends on; fasttext-predict it would install when first asked
    "data_juicer": Peer("Data-Juicer", ("py-data-juicer==1.6.1", "aiohttp", "fasttext-predict")),
    "daft": Peer("Daft", ("daft==0.7.26", "scipy"), quick=True),
    "datasketch": Peer("datasketch", ("datasketch==2.0.0", "pyarrow", "xxhash"), quick=True),
    "rensa": Peer("rensa", ("rensa==0.5.0", "pyarrow"), quick=True),
}


@cache
def _uv(folder: Path) -> str:
    """uv, in an environment of its own: it finds versions that fit together in seconds, where pip may take hours."""
    home = folder / "uv"
    if not (home / "bin" / "uv").exists():
        venv.create(home, with_pip=True)
        subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "-qq", "uv"], check=True)
    return str(home / "bin" / "uv")


def python_of(name: str, folder: Path) -> str:
    """The interpreter of a peer's environment, made when it is not there."""
    home, peer = (folder / name).resolve(), PEERS[name]
    python, ready = home / "bin" / "python", home / ".installed"
    if not ready.exists():
        print(f"installing {peer.pinned} into {folder / name}", file=sys.stderr)
        uv = _uv(folder.resolve())
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)], check=True)
        install = [uv, "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*install, *peer.packages], check=True)
        if peer.alone:
            subprocess.run([*install, "--no-deps", *peer.alone], check=True)
        frozen = subprocess.run([uv, "pip", "freeze", "-q", "--python", str(python)], check=True, capture_output=True)
        ready.write_bytes(frozen.stdout)  # the versions of all that it depends on
    return str(python)


def command_of(tool: str, task: str, work: dict, folder: Path) -> list[str]:
    """The command that does a task; `work`: files, out, scratch, workers."""
    if tool in TASKS[task].ours:
        recipe = Path(work["scratch"], "recipe.yaml")
        anything = {"max_documents": "100%", "max_shards": len(work["files"])}
        asked = {"input": work["files"], "output": work["out"], "stages": TASKS[task].ours[tool]}
        recipe.write_text(json.dumps({**asked, "on_bad_input": anything}), encoding="utf-8")
        return [sys.executable, "-m", "curate", "run", str(recipe), "--workers", str(work["workers"])]
    script = [python_of(tool, folder), str(HERE.with_name(f"bench_{tool}.py")), "--task", task, "--out", work["out"]]
    return [*script, "--scratch", work["scratch"], "--workers", str(work["workers"] or 1), *work["files"]]
