"""Say which language each document is in, and keep the languages wanted."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import TEXT, Batch
from curate.models.addressing import located
from curate.models.fasttext import Model, load
from curate.stage import Edit, One, Outcome, Threshold

BUILTIN = "builtin:lid.176"


class Language(Edit):
    """Say which language each document is in (fastText), and keep the languages wanted.

        - language: {keep: [en], min_score: 0.65}
        - language: {}                                # only add the columns

    The whole text is looked at, line feeds read as spaces. The columns `language` and `language_score` are the best
    label and its score, as the fastText library gives them: the score is a probability plus up to some 1e-4, so it may
    exceed 1 by that much. With a model of the user's own, `language` is null where the model has no answer.
    """

    keep: Annotated[list[str], Field(min_length=1)] | None = None
    """Languages to keep, as the model names them: lid.176 has codes as in `en`, `de`, `zh` (ISO 639-1, else 639-3). A
    document whose best label is another one is dropped as `not_kept`. datatrove compares `min_score` with the score of
    each language to keep; for scores from 0.5 on, that is the same. null: keep all."""
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None
    """A document whose score is not greater than this is dropped as `low_score`; 0 to 1. FineWeb and DCLM take 0.65
    (datatrove's default). null: keep all."""
    max_chars: Annotated[int, Field(ge=1)] | None = None
    """Look at no more than this many characters (code points) from the beginning. null: the whole text, which is what
    FineWeb and DCLM do."""
    model: str = BUILTIN
    """`builtin:lid.176` (fastText's small model, 176 languages), the path of a fastText classifier (.bin or .ftz), or
    `hf://ORG/REPO/FILE[@REVISION]`, a file of the Hugging Face Hub that `curate fetch` has fetched."""

    edits_text = False
    writes = {"language": pa.string(), "language_score": pa.float32()}
    examples = {
        "The cat sat on the mat, and the dog lay at the door.": {"language": "en"},
        "Le chat dort sur le tapis, et le chien devant la porte.": {"language": "fr"},
        "猫はマットの上に座っている。": {"language": "ja"},
    }

    @model_validator(mode="after")
    def _keeps_what_is_there(self) -> Self:
        if self.model.startswith("builtin:") and self.model != BUILTIN:
            raise ValueError(f"no model is named '{self.model}'; there is {BUILTIN}, or give the path of a file")
        if self.model == BUILTIN:
            self._check_keep()
        return self

    def files(self) -> tuple[Path, ...]:
        return (located(self.model),)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        self._loaded()

    def thresholds(self) -> tuple[Threshold, ...]:
        if self.min_score is None:
            return ()
        return (Threshold("min_score", "language_score", "<=", self.min_score, "low_score"),)

    def edit_one(self, text: str) -> One:
        label, score = self._loaded().predict_one(text[: self.max_chars])
        reason = None
        if self.keep is not None and label not in self.keep:
            reason = "not_kept"
        elif self.min_score is not None and score <= self.min_score:
            reason = "low_score"
        return One(text, reason, {"language": label, "language_score": score})

    def edit(self, batch: Batch) -> Outcome:
        texts, model = batch[TEXT], self._loaded()
        if self.max_chars is not None:
            texts = pc.utf8_slice_codeunits(texts, 0, self.max_chars)
        label, score = model.predict(texts)
        labels = pa.array(model.labels, pa.string()).take(pa.array(label, mask=label < 0))
        reason = np.zeros(len(batch), np.int8)
        if self.min_score is not None:
            reason[score.astype(np.float64) <= self.min_score] = 2
        if self.keep is not None:
            wanted = np.array([name in self.keep for name in [*model.labels, None]])  # the last one is for label -1
            reason[~wanted[label]] = 1
        reasons = pa.array([None, "not_kept", "low_score"], pa.string()).take(pa.array(reason))
        return Outcome(reason=reasons, columns={"language": labels, "language_score": pa.array(score)})

    def _loaded(self) -> Model:
        model = load(self.files()[0])
        self._check_keep()
        return model

    def _check_keep(self) -> None:
        """Raises ValueError if a language to keep is not one of the model's: nothing would ever be kept as such."""
        labels = load(self.files()[0]).labels if self.keep else []
        for name in self.keep or []:
            if name not in labels:
                near = get_close_matches(name, labels, 3, 0.5) or labels[:5]
                raise ValueError(f"the model has no language '{name}' to keep; it has {', '.join(near)} and others")
