"""What `curate doctor` looks at: each check gives findings, and each finding that is bad says what to do."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import curate
from curate import catalog, models
from curate.cli.checking import WORKER_BYTES
from curate.cli.running import cores
from curate.engine import warm
from curate.errors import StoreError
from curate.executors import Failure
from curate.executors.pool import Pool
from curate.store.files import sha256, whole
from curate.store.lock import alone

State = Literal["good", "note", "bad"]
LEAST_DISK = 1 << 30  # bytes free below which hardly any run comes to its end
WHEREVER = ("cgroup/memory.max", "cgroup/memory/memory.limit_in_bytes")
"""Files below /sys/fs with the memory that a container may use, in bytes, of two generations of control groups."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    """`bad`: runs fail or go wrong; `note`: they go on, with less."""
    text: str
    remedy: str = ""
    """What to do about it."""
    facts: dict[str, Any] = field(default_factory=dict)
    """For programs."""


def versions() -> Iterator[Finding]:
    """This program, Python, and every library that it needs, none of them older than it must be."""
    here = {"curate": curate.__version__, "python": platform.python_version(), "platform": platform.platform()}
    yield Finding("curate", "good", f"{here['curate']}, Python {here['python']}, {here['platform']}", facts=here)
    found, wrong = {}, []
    for name, least, extra in _requirements():
        if not extra:
            found[name] = _version(name)
            if found[name] is None or _numbers(found[name] or "") < _numbers(least):
                wrong.append(f"{name} {found[name] or 'is missing'} (at least {least})")
    some = ", ".join(f"{name} {found[name]}" for name in ("pyarrow", "polars", "numpy", "numba") if name in found)
    if wrong:
        yield Finding("libraries", "bad", ", ".join(wrong), "pip install --upgrade curate", found)
    elif found:
        yield Finding("libraries", "good", f"{some} and {max(len(found) - 4, 0)} more, none too old", facts=found)
    else:
        yield Finding("libraries", "note", "curate was not installed but is run from its folder: nothing is known")


def extras() -> Iterator[Finding]:
    """What was installed beyond the need of most recipes. Absent ones are nothing bad."""
    by_extra: dict[str, list[str]] = {}
    for name, _, extra in _requirements():
        if extra and extra not in ("dev", "docs"):  # which are for those who work on curate
            by_extra.setdefault(extra, []).append(name)
    there = {extra: all(_version(name) for name in names) for extra, names in by_extra.items()}
    have, lack = ([extra for extra in sorted(there) if there[extra] is is_there] for is_there in (True, False))
    text = f"{', '.join(have) or 'none'}" + (f"; not installed: {', '.join(lack)}" if lack else "")
    hint = f"for one: pip install 'curate[{lack[0] if len(lack) == 1 else 'NAME'}]'" if lack else ""
    yield Finding("extras", "good", text, hint, there)


def machine() -> Iterator[Finding]:
    """Cores and memory, as far as this process may use them."""
    count, share = cores(), _quota()
    facts = {"cores": count, "quota": share}
    if share is not None and share < count:
        text = f"{count}, of which the container may use {share:g}"
        yield Finding("cores", "note", text, f"in recipes: workers: {max(int(share), 1)}", facts)
    else:
        yield Finding("cores", "good", str(count), facts=facts)
    memory = _memory()
    if memory is None:
        return
    needed = (count + 1) * WORKER_BYTES
    text = f"{_gigabytes(memory)}; {count} workers and the driver need up to {_gigabytes(needed)}"
    facts = {"memory": memory, "needed": needed}
    if memory < needed:
        fit = memory // WORKER_BYTES - 1
        remedy = f"in recipes: workers: {fit}" if fit > 0 else "run with --workers 0"
        yield Finding("memory", "note", text, remedy, facts)
    else:
        yield Finding("memory", "good", text, facts=facts)


def place(folder: Path) -> Iterator[Finding]:
    """Where the output will be: room, whether files can be written there, whether locks work."""
    there = folder.absolute()
    while not there.is_dir():
        there = there.parent
    free = shutil.disk_usage(there).free
    text = f"{_gigabytes(free)} free in {there}"
    if free < LEAST_DISK:
        yield Finding("disk", "bad", text, "make room, or name another output.path", {"free": free})
    else:
        yield Finding("disk", "good", text, facts={"free": free})
    yield from _writing(there)


def _writing(there: Path) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryDirectory(prefix=".curate-doctor-", dir=there) as name:
            began = time.perf_counter()
            with whole(Path(name) / "file") as part:
                part.write_bytes(bytes(1 << 20))
            seconds = time.perf_counter() - began
            yield Finding("writing", "good", f"a file is whole on the disk in {1000 * seconds:.0f} ms")
            yield _locking(Path(name) / "lock")
    except (OSError, StoreError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        yield Finding("writing", "bad", f"{there}: {why}", "name another output.path, or have the permissions changed")


def _locking(path: Path) -> Finding:
    """Two runs in one folder are kept apart by a lock of the file system; some network file systems have none."""
    remedy = "mount it with locks (NFS: without nolock), or name an output.path on another disk"
    try:
        with alone(path):
            try:
                with alone(path):
                    return Finding("locks", "bad", "a lock that is held can be taken again", remedy)
            except StoreError:
                return Finding("locks", "good", "two runs in one folder are kept apart")
    except OSError as error:
        return Finding("locks", "bad", f"files cannot be locked: {error.strerror or error}", remedy)


def kernels() -> Iterator[Finding]:
    """Whether compiled kernels can be kept, and of how many stages they are."""
    folder = warm.place()
    names = catalog.names()
    done = [name for name in names if _is_compiled(name)]
    facts = {"folder": str(folder), "compiled": done}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            pass
    except OSError as error:
        remedy = "else every process compiles anew: set NUMBA_CACHE_DIR to a folder that can be written"
        yield Finding("kernels", "bad", f"{folder}: {error.strerror}", remedy, facts)
        return
    text = f"compiled for {len(done)} of {len(names)} stages, in {folder}"
    hint = "" if done else "a first run compiles what it needs, in up to half a minute; so does curate doctor --compile"
    yield Finding("kernels", "good", text, hint, facts)


def bundled() -> Iterator[Finding]:
    """Every model file of the package, by its SHA-256 as its card has it."""
    folder = Path(models.__file__).parent
    for path in sorted(one for one in folder.iterdir() if one.suffix in (".ftz", ".npz")):
        name = f"model {path.stem}"
        again = "install curate again: pip install --force-reinstall --no-deps curate"
        try:
            card = path.with_suffix(".md").read_text(encoding="utf-8")
            found, wanted = sha256(path), re.search("SHA-256 `([0-9a-f]{64})`", card)
        except (OSError, StoreError) as error:
            yield Finding(name, "bad", str(error), again)
            continue
        facts = {"sha256": found, "file": str(path)}
        if wanted is None or wanted[1] != found:
            yield Finding(name, "bad", f"{path} is not the file that its card describes", again, facts)
        else:
            yield Finding(name, "good", f"{path.stat().st_size / 1e6:.1f} MB, as its card says", facts=facts)


def workers() -> Iterator[Finding]:
    """Whether a process of its own can be started, and answers."""
    began = time.perf_counter()
    with Pool(1, tries=1) as pool:
        try:
            [(_, answer)] = list(pool.run(os.path.basename, ["a/answer"]))
        except Exception as error:
            answer = Failure(error, "", "died", 1)
    seconds = time.perf_counter() - began
    if answer == "answer":
        yield Finding("workers", "good", f"a process starts and answers in {seconds:.1f} s", facts={"seconds": seconds})
    else:
        remedy = "run with --workers 0, in this process alone; or allow curate to start processes"
        yield Finding("workers", "bad", str(getattr(answer, "message", answer)), remedy)


def _is_compiled(name: str) -> bool:
    try:
        return warm.is_compiled(name, catalog.stage_class(name))
    except Exception:  # a stage whose library is not there
        return False


def _requirements() -> Iterator[tuple[str, str, str]]:
    """(distribution, least version, extra or nothing) of all that curate may need."""
    try:
        requirements = metadata.requires("curate") or []
    except metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        found = re.match(r"([A-Za-z0-9_.-]+)(?:.*?>=([0-9.]+))?", requirement)
        extra = re.search(r"extra == ['\"]([^'\"]+)", requirement)
        if found:
            yield found[1], found[2] or "0", extra[1] if extra else ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _quota() -> float | None:
    """Cores that the container may use; None: as many as there are."""
    try:
        share, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        return int(share) / int(period)
    except (OSError, ValueError):
        return None


def _memory() -> int | None:
    """Bytes of memory of the machine or the container, whichever is less; None where the system does not say."""
    if sys.platform == "win32":
        return None
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    for name in WHEREVER:
        try:
            found = min(found, int((Path("/sys/fs") / name).read_text("ascii")))
        except (OSError, ValueError):
            continue
    return found


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"
