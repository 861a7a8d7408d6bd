"""Give each document a vector that says what it is about."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from curate.documents import ID, TEXT, Batch
from curate.domains.lsa import Lsa, fit, load
from curate.domains.origin import hash_of_files, vectors_by
from curate.domains.sampling import chosen, noted, share_of
from curate.errors import StoreError
from curate.kernels.terms import Terms, terms
from curate.kernels.vectors import Floats, column_of
from curate.models import embedders, raters, static
from curate.stage import Evidence, Global, Outcome

EMBEDDING = "embedding"
BUILTIN, LSA = "builtin", "lsa"


class Embed(Global):
    """Give each document a vector that says what it is about.

        - embed
        - embed: {model: lsa}
        - embed: {model: models/potion-base-8M, keep: true}

    `builtin`: the static vectors of pieces of words that the raters ship, distilled from all-MiniLM-L6-v2, summed up
    over the text: 128 numbers; fast; made for English. Of a long text eight stretches of 1,500 characters are read.
    Of a text in another script it sees the digits and Latin letters; one without any has no vector.

    `lsa`: latent semantic analysis. The words of a sample of this corpus, weighted by TF-IDF, and the directions in
    which its documents differ most: any language with words, or ideographs, which count in pairs. What was learned is
    in `artifacts/embed.json` of the run, a path that another run can give as its model.

    A folder: a model of model2vec (`pip install 'curate[embed]'`) or of sentence-transformers (`curate[lm]`; slow
    without a GPU).

    Vectors have length 1 and 16-bit numbers; null where the model has none. They stay in the run folder, for the steps
    behind this one, unless `keep` is set. Which model made them is noted in the type of the column, so that
    `domain_clusters` refuses centroids of another one.
    """

    model: str = BUILTIN
    """`builtin`, `lsa`, the path of what `lsa` learned in another run (.json), or the folder of a model."""
    dimensions: int = Field(128, ge=2, le=4096)
    """Numbers in a vector that `lsa` is to learn, 2 to 4,096; the other models have their own number."""
    max_chars: int = Field(4000, ge=1)
    """Characters of a text that models are given, from its beginning; 1 or more. Not for `builtin`. CLIMB's took 512
    tokens, some 2,000 characters."""
    sample: int = Field(20_000, ge=1, le=1_000_000)
    """Documents that `lsa` learns from, at most, chosen by a hash of their ids: 1 to a million. Some 20 kB each."""
    sample_share: float | None = Field(None, gt=0, le=1)
    """Share of the documents to note for `lsa`'s sample, above 0 to 1. null: all of a small input, of a large one some
    eight times as many as `sample`."""
    seed: int = Field(0, ge=0, lt=2**64)
    """Another seed takes another sample: an integer from 0 to 2**64 - 1."""
    keep: bool = False
    """Write the vectors with the documents too: two bytes for each number."""

    evidence: ClassVar[pa.Schema] = pa.schema({"key": pa.uint64(), "row": pa.int64(), "words": pa.large_string()})
    decides_by: ClassVar[tuple[str, ...]] = ("dimensions", "sample", "keep")
    version: ClassVar[int] = 2

    @model_validator(mode="after")
    def _is_a_model(self) -> Self:
        if self.model.startswith("builtin:"):
            raise ValueError(f"no embedding is named '{self.model}'; there are {BUILTIN} and {LSA}, or give a path")
        return self

    def for_corpus(self, documents: int) -> Self:
        if self.is_decided() or self.sample_share is not None:
            return self
        return self.model_copy(update={"sample_share": share_of(self.sample, documents)})

    def is_decided(self) -> bool:
        return self.model != LSA

    def scratch(self, documents: int, text_bytes: int) -> int:
        share = self.sample_share or 1.0
        return round(share * (super().scratch(documents, text_bytes) + min(text_bytes, documents * self.max_chars)))

    def columns_applied(self) -> tuple[str, ...]:
        return (TEXT,)

    def columns_written(self) -> dict[str, pa.DataType]:
        return {EMBEDDING: vectors_by(self._name(), self._size())}

    def columns_kept_back(self) -> tuple[str, ...]:
        return () if self.keep else (EMBEDDING,)

    def files(self) -> tuple[Path, ...]:
        if self.model == BUILTIN:
            return (raters.BUNDLED,)
        if self.model == LSA:
            return ()
        if not self._is_learned():
            return embedders.files_of(Path(self.model))
        if Path(self.model).exists():
            load(Path(self.model))  # complains of what is no such file
        return (Path(self.model),)

    def observe(self, batch: Batch) -> pa.RecordBatch:
        """For `lsa`: a row for each document of the share that is noted; `key` is the hash of its id."""
        key, rows = noted(batch[ID], np.arange(len(batch)), self.seed, self.sample_share)
        words = terms(batch[TEXT].take(pa.array(rows)), self.max_chars).joined(len(rows))
        return pa.record_batch([pa.array(key), pa.array(rows), words], schema=self.evidence)

    def resolve(self, evidence: Evidence) -> Lsa:
        """Words and their vectors. Memory: the keys of all that is noted, the words of the sample."""
        found = chosen(evidence, ["words"], self.sample)
        words = Terms.parted(found["words"].combine_chunks().cast(pa.large_string()))
        return fit(words, found.num_rows, self.dimensions, max_chars=self.max_chars, seed=self.seed)

    def artifact_type(self) -> type[Lsa]:
        return Lsa

    def apply(self, batch: Batch, artifact: Lsa | None) -> Outcome:
        values, rows = self._vectors(batch[TEXT], artifact)
        kind = vectors_by(artifact.name if artifact is not None else self._name(), values.shape[1])
        return Outcome(columns={EMBEDDING: column_of(values, rows, len(batch)).cast(kind)})

    def _vectors(self, texts: pa.LargeStringArray, learned: Lsa | None) -> tuple[Floats, npt.NDArray[np.int64]]:
        if self.model == BUILTIN:
            return static.vectors(texts)
        if learned is not None or self._is_learned():
            return (learned or load(Path(self.model))).embed(texts)
        return embedders.vectors(Path(self.model), pc.utf8_slice_codeunits(texts, 0, self.max_chars))

    def _size(self) -> int:
        """Numbers in a vector; of a model that is not there, which is complained of elsewhere, 1."""
        if self.model in (BUILTIN, LSA):
            return static.DIMENSIONS if self.model == BUILTIN else self.dimensions
        try:
            return load(Path(self.model)).dimensions if self._is_learned() else embedders.dimensions(Path(self.model))
        except StoreError:
            return 1

    def _name(self) -> str | None:
        """What tells its vectors from others; of `lsa`, before it has learned, the family alone."""
        if self.model == LSA:
            return LSA
        try:
            if self.model == BUILTIN:
                return f"{BUILTIN}:{static.digest()}"
            if self._is_learned():
                return load(Path(self.model)).name
            return f"{Path(self.model).resolve().name}:{hash_of_files(self.files())}"
        except (StoreError, OSError):
            return None

    def _is_learned(self) -> bool:
        return self.model.endswith(".json")
