"""What a command costs: processor time and memory, of it and of all that it starts; Linux only.

    python scripts/cost.py --cores 1 -- curate run recipe.yaml

Prints JSON: `wall` and `cpu` (user + system) in seconds, of all processes, those that detach themselves included;
`largest`, the peak resident size of one process (the kernel's figure); `together`, the most that all processes held at
once, each page counted once where it is shared (Pss), looked at some times a second; `load`, the system's load average
while it ran; and `status`, the exit status. Bytes. Starts, imports and ends are part of the figures.

This file imports nothing but the standard library: the peak of a process cannot be less than what its parent had when
it was started.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2): processes whose parent ends become children of this one
EVERY = 0.1  # seconds between two looks at the memory


class CommandError(Exception):
    """The command has failed; with the end of what it said."""


class Memory(threading.Thread):
    """Looks at the memory of all that descends from this process."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.running, self.together = True, 0

    def run(self) -> None:
        while self.running:
            self.together = max(self.together, sum(proportional(pid) for pid in family(os.getpid())[1:]))
            time.sleep(EVERY)


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            threads = list(Path(f"/proc/{parent}/task").iterdir())
            found += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        except OSError:  # it has ended
            continue
    return found


def proportional(pid: int) -> int:
    """Pss of a process in bytes; 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def cost(command: list[str], cores: int = 0, cwd: str | None = None) -> dict[str, float]:
    """Run the command in this process' children; at most once in a process, as the kernel adds up what children cost.

    `cores`: how many processors it may use, the last ones of the machine; 0: all.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-cores:] if cores else allowed)
    memory = Memory()
    memory.start()
    began, load = time.perf_counter(), [os.getloadavg()[0]]
    process = subprocess.Popen(command, cwd=cwd, stdout=sys.stderr)
    status = process.wait()
    while True:  # what it left running
        try:
            os.wait()
        except ChildProcessError:
            break
    memory.running = False
    wall = time.perf_counter() - began
    load.append(os.getloadavg()[0])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "status": status,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "largest": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "together": memory.together,
        "load": max(load),
    }


def measured(command: list[str], cores: int = 0, cwd: str | None = None, limit: float = 1800) -> dict[str, float]:
    """`cost` in a process of its own; what the command says is kept, and shown if it fails."""
    asked = [sys.executable, "-S", __file__, "--cores", str(cores), "--", *command]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=cwd, timeout=limit)
    if done.returncode:
        status = json.loads(done.stdout)["status"] if done.stdout else done.returncode  # below 0: ended by a signal
        raise CommandError(f"{' '.join(command[:6])} …: status {status}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=0)
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    found = cost(asked.command, asked.cores)
    print(json.dumps(found))
    sys.exit(found["status"] not in (0, 3))  # 3: curate has put bad input aside


if __name__ == "__main__":
    main()
