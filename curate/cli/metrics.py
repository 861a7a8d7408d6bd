"""What a run did, for Prometheus: a file in its text format, as the node exporter's textfile collector takes it."""

from __future__ import annotations

import time
from pathlib import Path

from curate.engine.events import RunDone
from curate.store.files import whole

_Samples = dict[str, list[tuple[dict[str, str], float]]]
"""Metric → (labels, value) of each of its samples."""

_HELP = {
    "curate_last_run_timestamp_seconds": "When the last run ended.",
    "curate_last_run_success": "1 if it ended well (also with nothing new, or something in quarantine), else 0.",
    "curate_last_run_exit_code": "0 all well, 1 an error, 2 a wrong recipe, 3 something in quarantine, 130 stopped.",
    "curate_last_run_duration_seconds": "Wall time.",
    "curate_last_run_documents": "Documents that came in, were kept, and could not be read.",
    "curate_last_run_broken_files": "Input files that could not be read at all.",
    "curate_last_run_characters": "Characters of the documents that came in and were kept.",
    "curate_last_run_dropped_documents": "Documents dropped, by step and reason.",
}


def write_metrics(path: Path, recipe: str, seconds: float, exit_code: int, done: RunDone | None) -> None:
    """Replace the file, whole. done: None if the run failed, or had nothing to do; then there are no counts.

    Raises StoreError if it cannot be written.
    """
    of = {"recipe": recipe}
    samples: _Samples = {
        "curate_last_run_timestamp_seconds": [(of, round(time.time(), 3))],
        "curate_last_run_success": [(of, int(exit_code in (0, 3)))],
        "curate_last_run_exit_code": [(of, exit_code)],
        "curate_last_run_duration_seconds": [(of, round(seconds, 3))],
    }
    if done is not None and done.funnel:
        samples |= _counts(of, done)
    lines = []
    for name, values in samples.items():
        lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} gauge"]
        lines += [f"{name}{{{_labels(labels)}}} {value!r}" for labels, value in values]
    with whole(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _counts(of: dict[str, str], done: RunDone) -> _Samples:
    """What became of the documents."""
    steps = [row for row in done.funnel if not row.unreadable]
    first, last = done.funnel[0], steps[-1] if steps else done.funnel[-1]
    documents = {"in": first.documents_in, "kept": last.documents_out, "unreadable": done.quarantined}
    characters = {"in": steps[0].chars_in if steps else None, "kept": last.chars_out}
    dropped: list[tuple[dict[str, str], float]] = [
        ({**of, "step": row.label, "reason": reason}, documents)
        for row in steps
        for reason, (documents, _) in row.reasons.items()
    ]
    found: _Samples = {
        "curate_last_run_documents": [({**of, "state": state}, count) for state, count in documents.items()],
        "curate_last_run_characters": [
            ({**of, "state": state}, count) for state, count in characters.items() if count is not None
        ],
        "curate_last_run_broken_files": [(of, done.broken_files)],
        "curate_last_run_dropped_documents": dropped,
    }
    return {name: values for name, values in found.items() if values}


def _labels(labels: dict[str, str]) -> str:
    """`step="c4",reason="curly_bracket"`, with what the format wants escaped."""
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
    return ",".join(f'{name}="{value.translate(escapes)}"' for name, value in labels.items())
