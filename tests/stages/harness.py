"""Runs a stage on columns in memory, cut into units and batches at will: what the engine does, without the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from curate.documents import ID, IS_DROPPED, TEXT, Batch, address
from curate.stage import Cluster, Global, Match, Outcome, PerBatch, Stage
from tests.stages import plain_clusters


def batch_of(texts: Sequence[str], ids: Sequence[str] | None = None, **columns: Any) -> Batch:
    """A batch; ids are d0, d1, … unless given; columns are lists or Arrow arrays."""
    names = [f"d{i}" for i in range(len(texts))] if ids is None else ids
    own = {name: value if isinstance(value, pa.Array) else pa.array(value) for name, value in columns.items()}
    return Batch({ID: pa.array(names, pa.large_string()), TEXT: pa.array(texts, pa.large_string()), **own})


def cut(batch: Batch, sizes: Sequence[int]) -> list[Batch]:
    """Consecutive pieces of these sizes; what is left over is the last piece."""
    bounds = np.minimum(np.cumsum([0, *sizes, len(batch)]), len(batch))
    pieces = [batch.take(np.arange(a, b)) for a, b in pairwise(bounds) if b > a]
    return pieces or [batch]


@dataclass
class Verdicts:
    """What a stage said, by id."""

    reasons: dict[str, str | None] = field(default_factory=dict)
    texts: dict[str, str | None] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifact: Any = None

    @property
    def kept(self) -> set[str]:
        return {name for name, reason in self.reasons.items() if reason is None}

    def add(self, stage: Stage, batch: Batch, outcome: Outcome) -> None:
        """Check an outcome against the contract, and note it."""
        ids, nothing = batch[ID].to_pylist(), pa.nulls(len(batch), pa.string())
        reason = nothing if outcome.reason is None else outcome.reason
        text = batch[TEXT] if outcome.text is None else outcome.text
        assert reason.type == pa.string()
        assert text.type == pa.large_string()
        assert {name: array.type for name, array in outcome.columns.items()} == stage.columns_written()
        for array in (reason, text, *outcome.columns.values()):
            assert isinstance(array, pa.Array)
            assert len(array) == len(batch)
            array.validate(full=True)
        self.reasons |= dict(zip(ids, reason.to_pylist(), strict=True))
        self.texts |= dict(zip(ids, text.to_pylist(), strict=True))
        for name, array in outcome.columns.items():
            self.columns.setdefault(name, {}).update(zip(ids, array.to_pylist(), strict=True))


class Evidence:
    """Evidence of several units, each sorted by key; see `curate.stage.Evidence`."""

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self.tables = tables
        self.rows = sum(table.num_rows for table in tables)
        self.scanned = 0
        """Rows handed out so far."""

    def scan(self, columns: list[str], low: int = 0, high: int = 2**64 - 1) -> Iterator[pa.Table]:
        for table in self.tables:
            key = table["key"].to_numpy()
            rows = np.flatnonzero((key >= np.uint64(low)) & (key <= np.uint64(high)))
            self.scanned += len(rows)
            if len(rows):
                yield table.take(rows).select(columns)


def observe(stage: Global, units: Sequence[Sequence[Batch]]) -> Evidence:
    """The evidence of units, each a list of batches."""
    tables = []
    for number, batches in enumerate(units):
        parts, start = [], 0
        for batch in batches:
            found = stage.observe(_all_alive(batch) if stage.sees_dropped and IS_DROPPED not in batch else batch)
            assert found.schema == stage.evidence
            documents = address(number, found["row"].to_numpy() + start)
            parts.append(pa.table(found).drop_columns("row").append_column("document", pa.array(documents)))
            start += len(batch)
        tables.append(pa.concat_tables(parts).sort_by([("key", "ascending"), ("document", "ascending")]))
    return Evidence(tables)


def _all_alive(batch: Batch) -> Batch:
    return batch.with_columns({IS_DROPPED: pa.array(np.zeros(len(batch), np.bool_))})


def run(stage: Stage, units: Sequence[Sequence[Batch]], ranges: int = 1) -> Verdicts:
    """A stage over units; a Match resolves so many ranges of keys apart."""
    verdicts = Verdicts()
    if isinstance(stage, PerBatch):
        for batch in (batch for batches in units for batch in batches):
            verdicts.add(stage, batch, stage.process(batch))
        return verdicts
    assert isinstance(stage, Global)
    if isinstance(stage, Cluster):
        verdicts.artifact = plain_clusters.artifact(stage, units)
        return _apply(stage, units, verdicts)
    if stage.is_decided():
        return _apply(stage, units, verdicts)
    evidence = observe(stage, units)
    if isinstance(stage, Match):
        names = [*evidence.tables[0].schema.names]
        bounds = [2**64 * part // ranges for part in range(ranges + 1)]
        parts = [
            pa.concat_tables([evidence.tables[0].slice(0, 0), *evidence.scan(names, low, high - 1)])
            for low, high in pairwise(bounds)
        ]
        by = [("key", "ascending"), ("document", "ascending")]
        verdicts.artifact = pa.concat_tables(stage.resolve_range(part.sort_by(by)) for part in parts)
    else:
        model = stage.resolve(evidence)
        verdicts.artifact = stage.artifact_type().model_validate_json(model.model_dump_json())
    return _apply(stage, units, verdicts)


def _apply(stage: Global, units: Sequence[Sequence[Batch]], verdicts: Verdicts) -> Verdicts:
    for number, batches in enumerate(units):
        start = 0
        for batch in batches:
            verdicts.add(stage, batch, stage.apply(batch, _for_batch(verdicts.artifact, number, start, len(batch))))
            start += len(batch)
    return verdicts


def _for_batch(artifact: Any, unit: int, start: int, length: int) -> Any:
    """A small artifact whole, or the rows of a large one that concern a batch."""
    if not isinstance(artifact, pa.Table):  # None, if there was nothing to decide
        return artifact
    rows = artifact["document"].to_numpy().astype(np.int64) - (unit << 32) - start
    inside = np.flatnonzero((rows >= 0) & (rows < length))
    return artifact.take(inside).drop_columns("document").append_column("row", pa.array(rows[inside]))
