"""How a `Match` stage decides: range by range of keys; then what was found is put in the order of the documents."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa

from curate.engine.rounds import VERDICTS, Range, Rounds
from curate.stage import Match
from curate.store import arrow, evidence, index
from curate.store.evidence import DOCUMENT, EvidenceFiles
from curate.store.index import Record


class Matches(Rounds):
    """The decision of one `Match` stage of a run."""

    @property
    def stage(self) -> Match:
        assert isinstance(self.step.stage, Match)
        return self.step.stage

    @cached_property
    def all_keys(self) -> EvidenceFiles:
        """The evidence of all units, and what earlier runs left in the index."""
        seen = self.context.inputs.earlier.get(self.step.label)
        earlier = [record.keys for record in seen.records] if seen is not None else []
        return EvidenceFiles([*self.keys.paths, *earlier])

    def cuts(self) -> dict[str, list[tuple[int, int]]]:
        """Keys first, then documents."""
        return {"ranges": self.all_keys.ranges(), VERDICTS: self.context.inputs.ranges()}

    def run(self, task: Range) -> None:
        """Decide a range of keys, or put together what was decided of a range of documents."""
        if task.round == VERDICTS:
            rows = EvidenceFiles(self.found("ranges"), by=DOCUMENT).range(task.low, task.high)
            path = self.folder.large_artifact(self.step.label, task.part)
            evidence.write_artifact(path, rows, {"fingerprint": self.stamp(task)})
            return
        schema = evidence.stored_schema(self.stage.evidence)
        rows = self.stage.resolve_range(self.all_keys.sorted_range(schema, task.low, task.high))
        self.write(task, rows.sort_by(DOCUMENT))


def publish(matches: Matches) -> tuple[Record, tuple[str, ...]]:
    """Add what a decided stage is to remember to its index; nothing if it is there. See `index.add`."""
    seen, memory = matches.context.inputs.earlier[matches.step.label], matches.stage.memory()
    assert memory is not None
    record = Record(seen.number, "", seen.output, seen.files, 0, matches.fingerprint, "")
    return index.add(seen, memory.configuration, record, lambda record: _write(matches, record))


def _write(matches: Matches, record: Record) -> int:
    """The rows to remember, range by range of keys, numbered in that order → how many there are."""
    schema = evidence.stored_schema(matches.stage.evidence)
    count = 0
    with arrow.Writer(record.keys, schema, {"fingerprint": record.fingerprint}) as writer:
        for low, high in matches.all_keys.ranges():
            rows = matches.stage.remembered(matches.all_keys.sorted_range(schema, low, high))
            number = np.arange(count, count + rows.num_rows, dtype=np.uint64)
            place = schema.get_field_index(DOCUMENT)
            writer.write(rows.set_column(place, schema.field(place), pa.array(np.uint64(record.first) + number)))
            count += rows.num_rows
        writer.commit()
    return count
