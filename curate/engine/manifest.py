"""The manifest: what a run was asked, what it did, with which versions and models, and how the documents add up."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import curate
from curate.engine.accounts import Accounts
from curate.engine.context import Context
from curate.engine.export import Receipt, summary
from curate.engine.resolve import said
from curate.errors import redacted
from curate.executors import Executor
from curate.plan import Pass
from curate.recipe import Recipe
from curate.store.files import read_json, write_json
from curate.store.fixed import Inputs
from curate.store.folder import RunFolder
from curate.store.inputs import InputFile
from curate.store.quarantine import Summary

if TYPE_CHECKING:
    from curate.engine.shard_pass import UnitResult

SCHEMA = 1
"""Of the manifest; raised when a field changes its meaning or goes away."""
LIBRARIES = ("pyarrow", "polars", "numba", "numpy", "xxhash", "orjson", "pydantic")


class Manifest:
    """Written whole at each turn of the run."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is written yet."""
        self.folder = folder
        self.data: dict[str, Any] = {"schema": SCHEMA}

    def start(self, recipe: Recipe, files: Sequence[InputFile], executor: Executor) -> None:
        """The run begins."""
        self.data |= {
            "state": "running",
            "started": _now(),
            "recipe": str(recipe.source) if recipe.source else None,
            "executor": {"name": executor.name, "workers": executor.workers},
            "versions": {
                "curate": curate.__version__,
                "python": platform.python_version(),
                **{name: _version(name) for name in LIBRARIES},
            },
            "input": {
                "files": len(files),
                "bytes": sum(file.size for file in files),
                "id": recipe.input.id,
                "text": recipe.input.text,
            },
            "passes": {},
            "timings": {},
        }
        self._write()

    def inputs(self, inputs: Inputs) -> None:
        """The input is fixed."""
        self.data["input"] |= {
            "documents": inputs.rows,
            "units": len(inputs.units),
            "unreadable_lines": inputs.bad_rows,
            "unreadable_files": [asdict(one) for one in inputs.broken],
            "notes": list(inputs.notes),
        }
        self._write()

    def timed(self, number: int, result: UnitResult) -> None:
        """A unit was worked on."""
        times = self.data["timings"].setdefault(f"pass-{number}", {"units": 0, "seconds": 0.0, "cpu_seconds": 0.0})
        times["units"] += 1
        times["seconds"] += result.seconds
        times["cpu_seconds"] += result.cpu_seconds
        for step, seconds in result.step_seconds.items():
            steps = times.setdefault("steps", {})
            steps[str(step + 1)] = steps.get(str(step + 1), 0.0) + seconds

    def passed(self, this_pass: Pass, accounts: Accounts) -> None:
        """A pass is complete."""
        counts = accounts.passes[this_pass.number]
        self.data["passes"][str(this_pass.number)] = {
            "rows": counts.rows,
            "gone_before": counts.earlier,
            "entered": counts.arrived,
            "unreadable": counts.unreadable,
            "dropped": counts.arrived - counts.alive,
            "kept": counts.alive,
            "kept_chars": counts.alive_chars,
            "kept_bytes": counts.alive_bytes,
        }
        self.data["funnel"] = [asdict(row) for row in accounts.funnel()]
        self._write()

    def done(self, context: Context, accounts: Accounts, receipts: list[Receipt], aside: Summary) -> None:
        """The output is whole."""
        funnel = list(accounts.funnel())
        dropped = {
            f"{row.label}/{reason}": documents
            for row in funnel
            if not row.unreadable
            for reason, (documents, _) in row.reasons.items()
        }
        self.data |= {
            "state": "done",
            "finished": _now(),
            "funnel": [asdict(row) for row in funnel],
            "accounting": {
                "documents_in": accounts.documents_in,
                "documents_out": accounts.total.alive,
                "dropped": sum(dropped.values()),
                "unreadable": accounts.bad_documents,
                "by_reason": dropped,
            },
            "quarantine": {
                "rows": aside.rows,
                "reasons": aside.reasons,
                "files": aside.files,
                "examples": [
                    {k: v for k, v in asdict(row).items() if k != "raw" and v is not None} for row in aside.examples
                ],
            },
            "decisions": list(_decisions(context)),
            "models": context.models,
            "output": summary(receipts),
        }
        self._write()

    def waits(self, number: int) -> None:
        """The run stops where pass `number` would begin."""
        self.data |= {"state": "waiting", "waits_for": number}
        self._write()

    def failed(self, error: BaseException) -> None:
        """The run stopped before its end."""
        self.data |= {
            "state": "interrupted" if isinstance(error, KeyboardInterrupt) else "failed",
            "finished": _now(),
            "error": redacted(f"{type(error).__name__}: {error}"),
        }
        self._write()

    def _write(self) -> None:
        write_json(self.folder.manifest, self.data)


def read(folder: RunFolder) -> dict[str, Any]:
    """The manifest of a run folder. Raises StoreError if there is none."""
    return dict(read_json(folder.manifest))


def _decisions(context: Context) -> Iterator[dict[str, str | None]]:
    """What the global steps decided that have something to say of it, in the order of the recipe."""
    for this_pass in context.plan.passes:
        for action in this_pass.actions:
            text, warning = said(context, action.step, this_pass.number) if action.verb == "observe" else (None, None)
            if text is not None:
                yield {"label": context.recipe.stages[action.step].label, "text": text, "warning": warning}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
