"""Score documents with a trained PreSelect model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.documents import TEXT, Batch
from curate.errors import StageError
from curate.models.fasttext import Model, load
from curate.stage import Annotate

SCORE = "preselect_score"


class Preselect(Annotate):
    """Score documents with a trained PreSelect model: how much better models would make of them.

        - preselect: {model: models/preselect.bin}
        - keep_best: {column: preselect_score, share: 0.1, by: characters}

    PreSelect (Shum et al. 2025) takes documents for useful if better models have lower losses on them, and imitates
    that by a fastText classifier; `curate fit preselect` trains one. The 10 % of the characters that score highest are
    what the paper keeps: `keep_best` cuts. The authors' published model works as well: it has the same labels, and line
    feeds are read as spaces, as in its training.

    Adds `preselect_score`, 0 to 1, or null where the model has no answer. Explicit pages may score high: PreSelect
    does not look at that.
    """

    model: str
    """Path of the fastText classifier, .bin or .ftz."""
    label: str = "1"
    """The label whose probability is the score."""

    writes = {SCORE: pa.float32()}

    def files(self) -> tuple[Path, ...]:
        return (Path(self.model),)

    def annotate_one(self, text: str) -> dict[str, Any]:
        (score,) = self._scores(pa.array([text], pa.large_string())).to_pylist()
        return {SCORE: score}

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        return {SCORE: self._scores(batch[TEXT])}

    def _scores(self, texts: pa.LargeStringArray) -> pa.FloatArray:
        model = self._loaded()
        scores = np.clip(model.probabilities(texts)[:, model.labels.index(self.label)], 0, 1)  # it may exceed 1 by 1e-5
        return pa.array(scores, mask=np.isnan(scores))

    def _loaded(self) -> Model:
        model = load(Path(self.model))
        if self.label not in model.labels:
            raise StageError(
                f"preselect: {self.model} has no label '{self.label}'; it has {', '.join(model.labels[:5])}; say label:"
            )
        return model
