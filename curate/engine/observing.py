"""What a global stage notes of the documents of one unit, as they come by."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.documents import TEXT, Batch
from curate.recipe import Step
from curate.stage import Cluster, Global
from curate.store import evidence
from curate.store.evidence import EvidenceWriter
from curate.store.folder import RunFolder
from curate.store.sketches import SketchWriter


class Observer:
    """The evidence of one stage about one unit, in the making; its files are whole when the block ends well."""

    def __init__(self, folder: RunFolder, number: int, stem: str, step: Step, facts: dict[str, Any]) -> None:
        """number: the pass; stem: the unit."""
        assert isinstance(step.stage, Global)
        self.stage = step.stage
        self._schema = evidence.stored_schema(self.stage.evidence)
        self._files = ExitStack()
        self._sketches: SketchWriter | None = None
        if isinstance(self.stage, Cluster):
            writer = SketchWriter(folder.sketches(number, stem, step.label), self.stage.documents(), facts)
            self._sketches = self._files.enter_context(writer)
        path = folder.evidence(number, stem, step.label)
        self._evidence = self._files.enter_context(EvidenceWriter(path, self._schema, facts))

    def add(self, batch: Batch, addresses: npt.NDArray[np.uint64]) -> None:
        """Ask the stage about documents, of which these are the addresses, and note what it says.

        Some documents at a time, where a batch of many short ones would leave more evidence than can be sorted at once.
        """
        text_bytes = batch[TEXT].nbytes if TEXT in batch else 0
        parts = -(-self.stage.scratch(len(batch), text_bytes) // evidence.RUN_BYTES)
        if parts <= 1:
            return self._add(batch, addresses)
        for rows in np.array_split(np.arange(len(batch)), min(parts, len(batch))):
            self._add(batch.take(rows), addresses[rows])

    def _add(self, batch: Batch, addresses: npt.NDArray[np.uint64]) -> None:
        if isinstance(self.stage, Cluster):
            assert self._sketches is not None
            sketch = self.stage.sketch(batch)
            self._sketches.write(addresses, sketch.documents)
            found = sketch.keys
        else:
            found = self.stage.observe(batch)
        documents = pa.array(addresses[found.column("row").to_numpy()])
        columns = [documents if name == evidence.DOCUMENT else found.column(name) for name in self._schema.names]
        self._evidence.add(pa.table(columns, schema=self._schema))

    def __enter__(self) -> Observer:
        return self

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)
