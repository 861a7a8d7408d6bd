"""What the scripts that run peers have in common: they work in environments without curate, from files to files."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).resolve().parents[1] / "curate" / "models" / "lid.176.ftz"


class Work(NamedTuple):
    """What a peer is asked to do."""

    files: list[str]
    """Parquet files, or gzipped JSON lines, with `id` and `text`."""
    out: str
    """Folder for the documents that are left, in whatever files and format the peer writes."""
    scratch: str
    """Folder for all else."""
    workers: int

    @property
    def pattern(self) -> str:
        """The files, which are all of a folder."""
        return str(Path(self.files[0]).parent / f"*{''.join(Path(self.files[0]).suffixes[-2:])}")


def shingles_of(text: str) -> list[bytes]:
    """Five-word shingles, words by spaces, in lower case: as the documentations of MinHash libraries make them."""
    words = text.lower().encode().split()
    return [b" ".join(words[at : at + 5]) for at in range(len(words) - 4)]


def shell(command: list[str], cwd: str, **environment: str) -> None:
    """Run a command of the peer, and say which."""
    print("$", shlex.join(command), file=sys.stderr)
    subprocess.run(command, check=True, cwd=cwd, env={**os.environ, **environment}, stdout=sys.stderr)


def run(tasks: dict[str, Callable[[Work], None]]) -> None:
    """Do the task that the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--task", choices=sorted(tasks), required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    for folder in (asked.out, asked.scratch):
        Path(folder).mkdir(parents=True, exist_ok=True)
    tasks[asked.task](Work(sorted(asked.files), asked.out, asked.scratch, asked.workers))
