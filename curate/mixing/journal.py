"""Every evaluation of a search, each in a file of its own that is whole or absent: what was measured is not lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.mixing.trials import Measured, Trial
from curate.store.files import read_json, write_json


class Journal:
    """The answers of one evaluator over one corpus."""

    def __init__(self, folder: Path, names: tuple[str, ...], about: Mapping[str, Any]) -> None:
        """names: of domains; about: all that answers depend on beside the trial, as JSON holds it."""
        self.folder, self._names = folder, names
        self._about = json.dumps(about, sort_keys=True)

    def key(self, trial: Trial) -> str:
        """What a trial is called: 20 hexadecimal digits, the same for the same question, in any order of domains."""
        weights = sorted((name, part) for name, part in zip(self._names, trial.parts, strict=True) if part)
        told = json.dumps([self._about, weights, trial.budget, trial.seed])
        return hashlib.sha256(told.encode()).hexdigest()[:20]

    def path(self, trial: Trial) -> Path:
        """The file of a trial."""
        return self.folder / f"{self.key(trial)}.json"

    def get(self, trial: Trial) -> Measured | None:
        """What was measured; None: nothing yet."""
        path = self.path(trial)
        if not path.exists():
            return None
        found = read_json(path)
        return Measured(found["loss"], found["losses"], found["seconds"])

    def put(self, trial: Trial, measured: Measured) -> None:
        """Write it down."""
        weights = {name: part / 1e6 for name, part in zip(self._names, trial.parts, strict=True) if part}
        facts = {
            "weights": weights, "budget": trial.budget, "seed": trial.seed, "label": trial.label,
            "loss": measured.loss, "losses": dict(measured.losses), "seconds": round(measured.seconds, 3),
        }  # fmt: skip
        write_json(self.path(trial), facts)
