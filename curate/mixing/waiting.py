"""Scores that come from people or a cluster: what is asked is written to one table, answers are read from another.

`asked.csv` has a row for each mixture that waits: `key`, `budget`, `seed`, and the weight of each domain. `scores.csv`,
which others write, has `key` and `score`, and if they are known the losses of targets in columns named as these.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import CurateError
from curate.mixing.journal import Journal
from curate.mixing.trials import UNITS, Measured, Trial
from curate.store.files import whole

ASKED, SCORES = "asked.csv", "scores.csv"


class Awaiting(CurateError):
    """Scores are needed before the search can go on; nothing is wrong."""


@dataclass
class Waiting:
    """Answers the trials of one search from a table of scores."""

    folder: Path
    names: tuple[str, ...]
    journal: Journal
    sign: float
    tell: Callable[[Trial, Measured, bool], None]

    def __call__(self, trials: Sequence[Trial]) -> list[Measured]:
        """In the order of the trials. Raises Awaiting, with `asked.csv` written, if some have no score yet."""
        scores = self._scores()
        found: dict[str, Measured] = {}
        missing: dict[str, Trial] = {}
        for trial in trials:
            key = self.journal.key(trial)
            known = self.journal.get(trial)
            if known is None and key in scores:
                self.journal.put(trial, scores[key])
            answer = known or scores.get(key)
            if answer is None:
                missing.setdefault(key, trial)
            elif key not in found:
                found[key] = answer
                self.tell(trial, answer, known is not None)
        self._ask(missing)
        if missing:
            raise Awaiting(
                f"{len(missing)} mixtures wait for their scores: {self.folder / ASKED} has them. Write key and score to"
                f" {self.folder / SCORES}, then run the same command again"
            )
        return [found[self.journal.key(trial)] for trial in trials]

    def _ask(self, missing: dict[str, Trial]) -> None:
        with whole(self.folder / ASKED) as part, part.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["key", "budget", "seed", *self.names])
            for key, trial in missing.items():
                table.writerow([key, trial.budget, trial.seed, *(part / UNITS for part in trial.parts)])

    def _scores(self) -> dict[str, Measured]:
        path = self.folder / SCORES
        if not path.exists():
            return {}
        try:
            rows = csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
            if not {"key", "score"} <= set(rows.fieldnames or ()):
                raise CurateError(f"{path}: its first line must name the columns, key and score among them")
            return {
                row["key"]: self._measured(row, path, rows.line_num) for row in rows if (row["score"] or "").strip()
            }
        except (csv.Error, UnicodeDecodeError) as error:
            raise CurateError(f"{path}: it is no CSV in UTF-8: {error}") from error

    def _measured(self, row: dict[str, str], path: Path, line: int) -> Measured:
        others = {name: text for name, text in row.items() if name not in ("key", "score") and (text or "").strip()}
        try:
            score = float(row["score"])
            losses = {name: float(text) for name, text in others.items()}
        except (ValueError, TypeError):
            raise CurateError(
                f"{path}:{line}: score and losses are numbers; got {', '.join(map(str, row.values()))}"
            ) from None
        if not all(map(math.isfinite, [score, *losses.values()])):
            raise CurateError(f"{path}:{line}: score and losses must be finite")
        return Measured(self.sign * score, losses)
