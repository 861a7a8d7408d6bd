"""How toxic pieces of text are, by the bundled model: a linear classifier over words, pairs and character n-grams."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import StoreError
from curate.kernels.text import buffers
from curate.kernels.word_features import feature_sums, features_one
from curate.models.arrays import read_arrays

TOXICITY = Path(__file__).with_name("toxicity.npz")  # the bundled model


class Scorer(NamedTuple):
    """score = 1 / (1 + exp(-(bias + step * sum / sqrt(number)))): sum of w * abs(w) over a piece's features."""

    weights: npt.NDArray[np.int8]
    """int8[2**bits], by number of feature."""
    bias: float
    step: float

    def scores(self, pieces: pa.LargeStringArray) -> npt.NDArray[np.float32]:
        """float32[n], 0 to 1: how likely each piece is toxic; 0 for one without words."""
        data, bounds = buffers(pieces)
        return self._scores(*feature_sums(data, bounds, self.weights))

    def score_one(self, piece: str) -> float:
        """The specification of `scores`, for one piece."""
        numbers = features_one(piece, len(self.weights).bit_length() - 1)
        weights = self.weights[numbers].astype(np.int64)
        sums = np.array([(weights * np.abs(weights)).sum()])
        return float(self._scores(sums, np.array([len(numbers)]))[0])

    def _scores(self, sums: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        logit = self.bias + self.step * sums / np.sqrt(np.maximum(counts, 1))
        return np.where(counts > 0, 1 / (1 + np.exp(-logit)), 0).astype(np.float32)


@lru_cache(maxsize=2)
def load(path: Path = TOXICITY) -> Scorer:
    """The model at `path`, read once in a process. Raises StoreError if there is none, or it is no such model."""
    try:
        stored = read_arrays(path)
        weights, bias, step = stored["weights"], float(stored["bias"]), float(stored["step"])
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise StoreError(f"{path}: this is no toxicity model, or it is damaged ({problem})") from problem
    if weights.dtype != np.int8 or weights.ndim != 1 or len(weights) < 2 or len(weights) & (len(weights) - 1):
        raise StoreError(f"{path}: the weights are {weights.dtype}{list(weights.shape)}, not int8 and a power of two")
    if not np.isfinite([bias, step]).all():
        raise StoreError(f"{path}: bias {bias} and step {step} are no finite numbers")
    return Scorer(weights, bias, step)
