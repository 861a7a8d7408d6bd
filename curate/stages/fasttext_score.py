"""Ask a fastText classifier, and add what it says as columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import TEXT, Batch
from curate.models.addressing import Address, Label, located
from curate.models.fasttext import Model, load
from curate.models.fasttext_file import LABEL_PREFIX
from curate.models.fasttext_texts import Way, changes, made_ready
from curate.stage import Annotate

Name = Annotated[str, Field(min_length=1)]


class FasttextScore(Annotate):
    """Ask a fastText classifier for probabilities of labels, or for the best labels.

        - fasttext_score: {model: dclm.bin, labels: {hq: dclm}, normalize: dclm}
        - fasttext_score: {model: "hf://org/repo/model.bin@v1", labels: {"1": preselect}}
        - fasttext_score: {model: topics.ftz, top: 3}

    Probabilities are the fastText library's own, cut to 0..1 (it may exceed 1 by some 1e-5). A column is null where
    the model has no answer: a text in which it knows nothing. To keep the best documents by a column, add `keep_best`;
    to drop below a limit, `drop`. The file of a large model is mapped: however many workers there are, it is in
    memory once.
    """

    model: Address
    """`builtin:lid.176`, the path of a fastText classifier (.bin or .ftz), or `hf://ORG/REPO/FILE[@REVISION]`, a file
    of the Hugging Face Hub that `curate fetch` has fetched. Its SHA-256 goes into the manifest."""
    labels: Annotated[list[Label] | dict[Label, Name] | None, Field(min_length=1)] = None
    """Labels whose probability becomes a column, without `__label__`: a list gives columns `score_LABEL` (of a single
    label: `score`), a mapping label → column names them. null: none."""
    top: Annotated[int, Field(ge=1, le=100)] | None = None
    """Add the most probable label and its probability as columns `label` and `label_score`; with more than 1, also
    `label_2`, `label_2_score` and so on. null: 1 if no `labels` are given, else none."""
    normalize: Way = "space"
    """How texts were made ready for the training of this model; a score of a text made ready in another way is another
    score. `space`: line feed → space (PreSelect); `join`: stripped, line feeds deleted (datatrove's default); `dclm`:
    stripped, all line ends → space; `dolma`: line feed → space, stripped; `climb`: line feed → `<newline>`, spaces
    around punctuation, lower case."""
    lowercase: bool = False
    """Whether the model was trained on lower-case text."""
    max_chars: Annotated[int, Field(ge=1)] | None = None
    """Look at no more than this many characters (code points) from the beginning. null: the whole text."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [*self._columns().values(), *self._top_columns()]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(
                f"two columns would be named '{sorted(twice)[0]}'; give them names: labels: {{label: name}}"
            )
        return self

    def columns_written(self) -> dict[str, pa.DataType]:
        scores = dict.fromkeys(self._columns().values(), pa.float32())
        return scores | {name: pa.float32() if k % 2 else pa.string() for k, name in enumerate(self._top_columns())}

    def files(self) -> tuple[Path, ...]:
        return (located(self.model),)

    def check_columns(self, types: Mapping[str, pa.DataType]) -> None:
        self._loaded()

    def annotate_one(self, text: str) -> dict[str, Any]:
        model = self._loaded()
        ready = made_ready(text, self.normalize, lowercase=self.lowercase, max_chars=self.max_chars)
        probability = model.probabilities_one(ready)
        found: dict[str, Any] = dict.fromkeys(self.columns_written())
        if probability is not None:
            found |= {name: min(probability[label], 1.0) for label, name in self._columns().items()}
            best = model.best(np.array([list(probability.values())], np.float32), len(self._top_columns()) // 2)
            for k, label in enumerate(model.labels[i] for i in best[0] if i >= 0):
                name, score = self._top_columns()[2 * k : 2 * k + 2]
                found |= {name: label, score: min(probability[label], 1.0)}
        return found

    def annotate(self, batch: Batch) -> dict[str, pa.Array]:
        model, texts = self._loaded(), self._made_ready(batch[TEXT])
        table = model.probabilities(texts)
        columns = {name: _score(table[:, model.index(label, self.model)]) for label, name in self._columns().items()}
        names = self._top_columns()
        best = model.best(table, len(names) // 2)
        for k in range(best.shape[1]):
            at = best[:, k]
            columns[names[2 * k]] = pa.array(model.labels, pa.string()).take(pa.array(at, mask=at < 0))
            columns[names[2 * k + 1]] = _score(np.where(at < 0, np.float32(np.nan), table[np.arange(len(at)), at]))
        return columns

    def _made_ready(self, texts: pa.LargeStringArray) -> pa.LargeStringArray:
        if changes(self.normalize, lowercase=self.lowercase):
            options: dict[str, Any] = {"lowercase": self.lowercase, "max_chars": self.max_chars}
            ready = [made_ready(text, self.normalize, **options) for text in texts.to_pylist()]
            return pa.array(ready, pa.large_string())
        return texts if self.max_chars is None else pc.utf8_slice_codeunits(texts, 0, self.max_chars)

    def _columns(self) -> dict[str, str]:
        """Label → column of its probability."""
        if isinstance(self.labels, dict):
            return {label.removeprefix(LABEL_PREFIX): name for label, name in self.labels.items()}
        labels = [label.removeprefix(LABEL_PREFIX) for label in self.labels or ()]
        return {label: "score" if len(labels) == 1 else f"score_{label}" for label in labels}

    def _top_columns(self) -> list[str]:
        """Columns of the best labels: name, score, name, score, …"""
        top = self.top if self.top is not None else 0 if self.labels else 1
        names = ["label" if k == 1 else f"label_{k}" for k in range(1, top + 1)]
        return [column for name in names for column in (name, f"{name}_score")]

    def _loaded(self) -> Model:
        """The model. Raises StoreError if it cannot be read, ValueError if it lacks a label."""
        model = load(self.files()[0])
        for label in self._columns():
            model.index(label, self.model)
        return model


def _score(values: npt.NDArray[np.float32]) -> pa.Array:
    """Probabilities, null where there is none."""
    return pa.array(np.minimum(values, np.float32(1)), mask=np.isnan(values))
