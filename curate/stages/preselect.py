"""Score documents with a trained PreSelect model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.documents import TEXT, Batch
from curate.models.addressing import Address, Label, located
from curate.models.fasttext import Model, load
from curate.models.fasttext_file import LABEL_PREFIX
from curate.stage import Annotate

SCORE = "preselect_score"


class Preselect(Annotate):
    """Score documents with a trained PreSelect model: how much better models would make of them.

        - preselect: {model: models/preselect.bin}
        - preselect: {model: "hf://hkust-nlp/preselect-fasttext-classifier/PreSelect-classifier.bin"}
        - keep_best: {column: preselect_score, share: 0.1, by: characters}

    PreSelect (Shum et al. 2025) takes documents for useful if better models have lower losses on them, and imitates
    that by a fastText classifier; `curate fit preselect` trains one. The 10 % of the characters that score highest are
    what the paper keeps: `keep_best` cuts. The authors' published model works as well: it has the same labels, and line
    feeds are read as spaces, as in its training.

    Adds `preselect_score`, 0 to 1, or null where the model has no answer. Explicit pages may score high: PreSelect
    does not look at that.
    """

    model: Address
    """The path of a fastText classifier (.bin or .ftz), `hf://ORG/REPO/FILE[@REVISION]`, a file of the Hugging Face Hub
    that `curate fetch` has fetched, or `builtin:NAME`. Its SHA-256 goes into the manifest."""
    label: Label = "1"
    """The label whose probability is the score, without `__label__`."""

    writes = {SCORE: pa.float32()}

    def files(self) -> tuple[Path, ...]:
        return (located(self.model),)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        self._loaded()

    def annotate_one(self, text: str) -> dict[str, Any]:
        (score,) = self._scores(pa.array([text], pa.large_string())).to_pylist()
        return {SCORE: score}

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        return {SCORE: self._scores(batch[TEXT])}

    def _scores(self, texts: pa.LargeStringArray) -> pa.FloatArray:
        model, label = self._loaded()
        scores = np.clip(model.probabilities(texts)[:, label], 0, 1)  # it may exceed 1 by 1e-5
        return pa.array(scores, mask=np.isnan(scores))

    def _loaded(self) -> tuple[Model, int]:
        """(the model, which of its labels counts). Raises StoreError if it cannot be read, ValueError without label."""
        model = load(self.files()[0])
        return model, model.index(self.label.removeprefix(LABEL_PREFIX), self.model)
