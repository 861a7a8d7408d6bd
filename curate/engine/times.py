"""What units took that were done in shares: a file for each share, since the books are the run's alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from curate.engine.context import Context, load
from curate.engine.counts import UnitCounts
from curate.engine.shard_pass import UnitResult
from curate.errors import StoreError
from curate.store.files import read_json, write_json


def note(root: str, number: int, name: str, results: list[UnitResult]) -> None:
    """Write down what units of pass `number` took, beside what the share `name` took before, if it goes on."""
    if not results:
        return
    context = load(root)
    path = context.folder.share_times(number, name)
    fresh = {
        str(result.unit): {
            "fingerprint": context.fingerprints.of(number, result.unit),
            **{key: value for key, value in asdict(result).items() if key not in ("unit", "counts")},
        }
        for result in results
    }
    write_json(path, {**_read(path), **fresh})


def of_shares(context: Context, number: int, counts: Mapping[int, UnitCounts]) -> Iterator[UnitResult]:
    """What these units took, as far as shares have noted it, with their counts."""
    pattern = context.folder.share_times(number, "*")
    for path in sorted(pattern.parent.glob(pattern.name)):
        for unit, taken in _read(path).items():
            index, fingerprint = int(unit), taken.pop("fingerprint")
            if index in counts and fingerprint == context.fingerprints.of(number, index):
                steps = {int(step): seconds for step, seconds in taken.pop("step_seconds").items()}
                yield UnitResult(index, counts[index], **taken, step_seconds=steps)


def _read(path: Any) -> dict[str, Any]:
    with suppress(StoreError):  # there is none yet
        return dict(read_json(path))
    return {}
