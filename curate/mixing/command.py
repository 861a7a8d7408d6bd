"""Any program as an evaluator: a JSON file tells it the mixture, it says a score in JSON."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.mixing.options import Command
from curate.mixing.trials import Measured
from curate.store.files import write_json

SHOWN = 5  # lines of what a program said that an error repeats
GRACE = 10.0  # seconds between asking a program to end and ending it

# Starts the program such that it ends with the worker, even with one that is killed (Linux), and that Ctrl-C, which
# workers do not hear, means to it what it usually does. Windows knows neither: there the program is started as it is.
_START = """
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
except (OSError, AttributeError):
    pass
signal.pthread_sigmask(signal.SIG_SETMASK, [])
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    os.execvp(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error.strerror}")
"""
_BEFORE = () if sys.platform == "win32" else (sys.executable, "-c", _START)


class CommandEvaluator:
    """Runs the program once for each evaluation, in `jobs/` of the search's folder."""

    def __init__(self, options: Command, folder: Path, about: Mapping[str, Any]) -> None:
        """about: what every job tells beside its weights: where documents and targets are, and the unit."""
        self._options, self._folder, self._about = options, folder / "jobs", dict(about)
        self._sign = -1.0 if options.better == "higher" else 1.0

    def evaluate(self, weights: Mapping[str, float], budget: int, seed: int) -> Measured:
        """Raises CurateError if the program fails, takes too long, or says no score."""
        asked = {"weights": dict(weights), "budget": budget, "seed": seed}
        name = sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:20]
        job, result = (self._folder / f"{name}{ending}" for ending in (".json", ".result.json"))
        result.unlink(missing_ok=True)
        write_json(job, {**self._about, **asked, "result": str(result.absolute())})
        begun = time.perf_counter()
        said = self._run(job)
        text = result.read_text("utf-8") if result.exists() else _last(said)
        score, losses = scored(text, f"the command's score for {job}")
        return Measured(self._sign * score, losses, time.perf_counter() - begun)

    def _run(self, job: Path) -> str:
        """What the program said on standard output."""
        path = str(job.absolute())
        words = [word.replace("{job}", path) for word in self._options.run]
        words += [] if any("{job}" in word for word in self._options.run) else [path]
        said, complained = job.with_suffix(".out"), job.with_suffix(".err")
        with said.open("wb") as out, complained.open("wb") as err:
            try:
                process = subprocess.Popen(
                    [*_BEFORE, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
                )
            except OSError as error:
                raise CurateError(f"{words[0]} cannot be started: {error.strerror or error}") from error
            try:
                code = process.wait(self._options.timeout)
            except subprocess.TimeoutExpired:
                raise CurateError(
                    f"{words[0]} was ended after {self._options.timeout:g} seconds (evaluator.command.timeout);"
                    f" what it said: {_tail(complained)}"
                ) from None
            finally:
                _end(process)
        if code:
            how = f"exit code {code}" if code > 0 else f"signal {-code}"
            raise CurateError(f"{words[0]} ended with {how} for {job}: {_tail(complained)}")
        return said.read_text("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that is still at work, with all that it started; children that it left behind, too."""
    for force in (False, True):
        with suppress(ProcessLookupError, PermissionError):
            _tell(process, force=force)
        if process.poll() is not None:
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def _tell(process: subprocess.Popen[bytes], *, force: bool) -> None:
    if sys.platform == "win32":
        if process.poll() is None:  # /T: with its children
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)


def _tail(path: Path) -> str:
    lines = [line for line in path.read_text("utf-8", "replace").splitlines() if line.strip()][-SHOWN:]
    return " / ".join(lines) + f" (all of it: {path})" if lines else "nothing on standard error"


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def scored(text: str, what: str) -> tuple[float, dict[str, float]]:
    """(score, losses by target) of a JSON text: a number, or `{"score": …, "losses": {…}}`. Raises CurateError."""
    shape = f'{what} must be a JSON number, or {{"score": …, "losses": {{TARGET: …}}}}'
    try:
        said = json.loads(text)
    except ValueError:
        raise CurateError(f"{shape}; got {text[:80]!r}") from None
    found = said if isinstance(said, dict) else {"score": said}
    losses = found.get("losses", {})
    numbers = [found.get("score"), *(losses.values() if isinstance(losses, dict) else [None])]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in numbers):
        raise CurateError(f"{shape}; got {text[:80]!r}")
    return float(found["score"]), {str(name): float(one) for name, one in losses.items()}
