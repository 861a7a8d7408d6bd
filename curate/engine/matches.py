"""How a `Match` stage decides: range by range of keys; then what was found is put in the order of the documents."""

from __future__ import annotations

from curate.engine.rounds import VERDICTS, Range, Rounds
from curate.stage import Match
from curate.store import evidence
from curate.store.evidence import DOCUMENT, EvidenceFiles


class Matches(Rounds):
    """The decision of one `Match` stage of a run."""

    def cuts(self) -> dict[str, list[tuple[int, int]]]:
        """Keys first, then documents."""
        return {"ranges": self.keys.ranges(), VERDICTS: self.context.inputs.ranges()}

    def run(self, task: Range) -> None:
        """Decide a range of keys, or put together what was decided of a range of documents."""
        if task.round == VERDICTS:
            rows = EvidenceFiles(self.found("ranges"), by=DOCUMENT).range(task.low, task.high)
            path = self.folder.large_artifact(self.step.label, task.part)
            evidence.write_artifact(path, rows, {"fingerprint": self.stamp(task)})
            return
        stage = self.step.stage
        assert isinstance(stage, Match)
        schema = evidence.stored_schema(stage.evidence)
        rows = stage.resolve_range(self.keys.sorted_range(schema, task.low, task.high))
        self.write(task, rows.sort_by(DOCUMENT))
